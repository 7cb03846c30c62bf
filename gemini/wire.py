"""The Live API's messages as the lean connector writes and reads them: bytes and events, pure.

Messages of the usual form are read field by field, without google-genai's types, which take ten times as long. Any
other message goes the way of :mod:`google.genai.live`, so that both connectors make the same events of it.
"""

import binascii
import functools
import json
from typing import Any, get_args

import pydantic_core
from google.genai.types import (
    Blob,
    Content,
    LiveServerContent,
    LiveServerMessage,
    Part,
    Transcription,
)
from pydantic import BaseModel, ConfigDict, TypeAdapter

from gemini.connector import INPUT_MIME_TYPE
from gemini.events import (
    GenerationComplete,
    InterimSourceText,
    Interrupted,
    SourceText,
    TargetAudio,
    TargetText,
    TurnComplete,
    UpstreamEvent,
    audio_rate_hz,
    parse,
)

ACTIVITY_START = b'{"realtimeInput":{"activityStart":{}}}'
ACTIVITY_END = b'{"realtimeInput":{"activityEnd":{}}}'
_AUDIO = b'{"realtimeInput":{"audio":{"data":"%%b","mimeType":"%b"}}}' % INPUT_MIME_TYPE.encode()
_BASE64 = TypeAdapter(bytes, config=ConfigDict(val_json_bytes="base64"))
"""As google-genai's types decode it: either alphabet, padding where there is any, nothing else."""
_rate_hz = functools.lru_cache(maxsize=64)(audio_rate_hz)


class _UnusualError(Exception):
    """A message is to be read the long way."""


def audio_message(pcm: bytes) -> bytes:
    """The message that carries a piece of audio."""
    return _AUDIO % binascii.b2a_base64(pcm, newline=False)


def text_message(text: str) -> bytes:
    """The message that says something in writing."""
    return json.dumps({"realtimeInput": {"text": text}}).encode()


def check_first_message(raw: bytes) -> None:
    """See that the answer to the setup can be read; google-genai asks no more of it.

    Raises:
        ValueError: It can't.
        TypeError: As before.
        AttributeError: As before.
    """
    _validated(_loads(raw) if raw else {})


def read_events(raw: bytes) -> list[UpstreamEvent]:
    """The events of a server message, as :func:`gemini.events.parse` gives them.

    Raises:
        Exception: Of any kind: the message can't be read.
    """
    try:
        return _events(pydantic_core.from_json(raw))
    except (_UnusualError, ValueError):
        return _events_of_any(_loads(raw) if raw else {})


# The short way: messages of texts, audio and marks


def _names(model: type[BaseModel]) -> frozenset[str]:
    """The fields of one of Google's types, in both spellings that it takes."""
    return frozenset(
        name for field in model.model_fields.items() for name in (field[0], field[1].alias or field[0])
    )


_OTHERS_OF_MESSAGE = _names(LiveServerMessage) - {"serverContent"}
_OTHERS_OF_CONTENT = _names(LiveServerContent) - {
    "modelTurn",
    "inputTranscription",
    "interimInputTranscription",
    "outputTranscription",
    "interrupted",
    "generationComplete",
    "turnComplete",
}
_OTHERS_OF_TRANSCRIPTION = _names(Transcription) - {"text", "finished", "languageCode"}
_OTHERS_OF_TURN = _names(Content) - {"parts", "role"}
_OTHERS_OF_PART = _names(Part) - {"inlineData"}
_OTHERS_OF_BLOB = _names(Blob) - {"data", "mimeType"}
"""Fields that Google's types have and the short way does not read; what no type has is passed over."""


def _events(message: Any) -> list[UpstreamEvent]:
    content = _object(_object(message, _OTHERS_OF_MESSAGE).get("serverContent"), _OTHERS_OF_CONTENT)
    events: list[UpstreamEvent] = []
    if interim := _transcription(content.get("interimInputTranscription")):
        events.append(InterimSourceText(interim[0], interim[2]))
    if source := _transcription(content.get("inputTranscription")):
        events.append(SourceText(*source))
    if target := _transcription(content.get("outputTranscription")):
        events.append(TargetText(*target))
    if (turn := content.get("modelTurn")) is not None:
        events += _audio(turn)
    if _flag(content.get("interrupted")):
        events.append(Interrupted())
    if _flag(content.get("generationComplete")):
        events.append(GenerationComplete())
    if _flag(content.get("turnComplete")):
        events.append(TurnComplete())
    return events


