"""Real time, without drift."""

import numpy as np
import pytest

from client.pacing import MonotonicClock, paced
from client.wav import Recording
from tests.client.fakes import SteppedClock

RECORDING = Recording(np.arange(1000, dtype=np.int16), 8000)  # 125 ms


async def test_chunks_come_once_they_are_spoken() -> None:
    """A chunk goes out at its end, the last one is shorter, and nothing is lost."""
    clock = SteppedClock(now=50.0)
    chunks = [(clock.now, secs, pcm) async for secs, pcm in paced(RECORDING, 20, clock, 50.0)]
    assert [now for now, _, _ in chunks] == pytest.approx([50.02, 50.04, 50.06, 50.08, 50.1, 50.12, 50.125])
    assert [secs for _, secs, _ in chunks] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.125])
    assert b"".join(pcm for _, _, pcm in chunks) == RECORDING.samples.astype("<i2").tobytes()


async def test_a_delay_is_caught_up() -> None:
    """After a stall the overdue chunks come at once, and the schedule stays where it was."""
    clock = SteppedClock()
    times = []
    async for secs, _ in paced(RECORDING, 20, clock, 0.0):
        times.append(clock.now)
        if secs == pytest.approx(0.04):
            clock.now += 0.05
    assert times == pytest.approx([0.02, 0.04, 0.09, 0.09, 0.1, 0.12, 0.125])


async def test_long_streams_do_not_drift() -> None:
    """A minute of chunks whose length is no whole number of samples ends at a minute."""
    recording = Recording(np.zeros(11025 * 60, np.int16), 11025)
    clock = SteppedClock()
    async for _ in paced(recording, 23, clock, 0.0):
        clock.now += 0.001  # the work between two chunks
    assert clock.now == pytest.approx(60.0, abs=0.01)


async def test_the_computers_clock_goes_forward() -> None:
    """Sleeping takes time."""
    clock = MonotonicClock()
    before = clock.now_secs()
    await clock.sleep(0.001)
    assert clock.now_secs() > before
