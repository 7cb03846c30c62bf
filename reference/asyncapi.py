"""The protocol as an AsyncAPI 3.0 document.

The application that the document describes is the server: what a client sends, it ``receive``s, and what a client
gets, it ``send``s (https://www.asyncapi.com/docs/reference/specification/v3.0.0#operationObject).
"""

from collections.abc import Sequence
from typing import Any, Literal

from protocol.errors import CLOSES_WITHOUT_ERROR, ERRORS
from protocol.messages import CLIENT_MESSAGES, SERVER_MESSAGES
from reference import VERSION
from reference.schemas import Schema, markdown, message_schema, schema_name

DEFAULT_HOST = "localhost:8000"
"""Where the server listens if nobody says otherwise."""

CHANNEL = "session"
"""The name of the one channel; a connection is a session."""

_Object = dict[str, Any]

_ABOUT = """\
A client streams speech to `/ws` and gets back its interpretation into the other language of a pair, as text and as
audio. One connection is one interpreting session. A text frame holds one JSON object with a `type`; binary frames
are audio, where the client asked for that.

A message type or a field that a client does not know is to be ignored. Fields without a value are left out, never
`null`. JSON types are strict: `"16000"` is no number and `1` no boolean; `16000.0` is an integer.

Names in capitals, such as `MAX_CHUNK_SECS`, are settings of the server; `docs/protocol.md` in its repository has
their defaults, the order in which messages come, and message flows."""

_CHANNEL_ABOUT = """\
Send `init` and wait for `connected`; speech may follow `init` at once. After `connected`, speech is sent as it is
spoken, pauses included, and turn follows turn: partials and audio as they come, the input final, the output final,
`turn_complete`. Compression is not negotiated, and no subprotocol is."""

_PCM_FRAME = "PCM, signed 16 bit, little endian, mono, without a header"

_BINARY: dict[str, tuple[str, str]] = {
    "audio_frame": (
        'A chunk of speech as a binary frame, where `init` asked for `audioEncoding` `"binary"`.',
        f"{_PCM_FRAME}, at `config.sampleRate`.",
    ),
    "audio_response_frame": (
        'A piece of interpreted speech as a binary frame, where `init` asked for `audioEncoding` `"binary"`.',
        f"{_PCM_FRAME}, at 24000 Hz.",
    ),
}


def asyncapi_document(host: str = DEFAULT_HOST, scheme: Literal["ws", "wss"] = "ws") -> _Object:
    """The document.

    Args:
        host: Name and port of the server that it is to name.
        scheme: ``"wss"`` behind TLS.
    """
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "live-interpreter",
            "version": VERSION,
            "description": markdown(_ABOUT),
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {"interpreter": {"host": host, "protocol": scheme}},
        "channels": {CHANNEL: _channel()},
        "operations": _operations(),
        "components": {
            "messages": {kind: _message(kind) for kind in (*CLIENT_MESSAGES, *SERVER_MESSAGES)}
            | {name: _binary_message(name) for name in _BINARY},
            "schemas": {schema_name(kind): _payload(kind) for kind in (*CLIENT_MESSAGES, *SERVER_MESSAGES)},
        },
    }


def _channel() -> _Object:
    names = (*CLIENT_MESSAGES, *SERVER_MESSAGES, *_BINARY)
    return {
        "address": "/ws",
        "title": "An interpreting session",
        "description": markdown(_CHANNEL_ABOUT),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"ws": _handshake()},
        "x-errors": [
            {
                "code": code.value,
                "when": rule.when,
                **({} if rule.close_code is None else {"closeCode": rule.close_code}),
                "advice": rule.advice,
            }
            for code, rule in ERRORS.items()
        ],
        "x-closes-without-error": [
            {"closeCode": close.close_code, "when": close.when, "advice": close.advice}
            for close in CLOSES_WITHOUT_ERROR
        ],
    }


def _handshake() -> _Object:
    token = "Accepted, as any other parameter is; has no effect and is not logged."
    origin = (
        "Sent by browsers. It must be in `CORS_ORIGINS` or be the server's own, else the handshake is refused with "
        "HTTP status 403. A program that sends none is let in."
    )
    return {
        "method": "GET",
        "query": {"type": "object", "properties": {"token": {"type": "string", "description": token}}},
        "headers": {"type": "object", "properties": {"Origin": {"type": "string", "description": origin}}},
        "bindingVersion": "0.1.0",
    }


def _operations() -> _Object:
    turn = ("input_transcription", "output_transcription", "audio_response", "audio_response_frame")
    return {
        "openSession": _operation(
            "receive", "The client opens the session.", ["init"], reply=["connected", "error"]
        ),
        "hearSpeech": _operation("receive", "The client sends speech.", ["audio", "audio_frame"]),
        "stopOutput": _operation(
            "receive", "The client stops the current output.", ["interrupt"], reply=["interrupted"]
        ),
        "endSession": _operation("receive", "The client ends the session.", ["close"]),
        "sendTurn": _operation("send", "A turn: an utterance and its interpretation.", [*turn, "turn_complete"]),
        "sendInterrupted": _operation("send", "What is queued for playing is to be dropped.", ["interrupted"]),
        "sendState": _operation("send", "What the interpreter makes of the speaker.", ["speech_state"]),
        "sendWarning": _operation("send", "Something worth knowing; the session goes on.", ["warning"]),
        "sendParticipant": _operation(
            "send", "Somebody came into the room, or left it.", ["participant_joined", "participant_left"]
        ),
        "sendError": _operation("send", "Something went wrong; a close may follow.", ["error"]),
    }


def _operation(
    action: Literal["send", "receive"], summary: str, messages: Sequence[str], reply: Sequence[str] = ()
) -> _Object:
    channel = {"$ref": f"#/channels/{CHANNEL}"}
    operation: _Object = {
        "action": action,
        "channel": channel,
        "summary": summary,
        "messages": _references(messages),
    }
    if reply:
        operation["reply"] = {"channel": channel, "messages": _references(reply)}
    return operation


def _references(messages: Sequence[str]) -> list[_Object]:
    return [{"$ref": f"#/channels/{CHANNEL}/messages/{name}"} for name in messages]


def _message(kind: str) -> _Object:
    schema = message_schema(kind)
    return {
        "name": kind,
        "title": kind,
        "summary": schema["description"],
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{schema_name(kind)}"},
        "examples": [{"payload": example} for example in schema["examples"]],
    }


def _binary_message(name: str) -> _Object:
    summary, format_of_it = _BINARY[name]
    return {
        "name": name,
        "title": name,
        "summary": summary,
        "contentType": "application/octet-stream",
        "payload": {"type": "string", "format": "binary", "description": format_of_it},
    }


def _payload(kind: str) -> Schema:
    """A message's schema without its examples, which stand in the message."""
    return {keyword: value for keyword, value in message_schema(kind).items() if keyword != "examples"}
