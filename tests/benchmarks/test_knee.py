"""The search for the knee: wide steps, then narrow ones, with a fresh process."""

import contextlib
from collections.abc import AsyncIterator
from typing import cast

from benchmarks.figures import Step
from benchmarks.knee import find_knee
from benchmarks.orders import OrderFailedError
from benchmarks.running import Bench, Plan
from benchmarks.subjects import Subject
from tests.benchmarks.steps import delays, step

_SUBJECT = Subject("ours", ("server.py",))


class FakeBench:
    """Measures a server that does well up to a number of sessions.

    Attributes:
        asked: The numbers of each process, in order.
    """

    def __init__(self, carries: int, breaks_at: int = 10_000):
        """Nothing was asked yet; from ``breaks_at`` sessions on, one is refused."""
        self._carries, self._breaks_at = carries, breaks_at
        self.asked: list[list[int]] = []

    @contextlib.asynccontextmanager
    async def session(self, _subject: Subject, _percent: int, _seed: int) -> AsyncIterator[None]:
        """A fresh process."""
        self.asked.append([])
        yield

    async def step(self, _subject: Subject, sessions: int, _plan: Plan) -> Step:
        """One measurement."""
        self.asked[-1].append(sessions)
        if sessions >= self._breaks_at:
            raise OrderFailedError("ConnectionError: SERVER_BUSY")
        return step(sessions=sessions, down=delays(5.0 if sessions <= self._carries else 50.0))


async def knee_of(carries: int) -> tuple[int, int | None, list[list[int]]]:
    """Knee, first failure, and what was asked."""
    bench = FakeBench(carries)
    found = await find_knee(cast(Bench, bench), _SUBJECT, Plan(()), most=200)
    return found.sessions, found.failed_at, bench.asked


async def test_the_knee_lies_between_the_last_that_was_well_and_the_first_that_was_not() -> None:
    """To a fifth of a wide step."""
    assert await knee_of(83) == (75, 85, [[20, 30, 45, 70, 105], [75, 85]])


async def test_a_server_that_does_not_carry_the_first_number_has_no_knee() -> None:
    """And gets no second process."""
    assert await knee_of(10) == (0, 20, [[20]])


async def test_a_server_that_carries_all_is_said_to() -> None:
    """No failure was seen."""
    sessions, failed_at, _ = await knee_of(1000)
    assert (sessions, failed_at) == (200, None)


async def test_an_opening_that_fails_is_what_is_wrong_with_a_number() -> None:
    """The search goes on below it."""
    bench = FakeBench(1000, breaks_at=50)
    found = await find_knee(cast(Bench, bench), _SUBJECT, Plan(()), most=200)
    assert (found.sessions, found.failed_at, found.why) == (45, 50, "ConnectionError: SERVER_BUSY")
    assert bench.asked == [[20, 30, 45, 70], [50]]
