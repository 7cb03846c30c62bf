"""An event loop in which time passes at once: where nothing is left to do, the clock jumps to the next timer.

Tests of timeouts, retries and watchdogs need no sleeps with it, and give the same result on every machine. While a
socket is open the loop runs in real time, since nobody can tell what is on its way.
"""

import asyncio
import inspect
import selectors
import time
from collections.abc import AsyncIterator, Callable, Mapping

import pytest

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
_OWN_DESCRIPTORS = 1
"""The loop's self-pipe."""


class _JumpingSelector(selectors.DefaultSelector):
    """A selector that does not wait for timers, but counts how long it would have waited.

    Attributes:
        now: Seconds that have passed. Work takes none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; where nothing is, let ``timeout`` pass without waiting."""
        if len(self.get_map()) > _OWN_DESCRIPTORS:
            began = time.monotonic()
            ready = super().select(timeout)
            self.now += time.monotonic() - began
            return ready
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise RuntimeError("everything waits, and nothing is left that could happen")
        self.now += timeout
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time."""

    def __init__(self) -> None:
        """Start at second 0 with an empty schedule."""
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds, as they would have passed."""
        return self._jumping.now

    def hold_up(self, secs: float) -> None:
        """Let time pass as if a callback had kept the loop busy."""
        self._jumping.now += secs


def pytest_asyncio_loop_factories() -> Mapping[str, LoopFactory]:
    """Let every asynchronous test of the importing ``conftest.py`` run in virtual time."""
    return {"virtual": VirtualTimeLoop}


@pytest.fixture(autouse=True)
def no_task_is_left(request: pytest.FixtureRequest) -> None:
    """Fail an asynchronous test that leaves a task behind."""
    if inspect.iscoroutinefunction(request.function):
        request.getfixturevalue("watched_tasks")


@pytest.fixture
async def watched_tasks() -> AsyncIterator[None]:
    """Fail if a task is left at the end."""
    before = asyncio.all_tasks()
    yield
    before |= {task for task in [asyncio.current_task()] if task is not None}
    left = [task for task in asyncio.all_tasks() - before if not task.done()]
    assert not left, f"tasks are left: {left}"


async def settle(secs: float = 0.001) -> None:
    """Let everything happen that is due within ``secs`` of virtual time."""
    await asyncio.sleep(secs)
