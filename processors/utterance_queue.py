"""The speaker's stream cut into its utterances, and the order in which an engine gets them: one at a time. Pure."""

from collections import deque
from dataclasses import dataclass, field

_SAMPLE_BYTES = 2
_LONGEST_LOOKBACK_SECS = 2.0
"""A start of an utterance lies two windows back at most, and a window is half a second at most."""


@dataclass(frozen=True, slots=True)
class Begun:
    """An utterance, or a further piece of a long one, begins with the next audio."""


@dataclass(frozen=True, slots=True)
class Ended:
    """It ended with the last audio.

    Attributes:
        duration_ms: Its length, pre-roll included.
    """

    duration_ms: int


Piece = Begun | bytes | Ended
"""Of an utterance: its two ends, and the audio between them."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Speech that was given up, for there was no room to hold it.

    Attributes:
        duration_ms: How much.
        whole_utterance: A finished utterance, of which nothing was sent.
    """

    duration_ms: int
    whole_utterance: bool


@dataclass(frozen=True, slots=True)
class _Mark:
    at: int
    starts: bool
    continued: bool = False


class UtteranceCutter:
    """Finds the audio of each utterance in a stream, from marks that come before the audio in which they lie."""

    def __init__(self, *, preroll_secs: float, rate_hz: int):
        """Begin at sample 0, outside of any utterance; audio is PCM s16le mono at ``rate_hz``."""
        self._rate_hz = rate_hz
        self._preroll = int(preroll_secs * rate_hz)
        self._lookback_bytes = (self._preroll + int(_LONGEST_LOOKBACK_SECS * rate_hz)) * _SAMPLE_BYTES
        self._before = b""
        self._heard = 0
        self._taken = 0
        self._begun_at = 0
        self._open = False
        self._marks: list[_Mark] = []

    def start(self, offset_samples: int, *, continued: bool) -> None:
        """An utterance starts so far from the first sample of the next audio; ``continued``: without pre-roll."""
        self._marks.append(_Mark(self._heard + offset_samples, starts=True, continued=continued))

    def end(self, offset_samples: int) -> None:
        """The utterance ends so far from the first sample of the next audio."""
        self._marks.append(_Mark(self._heard + offset_samples, starts=False))

    def hear(self, pcm: bytes) -> list[Piece]:
        """Take the next audio; what of it, and of what went before, belongs to utterances. None comes twice."""
        audio, first = self._before + pcm, self._heard - len(self._before) // _SAMPLE_BYTES
        self._heard += len(pcm) // _SAMPLE_BYTES
        marks, self._marks = self._marks, []
        pieces: list[Piece] = []
        for mark in marks:
            if mark.starts:
                begin = mark.at if mark.continued else mark.at - self._preroll
                self._begun_at = self._taken = max(begin, self._taken, first)
                self._open = True
                pieces.append(Begun())
            elif self._open:
                pieces += self._take(audio, first, mark.at)
                self._open = False
                pieces.append(Ended(1000 * (self._taken - self._begun_at) // self._rate_hz))
        if self._open:
            pieces += self._take(audio, first, self._heard)
        self._before = b"" if self._open else audio[-self._lookback_bytes :]
        return pieces

    def _take(self, audio: bytes, first: int, end: int) -> list[Piece]:
        """The samples from the last one taken up to ``end``; ``audio`` begins with sample ``first``."""
        begin, self._taken = self._taken, max(self._taken, end)
        taken = audio[(begin - first) * _SAMPLE_BYTES : (self._taken - first) * _SAMPLE_BYTES]
        return [taken] if taken else []


@dataclass(slots=True)
class _Utterance:
    audio: deque[bytes] = field(default_factory=deque)
    held_bytes: int = 0
    ended: Ended | None = None


class UtteranceQueue:
    """Lets one utterance through at a time; those after it wait until it is answered, within a bound.

    Attributes:
        held_bytes: Audio that waits.
    """

    def __init__(self, *, most_secs: float, rate_hz: int):
        """Hold at most ``most_secs`` of waiting speech."""
        self._rate_hz = rate_hz
        self._most_bytes = int(most_secs * rate_hz) * _SAMPLE_BYTES
        self._busy = False
        self._waiting: deque[_Utterance] = deque()
        self._dropped: list[Dropped] = []
        self.held_bytes = 0

    def put(self, piece: Piece) -> list[Piece]:
        """Take the next piece; what may go to the engine at once."""
        if isinstance(piece, Begun) and self._busy:
            self._waiting.append(_Utterance())
            return []
        if not self._waiting:
            self._busy = True
            return [piece]
        match piece:
            case bytes():
                self._hold(self._waiting[-1], piece)
            case Ended():
                self._waiting[-1].ended = piece
        return []

    def answered(self) -> list[Piece]:
        """The utterance that went through is done with; what of the next one may go."""
        self._busy = bool(self._waiting)
        if not self._waiting:
            return []
        utterance = self._release_oldest()
        end = [utterance.ended] if utterance.ended is not None else []
        return [Begun(), *utterance.audio, *end]

    def take_dropped(self) -> list[Dropped]:
        """What was given up since this was last asked."""
        dropped, self._dropped = self._dropped, []
        return dropped

    def _hold(self, utterance: _Utterance, piece: bytes) -> None:
        """Keep ``piece``; without room, give up the oldest utterance, or the oldest audio of the only one."""
        utterance.audio.append(piece)
        self._count(utterance, len(piece))
        while self.held_bytes > self._most_bytes:
            if len(self._waiting) > 1:
                oldest = self._release_oldest()
                self._dropped.append(Dropped(self._ms(oldest.held_bytes), whole_utterance=True))
            else:
                dropped_bytes = len(utterance.audio.popleft())
                self._count(utterance, -dropped_bytes)
                self._dropped.append(Dropped(self._ms(dropped_bytes), whole_utterance=False))

    def _release_oldest(self) -> _Utterance:
        oldest = self._waiting.popleft()
        self.held_bytes -= oldest.held_bytes
        return oldest

    def _count(self, utterance: _Utterance, held_bytes: int) -> None:
        utterance.held_bytes += held_bytes
        self.held_bytes += held_bytes

    def _ms(self, held_bytes: int) -> int:
        return 1000 * held_bytes // (_SAMPLE_BYTES * self._rate_hz)
