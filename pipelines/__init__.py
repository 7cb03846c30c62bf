"""Pipelines: settings, pipeline files, and the sessions that run them."""
