"""What a server has to answer, by ``docs/protocol.md`` alone: a second reading of the protocol.

Imports nothing of ours, and of others' only the standard library: a mistake in ``protocol/`` is not repeated here.
"""

import json
import math
import re
from dataclasses import dataclass
from typing import Any

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_MAX_DEPTH = 201
"""Objects and arrays within each other; deeper JSON counts as none."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_BRACKETS = re.compile(r"[\[\]{}]")
_TYPES = ("init", "audio", "interrupt", "close")
_LANGUAGES = ("auto", "ko", "en")
_TARGET = re.compile(r"(ko|en)(?:[-_][a-z0-9]{1,8}){0,8}", re.IGNORECASE)
"""One of the pair, as BCP-47 has it; regions and scripts of these two make no variety of their own."""
_ENGINE = "interpreter"
_ENCODINGS = ("base64", "binary")
_CLAIM = ("sessionId", "resumeToken", "lastSeq", "firstSample")
_LOWEST_RATE_HZ, _HIGHEST_RATE_HZ = 8000, 48000


@dataclass(frozen=True, slots=True)
class Limits:
    """What the server under test allows; the defaults are the documented ones.

    Attributes:
        message_bytes: ``MAX_MESSAGE_BYTES``.
        chunk_secs: ``MAX_CHUNK_SECS``.
        client_errors: ``MAX_CLIENT_ERRORS``.
        ahead_secs: ``MAX_AHEAD_SECS``.
        init_timeout_secs: ``INIT_TIMEOUT_SECS``.
    """

    message_bytes: int = 1024 * 1024
    chunk_secs: int = 5
    client_errors: int = 100
    ahead_secs: int = 30
    init_timeout_secs: int = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one message leads to.

    Attributes:
        error: The code of the error that answers it; ``None`` where it is accepted.
        close_code: How the connection is closed, where it is.
        accepted: The type of a message that is accepted; ``"audio"`` for a binary frame.
    """

    error: str | None = None
    close_code: int | None = None
    accepted: str | None = None


