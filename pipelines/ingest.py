"""How far ahead of real time a client may send, and how many messages that may be."""

from collections.abc import Callable

from protocol.errors import ErrorCode, Fault

LEAST_SECS = 0.01
"""What a chunk counts as at least: half of the shortest that clients send."""
INTERRUPT_SECS = 0.2
"""What an ``interrupt`` counts as: each goes through the pipeline, and is answered."""


class IngestMeter:
    """A leaky bucket of audio: each chunk fills it, however short, and so does each interrupt; time empties it.

    A client that streams a recording may run ahead of the clock, but what it sends has to be interpreted, and
    interpreting is paid for by the second.
    """

    def __init__(self, *, max_ahead_secs: float, max_rate: float, clock: Callable[[], float]):
        """Start empty.

        Args:
            max_ahead_secs: What the bucket holds, in seconds of audio.
            max_rate: How many seconds of audio leave it in a second.
            clock: Gives seconds.
        """
        self._max_ahead_secs = max_ahead_secs
        self._max_rate = max_rate
        self._clock = clock
        self._held_secs = 0.0
        self._counted_at = clock()

    def take(self, audio_secs: float) -> Fault | None:
        """Count ``audio_secs`` that came just now in one message; a fault where that is too much."""
        self._held_secs = self._drain() + max(audio_secs, LEAST_SECS)
        if self._held_secs <= self._max_ahead_secs:
            return None
        return Fault(
            ErrorCode.RATE_LIMITED,
            f"expected audio at most {self._max_rate:g} times as fast as it is spoken,"
            f" and at most {self._max_ahead_secs:g} s beyond that",
        )

    def allow_absence(self, longest_secs: float) -> None:
        """The client is back: expect what it held back since its last audio, ``longest_secs`` at most.

        That is allowed beside everything else, and each second of absence once, however often it comes back.
        """
        absent_secs = self._clock() - self._counted_at
        self._held_secs = max(-longest_secs, self._drain() - absent_secs)

    def _drain(self) -> float:
        """What the bucket holds at this moment; below zero, what a client that was away may send beside it."""
        now = self._clock()
        drained_secs = (now - self._counted_at) * self._max_rate
        self._counted_at = now
        return max(min(0.0, self._held_secs), self._held_secs - drained_secs)
