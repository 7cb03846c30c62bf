"""The JSON Schemas are true: they accept what the protocol accepts, and refuse what it refuses."""

import base64
import json
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from protocol.decoding import decode_text
from protocol.errors import ErrorCode, Fault, WarningCode
from protocol.messages import CLIENT_MESSAGES, SERVER_MESSAGES, Audio, Connected, Warning
from reference.examples import EXAMPLES
from reference.schemas import client_schema, message_schema, server_schema
from tests.support import hypothesis_profile
from tests.support.conversation import conversation
from tests.support.vectors import cases

__all__ = ["hypothesis_profile"]

CLIENT = Draft202012Validator(client_schema(), format_checker=FormatChecker())
SERVER = Draft202012Validator(server_schema(), format_checker=FormatChecker())
NOT_FOR_A_SCHEMA = {"timestamp is out of range of a number"}
"""Invalid vectors that a schema cannot tell from valid messages: JSON's grammar knows no range."""


def accepted_by_server(text: str) -> bool:
    """Whether the server takes a text frame, in one of the two states in which a client may be."""
    for initialized in (False, True):
        message = decode_text(text, initialized=initialized)
        if isinstance(message, Audio):
            return isinstance(message.pcm(len(text)), bytes)
        if not isinstance(message, Fault):
            return True
    return False


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=5,
)
RATES = st.integers(7990, 48010) | st.floats(7990, 48010) | st.sampled_from([8000.0, 8000, 48000.0, 7999.5])
BASE64 = st.binary(max_size=9).map(lambda pcm: base64.b64encode(pcm).decode()) | st.text("AQgw+/=- \n", max_size=12)
RESUMES = st.fixed_dictionaries(
    {},
    optional={
        "sessionId": st.text(max_size=3) | JSON_VALUES,
        "resumeToken": st.text(max_size=3) | JSON_VALUES,
        "lastSeq": st.integers(-1, 2**53) | st.floats(-1, 2**54) | JSON_VALUES,
        "firstSample": st.integers(-1, 2**53) | JSON_VALUES,
    },
)
ROOMS = st.fixed_dictionaries(
    {},
    optional={
        "id": st.text(max_size=3) | JSON_VALUES,
        "token": st.text(max_size=3) | JSON_VALUES,
        "name": st.text(max_size=66) | st.sampled_from(["a\n", "\u2066", "\x85", "\u200d"]) | JSON_VALUES,
    },
)
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "language": st.sampled_from(["auto", "ko", "tlh", ""]) | JSON_VALUES,
        "useWhisper": st.booleans() | JSON_VALUES,
        "sampleRate": RATES | JSON_VALUES,
        "audioEncoding": st.sampled_from(["base64", "binary", "Binary"]) | JSON_VALUES,
        "resume": RESUMES | JSON_VALUES,
        "room": ROOMS | JSON_VALUES,
    },
)
MESSAGES = st.fixed_dictionaries(
    {"type": st.sampled_from([*CLIENT_MESSAGES, "connected"]) | JSON_VALUES},
    optional={
        "data": BASE64 | JSON_VALUES,
        "timestamp": st.integers() | JSON_VALUES,
        "config": CONFIGS | JSON_VALUES,
        "x": JSON_VALUES,
    },
)


@given(MESSAGES | JSON_VALUES)
@example({"type": "init", "config": {"sampleRate": 16000.0}})
@example({"type": "init", "config": {"sampleRate": True}})
@example({"type": "init", "config": None})
@example({"type": "init", "config": {"resume": {}}})
@example({"type": "init", "config": {"resume": None}})
@example({"type": "init", "config": {"resume": {"sessionId": "a", "resumeToken": "b", "lastSeq": 0}}})
@example(
    {
        "type": "init",
        "config": {"resume": {"sessionId": "a", "resumeToken": "b", "lastSeq": 0, "firstSample": 2**53 - 1}},
    }
)
@example({"type": "init", "config": {"room": {"id": "a", "token": "b", "name": "c\n"}}})
@example({"type": "init", "config": {"room": {"id": "a", "token": "b", "name": "c" * 64}}})
@example({"type": "audio", "data": "AAA=", "timestamp": False})
@example({"type": "audio", "data": "AAAAAAAA=="})
def test_the_schema_accepts_exactly_what_the_server_takes(value: object) -> None:
    """For any JSON, such that looks like a message above all, schema and server agree."""
    data = value.get("data") if isinstance(value, dict) else None
    assume(not (isinstance(data, str) and data.endswith("\n")))  # Python's $ matches before it, ECMA 262's does not
    assert CLIENT.is_valid(value) is accepted_by_server(json.dumps(value))


@given(st.binary(max_size=40))
def test_the_pattern_of_audio_is_whole_samples(pcm: bytes) -> None:
    """Exactly base64 of one sample or more is audio."""
    message = {"type": "audio", "data": base64.b64encode(pcm).decode()}
    assert CLIENT.is_valid(message) is (len(pcm) > 0 and len(pcm) % 2 == 0)


@pytest.mark.parametrize("schema", [client_schema(), server_schema()], ids=["client", "server"])
def test_a_schema_is_a_schema(schema: dict[str, Any]) -> None:
    """It is valid in the dialect that it names, and stands for itself: it refers to nothing outside."""
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(schema)
    names = {f"#/$defs/{name}" for name in schema["$defs"]}
    assert {part["$ref"] for part in schema["oneOf"]} == names
    assert json.dumps(schema).count('"$ref"') == len(names)


