"""The server's frames as values; pure and total: what breaks the protocol becomes a :class:`ServerError`.

Message types and fields that the client does not know are ignored. Error and warning codes are an open set: a
server may have more of them than this client knows.
"""

import binascii
import json
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from client.errors import ServerError
from client.playback import PLAYBACK_RATE_HZ
from protocol.messages import (
    SAMPLE_BYTES,
    AudioResponse,
    Connected,
    Interrupted,
    SpeechState,
    Transcription,
    TurnComplete,
)


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of interpreted speech: signed 16 bit little endian PCM, mono, 24000 Hz, whole samples."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Notice:
    """The server's ``warning``: worth knowing, and no error."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Failure:
    """The server's ``error``; ``code`` is ``None`` where it gave none."""

    code: str | None
    message: str


Event = Connected | Transcription | SpeechState | TurnComplete | Interrupted | Sound | Notice | Failure

_MODELS: dict[str, type[Connected | Transcription | SpeechState | TurnComplete | Interrupted]] = {
    "connected": Connected,
    "input_transcription": Transcription,
    "output_transcription": Transcription,
    "speech_state": SpeechState,
    "turn_complete": TurnComplete,
    "interrupted": Interrupted,
}


def parse_frame(frame: str | bytes) -> Event | None:
    """What a frame says, or ``None`` for a message of an unknown type.

    Args:
        frame: A text frame's JSON, or a binary frame's PCM at 24000 Hz.

    Raises:
        ServerError: The frame breaks the protocol.
    """
    if isinstance(frame, bytes):
        return _sound(frame)
    try:
        content = json.loads(frame)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise _broken("a text frame", "no JSON object")
    return _event(content)


def _event(content: dict[str, Any]) -> Event | None:
    kind = content.get("type")
    if kind == "error":
        code = content.get("code")
        return Failure(None if code is None else str(code), str(content.get("message", "")))
    if kind == "warning":
        return Notice(str(content.get("code", "")), str(content.get("message", "")))
    model = AudioResponse if kind == "audio_response" else _MODELS.get(str(kind))
    if model is None:
        return None
    try:
        message = model.model_validate(content)
    except ValidationError as error:
        raise _broken(f"'{kind}'", _first_problem(error)) from error
    return _decoded(message) if isinstance(message, AudioResponse) else message


def _decoded(message: AudioResponse) -> Sound:
    if message.sample_rate != PLAYBACK_RATE_HZ:
        raise _broken(f"audio at {PLAYBACK_RATE_HZ} Hz", f"{message.sample_rate} Hz")
    try:
        return _sound(binascii.a2b_base64(message.data, strict_mode=True))
    except ValueError as error:
        raise _broken("base64 audio", str(error)) from error


def _sound(pcm: bytes) -> Sound:
    if len(pcm) % SAMPLE_BYTES:
        raise _broken("16 bit samples", f"an odd {len(pcm)} bytes")
    return Sound(pcm)


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"


def _broken(expected: str, got: str) -> ServerError:
    return ServerError(f"the server broke the protocol: expected {expected} as documented, got {got}")
