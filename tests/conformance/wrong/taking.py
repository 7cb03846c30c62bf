"""Servers that take what they must refuse, refuse what they must take, or lose what they are told."""

import base64
from collections.abc import Callable

from tests.conformance.wrong.cases import Case, error_as, takes
from tests.conformance.wrong.hearing import (
    MAX_MESSAGE_BYTES,
    CountsTooFew,
    EndsAtErrors,
    EndsEverybody,
    HearsVoices,
    Measures,
    RefusesInitForGood,
    RefusesToken,
    TakesAnyText,
    Unlimited,
    WaitsForAudio,
    answers,
    deaf,
    refuses,
    swallows,
)
from tests.conformance.wrong.server import Frame, Message, Misbehaviour, as_message

_LONGEST_CHUNK_BYTES = 160_000


def takes_config(name: str, lenient: Callable[[object], object]) -> Callable[[], Misbehaviour]:
    """Takes a wrong value of this field of ``config`` for another one."""

    def change(message: Message) -> Message:
        config = message.get("config")
        if not isinstance(config, dict) or name not in config:
            return message
        return {**message, "config": {**config, name: lenient(config[name])}}

    return takes("init", change)


def _audio_with(change: Callable[[Message], Message | None]) -> Callable[[], Misbehaviour]:
    return takes("audio", change)


