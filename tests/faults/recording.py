"""What happened in one case, as values: what was said, what the upstream heard, what the client was told.

Everything that is judged is in a :class:`Recording`, so that a judge can be tried on recordings that are made up.
Times are seconds on the event loop's clock.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.support.audit import Span

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an utterance is answered with by an upstream that behaves.

    Attributes:
        source: The words that were said.
        target: Their interpretation.
        audio: The interpretation as speech, PCM s16le mono 24 kHz.
    """

    source: str
    target: str
    audio: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Spoken:
    """An utterance that the client sent.

    Attributes:
        name: The emulator's entry.
        voice: From its first to its last voiced sample, in the client's stream.
        answer: What must come of it.
        ended_at_secs: When its last voiced sample was sent.
    """

    name: str
    voice: Span
    answer: Answer
    ended_at_secs: float


@dataclass(frozen=True, slots=True)
class Heard:
    """An activity that reached the upstream, from its start to its end.

    Attributes:
        session: The upstream's session, counted from 1.
        audio: Its sound, PCM s16le mono 16 kHz.
        complete: Its whole answer was sent, up to the mark of its end.
        sent_bytes: How much sound of an answer was sent.
        began_at_secs: When it started.
    """

    session: int
    audio: bytes = field(repr=False)
    complete: bool
    sent_bytes: int
    began_at_secs: float

    def answers(self, answer: Answer) -> bool:
        """Whether all that belongs to ``answer`` was sent, the mark of its end perhaps aside."""
        return self.complete or self.sent_bytes >= len(answer.audio)


@dataclass(frozen=True, slots=True)
class Recording:
    """One case, as it went.

    Attributes:
        stream: All audio that the client sent: PCM s16le mono 16 kHz.
        spoken: The utterances in it, in order.
        heard: What the upstream heard, in the order of its starts.
        stray_bytes: Sound that reached the upstream outside any activity.
        messages: What the client was told.
        arrivals: When, message by message.
        close_code: How the server ended the connection; ``None`` where it stood until the client left.
        struck: How often a fault struck.
        upstream: What happened upstream, for who looks into a failure: when, and a line of text.
    """

    stream: bytes = field(repr=False)
    spoken: tuple[Spoken, ...]
    heard: tuple[Heard, ...]
    stray_bytes: int
    messages: list[Message] = field(repr=False)
    arrivals: list[float] = field(repr=False)
    close_code: int | None
    struck: int
    upstream: tuple[tuple[float, str], ...] = field(default=(), repr=False)
