"""Time: the clock that everything else is given, and how fast audio may be handed out."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

LATEST_SECS = 5.0
"""Audio that is overdue by more than this (the computer slept) is not caught up with: the schedule starts anew."""


class Clock(Protocol):
    """Monotonic time, replaceable in tests."""

    def now_secs(self) -> float:
        """Seconds since some fixed moment; never goes back."""

    async def sleep(self, secs: float) -> None:
        """Returns after ``secs`` seconds of this clock."""


class MonotonicClock:
    """The computer's own clock."""

    def now_secs(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        return time.monotonic()

    async def sleep(self, secs: float) -> None:
        """Returns after ``secs`` seconds."""
        await asyncio.sleep(secs)


def real_time() -> float:
    """The rate of speech as it is spoken: one second of audio a second."""
    return 1.0


class Pacer:
    """Lets audio through as fast as it may go, which in real time is once it has been spoken.

    The schedule follows from the audio let through so far, so a late chunk delays none of the following ones and
    the stream does not drift: chunks that are overdue go at once.

    Args:
        clock: Tells and spends the time.
        started_secs: The clock's time at which the first sample is spoken.
        rate: Seconds of audio a second; asked anew for each chunk.
    """

    def __init__(self, clock: Clock, started_secs: float, rate: Callable[[], float] = real_time) -> None:
        self._clock = clock
        self._due_secs = started_secs
        self._rate = rate

    async def let_through(self, audio_secs: float) -> None:
        """Returns when the next ``audio_secs`` of audio are due."""
        self._due_secs += audio_secs / self._rate()
        ahead_secs = self._due_secs - self._clock.now_secs()
        if ahead_secs > 0:
            await self._clock.sleep(ahead_secs)
        elif ahead_secs < -LATEST_SECS:
            self._due_secs = self._clock.now_secs()
