"""What a session says without end: made as it is sent, and made again whenever somebody asks what it was.

Every 20 ms carry the numbers of their session and their place in it (``tests/abuse/marks.py``), so that whatever
reaches the upstream says itself whose it is and where it belongs. Nothing of the sound is kept.
"""

import functools
import random
from bisect import bisect_right
from dataclasses import dataclass

from tests.abuse.marks import CHUNK_SAMPLES, found_marks, marked
from tests.faults.recording import Answer
from tests.faults.saying import ENGLISH, KOREAN, Phrase, phrase
from tests.support.audit import STREAM_HZ, Span

LONGEST_PAUSE_MS = 1500
_NOT_AGAIN = 6
"""After so many other phrases one may be said again: neighbours can be told apart by their answers."""
_LATEST_MARK_BYTES = 2 * 4 * CHUNK_SAMPLES


@dataclass(frozen=True, slots=True)
class Said:
    """An utterance of the stream.

    Attributes:
        name: The emulator's entry.
        voice: From its first to its last voiced sample.
        answer: What must come of it.
    """

    name: str
    voice: Span
    answer: Answer


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    samples: int
    name: str | None


class Speech:
    """The stream of one session: 16 kHz, from the first sample on.

    Attributes:
        number: The session's, 0 to 255.
        said: Its utterances, in order.
        samples: How long it is so far.
    """

    def __init__(self, number: int, chance: random.Random):
        """Say nothing yet; ``chance`` draws phrases and pauses."""
        self.number = number
        self.said: list[Said] = []
        self.samples = 0
        self._chance = chance
        self._pieces: list[_Piece] = []
        self._starts: list[int] = []

    def speak(self) -> None:
        """Add an utterance and a pause."""
        recent = {said.name for said in self.said[-_NOT_AGAIN:]}
        name = self._chance.choice([name for name in (*ENGLISH, *KOREAN) if name not in recent])
        told = _phrase(name)
        voice = Span(self.samples + told.voice.start, self.samples + told.voice.end)
        self.said.append(Said(name, voice, told.answer))
        self._add(len(told.pcm) // 2, name)
        self.pause(self._chance.randrange(LONGEST_PAUSE_MS))

    def pause(self, duration_ms: int) -> None:
        """Add silence."""
        if duration_ms:
            self._add(duration_ms * STREAM_HZ // 1000, None)

    def begun(self, sample: int) -> int:
        """How many utterances have begun before ``sample``."""
        return bisect_right(self.said, sample, key=lambda said: said.voice.start)

    def read(self, start: int, samples: int) -> bytes:
        """A part of the stream: PCM s16le; shorter, where it reaches beyond what there is."""
        end = min(start + samples, self.samples)
        first, last = start // CHUNK_SAMPLES, -(-end // CHUNK_SAMPLES)
        chunks = b"".join(self._chunk(number) for number in range(first, last))
        skipped = 2 * (start - first * CHUNK_SAMPLES)
        return chunks[skipped : skipped + 2 * (end - start)]

    def touched(self, span: Span) -> list[int]:
        """The numbers of the utterances, from 0, of which ``span`` has voice."""
        first = max(0, self.begun(span.start) - 1)
        numbers = range(first, min(len(self.said), self.begun(span.end)))
        return [number for number in numbers if self.said[number].voice.overlaps(span)]

    def _add(self, samples: int, name: str | None) -> None:
        self._starts.append(self.samples)
        self._pieces.append(_Piece(self.samples, samples, name))
        self.samples += samples

    def _chunk(self, number: int) -> bytes:
        start = number * CHUNK_SAMPLES
        return marked(self._plain(start, start + CHUNK_SAMPLES), self.number, number)

    def _plain(self, start: int, end: int) -> bytes:
        """Without marks; zeros where there is nothing yet."""
        sound = bytearray()
        place = bisect_right(self._starts, start) - 1
        while start < end and place < len(self._pieces):
            piece = self._pieces[place]
            upto = min(end, piece.start + piece.samples)
            if piece.name is None:
                sound += bytes(2 * (upto - start))
            else:
                sound += _phrase(piece.name).pcm[2 * (start - piece.start) : 2 * (upto - piece.start)]
            start, place = upto, place + 1
        return bytes(sound) + bytes(2 * (end - start))


def place_of(pcm: bytes) -> tuple[int, int] | None:
    """Whose a stretch of sound is, by its first mark: the session's number, and the place of its first sample."""
    found = found_marks(pcm[:_LATEST_MARK_BYTES])
    if not found:
        return None
    after, session, chunk = found[0]
    return session, chunk * CHUNK_SAMPLES - (after - _MARK_SAMPLES)


def _length_of_a_mark() -> int:
    return found_marks(marked(bytes(2 * CHUNK_SAMPLES), 0, 0))[0][0]


_MARK_SAMPLES = _length_of_a_mark()


@functools.cache
def _phrase(name: str) -> Phrase:
    return phrase(name, 0)
