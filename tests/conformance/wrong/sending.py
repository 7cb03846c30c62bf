"""Servers that send something wrong."""

import base64
import time
from collections.abc import Callable

from tests.conformance.wrong.answers import (
    BargesIn,
    CancelsAll,
    CompletesLate,
    DropsLastTurn,
    Echoes,
    FinishesAtClose,
    GoesOnAfterInterrupt,
    InterruptsOnce,
    JsonForBinary,
    RepeatsTurns,
    SendsPieces,
    SkipsSilent,
    SpeaksFirst,
    StateBeforeConnected,
    SwapsFinals,
    SwapsTurns,
)
from tests.conformance.wrong.cases import INPUT, OUTPUT, Case, closes, sends, sends_twice, sends_with
from tests.conformance.wrong.server import Message, Misbehaviour


def _with_pcm(message: Message, pcm: bytes) -> Message:
    return {**message, "data": base64.b64encode(pcm).decode()}


def _final_with_stop(message: Message) -> Message:
    return {**message, "text": message["text"] + "!"} if message["isFinal"] else message


def _without_language(message: Message) -> Message:
    return {name: value for name, value in message.items() if name != "language"}


def _never(wanted: str) -> Callable[[], Misbehaviour]:
    return sends("speech_state", lambda message: None if message["state"] == wanted else message)


def _without_error(code: str) -> Callable[[], Misbehaviour]:
    return sends("error", lambda message: None if message.get("code") == code else message)


_FAULTY_ERROR = "/srv/live/protocol/decoding.py line 3: KeyError"
_SOUND = "audio_response"

SENDING = [
    Case("greets before 'init'", "quiet-before-init", SpeaksFirst),
    Case("names its sessions", "session-id", sends_with("connected", sessionId="session-1")),
    Case(
        "has one session id",
        "session-id",
        sends_with("connected", sessionId="7f9c24e5-1c8f-4f0a-9d3c-2b6a51c0d0aa"),
    ),
    Case("tells another rate", "connected-tells-rates", sends_with("connected", inputSampleRate=16000)),
    Case("says it is connected twice", "law-connected-first", sends_twice("connected")),
    Case("sends a state before 'connected'", "law-connected-first", StateBeforeConnected),
    Case("sends null for what is absent", "law-no-nulls", sends_with("connected", resumeToken=None)),
    Case("sends numbers as text", "law-well-formed", sends("speech_state", lambda m: {**m, "timestamp": "0"})),
    Case(
        "leaves a field out",
        "law-well-formed",
        sends("turn_complete", lambda m: {"type": m["type"], "inputText": ""}),
    ),
    Case("sends new pieces of text alone", "law-text-grows", SendsPieces),
    Case("corrects the final", "law-finals-repeat", sends(OUTPUT, _final_with_stop)),
    Case("drops the input final", "law-finals-repeat", sends(INPUT, lambda m: None if m["isFinal"] else m)),
    Case("sends finals twice", "law-finals-repeat", sends_twice(OUTPUT)),
    Case("leaves the language out", "law-finals-language", sends(OUTPUT, _without_language)),
    Case(
        "always says 'ko'",
        "law-finals-language",
        sends(INPUT, lambda m: {**m, "language": "ko"} if m["isFinal"] else m),
    ),
    Case("tells the language of partials", "law-finals-language", sends_with(INPUT, language="en")),
    Case("swaps the finals", "law-turn-order", SwapsFinals),
    Case("completes a turn in the next one", "law-turn-order", CompletesLate),
    Case(
        "completes with another text",
        "law-turn-complete",
        sends("turn_complete", lambda m: {**m, "outputText": "."}),
    ),
    Case("completes turns twice", "law-turn-complete", sends_twice("turn_complete")),
    Case("sends half samples", "law-audio", sends(_SOUND, lambda m: _with_pcm(m, bytes(321)))),
    Case("sends empty sound", "law-audio", sends(_SOUND, lambda m: _with_pcm(m, b""))),
    Case("sends sound at 16 kHz", "law-audio", sends_with(_SOUND, sampleRate=16000)),
    Case("sends URL-safe base64", "law-audio", sends_with(_SOUND, data="-_-_")),
    Case("sends states twice", "law-states", sends_twice("speech_state")),
    Case("invents a state", "law-states", sends_with("speech_state", state="listening")),
    Case("skips 'silent' after 'speaking'", "law-states", SkipsSilent),
    Case("tells time in seconds", "law-state-times", sends_with("speech_state", timestamp=int(time.time()))),
    Case("sends no states", "states-follow-speech", sends("speech_state", lambda m: None)),
    Case("never ends in 'silent'", "states-follow-speech", _never("silent")),
    Case("knows no 'processing'", "states-processing", _never("processing")),
    Case("tells where it broke", "law-errors", sends_with("error", message=_FAULTY_ERROR)),
    Case("says nothing of an error", "law-errors", sends_with("error", message="")),
    Case("invents a code", "law-errors", sends_with("error", code="OOPS")),
    Case("interrupts by itself", "law-interrupted", sends_with("interrupted", reason="because")),
    Case("answers each utterance twice", "turn-for-each-utterance", RepeatsTurns),
    Case("swaps the turns", "turns-in-order", SwapsTurns),
    Case("sends no sound", "output-is-spoken", sends(_SOUND, lambda m: None)),
    Case("forgets the fourth turn", "session-outlives-turns", DropsLastTurn),
    Case("interrupts itself when somebody speaks", "talking-on-cancels-nothing", BargesIn),
    Case("repeats what is said", "language-en", Echoes),
    Case("repeats what is said", "language-ko", Echoes),
    Case("answers no 'interrupt'", "interrupt-is-answered", sends("interrupted", lambda m: None)),
    Case("answers 'interrupt' twice", "interrupt-is-answered", sends_twice("interrupted")),
    Case("answers the first 'interrupt' alone", "interrupt-is-answered", InterruptsOnce),
    Case("answers the first 'interrupt' alone", "interrupt-twice", InterruptsOnce),
    Case("plays on after 'interrupt'", "interrupt-cuts-the-turn", GoesOnAfterInterrupt),
    Case("cancels what is being said", "interrupt-while-speaking", CancelsAll),
    Case("cancels what waits", "interrupt-before-output", CancelsAll),
    Case("finishes the turn at 'close'", "close-during-output", FinishesAtClose),
    Case("closes with 1011", "close-ends-the-session", closes({1000: 1011})),
    Case("closes with 1011", "close-before-init", closes({1000: 1011})),
    Case("closes with 1000", "unsupported-language", closes({1008: 1000})),
    Case("closes with 1000", "init-timeout", closes({1008: 1000})),
    Case("closes with 1000", "errors-limited", closes({1008: 1000})),
    Case("closes with 1000", "audio-limited", closes({1008: 1000})),
    Case("closes with 1008", "message-too-large", closes({1009: 1008})),
    Case("tells no error before it closes", "message-too-large", sends("error", lambda m: None)),
    Case("tells no error before it closes", "init-timeout", _without_error("INIT_TIMEOUT")),
    Case("closes with 1008", "message-far-too-large", closes({1009: 1008})),
    Case("sends JSON sound for binary", "binary-audio", JsonForBinary),
    Case("calls a warning an error", "use-whisper", sends("warning", lambda m: {**m, "type": "error"})),
]
