"""What happened, for tests and for people: sessions, their messages and their utterances. Owns no file."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from emulator.faults import FaultStrike
from emulator.hearing import Stretch

MASK = "***"
_KEPT_MESSAGES = 2000
_KEPT_MESSAGES_CLOSED = 500
_KEPT_UTTERANCES = 200
_KEPT_FAULTS = 2000
_KEPT_SAID = 2000
_SECRET_HEADERS = {"x-goog-api-key", "authorization", "cookie"}
_SECRET_QUERY = re.compile(r"([?&](?:key|access_token)=)[^&]*")


class ClipStretch(NamedTuple):
    """How often a part of a clip was answered; times in seconds of the clip."""

    from_secs: float
    to_secs: float
    times: int


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """One message on the wire.

    Attributes:
        at_secs: Since the session began, by the monotonic clock.
        direction: ``in`` from the client, ``out`` to it.
        kind: The field that makes the message, like ``activityStart`` or ``turnComplete``; ``audio`` for
            received and ``audioOut`` for sent sound; ``discarded`` for sound outside an activity. The kinds of
            several fields in one message are joined by ``+`` in the order audio, texts, markers.
        data: Small details; never sound, never a key.
    """

    at_secs: float
    direction: Literal["in", "out"]
    kind: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class UtteranceRecord:
    """One utterance and its answer.

    Attributes:
        started_at_secs: Begin of the activity, since the session began.
        number: Counted from 1 over the emulator's life.
        ended_at_secs: Its end; None while it is open, and when the session ended first.
        audio: PCM s16le of what came of the activity, up to ten minutes; empty when the options keep no audio.
        audio_bytes: How much came, kept or not.
        rate_hz: Its declared rate.
        heard: The stretches of clips that were found in it; found when its turn to be answered comes.
        answered: Ids of the entries that answer it.
        source_text: The words it was taken for.
        target_text: Their interpretation.
        answer_audio_bytes: Output sound of its whole answer.
        sent_audio_bytes: Output sound that was really sent.
        complete: The whole answer was sent: the operating system has taken its last message, and no fault
            that spoils answers struck it.
        interrupted: A new activity cut the answer off.
        dropped: It overlapped another one and is never answered.
        answered_with: It was merged into the utterance of this number, whose answer is its answer, too.
        started_over: The entries for unknown speech had run out and began again from the first.
        faults: The faults that struck it, in order.
    """

    started_at_secs: float
    number: int = 0
    ended_at_secs: float | None = None
    audio: bytes = field(default=b"", repr=False)
    audio_bytes: int = 0
    rate_hz: int = 16_000
    heard: list[Stretch] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    source_text: str = ""
    target_text: str = ""
    answer_audio_bytes: int = 0
    sent_audio_bytes: int = 0
    complete: bool = False
    interrupted: bool = False
    dropped: bool = False
    answered_with: int | None = None
    started_over: bool = False
    faults: list[FaultStrike] = field(default_factory=list)

    @property
    def audio_ms(self) -> float:
        """How much sound came, in milliseconds."""
        return self.audio_bytes / 2 / self.rate_hz * 1000


SaidKind = Literal["interpretation", "echo", "leak"]


@dataclass(slots=True)
class SaidRecord:
    """A piece of what a translate session said, and where it is in the sound that the session sent.

    Attributes:
        utterance: The number of the utterance that it belongs to.
        entry: The id of the scenario's entry that it belongs to.
        kind: ``interpretation``; ``echo``: the speaker's own sound, which was asked for; ``leak``: a fault, a tone.
        text: Its transcription; empty where no whole word falls on the piece.
        language: BCP-47 code of ``text``.
        from_byte: Where its sound begins in ``SessionRecord.sent_audio``.
        to_byte: Where it ends; grows while it is being said.
        at_secs: When its first sound was sent, since the session began.
    """

    utterance: int
    entry: str
    kind: SaidKind
    text: str
    language: str
    from_byte: int
    to_byte: int
    at_secs: float


@dataclass
class SessionRecord:
    """One connection that was upgraded to a WebSocket.

    Attributes:
        number: Counted from 1 over the emulator's life.
        path: Request path, a key in it masked.
        headers: Request headers in lower case, a key in them masked.
        keep_audio: Whether sound and the whole list of messages are kept.
        setup: The setup as received; empty until it came.
        messages: All messages in order; when no audio is kept the last 2,000, of a closed session the last 500.
        utterances: All utterances in order; the last 200 when no audio is kept.
        audio: All received sound in order, discarded sound included.
        audio_bytes: Its size, kept or not.
        discarded_bytes: Sound that came outside an activity in manual mode.
        faults: The faults that struck it, in order; the last 2,000 when no audio is kept.
        resumed_from: The number of the session that it resumed; None for a fresh one.
        closed: The connection has ended.
        ended_at_secs: When, since the session began; None while it is open.
        close_code: How it ended; 1006 without a close frame.
        close_reason: The reason in the close frame.
        began_at_secs: When the session began, by ``time.monotonic()``.
        target: BCP-47 code of the language that a translate session interprets into; None for other sessions.
        said: What a translate session said, in order; the last 2,000 pieces when no audio is kept.
        sent_audio: All sound that a translate session sent, PCM s16le mono 24 kHz, silence included.
        sent_audio_bytes: Its size, kept or not.
    """

    number: int
    path: str
    headers: dict[str, str]
    keep_audio: bool = True
    setup: dict[str, Any] = field(default_factory=dict)
    messages: list[MessageRecord] = field(default_factory=list)
    utterances: list[UtteranceRecord] = field(default_factory=list)
    audio: bytearray = field(default_factory=bytearray, repr=False)
    audio_bytes: int = 0
    discarded_bytes: int = 0
    faults: list[FaultStrike] = field(default_factory=list)
    resumed_from: int | None = None
    closed: bool = False
    ended_at_secs: float | None = None
    close_code: int | None = None
    close_reason: str = ""
    began_at_secs: float = field(default_factory=time.monotonic)
    target: str | None = None
    said: list[SaidRecord] = field(default_factory=list)
    sent_audio: bytearray = field(default_factory=bytearray, repr=False)
    sent_audio_bytes: int = 0

    def elapsed_secs(self) -> float:
        """Seconds since the session began."""
        return time.monotonic() - self.began_at_secs

    def note(self, direction: Literal["in", "out"], kind: str, **data: Any) -> MessageRecord:
        """Add a message and return it."""
        message = MessageRecord(self.elapsed_secs(), direction, kind, data)
        self.messages.append(message)
        if not self.keep_audio and len(self.messages) > 2 * _KEPT_MESSAGES:
            del self.messages[:-_KEPT_MESSAGES]
        return message

    def note_audio(self, pcm: bytes, *, discarded: bool) -> None:
        """Count received sound, and keep it when sound is kept."""
        self.audio_bytes += len(pcm)
        self.discarded_bytes += len(pcm) if discarded else 0
        if self.keep_audio:
            self.audio += pcm

    def note_sent(self, pcm: bytes) -> None:
        """Count sound that a translate session sent, and keep it when sound is kept."""
        self.sent_audio_bytes += len(pcm)
        if self.keep_audio:
            self.sent_audio += pcm

    def note_said(self, said: SaidRecord) -> None:
        """Add a piece that is being said."""
        self.said.append(said)
        if not self.keep_audio:
            del self.said[:-_KEPT_SAID]

    def note_fault(self, strike: FaultStrike) -> None:
        """Add a fault that struck."""
        self.faults.append(strike)
        if not self.keep_audio:
            del self.faults[:-_KEPT_FAULTS]

    def end(self, close_code: int | None, close_reason: str) -> None:
        """The connection has ended; how."""
        self.closed = True
        self.ended_at_secs = self.elapsed_secs()
        self.close_code, self.close_reason = close_code, close_reason
        if not self.keep_audio:
            del self.messages[:-_KEPT_MESSAGES_CLOSED]

    def open_utterance(self, rate_hz: int, number: int) -> UtteranceRecord:
        """Add an utterance that begins at this moment and return it."""
        utterance = UtteranceRecord(self.elapsed_secs(), number, rate_hz=rate_hz)
        self.utterances.append(utterance)
        if not self.keep_audio and len(self.utterances) > _KEPT_UTTERANCES:
            del self.utterances[0]
        return utterance

    def kinds(self, direction: Literal["in", "out"] | None = None) -> list[str]:
        """The kinds of the messages in order, of one direction or of both."""
        return [item.kind for item in self.messages if direction in (None, item.direction)]


def masked_path(path: str) -> str:
    """A request path without the key in its query."""
    return _SECRET_QUERY.sub(rf"\1{MASK}", path)


def masked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Request headers in lower case without keys and tokens."""
    return {name.lower(): MASK if name.lower() in _SECRET_HEADERS else value for name, value in headers.items()}
