"""Steps with figures of the tests' choice."""

from typing import Any

from benchmarks.figures import Measured, Step
from benchmarks.histogram import Delays


def delays(p99: float, *, held: int = 0) -> Delays:
    """A thousand delays."""
    return Delays(count=1000, p50=p99 / 10, p95=p99 / 2, p99=p99, longest=2 * p99, held=held)


def step(**changes: Any) -> Step:
    """A step of a server that does well, with other figures where they are given."""
    figures: dict[str, Any] = {
        "sessions": 100,
        "window_secs": 8.0,
        "cpu_ms": 5.0,
        "memory_mb": 0.5,
        "memory_slope_mb": 0.0,
        "up": delays(4.0),
        "down": delays(5.0),
        "onset": delays(300.0),
        "told": delays(800.0),
        "load_cpu_share": 0.3,
        "late": delays(1.0),
    }
    return Step(**{**figures, **changes})


def measured(subject: str, round_number: int = 1, percent: int = 40, **changes: Any) -> Measured:
    """A step, and whose it is."""
    return Measured(subject, percent, round_number, 3.0, step(**changes))
