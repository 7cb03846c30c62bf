"""Pipelines: settings, pipeline files, and the sessions that run them."""

from loguru import logger

logger.remove()  # pipecat greets when it is imported, before anything can say how to log
