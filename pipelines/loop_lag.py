"""How late the event loop is, and whether that is too late to let anybody in. Counts probes, knows no clock."""

PROBE_SECS = 0.1
"""Between two probes."""
_SMOOTHING = 0.25
"""What one probe counts. A pause that only one probe meets, such as a garbage collector's, shows as a quarter of
its length; a loop that is twice too late for good is told after three probes, 0.6 s at a limit of 50 ms."""
_RELIEF = 0.5
"""At which part of the limit clients are let in again: where it is the limit itself, every client that is let in
turns the next one away, and those that run stay at the limit."""


class LoopLag:
    """How late the event loop is, smoothed; too late from a limit on, until it is half of that.

    Attributes:
        ms: The smoothed lag.
        is_too_late: Whether a session more would hurt those that run.
    """

    def __init__(self, limit_ms: float):
        """Begin with a loop in time; a ``limit_ms`` of 0 is none."""
        self._limit_ms = limit_ms
        self.ms = 0.0
        self.is_too_late = False

    def observe(self, late_ms: float) -> None:
        """Take in how late a probe was."""
        self.ms += _SMOOTHING * (late_ms - self.ms)
        if self._limit_ms:
            self.is_too_late = self.ms > self._limit_ms * (_RELIEF if self.is_too_late else 1.0)