def _audio(turn: Any) -> list[UpstreamEvent]:
    fields = _object(turn, _OTHERS_OF_TURN)
    _string(fields.get("role"))
    parts = fields.get("parts")
    if type(parts) is not list:
        raise _UnusualError
    events: list[UpstreamEvent] = []
    for part in parts:
        blob = _object(_object(part, _OTHERS_OF_PART).get("inlineData"), _OTHERS_OF_BLOB)
        rate_hz = _rate_hz(_string(blob.get("mimeType")))
        pcm = _BASE64.validate_python(_string(blob.get("data")))
        if pcm and rate_hz is not None:
            events.append(TargetAudio(pcm, rate_hz))
    return events


def _transcription(value: Any) -> tuple[str, bool, str | None] | None:
    """Text, whether it is finished, and language; ``None`` where it says neither of the first two."""
    if value is None:
        return None
    fields = _object(value, _OTHERS_OF_TRANSCRIPTION)
    text, finished = _string(fields.get("text")), _flag(fields.get("finished"))
    language = _string(fields.get("languageCode"))
    return (text or "", finished, language) if text or finished else None


def _object(value: Any, others: frozenset[str]) -> dict[str, Any]:
    if type(value) is dict and others.isdisjoint(value):
        return value
    raise _UnusualError


def _string(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    raise _UnusualError


def _flag(value: Any) -> bool:
    if value is None or type(value) is bool:
        return bool(value)
    raise _UnusualError


# The long way, for any message

_MESSAGE_FIELDS = tuple(str(field.alias) for field in LiveServerMessage.model_fields.values())
_VOICE_ACTIVITY_FIELDS = {"type": "voiceActivityType", "audioOffset": "audioOffset"}
"""The type's names are not those of the wire."""


def _loads(raw: bytes) -> Any:
    """What google-genai reads JSON with: takes lone surrogates, a byte order mark and UTF-16, too."""
    return json.loads(raw)


def _events_of_any(message: Any) -> list[UpstreamEvent]:
    if not message:
        return []
    known = {name: message[name] for name in _MESSAGE_FIELDS if message.get(name) is not None}
    if not known:
        raise ValueError("expected a field of a server message")
    voice = known.get("voiceActivity")
    if voice is not None:
        known["voiceActivity"] = {
            name: voice[on_wire] for on_wire, name in _VOICE_ACTIVITY_FIELDS.items() if voice and on_wire in voice
        }
    return parse(_validated(known))


def _validated(message: Any) -> LiveServerMessage:
    return LiveServerMessage.model_validate(_pruned(LiveServerMessage, message))


def _pruned(model: type[BaseModel], value: Any) -> Any:
    """``value`` without the fields that ``model`` does not have, which its validation would refuse."""
    if isinstance(value, list):
        return [_pruned(model, item) for item in value]
    if not isinstance(value, dict):
        return value
    fields = _fields(model)
    known = ((name, below, fields[name]) for name, below in value.items() if name in fields)
    return {name: below if inner is None else _pruned(inner, below) for name, below, inner in known}


@functools.cache
def _fields(model: type[BaseModel]) -> dict[str, type[BaseModel] | None]:
    """The fields of a type in both spellings, each with the type of what is in it where that is one of Google's."""
    model.model_rebuild()  # Google's types are built on first use: until then annotations are names
    found: dict[str, type[BaseModel] | None] = {}
    for name, field in model.model_fields.items():
        found[name] = found[field.alias or name] = _model_in(field.annotation)
    return found


def _model_in(annotation: Any) -> type[BaseModel] | None:
    while arguments := get_args(annotation):
        annotation = arguments[0]
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
