"""The steps of a pipeline: pipecat processors, one public class a file.

Steps do not import each other (:mod:`processors.frames` aside), get plain values rather than settings, and may be
replaced by a pipeline file.
"""
