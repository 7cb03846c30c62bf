"""What one speaker's interpretation still has to say to one listener: turn by turn, texts and sound in order.

Pure: a :class:`~pipelines.player.Player` says when sound is played. Within a turn partials go out as they come and
sound is played in real time; finals and ``turn_complete`` follow the last piece, and nothing of the next turn goes
before them.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import soxr

from gemini.connector import OUTPUT_RATE_HZ
from protocol.messages import SAMPLE_BYTES, Interrupted, ServerMessage, Transcription, TurnComplete

PIECE_MS = 20


@dataclass(slots=True, eq=False)
class PlayedTurn:
    """One turn on its way to a listener.

    Attributes:
        sound: What is to be played, PCM s16le at the listener's rate.
        sounds: Sound of it came.
        sounded_out: Its sound is whole, as far as anybody knows: its last piece need not wait for more.
        complete: Nothing more of it will come.
        cut: The listener wants no more of it.
        begun: The listener has seen or heard some of it.
        heard: The listener has heard some of it.
    """

    sound: bytearray = field(default_factory=bytearray)
    sounds: bool = False
    sounded_out: bool = False
    complete: bool = False
    cut: bool = False
    begun: bool = False
    heard: bool = False
    texts: dict[str, str] = field(default_factory=dict)
    early: list[ServerMessage] = field(default_factory=list)
    late: list[ServerMessage] = field(default_factory=list)

    def has_piece(self, piece_bytes: int) -> bool:
        """Whether there is a whole piece, or the last one."""
        return len(self.sound) >= piece_bytes or (self.sounded_out and bool(self.sound))

    def take(self, piece_bytes: int) -> bytes | None:
        """The next piece, the last one filled up with zeros; ``None``: it is not there."""
        if not self.has_piece(piece_bytes):
            return None
        piece = bytes(self.sound[:piece_bytes])
        del self.sound[:piece_bytes]
        self.begun = self.heard = True
        return piece.ljust(piece_bytes, b"\0")


class SpeakerTrack:
    """The turns of one speaker that a listener has not had."""

    def __init__(self, rate_hz: int, languages: tuple[str, str]):
        """Begin without a turn.

        Args:
            rate_hz: Of the sound that the listener hears.
            languages: Codes: what is said, and what comes out; for the finals of a turn that is cut.
        """
        self._rate_hz = rate_hz
        self._languages = languages
        self._resampler = self._new_resampler()
        self._turns: deque[PlayedTurn] = deque()
        self._filling: PlayedTurn | None = None

    @property
    def head(self) -> PlayedTurn | None:
        """The turn that the listener gets at present."""
        return self._turns[0] if self._turns else None

    @property
    def idle(self) -> bool:
        """Whether nothing waits, and no turn is under way."""
        return not self._turns and self._filling is None

    @property
    def held_bytes(self) -> int:
        """Sound that waits."""
        return sum(len(turn.sound) for turn in self._turns)

    def add_sound(self, pcm: bytes) -> PlayedTurn | None:
        """Sound has come.

        Args:
            pcm: PCM s16le, mono, 24 kHz.

        Returns:
            The turn that it belongs to, if it is the first of it.
        """
        turn = self._turn_to_fill()
        if turn.cut:
            return None
        turn.sound += self._resampled(pcm)
        turn.sounded_out = False
        first, turn.sounds = not turn.sounds, True
        return turn if first else None

    def end_sound(self) -> None:
        """The turn that is being filled has no more sound, unless some comes after all."""
        turn = self._filling
        if turn is None or turn.sounded_out:
            return
        if turn.sounds and not turn.cut:
            turn.sound += self._resampled(b"", last=True)
        turn.sounded_out = True
        self._resampler = self._new_resampler()

    def add_message(self, message: ServerMessage) -> list[ServerMessage]:
        """A message has come; those that the listener is to be told at once."""
        match message:
            case Transcription():
                return self._add_text(message)
            case TurnComplete():
                return self._complete(message)
            case Interrupted():
                return self._void(message)
            case _:
                return [message]

    def settle(self) -> list[ServerMessage]:
        """What is to be told since everything before it was played."""
        told: list[ServerMessage] = []
        while self._turns and self._turns[0].complete and not self._turns[0].sound:
            told += self._turns.popleft().late
            told += self._begin_head()
        return told

    def cut(self) -> list[ServerMessage]:
        """The listener wants no more of the turn at the head: its ends, with the texts so far."""
        turn = self._turns.popleft()
        turn.sound.clear()
        turn.cut = True
        ends = turn.late if turn.complete else ends_so_far(turn.texts, self._languages)
        return [*ends, *self._begin_head(), *self.settle()]

    # Turns

    def _turn_to_fill(self) -> PlayedTurn:
        if self._filling is None:
            self._filling = PlayedTurn()
            self._turns.append(self._filling)
        return self._filling

    def _add_text(self, message: Transcription) -> list[ServerMessage]:
        turn = self._turn_to_fill()
        if turn.cut:
            return []
        turn.texts[message.type] = message.text
        if message.is_final:
            turn.late.append(message)
        elif turn is self.head:
            turn.begun = True
            return [message]
        else:
            turn.early.append(message)
        return []

    def _complete(self, message: TurnComplete) -> list[ServerMessage]:
        turn = self._turn_to_fill()
        self.end_sound()
        self._filling = None
        if turn.cut:
            return []
        turn.late.append(message)
        turn.complete = True
        return self.settle()

    def _void(self, message: Interrupted) -> list[ServerMessage]:
        """The turn that is being filled breaks off; what follows is its new beginning, or its ends."""
        turn = self._filling
        if turn is None or turn.cut:
            return []
        turn.sound.clear()
        turn.sounds = turn.heard = turn.sounded_out = False
        turn.early.clear()
        turn.late.clear()
        turn.texts.clear()
        self._resampler = self._new_resampler()
        return [message] if turn.begun else []

    def _begin_head(self) -> list[ServerMessage]:
        head = self.head
        if head is None:
            return []
        told, head.early = head.early, []
        head.begun = head.begun or bool(told)
        return told

    # Sound

    def _new_resampler(self) -> "soxr.ResampleStream | None":
        if self._rate_hz == OUTPUT_RATE_HZ:
            return None
        return soxr.ResampleStream(OUTPUT_RATE_HZ, self._rate_hz, num_channels=1, dtype="int16")

    def _resampled(self, pcm: bytes, *, last: bool = False) -> bytes:
        if self._resampler is None:
            return pcm
        return bytes(self._resampler.resample_chunk(np.frombuffer(pcm, "<i2"), last=last).tobytes())


def ends_so_far(texts: Mapping[str, str], languages: tuple[str, str]) -> list[ServerMessage]:
    """What ends a turn of which nothing more comes: finals, and that it is over.

    Args:
        texts: By type of message, as far as there are any.
        languages: Codes: what was said, and what came out.
    """
    source, target = texts.get("input_transcription", ""), texts.get("output_transcription", "")
    spoken, heard = languages
    ends: list[ServerMessage] = []
    if source:
        ends.append(Transcription(type="input_transcription", text=source, is_final=True, language=spoken))
    if target:
        ends.append(Transcription(type="output_transcription", text=target, is_final=True, language=heard))
    return [*ends, TurnComplete(input_text=source, output_text=target)]


def sound_at(rate_hz: int, pcm: bytes) -> bytearray:
    """The whole of ``pcm``, s16le at 24 kHz, at another rate."""
    if rate_hz == OUTPUT_RATE_HZ:
        return bytearray(pcm)
    return bytearray(soxr.resample(np.frombuffer(pcm, "<i2"), OUTPUT_RATE_HZ, rate_hz).tobytes())


def piece_bytes(rate_hz: int) -> int:
    """The size of a piece of :data:`PIECE_MS`, mono s16le."""
    return rate_hz * PIECE_MS // 1000 * SAMPLE_BYTES
