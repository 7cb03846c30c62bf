"""How far ahead of real time a client may send."""

from collections.abc import Callable

from protocol.errors import ErrorCode, Fault


class IngestMeter:
    """A leaky bucket of audio: each chunk fills it, time empties it.

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
        """Count ``audio_secs`` that came just now; a fault where they are too much."""
        now = self._clock()
        drained_secs = (now - self._counted_at) * self._max_rate
        self._held_secs = max(0.0, self._held_secs - drained_secs) + audio_secs
        self._counted_at = now
        if self._held_secs <= self._max_ahead_secs:
            return None
        return Fault(
            ErrorCode.RATE_LIMITED,
            f"expected audio at most {self._max_rate:g} times as fast as it is spoken,"
            f" and at most {self._max_ahead_secs:g} s beyond that",
        )
