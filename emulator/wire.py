"""The client's half of the Gemini Live wire: endpoint paths, frames, spellings, audio blobs. Pure values.

Names come in camelCase or snake_case, mixed in one message (what google-genai 2.34 sends); inside the emulator they
are camelCase.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

MAX_REASON_BYTES = 123
"""What RFC 6455 leaves for the reason in a close frame."""
MAX_RATE_HZ = 192_000
MIN_RATE_HZ = 8_000

_ENDPOINT = re.compile(
    r"^(?:/.*)?/+ws/google\.ai\.generativelanguage\.(v1alpha|v1beta)"
    r"\.GenerativeService\.BidiGenerateContent(Constrained)?$"
)
_MIME = re.compile(r"^audio/pcm(?:\s*;\s*rate=(\d{1,6}))?$", re.IGNORECASE)
_CLIENT_FIELDS = {"setup", "clientContent", "realtimeInput", "toolResponse", "contextUpdate"}
_REALTIME_FIELDS = {
    "audio",
    "mediaChunks",
    "video",
    "text",
    "audioStreamEnd",
    "activityStart",
    "activityEnd",
}


class WireError(Exception):
    """The client broke the wire's rules, or the emulator was told to say so: close with this code and reason.

    Attributes:
        code: WebSocket close code.
        reason: At most 123 bytes of UTF-8; cut as the service cuts it.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A request that asks for Gemini Live.

    Attributes:
        version: ``v1alpha`` or ``v1beta``.
        constrained: The method for ephemeral tokens.
        query_key: The ``key`` or ``access_token`` of the query; empty without one.
    """

    version: str
    constrained: bool
    query_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AudioBlob:
    """A piece of the client's sound: mono PCM s16le and its rate."""

    pcm: bytes = field(repr=False)
    rate_hz: int


def parse_endpoint(target: str) -> Endpoint | None:
    """Read a request target; None when it is no Gemini Live endpoint.

    Any prefix and doubled slashes are accepted: google-genai's default base URL makes ``//ws/…``.
    """
    parts = urlsplit("//host" + target)
    match = _ENDPOINT.match(parts.path)
    if match is None:
        return None
    query = parse_qs(parts.query)
    key = (query.get("key") or query.get("access_token") or [""])[0]
    return Endpoint(match[1], match[2] is not None, key)


def camel(name: str) -> str:
    """A field name in camelCase, whichever spelling it came in."""
    head, *tail = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail)


def snake(name: str) -> str:
    """A field name in snake_case, as the service's error texts spell it."""
    return re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name)


def parse_frame(frame: str | bytes) -> tuple[str, Any]:
    """Read a client frame: the name of its message in camelCase, and the message.

    Raises:
        WireError: It is no JSON object, or not exactly one known message.
    """
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError):
        raise WireError(1007, "Invalid JSON payload received. Expected an object.") from None
    if not isinstance(message, dict):
        raise WireError(1007, "Invalid JSON payload received. Expected an object.")
    for name in message:
        if camel(name) not in _CLIENT_FIELDS:
            raise unknown_name(name, "")
    if len(message) != 1:
        raise WireError(1007, f"Request contains an invalid argument. Expected one message, got {len(message)}.")
    name, body = next(iter(message.items()))
    return camel(name), body


def parse_realtime_input(body: Any) -> tuple[str, Any]:
    """The one field of a ``realtimeInput`` in camelCase, and its value. ``mediaChunks`` becomes ``audio``.

    Raises:
        WireError: Not an object, an unknown field, or not exactly one.
    """
    if not isinstance(body, dict):
        raise WireError(1007, "Invalid value at 'realtime_input': expected an object.")
    for name in body:
        if camel(name) not in _REALTIME_FIELDS:
            raise unknown_name(name, "realtime_input")
    if len(body) != 1:
        raise WireError(1007, "Request contains an invalid argument. Expected one field in 'realtime_input'.")
    name, value = next(iter(body.items()))
    if camel(name) == "mediaChunks" and isinstance(value, list) and len(value) == 1:
        return "audio", value[0]
    return camel(name), value


def parse_audio(blob: Any) -> AudioBlob:
    """Read an audio blob: base64 of either alphabet, padded or not, with a mime of ``audio/pcm;rate=N``.

    Raises:
        WireError: Anything else.
    """
    fields = {camel(name): value for name, value in blob.items()} if isinstance(blob, dict) else {}
    mime, data = fields.get("mimeType"), fields.get("data")
    if not isinstance(mime, str) or not isinstance(data, str):
        raise WireError(1007, "Invalid value at 'realtime_input.audio': expected 'data' and 'mimeType'.")
    match = _MIME.match(mime.strip())
    if match is None:
        raise WireError(1007, f"Unsupported mime type {mime[:40]!r}: expected 'audio/pcm;rate=16000'.")
    rate_hz = int(match[1] or 16_000)
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise WireError(1007, f"Unsupported audio rate {rate_hz}: expected {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz.")
    pcm = _decode(data)
    if len(pcm) % 2:
        raise WireError(1007, "Invalid audio: expected 16-bit samples, got an odd number of bytes.")
    return AudioBlob(pcm, rate_hz)


def unknown_name(name: str, place: str) -> WireError:
    """The service's error for a field that it does not know (text measured by kazunori279/interpretab)."""
    at = f" at '{place}'" if place else ""
    return WireError(1007, f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.')


def _decode(data: str) -> bytes:
    standard = data.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise WireError(1007, "Invalid value at 'realtime_input.audio.data' (TYPE_BYTES): no base64.") from None
