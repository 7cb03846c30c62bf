"""Delays, counted in fine steps: a million of them take no more room than one."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

_STEP_SECS = 0.0001
_STEPS = 20_000
_STEPS_A_SEC = round(1 / _STEP_SECS)


@dataclass(frozen=True, slots=True)
class Delays:
    """What there is to say of many delays; all in ms.

    Attributes:
        count: How many they were.
        p50: Half were no longer.
        p95: The same for 95 of 100.
        p99: The same for 99 of 100.
        longest: The longest.
        held: How many were longer than 100 ms.
    """

    count: int = 0
    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    longest: float = 0.0
    held: int = 0


class Histogram:
    """Counts delays in steps of 0.1 ms; those over 2 s share the last step."""

    def __init__(self) -> None:
        """Start empty."""
        self._counts = array("L", bytes(8 * (_STEPS + 1)))
        self._count = 0
        self._longest_secs = 0.0

    def add(self, secs: float) -> None:
        """Count one delay; one below zero counts as none."""
        step = int(secs * _STEPS_A_SEC)
        self._counts[step if 0 <= step < _STEPS else 0 if step < 0 else _STEPS] += 1
        self._count += 1
        if secs > self._longest_secs:
            self._longest_secs = secs

    def summary(self, held_ms: float = 100.0) -> Delays:
        """What there is to say so far.

        Args:
            held_ms: From which delay on one counts as held.
        """
        held = sum(self._counts[int(held_ms / 1000 * _STEPS_A_SEC) :])
        return Delays(
            self._count, self._quantile(0.5), self._quantile(0.95), self._quantile(0.99), self._longest_ms, held
        )

    @property
    def _longest_ms(self) -> float:
        return 1000 * self._longest_secs

    def _quantile(self, share: float) -> float:
        """Nearest rank: the smallest delay that is not exceeded by ``share`` of them; to a step, in ms."""
        rank, seen = max(1, -int(-share * self._count // 1)), 0
        for step, count in enumerate(self._counts):
            seen += count
            if seen >= rank:
                return min(1000 * (step + 1) * _STEP_SECS, self._longest_ms) if step < _STEPS else self._longest_ms
        return 0.0


def median(values: Sequence[float]) -> float:
    """The middle one, or the mean of the two in the middle.

    Raises:
        ValueError: There is none.
    """
    if not values:
        raise ValueError("the median of nothing was asked for; give at least one value")
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
