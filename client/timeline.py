"""Which second of the audio it is: what every time that the client notes is counted in."""

from collections import deque
from dataclasses import dataclass

_HISTORY_MARKS = 4096


@dataclass(frozen=True, slots=True)
class _Mark:
    """At ``clock_secs`` sending had reached ``position_secs``; the next chunk ends ``room_secs`` later, at most."""

    clock_secs: float
    position_secs: float
    room_secs: float

    def position_at(self, clock_secs: float) -> float:
        return self.position_secs + min(max(0.0, clock_secs - self.clock_secs), self.room_secs)


class AudioTimeline:
    """Maps the clock to the place in the audio that sending has reached then, in seconds since its first sample.

    Between two chunks the place moves on as speech does, up to where the next chunk ends. Once all has been sent it
    moves on with the clock. So it is the clock itself where audio is sent in real time, and where it is sent
    faster, every time keeps its meaning: what was being said when this came. It never goes back.

    Args:
        started_secs: The clock's time when the first sample is spoken.
        room_secs: Length of the first chunk.
    """

    def __init__(self, started_secs: float, room_secs: float) -> None:
        self._marks: deque[_Mark] = deque([_Mark(started_secs, 0.0, room_secs)], maxlen=_HISTORY_MARKS)

    def sent(self, position_secs: float, clock_secs: float, room_secs: float) -> None:
        """A chunk that ends at ``position_secs`` was sent; the next one is at most ``room_secs`` long."""
        self._marks.append(_Mark(clock_secs, position_secs, room_secs))

    def finished(self, clock_secs: float) -> None:
        """All has been sent: from here on the clock counts."""
        self._marks.append(_Mark(clock_secs, self.position_secs(clock_secs), float("inf")))

    def position_secs(self, clock_secs: float) -> float:
        """The place in the audio at a moment of the clock; the last few seconds of it, at least, are known."""
        for mark in reversed(self._marks):
            if mark.clock_secs <= clock_secs:
                return mark.position_at(clock_secs)
        return self._marks[0].position_secs
