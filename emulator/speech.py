"""What passes from the listening half of a translate session to its speaking half."""

from dataclasses import dataclass, field
from typing import Any

from emulator.answering import Piece
from emulator.faults import Fault
from emulator.record import SaidKind, SaidRecord, UtteranceRecord
from emulator.scenario import Entry


@dataclass(slots=True, eq=False)
class Speech:
    """An utterance on its way through a translate session.

    Attributes:
        record: Filled while that goes on.
        begun_secs: Where it begins in the sound of the session.
        shaping: The faults that strike its interpretation.
        pcm: Its sound, once it has ended.
        ended: It has ended.
        owed: Lines and texts that were not sent yet.
        entry: What was heard of it last.
        pieces: What it was heard to be and is interpreted with.
        frozen: Nothing more of it is said.
        silenced: The rest of it is said in zeros.
        spoiled: Not all of its interpretation reaches the client.
    """

    record: UtteranceRecord
    begun_secs: float
    shaping: list[Fault] = field(default_factory=list)
    pcm: bytes = field(default=b"", repr=False)
    ended: bool = False
    owed: int = 0
    entry: Entry | None = None
    pieces: list[Piece] = field(default_factory=list, repr=False)
    frozen: bool = False
    silenced: bool = False
    spoiled: bool = False


@dataclass(slots=True, eq=False)
class Line:
    """Something to say.

    Attributes:
        speech: What it belongs to.
        entry: Id of the entry that it belongs to.
        kind: Why it is said.
        text: Its transcription, which may be empty; None to send none.
        language: BCP-47 code of the text.
        audio: PCM s16le mono 24 kHz; may be empty.
        from_ms: Not before this time of the session's clock.
        at: How much of the sound has been sent, in bytes.
        said: Its record, once it has begun.
    """

    speech: Speech
    entry: str
    kind: SaidKind
    text: str | None
    language: str
    audio: bytes = field(repr=False)
    from_ms: float
    at: int = 0
    said: SaidRecord | None = None


@dataclass(slots=True, eq=False)
class SourceText:
    """A fragment of the transcription of the input, and when it is due by the session's clock."""

    speech: Speech
    body: dict[str, Any]
    due_ms: float
