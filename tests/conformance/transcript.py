"""What was said on one connection, and the turns in it."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]

INPUT = "input_transcription"
OUTPUT = "output_transcription"
TURN_TYPES = frozenset({INPUT, OUTPUT, "audio_response", "turn_complete", "interrupted"})
MALFORMED = "(no JSON object with a type)"
"""The type of a frame that is none of the protocol."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One frame, or something that the kit notes.

    Attributes:
        at_secs: When, on the event loop's clock.
        sent: Whether the kit sent it.
        message: The JSON object; a received binary frame is ``{"type": "audio_response", "pcm": …}``, a frame that
            cannot be read has the type :data:`MALFORMED`.
    """

    at_secs: float
    sent: bool
    message: Message

    @property
    def kind(self) -> str:
        """The message's type."""
        return str(self.message["type"])


@dataclass(slots=True)
class Turn:
    """The messages of one turn, in order.

    Attributes:
        messages: From its first to ``turn_complete``, ``interrupted`` included.
    """

    messages: list[Message] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether ``turn_complete`` came."""
        return bool(self.messages) and self.messages[-1]["type"] == "turn_complete"

    @property
    def source(self) -> str:
        """Source text as ``turn_complete`` gives it."""
        return self._completed("inputText")

    @property
    def target(self) -> str:
        """Target text as ``turn_complete`` gives it."""
        return self._completed("outputText")

    @property
    def audio(self) -> bytes:
        """The interpreted speech."""
        return b"".join(pcm_of(message) or b"" for message in self.messages if message["type"] == "audio_response")

    @property
    def answered(self) -> bool:
        """Whether it is complete, and has output."""
        return self.complete and bool(self.target or self.audio)

    def texts(self, kind: str, *, final: bool) -> list[Message]:
        """Its partials or finals of one side."""
        return [m for m in self.messages if m["type"] == kind and m.get("isFinal") is final]

    def _completed(self, name: str) -> str:
        return str(self.messages[-1].get(name) or "") if self.complete else ""


@dataclass(slots=True)
class Transcript:
    """Everything on one connection.

    Attributes:
        check: Name of the check that made the connection.
        entries: Frames in both directions but audio to the server, in order.
        close_code: Of the closed connection; 1006 where no close frame came.
        server_closed: Whether the server closed first.
    """

    check: str
    entries: list[Entry] = field(default_factory=list)
    close_code: int | None = None
    server_closed: bool = False

    @property
    def received(self) -> list[Message]:
        """What the server sent."""
        return [entry.message for entry in self.entries if not entry.sent]

    def of(self, *kinds: str) -> list[Message]:
        """What the server sent of these types."""
        return [message for message in self.received if message["type"] in kinds]

    @property
    def states(self) -> list[str]:
        """The states that were sent."""
        return [str(message.get("state")) for message in self.of("speech_state")]

    @property
    def turns(self) -> list[Turn]:
        """All turns; the last one may be incomplete."""
        return list(turns_in(self.received))

    @property
    def answered(self) -> list[Turn]:
        """The complete turns that have output."""
        return [turn for turn in self.turns if turn.answered]


def turns_in(messages: list[Message]) -> Iterator[Turn]:
    """The turns in what a server sent; ``interrupted`` while no turn is open belongs to none."""
    turn = Turn()
    for message in messages:
        if message["type"] not in TURN_TYPES or (message["type"] == "interrupted" and not turn.messages):
            continue
        turn.messages.append(message)
        if turn.complete:
            yield turn
            turn = Turn()
    if turn.messages:
        yield turn


def pcm_of(message: Message) -> bytes | None:
    """The sound of an ``audio_response``; ``None`` where it is no padded standard base64."""
    if "pcm" in message:
        return bytes(message["pcm"])
    try:
        return base64.b64decode(message.get("data", ""), validate=True)
    except (binascii.Error, TypeError, ValueError):
        return None


def shown(message: Message) -> str:
    """A message in a few words, for a report: never its sound, and only the beginning of a text."""
    kind = str(message["type"])
    told = [str(message[name])[:60] for name in ("code", "state", "reason", "text") if message.get(name)]
    if kind.endswith("_transcription") and message.get("isFinal") is True:
        told.insert(0, "final")
    if kind in ("error", MALFORMED):
        told.append(f"({str(message.get('message', ''))[:100]})")
    return " ".join([f"'{kind}'", *told])
