"""The AsyncAPI document is valid, and says of the server what is true."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from protocol.errors import CLOSE_CODES, CLOSES_WITHOUT_ERROR
from protocol.messages import CLIENT_MESSAGES, SERVER_MESSAGES
from reference.asyncapi import asyncapi_document
from reference.schemas import message_schema

DOCUMENT = asyncapi_document()
OFFICIAL: dict[str, Any] = json.loads(
    Path(__file__).with_name("asyncapi-3.0.0.schema.json").read_text(encoding="utf-8")
)
[CHANNEL] = DOCUMENT["channels"].values()


def resolved(reference: str) -> Any:
    """What a reference within the document names."""
    assert reference.startswith("#/")
    found: Any = DOCUMENT
    for part in reference[2:].split("/"):
        found = found[part]
    return resolved(found["$ref"]) if isinstance(found, dict) and "$ref" in found else found


def references(node: object) -> Iterator[str]:
    """Every reference in a part of the document."""
    if isinstance(node, dict):
        yield from ([node["$ref"]] if isinstance(node.get("$ref"), str) else [])
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def messages_of(action: str, part: str = "messages") -> set[str]:
    """Names of the messages that operations with this action name, or name as an answer."""
    operations = [each for each in DOCUMENT["operations"].values() if each["action"] == action]
    holders = [each.get("reply", {}) if part == "reply" else each for each in operations]
    return {resolved(ref)["name"] for holder in holders for ref in references(holder.get("messages", []))}


def test_the_document_is_valid() -> None:
    """The AsyncAPI Initiative's schema accepts it."""
    Draft7Validator(OFFICIAL).validate(DOCUMENT)


def test_the_official_schema_refuses_what_is_none() -> None:
    """The check above can fail: at the root, in an operation, in a binding."""
    for path, value in ((("asyncapi",), "2.6.0"), (("operations", "endSession", "action"), "publish")):
        broken: Any = json.loads(json.dumps(DOCUMENT))
        *parents, last = path
        inner = broken
        for name in parents:
            inner = inner[name]
        inner[last] = value
        assert not Draft7Validator(OFFICIAL).is_valid(broken), path


def test_every_reference_leads_somewhere() -> None:
    """None is dangling, and none leaves the document."""
    found = list(references(DOCUMENT))
    assert found
    for reference in found:
        assert resolved(reference)


def test_the_server_receives_what_clients_send() -> None:
    """The application is the server: client messages are received, server messages are sent or are answers."""
    assert messages_of("receive") == {*CLIENT_MESSAGES, "audio_frame"}
    assert messages_of("send") | messages_of("receive", "reply") == {*SERVER_MESSAGES, "audio_response_frame"}
    assert not messages_of("send", "reply")


def test_answers_are_those_of_the_protocol() -> None:
    """``init`` is answered by ``connected`` or ``error``, ``interrupt`` by ``interrupted``."""
    answers = {
        name: {resolved(ref)["name"] for ref in references(operation["reply"]["messages"])}
        for name, operation in DOCUMENT["operations"].items()
        if "reply" in operation
    }
    assert answers == {"openSession": {"connected", "error"}, "stopOutput": {"interrupted"}}


def test_the_channel_has_every_message() -> None:
    """One connection carries all of them."""
    assert set(CHANNEL["messages"]) == set(DOCUMENT["components"]["messages"])
    assert CHANNEL["address"] == "/ws"


@pytest.mark.parametrize("kind", [*CLIENT_MESSAGES, *SERVER_MESSAGES])
def test_a_message_has_its_schema_and_an_example_of_it(kind: str) -> None:
    """The payload is the one of the JSON Schema files, and the example is valid."""
    message = DOCUMENT["components"]["messages"][kind]
    payload = resolved(message["payload"]["$ref"])
    assert {**payload, "examples": message_schema(kind)["examples"]} == message_schema(kind)
    assert payload["properties"]["type"]["const"] == message["name"] == kind
    assert message["summary"] == payload["description"]
    [example] = message["examples"]
    Draft7Validator(payload).validate(example["payload"])


@pytest.mark.parametrize("name", ["audio_frame", "audio_response_frame"])
def test_binary_frames_are_bytes(name: str) -> None:
    """Binary audio is no JSON."""
    message = DOCUMENT["components"]["messages"][name]
    assert message["contentType"] == "application/octet-stream"
    assert message["payload"]["format"] == "binary"
    assert "little endian" in message["payload"]["description"]


def test_errors_and_closes_are_those_of_the_tables() -> None:
    """Every code stands there, with the close that follows."""
    assert {rule["code"]: rule.get("closeCode") for rule in CHANNEL["x-errors"]} == CLOSE_CODES
    closes = [close["closeCode"] for close in CHANNEL["x-closes-without-error"]]
    assert closes == [close.close_code for close in CLOSES_WITHOUT_ERROR]


def test_the_handshake_is_told() -> None:
    """The ``token`` that clients send and the ``Origin`` that browsers send are described."""
    handshake = CHANNEL["bindings"]["ws"]
    assert set(handshake["query"]["properties"]) == {"token"}
    assert set(handshake["headers"]["properties"]) == {"Origin"}


def test_the_document_names_the_server_that_it_is_made_for() -> None:
    """Host and scheme are the given ones, by default those of a server as it comes."""
    assert DOCUMENT["servers"] == {"interpreter": {"host": "localhost:8000", "protocol": "ws"}}
    made = asyncapi_document("speech.example.org", "wss")
    assert made["servers"] == {"interpreter": {"host": "speech.example.org", "protocol": "wss"}}