@pytest.mark.parametrize("case", cases("client_messages.json"))
def test_golden_client_messages_are_valid(case: dict[str, Any]) -> None:
    """What the server must understand, the schema allows."""
    CLIENT.validate(json.loads(case["text"]))


def test_invalid_client_messages_are_refused() -> None:
    """What the server must refuse in any state, the schema refuses, as far as a schema can."""
    accepted = {
        case["name"]
        for (case,) in (parameters.values for parameters in cases("client_messages_invalid.json"))
        if case["expect"]["error"] not in (ErrorCode.NOT_READY, ErrorCode.ALREADY_INIT)
        and _is_valid_text(case["text"])
    }
    assert accepted == NOT_FOR_A_SCHEMA


def _is_valid_text(text: str) -> bool:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    try:
        return CLIENT.is_valid(json.loads(text, parse_constant=refuse))
    except (ValueError, RecursionError):
        return False


@pytest.mark.parametrize("case", cases("server_messages.json"))
def test_golden_server_messages_are_valid(case: dict[str, Any]) -> None:
    """What the server writes, the schema allows."""
    SERVER.validate(json.loads(case["json"]))


@pytest.mark.parametrize("kind", [*CLIENT_MESSAGES, *SERVER_MESSAGES])
def test_examples_are_valid(kind: str) -> None:
    """The example of a message is one of it, and of no other."""
    assert EXAMPLES[kind]["type"] == kind
    Draft202012Validator(message_schema(kind)).validate(EXAMPLES[kind])
    (CLIENT if kind in CLIENT_MESSAGES else SERVER).validate(EXAMPLES[kind])


@pytest.mark.parametrize("kind", SERVER_MESSAGES)
def test_no_field_of_the_server_is_null(kind: str) -> None:
    """Each field may be what it is or, where the table says so, be missing; ``null`` it is never."""
    for field in message_schema(kind)["properties"]:
        assert not SERVER.is_valid({**EXAMPLES[kind], field: None}), field


@pytest.mark.parametrize("kind", [*CLIENT_MESSAGES, *SERVER_MESSAGES])
def test_every_required_field_is_needed(kind: str) -> None:
    """A message that lacks one, ``type`` included, is none; unknown fields are allowed."""
    validator = CLIENT if kind in CLIENT_MESSAGES else SERVER
    validator.validate({**EXAMPLES[kind], "unknown": [None]})
    for field in message_schema(kind)["required"]:
        assert not validator.is_valid({name: value for name, value in EXAMPLES[kind].items() if name != field})


@pytest.mark.parametrize(
    "message",
    [
        {"type": "input_transcription", "text": "x", "isFinal": True},
        {"type": "input_transcription", "text": "x", "isFinal": False, "language": "ko"},
        {"type": "output_transcription", "text": "", "isFinal": False},
        {"type": "audio_response", "data": "", "sampleRate": 24000},
        {"type": "warning", "message": "x", "code": "SPEECH_DROPPED"},
        {"type": "warning", "message": "x", "code": "WHISPER_UNAVAILABLE", "ms": 1},
        {"type": "warning", "message": "x", "code": "OTHER"},
        {"type": "error", "message": "x", "code": "OTHER"},
        {"type": "interrupted", "reason": "other"},
        {"type": "speech_state", "state": "silent", "timestamp": 1.5},
        {"type": "connected", "sessionId": "no uuid"},
    ],
)
def test_what_the_server_never_sends_is_refused(message: dict[str, Any]) -> None:
    """The schema tells a message that breaks a rule about one message from one that does not."""
    assert not SERVER.is_valid(message)


def test_what_the_models_leave_out_is_allowed() -> None:
    """A server that speaks only the documented part of the protocol is not refused."""
    SERVER.validate(json.loads(Connected(session_id="550e8400-e29b-41d4-a716-446655440000").to_json()))
    SERVER.validate(json.loads(Warning(message="x", code=WarningCode.WHISPER_UNAVAILABLE).to_json()))
    SERVER.validate({"type": "error", "message": "x"})


async def test_what_a_session_sends_is_valid() -> None:
    """Every message of a real session, interrupted and with an error in between, is what the schema says."""
    async with conversation() as talk:
        await talk.interpret("kennedy-1")
        await talk.client.send({"type": "interrupt"})
        await talk.client.wait_for("interrupted")
        await talk.client.send({"type": "init"})
        await talk.client.wait_for("error")
        messages = talk.client.messages
    kinds = {message["type"] for message in messages}
    assert kinds >= {"connected", "speech_state", "audio_response", "turn_complete", "interrupted", "error"}
    for message in messages:
        SERVER.validate(message)


@pytest.mark.parametrize("kind", [*CLIENT_MESSAGES, *SERVER_MESSAGES])
def test_every_field_has_a_meaning(kind: str) -> None:
    """No message and no field is without a description, and none is written as a docstring is."""
    schema = message_schema(kind)
    fields = [field for name, field in schema["properties"].items() if name != "type"]
    fields += [inner for field in fields for inner in field.get("properties", {}).values()]
    for described in [schema, *fields]:
        assert described["description"]
        assert "``" not in described["description"]
        assert "\n" not in described["description"]
        assert ":class:" not in described["description"]
