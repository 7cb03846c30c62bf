"""What clients say: sentences of ``samples/``, with pauses that carry room noise, cut into frames ahead of time.

All clients read the same frames, each from a place of its own on; only the mark differs, written into a copy.
"""

import functools
import json
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from benchmarks.frames import BINARY, header
from benchmarks.marks import low_bytes, mark, prepared

RATE_HZ = 16_000
CHUNK_SAMPLES = 320
CHUNK_SECS = CHUNK_SAMPLES / RATE_HZ
_SAMPLES = Path(__file__).absolute().parent.parent / "samples"
_NOISE_DBFS = -50.0
_GAP_SECS = 0.3
"""Between two sentences of a turn: too short to end it anywhere."""
_SHORTEST_TURN_SECS, _LONGEST_TURN_SECS = 4.5, 9.0
"""Of a turn's speech; our server cuts what is longer than 10 s."""
_ANSWER_BEFORE_SPEECH_SECS = 1.5
"""An answer that is played as it comes is over so long before its listener speaks again, if it began at once."""
_DECIDED_CHUNKS = 20
"""400 ms: in that time a detector has decided that a turn begins, and what waited for it has gone up."""
_HEAD = header(2 * CHUNK_SAMPLES, BINARY, masked=True)
_MARK = slice(len(_HEAD), len(_HEAD) + 128, 2)

_Sound = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Turn:
    """What is said until the next pause.

    Attributes:
        answer_secs: Length of its interpretation.
        first: Its first chunk in the cycle.
        last: Its last one.
    """

    answer_secs: float
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Cycle:
    """Turns and pauses that are said over and over.

    Attributes:
        spoken: For each chunk 1 where all of it is speech, else 0.
        turns: In order.
        turn_of: For each chunk the turn in which, or after which, it lies.
    """

    spoken: bytes
    turns: tuple[Turn, ...]
    turn_of: "array[int]"
    _frames: tuple[bytes, ...]
    _lows: tuple[int, ...]

    def __len__(self) -> int:
        """How many chunks it has."""
        return len(self._frames)

    def frame(self, place: int, sender: int, number: int) -> bytes:
        """A chunk as a WebSocket frame of a client, with its mark.

        Args:
            place: Which chunk of the cycle.
            sender: Who sends it.
            number: The how manieth it is of its sender.
        """
        piece = bytearray(self._frames[place])
        piece[_MARK] = mark(self._lows[place], sender, number)
        return bytes(piece)


@dataclass(frozen=True, slots=True)
class Course:
    """One client's way through a cycle, again and again.

    Attributes:
        cycle: The cycle.
        start: Where in it the client begins.
        exempt: Of so many chunks at its beginning none has to arrive: it begins in the middle of a turn.
    """

    cycle: Cycle
    start: int
    exempt: int

    def place(self, number: int) -> int:
        """Where in the cycle a chunk lies."""
        return (self.start + number) % len(self.cycle)

    def frame(self, sender: int, number: int) -> bytes:
        """A chunk; see :meth:`Cycle.frame`."""
        return self.cycle.frame(self.place(number), sender, number)

    def speaks(self, number: int) -> bool:
        """Whether all of a chunk is speech."""
        return bool(self.cycle.spoken[self.place(number)])

    def flows(self, number: int) -> bool:
        """Whether a chunk is speech so far behind its turn's beginning that it should go up as soon as it comes."""
        return number >= self.exempt and number - self.onset(number) >= _DECIDED_CHUNKS and self.speaks(number)

    def onset(self, number: int) -> int:
        """The number of the first chunk of :meth:`turn`; below 0 where that lies before the client's beginning."""
        return number - (self.place(number) - self.turn(number).first)

    def turn(self, number: int) -> Turn:
        """The turn in which, or after which, a chunk lies."""
        return self.cycle.turns[self.cycle.turn_of[self.place(number)]]


def course(cycle: Cycle, start: int) -> Course:
    """The way from a place of a cycle on."""
    turn = cycle.turns[cycle.turn_of[start]]
    return Course(cycle, start, turn.last + 1 - start if turn.first < start <= turn.last else 0)


@functools.cache
def cycle(speech_percent: int) -> Cycle:
    """Every turn once, with pauses so long that ``speech_percent`` of the time is speech."""
    noise = np.random.default_rng(1)
    chunks: list[bytes] = []
    spoken: list[bytes] = []
    turns: list[Turn] = []
    turn_of = array("H")
    for number, sentences in enumerate(_turns()):
        sound, marks = _said(sentences)
        speech_secs = sum(len(sentence) for sentence in sentences) / RATE_HZ
        pause_secs = speech_secs * 100 / speech_percent - len(sound) / RATE_HZ
        sound = np.concatenate((sound, np.zeros(round(pause_secs / CHUNK_SECS) * CHUNK_SAMPLES)))
        sound += noise.normal(0, 10 ** (_NOISE_DBFS / 20), len(sound))
        pcm = prepared((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
        answer_secs = min(speech_secs, pause_secs - _ANSWER_BEFORE_SPEECH_SECS)
        turns.append(Turn(answer_secs, len(chunks), len(chunks) + len(marks) - 1))
        pieces = [pcm[start : start + 2 * CHUNK_SAMPLES] for start in range(0, len(pcm), 2 * CHUNK_SAMPLES)]
        chunks += pieces
        spoken.append(marks.ljust(len(pieces), b"\0"))
        turn_of.extend([number] * len(pieces))
    return Cycle(
        b"".join(spoken),
        tuple(turns),
        turn_of,
        tuple(_HEAD + chunk for chunk in chunks),
        tuple(map(low_bytes, chunks)),
    )


def _said(sentences: list[_Sound]) -> tuple[_Sound, bytes]:
    """The sound of a turn, in whole chunks, and for each chunk whether all of it is speech."""
    parts: list[_Sound] = []
    voiced: list[npt.NDArray[np.bool_]] = []
    for sentence in sentences:
        gap = np.zeros(round(_GAP_SECS * RATE_HZ) if parts else 0)
        parts += [gap, sentence]
        voiced += [np.zeros(len(gap), bool), np.ones(len(sentence), bool)]
    sound, mask = np.concatenate(parts), np.concatenate(voiced)
    missing = -len(sound) % CHUNK_SAMPLES
    sound, mask = np.pad(sound, (0, missing)), np.pad(mask, (0, missing))
    return sound, mask.reshape(-1, CHUNK_SAMPLES).all(axis=1).astype(np.uint8).tobytes()


def _turns() -> list[list[_Sound]]:
    """Sentences, put together until they are long enough; what is left over at the end of a file is left out."""
    found = []
    for name, about in sorted(json.loads((_SAMPLES / "marks.json").read_text(encoding="utf-8"))["files"].items()):
        sound = _sound(name)
        turn: list[_Sound] = []
        for sentence in about["sentences"]:
            turn.append(sound[round(sentence["onset_secs"] * RATE_HZ) : round(sentence["end_secs"] * RATE_HZ)])
            if sum(map(len, turn)) >= _SHORTEST_TURN_SECS * RATE_HZ:
                if sum(map(len, turn)) <= _LONGEST_TURN_SECS * RATE_HZ:
                    found.append(turn)
                turn = []
    return found


def _sound(name: str) -> _Sound:
    samples, rate_hz = soundfile.read(_SAMPLES / name, dtype="float64")
    resampled: _Sound = soxr.resample(samples, rate_hz, RATE_HZ) if rate_hz != RATE_HZ else samples
    return resampled
