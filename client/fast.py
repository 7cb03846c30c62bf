"""How fast a recording may be sent so that its interpretation is that of real time. Pure.

Audio is sent faster than it was spoken only while the server owes nothing, and never slower than real time: the
server puts silence where audio fails to come (``AUDIO_GAP_MS``), which might end an utterance in its middle. What
it hears, and hence the turns, are the same at any rate.
"""

from client.turns import TurnTracker

DEFAULT_FAST_RATE = 4.0
"""Seconds of audio a second: the server's default ``MAX_INGEST_RATE``."""

LEAD_SECS = 10.0
"""So much audio is sent ahead of real time while somebody speaks on: what may wait at the server beyond what would
wait there in real time. A sixth of the server's default ``UPLINK_RING_SECS``."""

SETTLED_SECS = 0.05
"""A ``silent`` that no ``processing`` follows within this time (the server sends both at once) is the truth."""


class FastPace:
    """Says how fast to send, from what the server has said so far.

    Args:
        fast_rate: Seconds of audio a second at most.
        turns: Follows the server's messages.
    """

    def __init__(self, fast_rate: float, turns: TurnTracker) -> None:
        self._fast_rate = fast_rate
        self._turns = turns
        self._caught_up_at: tuple[float, float] | None = None
        self._silent_since_secs: float | None = None

    def rate(self, now_secs: float, position_secs: float) -> float:
        """Seconds of audio a second for the next chunk.

        Args:
            now_secs: The clock.
            position_secs: How much audio has been sent.
        """
        if self._settled(now_secs) or self._caught_up_at is None:
            self._caught_up_at = (now_secs, position_secs)
            return self._fast_rate
        if self._turns.outstanding:
            return 1.0
        since_secs, from_secs = self._caught_up_at
        lead_secs = (position_secs - from_secs) - (now_secs - since_secs)
        return self._fast_rate if lead_secs < LEAD_SECS else 1.0

    def _settled(self, now_secs: float) -> bool:
        """Whether nothing was spoken that is not answered, but for what may still go on after a short pause."""
        if self._turns.state != "silent" or self._turns.in_output:
            self._silent_since_secs = None
            return False
        if self._silent_since_secs is None:
            self._silent_since_secs = now_secs
        return now_secs - self._silent_since_secs >= SETTLED_SECS
