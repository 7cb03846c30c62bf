"""Whether memory grows: samples of a process's resident memory, and the line through them."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import psutil

GOAL_MB_PER_MIN = 0.1
LEAST_JUDGED_SECS = 300.0
"""The stretch that is judged must be so long: the figure of a shorter one is mostly chance."""
_MB = 1e6
_BLOCKS = 10


@dataclass(frozen=True, slots=True)
class Trend:
    """The straight line that fits a stretch of samples best (least squares).

    Attributes:
        mb_per_min: Its slope.
        error_mb_per_min: The standard error of the slope, from the means of ten blocks: neighbouring samples are
            not independent, blocks nearly are.
        mean_mb: The mean of the samples.
        spread_mb: From the smallest to the largest.
        secs: How long the stretch is.
    """

    mb_per_min: float
    error_mb_per_min: float
    mean_mb: float
    spread_mb: float
    secs: float

    @property
    def judged(self) -> bool:
        """Whether the stretch is long enough to say anything."""
        return self.secs >= LEAST_JUDGED_SECS

    @property
    def flat(self) -> bool:
        """Whether the slope keeps the goal."""
        return self.mb_per_min < GOAL_MB_PER_MIN


@dataclass
class Memory:
    """Samples of resident memory.

    Attributes:
        at_secs: When, in seconds since the first one.
        resident_mb: How much, in millions of bytes.
    """

    at_secs: list[float] = field(default_factory=list)
    resident_mb: list[float] = field(default_factory=list)

    async def watch(self, process: psutil.Process) -> None:
        """Take a sample every second, until cancelled."""
        began_at = time.monotonic()
        while True:
            self.at_secs.append(time.monotonic() - began_at)
            self.resident_mb.append(process.memory_info().rss / _MB)
            await asyncio.sleep(1.0)

    def last_third(self) -> Trend:
        """The trend of the last third of the time.

        Raises:
            ValueError: There are not enough samples for a line.
        """
        since = self.at_secs[-1] * 2 / 3 if self.at_secs else 0.0
        first = sum(at < since for at in self.at_secs)
        return trend(self.at_secs[first:], self.resident_mb[first:])

    def means(self, count: int) -> list[float]:
        """The means of ``count`` equal parts."""
        return [float(part.mean()) for part in np.array_split(np.array(self.resident_mb), count) if len(part)]


def trend(at_secs: Sequence[float], resident_mb: Sequence[float]) -> Trend:
    """The line through samples.

    Raises:
        ValueError: There are fewer than two in each of ten blocks.
    """
    if len(at_secs) < 2 * _BLOCKS:
        raise ValueError(f"expected at least {2 * _BLOCKS} samples of memory, got {len(at_secs)}")
    minutes, values = np.array(at_secs) / 60, np.array(resident_mb)
    slope = float(np.polyfit(minutes, values, 1)[0])
    return Trend(
        mb_per_min=slope,
        error_mb_per_min=_error_of_slope(minutes, values),
        mean_mb=float(values.mean()),
        spread_mb=float(values.max() - values.min()),
        secs=float(at_secs[-1] - at_secs[0]),
    )


def _error_of_slope(
    minutes: "np.ndarray[tuple[int], np.dtype[np.float64]]", values: "np.ndarray[tuple[int], np.dtype[np.float64]]"
) -> float:
    times = np.array([part.mean() for part in np.array_split(minutes, _BLOCKS)])
    means = np.array([part.mean() for part in np.array_split(values, _BLOCKS)])
    left = means - np.polyval(np.polyfit(times, means, 1), times)
    variance = float((left**2).sum()) / (_BLOCKS - 2)
    return float(np.sqrt(variance / ((times - times.mean()) ** 2).sum()))
