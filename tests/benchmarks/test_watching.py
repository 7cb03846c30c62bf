"""What is seen of a process from outside."""

import os

import pytest

from benchmarks.watching import ServerWatch, slope_a_minute


@pytest.mark.parametrize(
    ("values", "slope"),
    [
        ([(0.0, 5.0), (30.0, 6.0), (60.0, 7.0)], 2.0),
        ([(0.0, 5.0), (1.0, 5.0), (2.0, 5.0)], 0.0),
        ([(0.0, 3.0), (10.0, 1.0), (20.0, 3.0), (30.0, 1.0)], -2.4),
        ([(0.0, 1.0), (1.0, 9.0)], 0.0),
    ],
)
def test_slope(values: list[tuple[float, float]], slope: float) -> None:
    """Least squares; too few values have none."""
    assert slope_a_minute(values) == pytest.approx(slope)


async def test_processor_time_and_memory_of_a_process() -> None:
    """They grow with what it does; a server that has no metrics has no loop lag."""
    watch = ServerWatch(os.getpid(), "ws://127.0.0.1:1/ws")
    watch.note_empty()
    before = watch.cpu_secs()
    kept = bytearray(64 * 1024 * 1024)  # more than any heap has to spare
    assert watch.cpu_secs() > before
    assert watch.grown_mb() > len(kept) / 1e6 / 2
    assert await watch.loop_lag_ms() is None
