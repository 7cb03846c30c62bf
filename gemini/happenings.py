"""What a session with the upstream tells its owner: the events of turns, and what became of connections."""

from dataclasses import dataclass, field

from gemini.events import Usage
from gemini.turns import TurnEvent, TurnFailure


@dataclass(frozen=True, slots=True)
class SpeechDropped:
    """Speech was given up: more was waiting than the ring holds, or nothing answered it.

    Attributes:
        duration_ms: How much.
        whole_utterance: It was a finished utterance of which no turn tells.
        behind: How many earlier utterances are still to be answered.
    """

    duration_ms: int
    whole_utterance: bool
    behind: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class TurnRestarted:
    """The turn that is open begins anew: its utterance goes up again, and what came of it so far is void.

    Attributes:
        failure: What was wrong with the answer.
        replays: How often the utterance went up again by now.
    """

    failure: TurnFailure
    replays: int


@dataclass(frozen=True, slots=True)
class UpstreamLost:
    """The connection in use failed and was given up.

    Attributes:
        reason: Static text: a :class:`~gemini.turns.TurnFailure`, or a kind of :class:`~gemini.errors.FailureKind`.
        detail: For the log.
        age_secs: How long the connection had been open.
    """

    reason: str
    detail: str
    age_secs: float


@dataclass(frozen=True, slots=True)
class Reconnected:
    """Another connection took over from one that was lost.

    Attributes:
        model: With this model.
        after_secs: So long after the loss.
    """

    model: str
    after_secs: float


@dataclass(frozen=True, slots=True)
class Renewed:
    """Another connection took over from one that still worked.

    Attributes:
        reason: ``"go_away"``, ``"max_age"`` or ``"request"``.
        model: With this model.
        age_secs: How long the old one had been open.
    """

    reason: str
    model: str
    age_secs: float


@dataclass(frozen=True, slots=True)
class TokensCounted:
    """Tokens that the upstream counted for ``model``; those of text are a part of them."""

    model: str
    prompt_tokens: int
    response_tokens: int
    prompt_text_tokens: int = 0
    response_text_tokens: int = 0


def tokens_counted(model: str, usage: Usage) -> TokensCounted:
    """What the upstream counted for ``model``."""
    return TokensCounted(
        model,
        usage.prompt_tokens,
        usage.response_tokens,
        usage.prompt_text_tokens,
        usage.response_text_tokens,
    )


@dataclass(frozen=True, slots=True)
class StreamStopped:
    """Nobody has spoken for a while, and no more output is expected: nothing goes up until somebody speaks."""


@dataclass(frozen=True, slots=True)
class UtteranceAnswered:
    """An utterance was answered in full; seconds since its end was known, ``None`` where there was no such thing.

    Attributes:
        told_secs: Until the upstream had it whole.
        first_text_secs: Until the first text of the interpretation.
        first_audio_secs: Until its first audio.
    """

    told_secs: float | None
    first_text_secs: float | None
    first_audio_secs: float | None


SessionEvent = (
    TurnEvent
    | SpeechDropped
    | TurnRestarted
    | UpstreamLost
    | Reconnected
    | Renewed
    | TokensCounted
    | StreamStopped
    | UtteranceAnswered
)