def _even(message: Message) -> Message:
    try:
        pcm = base64.b64decode(str(message.get("data")), validate=True)
    except ValueError:
        return message
    return {**message, "data": base64.b64encode(pcm[: len(pcm) // 2 * 2] or bytes(2)).decode()}


def _shortened(message: Message) -> Message:
    pcm = base64.b64decode(str(message["data"]))
    return {**message, "data": base64.b64encode(pcm[:_LONGEST_CHUNK_BYTES]).decode()}


def _is_text(frame: Frame) -> bool:
    return isinstance(frame, str) and as_message(frame) is None


def _config(message: Message) -> Message:
    config = message.get("config")
    return config if isinstance(config, dict) else {}


def _of(message: Message | None, kind: str) -> bool:
    return message is not None and message["type"] == kind


_KNOWN = {"language", "useWhisper", "sampleRate", "audioEncoding"}

TAKING = [
    Case("refuses URLs with a query", "token-in-url", RefusesToken),
    Case("wants a config", "init-without-config", refuses(lambda m: "config" not in m)),
    Case("answers nothing at all", "init-without-config", swallows(lambda link, frame, m: True)),
    Case("knows no 'auto'", "init-languages", refuses(lambda m: _config(m).get("language") == "auto")),
    Case("knows one language", "init-languages", refuses(lambda m: _config(m).get("language") == "en")),
    Case("refuses unknown fields", "init-unknown-fields", refuses(lambda m: bool(set(_config(m)) - _KNOWN))),
    Case(
        "refuses 16000.0", "init-integral-float", refuses(lambda m: isinstance(_config(m).get("sampleRate"), float))
    ),
    Case('takes "16000"', "init-strict-types", takes_config("sampleRate", lambda v: int(v) if v == "16000" else v)),
    Case('takes "true"', "init-strict-types", takes_config("useWhisper", bool)),
    Case("takes null", "init-strict-types", takes_config("language", lambda value: value or "auto")),
    Case("takes 7999 Hz", "init-rate-bounds", takes_config("sampleRate", lambda v: 8000 if v == 7999 else v)),
    Case("refuses 48 kHz", "init-rate-bounds", refuses(lambda m: _config(m).get("sampleRate") == 48000)),
    Case("refuses targets", "target-language", refuses(lambda m: "targetLanguage" in _config(m))),
    Case(
        "takes any text as target",
        "unsupported-target",
        takes_config("targetLanguage", lambda value: "en" if isinstance(value, str) else value),
    ),
    Case(
        "takes a number as target",
        "unsupported-target",
        takes_config("targetLanguage", lambda value: "en" if value == 7 else value),
    ),
    Case("refuses engines", "engine-by-name", refuses(lambda m: "engine" in _config(m))),
    Case(
        "takes any text as engine",
        "unknown-engine",
        takes_config("engine", lambda value: "interpreter" if isinstance(value, str) else value),
    ),
    Case("takes no 'init' after a wrong one", "init-again-after-refusal", RefusesInitForGood),
    Case(
        "looks at the type of broken JSON",
        "order-json-before-type",
        answers("NOT_READY", lambda link, frame, m: _is_text(frame)),
    ),
    Case(
        "looks at the state first",
        "order-type-before-state",
        answers("NOT_READY", lambda link, frame, m: not link.connected and not _of(m, "init")),
    ),
    Case(
        "looks at the fields first",
        "order-state-before-fields",
        answers("INVALID_MESSAGE", lambda link, frame, m: _of(m, "audio") and "data" not in (m or {})),
    ),
    Case(
        "looks at a second 'init'",
        "order-state-before-fields",
        answers("INVALID_MESSAGE", lambda link, frame, m: _of(m, "init") and (m or {}).get("config") == 5),
    ),
    Case(
        "looks at the audio first",
        "order-state-before-audio",
        answers("INVALID_AUDIO", lambda link, frame, m: _of(m, "audio") and (m or {}).get("data") == "%%%"),
    ),
    Case(
        "looks at the audio first",
        "order-fields-before-audio",
        answers("INVALID_AUDIO", lambda link, frame, m: _of(m, "audio") and (m or {}).get("data") == "%%%"),
    ),
    Case(
        "ignores what is no JSON", "invalid-message-before-init", swallows(lambda link, frame, m: _is_text(frame))
    ),
    Case("closes at errors", "invalid-message-before-init", EndsAtErrors),
    Case("ignores what is no JSON", "invalid-message-in-session", swallows(lambda link, frame, m: _is_text(frame))),
    Case("closes at errors", "invalid-message-in-session", EndsAtErrors),
    Case(
        "ignores audio without data",
        "invalid-message-fields",
        swallows(lambda link, frame, m: _of(m, "audio") and "data" not in (m or {})),
    ),
    Case("calls wrong fields bad audio", "invalid-message-fields", error_as("INVALID_MESSAGE", "INVALID_AUDIO")),
    Case(
        "takes binary frames", "invalid-message-binary", swallows(lambda link, frame, m: isinstance(frame, bytes))
    ),
    Case("ignores unknown types", "unknown-type", swallows(lambda link, frame, m: _of(m, "nonsense"))),
    Case("closes at errors", "unknown-type", EndsAtErrors),
    Case(
        "ignores an early 'interrupt'",
        "not-ready",
        swallows(lambda link, frame, m: _of(m, "interrupt") and not link.connected),
    ),
    Case("calls early audio wrong", "not-ready", error_as("NOT_READY", "INVALID_MESSAGE")),
    Case(
        "ignores a second 'init'",
        "already-init",
        swallows(lambda link, frame, m: _of(m, "init") and getattr(link, "inits", 0) > 1),
    ),
    Case(
        "takes URL-safe base64",
        "invalid-audio",
        _audio_with(lambda m: {**m, "data": "AAAAAAAA"} if m.get("data") == "-_-_-_-_" else m),
    ),
    Case("takes an odd byte", "invalid-audio", _audio_with(_even)),
    Case("calls bad audio a bad message", "invalid-audio", error_as("INVALID_AUDIO", "INVALID_MESSAGE")),
    Case("takes chunks of any length", "longest-chunk", _audio_with(_shortened)),
    Case(
        "takes shorter chunks only",
        "longest-chunk",
        answers("INVALID_AUDIO", lambda link, frame, m: _of(m, "audio") and len(frame) > 200_000),
    ),
    Case(
        "wants a timestamp",
        "timestamp-decides-nothing",
        answers("INVALID_MESSAGE", lambda link, frame, m: _of(m, "audio") and "timestamp" not in (m or {})),
    ),
    Case("stops listening after an error", "errors-amid-speech", deaf(lambda link, secs: link.errors > 0)),
    Case("takes any language", "unsupported-language", takes_config("language", lambda value: "auto")),
    Case("has a lower limit of size", "message-at-the-limit", Measures),
    Case(
        "ignores large frames",
        "message-too-large",
        swallows(lambda link, frame, m: len(frame) > MAX_MESSAGE_BYTES // 3),
    ),
    Case(
        "takes frames of any size",
        "message-far-too-large",
        swallows(lambda link, frame, m: len(frame) > MAX_MESSAGE_BYTES),
    ),
    Case("takes text that is no UTF-8", "not-utf8", TakesAnyText),
    Case("ends others, too", "one-connection-ends-alone", EndsEverybody),
    Case("waits for 'init' for ever", "init-timeout", Unlimited),
    Case("takes any number of errors", "errors-limited", Unlimited),
    Case("takes ten errors", "errors-limited", CountsTooFew),
    Case("calls every error the same", "errors-limited", error_as("UNKNOWN_TYPE", "INVALID_MESSAGE")),
    Case("takes any amount of audio", "audio-limited", Unlimited),
    Case("misses the first second", "speech-is-heard-whole", deaf(lambda link, secs: link.heard_secs < 1.0)),
    Case("loses early audio", "early-audio-is-kept", deaf(lambda link, secs: not link.connected)),
    Case("waits for silence from the client", "client-may-stop-sending", WaitsForAudio),
    Case("is deaf after a gap", "client-may-resume-sending", deaf(lambda link, secs: link.gap)),
    Case("takes silence for speech", "silence-is-no-turn", HearsVoices),
    Case(
        "loses an early 'interrupt'",
        "interrupt-while-connecting",
        swallows(lambda link, frame, m: _of(m, "interrupt") and not link.connected),
    ),
    Case("is deaf at 8 kHz", "rate-8000", deaf(lambda link, secs: link.config.get("sampleRate") == 8000)),
    Case("is deaf at 11.025 kHz", "rate-11025", deaf(lambda link, secs: link.config.get("sampleRate") == 11025)),
    Case("is deaf at 24 kHz", "rate-24000", deaf(lambda link, secs: link.config.get("sampleRate") == 24000)),
    Case("is deaf at 44.1 kHz", "rate-44100", deaf(lambda link, secs: link.config.get("sampleRate") == 44100)),
    Case("is deaf at 48 kHz", "rate-48000", deaf(lambda link, secs: link.config.get("sampleRate") == 48000)),
    Case("loses chunks over 50 ms", "chunk-100-ms", deaf(lambda link, secs: secs > 0.05)),
    Case("loses chunks over 200 ms", "chunk-256-ms", deaf(lambda link, secs: secs > 0.2)),
    Case("loses chunks over 1 s", "chunk-longest", deaf(lambda link, secs: secs > 1.0)),
    Case(
        "loses JSON audio beside binary",
        "binary-takes-json-audio",
        swallows(lambda link, frame, m: _of(m, "audio")),
    ),
    Case(
        "takes odd binary frames",
        "binary-invalid-audio",
        swallows(lambda link, frame, m: isinstance(frame, bytes) and len(frame) % 2 == 1),
    ),
    Case("takes any encoding", "unknown-encoding", takes_config("audioEncoding", lambda value: "base64")),
]
