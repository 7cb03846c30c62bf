"""The sound of utterances, cut out of a stream by the marks in it. Pure."""

from collections import deque
from dataclasses import dataclass

from gemini.ring import AudioRing

RATE_HZ = 16_000
_RETAINED_SECS = 2.0
"""How far back a mark may point: voice is sure some windows after its start, and the pre-roll lies before that."""


@dataclass(slots=True, eq=False)
class HeardUtterance:
    """A stretch of the stream, by sample positions.

    Attributes:
        start: Its first sample, pre-roll included.
        end: After its last sample; ``None`` while it is being spoken.
        needed: Whether its sound is kept.
    """

    start: int
    end: int | None = None
    needed: bool = True


class UtteranceAudio:
    """The utterances of one stream, as long as somebody needs their sound: PCM s16le mono at 16 kHz."""

    def __init__(self, *, preroll_secs: float):
        """Begin a stream; ``preroll_secs``: how far before its first voice an utterance starts."""
        self._preroll_samples = int(preroll_secs * RATE_HZ)
        self._retained_samples = int(_RETAINED_SECS * RATE_HZ) + self._preroll_samples
        self._ring = AudioRing(0)
        self._utterances: deque[HeardUtterance] = deque()
        self._claimed_until = 0

    def append(self, pcm: bytes) -> None:
        """Add the next audio of the stream."""
        self._ring.append(pcm)
        while self._utterances and not self._utterances[0].needed:
            self._utterances.popleft()
        kept = self._ring.end - self._retained_samples
        self._ring.release(min([kept, *(item.start for item in self._utterances if item.needed)]))

    def start(self, offset_samples: int, *, continued: bool) -> HeardUtterance:
        """An utterance starts, ``offset_samples`` from the next sample; ``continued``: without pre-roll."""
        preroll = 0 if continued else self._preroll_samples
        start = max(self._ring.end + offset_samples - preroll, self._claimed_until, self._ring.start)
        utterance = HeardUtterance(start)
        self._utterances.append(utterance)
        return utterance

    def end(self, utterance: HeardUtterance, offset_samples: int) -> None:
        """The utterance ends ``offset_samples`` from the next sample."""
        utterance.end = max(self._ring.end + offset_samples, utterance.start)
        self._claimed_until = utterance.end

    def complete(self, utterance: HeardUtterance) -> bool:
        """Whether it is over, and all of its sound is there."""
        return utterance.end is not None and utterance.end <= self._ring.end

    def samples_of(self, utterance: HeardUtterance) -> int:
        """How much of it is there."""
        return max(0, self._until(utterance) - utterance.start)

    def read(self, utterance: HeardUtterance) -> bytes:
        """Its sound, as far as it is there."""
        return self._ring.read(utterance.start, self._until(utterance))

    def _until(self, utterance: HeardUtterance) -> int:
        return self._ring.end if utterance.end is None else min(utterance.end, self._ring.end)
