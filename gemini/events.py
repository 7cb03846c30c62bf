"""Google's server messages as our events: pure and total.

One server message may hold several things at once (parts, both transcriptions, turn marks: seen on 3.x models,
pipecat PR #4148), so it becomes a *list* of events, content before the marks that end it.
"""

import re
from dataclasses import dataclass

from google.genai.types import (
    Blob,
    LiveServerContent,
    LiveServerMessage,
    MediaModality,
    ModalityTokenCount,
    Transcription,
    UsageMetadata,
)

_RATE = re.compile(r"rate=([1-9]\d{3,5})\b", re.ASCII)
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s", re.ASCII)
_DEFAULT_RATE_HZ = 24_000


@dataclass(frozen=True, slots=True)
class SourceText:
    """Recognised speech: a fragment to append, or one whole utterance, as the model likes.

    Attributes:
        text: As sent, leading space included.
        finished: The upstream says that the utterance's text is complete. Some models never do (js-genai #1429).
        language: The upstream's language code, where it sends one.
    """

    text: str
    finished: bool = False
    language: str | None = None


@dataclass(frozen=True, slots=True)
class InterimSourceText:
    """Recognised speech that may still change: the whole utterance so far, replaces the one before."""

    text: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class TargetText:
    """What the interpretation's speech says: a fragment to append; attributes as :class:`SourceText`."""

    text: str
    finished: bool = False
    language: str | None = None


@dataclass(frozen=True, slots=True)
class TargetAudio:
    """A piece of the interpretation's speech: PCM s16le mono at ``sample_rate_hz``."""

    pcm: bytes
    sample_rate_hz: int


@dataclass(frozen=True, slots=True)
class GenerationComplete:
    """All output of the turn is made."""


@dataclass(frozen=True, slots=True)
class TurnComplete:
    """The turn is over, as the upstream sees it: seconds after the output, or never."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The upstream broke its output off."""


@dataclass(frozen=True, slots=True)
class GoAway:
    """The upstream will close the connection in ``time_left_secs``."""

    time_left_secs: float


@dataclass(frozen=True, slots=True)
class Resumable:
    """A handle with which the session could be resumed."""

    handle: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that the upstream counted, as far as it sends them; those of text are a part of them."""

    prompt_tokens: int
    response_tokens: int
    prompt_text_tokens: int = 0
    response_text_tokens: int = 0


UpstreamEvent = (
    SourceText
    | InterimSourceText
    | TargetText
    | TargetAudio
    | GenerationComplete
    | TurnComplete
    | Interrupted
    | GoAway
    | Resumable
    | Usage
)


def parse(message: LiveServerMessage) -> list[UpstreamEvent]:
    """Every event in one server message, in the order in which they are to be handled.

    Unknown fields and parts that are no audio (thoughts, text) give no event.
    """
    events: list[UpstreamEvent] = []
    if message.server_content is not None:
        events += _content_events(message.server_content)
    if message.usage_metadata is not None:
        events.append(_usage(message.usage_metadata))
    if message.go_away is not None:
        events.append(GoAway(_seconds(message.go_away.time_left)))
    update = message.session_resumption_update
    if update is not None and update.resumable and update.new_handle:
        events.append(Resumable(update.new_handle))
    return events


def _content_events(content: LiveServerContent) -> list[UpstreamEvent]:
    events: list[UpstreamEvent] = []
    if (interim := _text(content.interim_input_transcription)) is not None:
        events.append(InterimSourceText(interim.text or "", interim.language_code))
    if (source := _text(content.input_transcription)) is not None:
        events.append(SourceText(source.text or "", bool(source.finished), source.language_code))
    if (target := _text(content.output_transcription)) is not None:
        events.append(TargetText(target.text or "", bool(target.finished), target.language_code))
    for part in (content.model_turn.parts or []) if content.model_turn else []:
        events += _audio_events(part.inline_data)
    if content.interrupted:
        events.append(Interrupted())
    if content.generation_complete:
        events.append(GenerationComplete())
    if content.turn_complete:
        events.append(TurnComplete())
    return events


def _text(transcription: Transcription | None) -> Transcription | None:
    """``transcription`` where it says anything: text, or that the text is finished."""
    if transcription is None or not (transcription.text or transcription.finished):
        return None
    return transcription


def _audio_events(blob: Blob | None) -> list[UpstreamEvent]:
    if blob is None or not blob.data:
        return []
    rate_hz = audio_rate_hz(blob.mime_type)
    return [] if rate_hz is None else [TargetAudio(blob.data, rate_hz)]


def audio_rate_hz(mime_type: str | None) -> int | None:
    """The rate of PCM by its MIME type, Google's default where it names none; ``None`` for what is no PCM."""
    if not (mime_type or "audio/pcm").startswith("audio/pcm"):
        return None
    rate = _RATE.search(mime_type or "")
    return int(rate.group(1)) if rate else _DEFAULT_RATE_HZ


def _usage(usage: UsageMetadata) -> Usage:
    return Usage(
        usage.prompt_token_count or 0,
        usage.response_token_count or 0,
        _text_tokens(usage.prompt_tokens_details),
        _text_tokens(usage.response_tokens_details),
    )


def _text_tokens(details: list[ModalityTokenCount] | None) -> int:
    return sum(item.token_count or 0 for item in details or [] if item.modality is MediaModality.TEXT)


def _seconds(duration: str | None) -> float:
    """A protobuf duration in JSON (``"50s"``, ``"1.5s"``) in seconds; 0 for anything else, a negative one too."""
    found = _DURATION.fullmatch(duration or "")
    return float(found.group(1)) if found else 0.0