class Oracle:
    """One connection, as the documents have it.

    Attributes:
        initialized: An ``init`` was accepted.
        binary: It asked for binary frames.
        rate_hz: Of the client's audio.
        audio_secs: Audio that was accepted.
        refused: How many messages were refused.
    """

    def __init__(self, limits: Limits):
        """Begin before ``init``."""
        self._limits = limits
        self.initialized = False
        self.binary = False
        self.rate_hz = 16000
        self.audio_secs = 0.0
        self.refused = 0

    def judge(self, content: str | bytes) -> Verdict:
        """What ``content`` leads to, were it sent; nothing is remembered."""
        size = len(content.encode()) if isinstance(content, str) else len(content)
        if size > self._limits.message_bytes:
            return Verdict("MESSAGE_TOO_LARGE", 1009)
        verdict = self._judge_text(content) if isinstance(content, str) else self._judge_binary(content)
        if verdict.error is not None and verdict.close_code is None and self.refused >= self._limits.client_errors:
            return Verdict("RATE_LIMITED", 1008)
        return verdict

    def take(self, content: str | bytes) -> Verdict:
        """What ``content`` leads to, and remember that it was sent."""
        verdict = self.judge(content)
        self.refused += verdict.error is not None
        if verdict.accepted == "init" and isinstance(content, str):
            config = json.loads(content).get("config", {})
            self.initialized = True
            self.binary = config.get("audioEncoding") == "binary"
            self.rate_hz = int(config.get("sampleRate", 16000))
        elif verdict.accepted == "audio":
            self.audio_secs += _pcm_bytes(content) / 2 / self.rate_hz
        return verdict

    def _judge_binary(self, pcm: bytes) -> Verdict:
        if not self.initialized:
            return Verdict("NOT_READY")
        if not self.binary:
            return Verdict("INVALID_MESSAGE")
        return self._judge_pcm(len(pcm))

    def _judge_text(self, text: str) -> Verdict:
        value = _parsed(text)
        if not isinstance(value, dict) or not isinstance(value.get("type"), str):
            return Verdict("INVALID_MESSAGE")
        kind = value["type"]
        if kind not in _TYPES:
            return Verdict("UNKNOWN_TYPE")
        if self.initialized and kind == "init":
            return Verdict("ALREADY_INIT")
        if not self.initialized and kind in ("audio", "interrupt"):
            return Verdict("NOT_READY")
        match kind:
            case "init":
                return self._judge_init(value)
            case "audio":
                return self._judge_audio(value)
            case "close":
                return Verdict(close_code=1000, accepted=kind)
        return Verdict(accepted=kind)

    def _judge_init(self, value: dict[str, Any]) -> Verdict:
        config = value.get("config", {})
        if not isinstance(config, dict):
            return Verdict("INVALID_MESSAGE")
        language = config.get("language", "auto")
        rate = config.get("sampleRate", 16000)
        well_formed = (
            isinstance(language, str)
            and isinstance(config.get("targetLanguage", ""), str)
            and isinstance(config.get("engine", _ENGINE), str)
            and isinstance(config.get("useWhisper", False), bool)
            and _is_number(rate)
            and _LOWEST_RATE_HZ <= rate <= _HIGHEST_RATE_HZ
            and rate == int(rate)
            and isinstance(config.get("audioEncoding", "base64"), str)
            and config.get("audioEncoding", "base64") in _ENCODINGS
            and _is_resume(config.get("resume", {}))
        )
        if not well_formed:
            return Verdict("INVALID_MESSAGE")
        if config.get("engine", _ENGINE) != _ENGINE or "room" in config:  # there is no room that it could name
            return Verdict("INVALID_MESSAGE")
        if not _is_direction(language, config.get("targetLanguage")):
            return Verdict("UNSUPPORTED_LANGUAGE", 1008)
        return Verdict(accepted="init")

    def _judge_audio(self, value: dict[str, Any]) -> Verdict:
        data = value.get("data")
        if not isinstance(data, str) or not _is_number(value.get("timestamp", 0)):
            return Verdict("INVALID_MESSAGE")
        if not _BASE64.fullmatch(data):
            return Verdict("INVALID_AUDIO")
        return self._judge_pcm(_decoded_bytes(data))

    def _judge_pcm(self, size: int) -> Verdict:
        most = self._limits.chunk_secs * self.rate_hz * 2
        if size == 0 or size % 2 or size > most:
            return Verdict("INVALID_AUDIO")
        return Verdict(accepted="audio")


def _is_direction(language: str, target: str | None) -> bool:
    """Whether the server's pair has a direction from ``language`` to ``target``, where one is asked for."""
    if language not in _LANGUAGES or target is None:
        return language in _LANGUAGES
    out = _TARGET.fullmatch(target)
    return out is not None and out[1].lower() != language


def _is_resume(value: Any) -> bool:
    """Whether ``resume`` is an object with all of its four fields, or with none of them."""
    if not isinstance(value, dict):
        return False
    found = [value[name] for name in _CLAIM if name in value]
    if not found:
        return True
    return (
        len(found) == len(_CLAIM)
        and all(isinstance(text, str) for text in found[:2])
        and all(_is_number(count) and 0 <= count <= 2**53 - 1 and count == int(count) for count in found[2:])
    )


class _NoJsonError(ValueError):
    pass


_NOTHING = object()


def _parsed(text: str) -> Any:
    """The JSON value (RFC 8259), or a value that no JSON gives."""
    if _depth(text) > _MAX_DEPTH:
        return _NOTHING
    try:
        value = json.loads(text, parse_constant=_refuse)
    except ValueError:
        return _NOTHING
    return _NOTHING if _SURROGATE.search(json.dumps(value, ensure_ascii=False)) else value


def _refuse(constant: str) -> None:
    raise _NoJsonError(constant)


def _depth(text: str) -> int:
    """How deep brackets nest, those in strings aside."""
    deepest = depth = 0
    for bracket in _BRACKETS.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _is_number(value: Any) -> bool:
    """Whether ``value`` is a JSON number that a double can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or math.isfinite(value)


def _decoded_bytes(data: str) -> int:
    return len(data) // 4 * 3 - data.count("=")


def _pcm_bytes(content: str | bytes) -> int:
    return len(content) if isinstance(content, bytes) else _decoded_bytes(json.loads(content)["data"])
