"""Asynchronous tests here run in virtual time, and may not leave a task behind."""

from tests.support import hypothesis_profile
from tests.support.virtual_time import no_task_is_left, pytest_asyncio_loop_factories, watched_tasks

__all__ = ["hypothesis_profile", "no_task_is_left", "pytest_asyncio_loop_factories", "watched_tasks"]
