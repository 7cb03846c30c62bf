"""Whether memory grows: what the line through samples says, and when it says anything."""

import asyncio
import os

import numpy as np
import psutil
import pytest

from tests.soak.memory import Memory, trend


def samples(slope_mb_per_min: float, secs: int, *, noise_mb: float = 0.3) -> Memory:
    """Memory that grows, with noise over it."""
    at = [float(second) for second in range(secs)]
    noise = np.random.default_rng(1).normal(0, noise_mb, secs)
    return Memory(at, [200 + slope_mb_per_min * second / 60 + noise[int(second)] for second in at])


@pytest.mark.parametrize(("slope", "flat"), [(0.0, True), (-5.0, True), (0.05, True), (0.2, False), (3.0, False)])
def test_growth_is_seen_through_noise(slope: float, flat: bool) -> None:
    """In ten minutes, a twentieth of a megabyte a minute makes the difference."""
    found = samples(slope, 1800).last_third()
    assert found.mb_per_min == pytest.approx(slope, abs=0.03)
    assert found.error_mb_per_min < 0.03
    assert (found.flat, found.judged) == (flat, True)
    assert found.secs == pytest.approx(600, abs=2)


def test_only_the_last_third_counts() -> None:
    """What a server takes while its buffers fill is no leak."""
    filling = samples(60.0, 600, noise_mb=0.0)
    flat = Memory([*filling.at_secs, *(600.0 + at for at in range(1200))], [*filling.resident_mb, *[800.0] * 1200])
    assert flat.last_third().mb_per_min == pytest.approx(0, abs=1e-6)
    assert flat.means(3) == pytest.approx([499.5, 800, 800], abs=1)


def test_a_short_stretch_is_not_judged() -> None:
    """Its slope is mostly chance; and without samples there is no line."""
    assert not samples(0, 120).last_third().judged
    with pytest.raises(ValueError, match="expected at least 20 samples of memory, got 3"):
        trend([0, 1, 2], [1, 1, 1])


async def test_a_process_is_watched() -> None:
    """Its resident memory, from the first moment on."""
    memory = Memory()
    watching = asyncio.create_task(memory.watch(psutil.Process(os.getpid())))
    await asyncio.sleep(0)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert memory.at_secs == pytest.approx([0], abs=0.5)
    assert memory.resident_mb[0] > 10
