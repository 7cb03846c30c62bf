"""Time: the clock that everything else is given, and audio handed out as fast as it would be spoken."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Protocol

from client.wav import Recording


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


async def paced(
    recording: Recording, chunk_ms: int, clock: Clock, started_secs: float
) -> AsyncIterator[tuple[float, bytes]]:
    """Hands out a recording in real time, as a microphone would: each chunk once it has been spoken.

    The schedule is fixed by the samples handed out so far, so a late chunk delays none of the following ones and
    the stream does not drift; chunks that are overdue come at once.

    Args:
        recording: What is spoken.
        chunk_ms: Length of a chunk; the last one may be shorter.
        clock: Tells and spends the time.
        started_secs: The clock's time at which the recording's first sample is spoken.

    Yields:
        Seconds of the recording that have been spoken with this chunk, and its PCM: signed 16 bit little endian,
        mono, at the recording's rate.
    """
    chunk_samples = max(1, recording.rate_hz * chunk_ms // 1000)
    for first in range(0, len(recording.samples), chunk_samples):
        chunk = recording.samples[first : first + chunk_samples]
        spoken_secs = (first + len(chunk)) / recording.rate_hz
        ahead_secs = started_secs + spoken_secs - clock.now_secs()
        if ahead_secs > 0:
            await clock.sleep(ahead_secs)
        yield spoken_secs, chunk.astype("<i2").tobytes()
