"""Tasks that belong to one owner: what fails in one of them is told, and they end together."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Jobs:
    """A few tasks that run beside each other until they are stopped."""

    def __init__(self, on_failure: Callable[[BaseException], None]):
        """None so far; ``on_failure`` is called with what a task raises."""
        self._on_failure = on_failure
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``job`` in a task of its own."""
        task = asyncio.create_task(job)
        task.add_done_callback(self._note_end)
        self._tasks.add(task)
        return task

    async def stop(self) -> None:
        """Cancel what still runs; returns when nothing does."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._on_failure(error)
