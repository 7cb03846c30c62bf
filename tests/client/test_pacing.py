"""How fast audio goes: in real time without drift, and as fast as it may."""

import numpy as np
import pytest

from client.pacing import LATEST_SECS, MonotonicClock, Pacer
from client.sources import RecordingSource
from client.wav import Recording
from tests.client.fakes import SteppedClock

RECORDING = Recording(np.arange(1000, dtype=np.int16), 8000)  # 125 ms


async def test_chunks_come_once_they_are_spoken() -> None:
    """A chunk goes out at its end, the last one is shorter, and nothing is lost."""
    clock = SteppedClock(now=50.0)
    chunks = RecordingSource(RECORDING).chunks(20, Pacer(clock, 50.0))
    sent = [(clock.now, chunk.pcm) async for chunk in chunks]
    assert [now for now, _ in sent] == pytest.approx([50.02, 50.04, 50.06, 50.08, 50.1, 50.12, 50.125])
    assert b"".join(pcm for _, pcm in sent) == RECORDING.samples.astype("<i2").tobytes()


async def test_a_delay_is_caught_up() -> None:
    """After a stall the overdue chunks come at once, and the schedule stays where it was."""
    clock = SteppedClock()
    times = []
    async for _ in RecordingSource(RECORDING).chunks(20, Pacer(clock, 0.0)):
        times.append(clock.now)
        if len(times) == 2:
            clock.now += 0.05
    assert times == pytest.approx([0.02, 0.04, 0.09, 0.09, 0.1, 0.12, 0.125])


async def test_a_long_delay_is_not_caught_up() -> None:
    """After the computer slept the server is not flooded: the schedule starts anew."""
    clock = SteppedClock()
    times = []
    async for _ in RecordingSource(RECORDING).chunks(20, Pacer(clock, 0.0)):
        times.append(round(clock.now, 3))
        if len(times) == 2:
            clock.now += LATEST_SECS + 1.0
    assert times == [0.02, 0.04, 6.04, 6.06, 6.08, 6.1, 6.105]


async def test_long_streams_do_not_drift() -> None:
    """A minute of chunks whose length is no whole number of samples ends at a minute."""
    recording = Recording(np.zeros(11025 * 60, np.int16), 11025)
    clock = SteppedClock()
    async for _ in RecordingSource(recording).chunks(23, Pacer(clock, 0.0)):
        clock.now += 0.001  # the work between two chunks
    assert clock.now == pytest.approx(60.0, abs=0.01)


async def test_the_rate_may_change_from_chunk_to_chunk() -> None:
    """Each chunk takes its length divided by the rate that holds for it."""
    clock = SteppedClock()
    rates = iter([1.0, 4.0, 2.0])
    pacer = Pacer(clock, 0.0, lambda: next(rates))
    times = []
    for _ in range(3):
        await pacer.let_through(0.1)
        times.append(clock.now)
    assert times == pytest.approx([0.1, 0.125, 0.175])


async def test_the_computers_clock_goes_forward() -> None:
    """Sleeping takes time."""
    clock = MonotonicClock()
    before = clock.now_secs()
    await clock.sleep(0.001)
    assert clock.now_secs() > before
