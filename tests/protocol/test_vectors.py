"""The golden messages: what every implementation of the protocol must agree on."""

import asyncio
from typing import Any

import pytest
from pipecat.frames.frames import Frame, InputAudioRawFrame, InputTransportMessageFrame
from pydantic import BaseModel

from protocol.errors import Fault
from protocol.messages import CLIENT_MESSAGES, SERVER_MESSAGES, InitConfig, NumberedMessage
from protocol.numbering import numbered
from protocol.serializer import ProtocolSerializer
from tests.support.pcm import samples_of
from tests.support.vectors import cases


def read(case: dict[str, Any]) -> Frame:
    """The frame that the serializer makes of the case's text, in the case's state."""
    serializer = ProtocolSerializer(max_message_bytes=2**20, max_chunk_secs=5)
    if case["initialized"]:
        serializer.accept(InitConfig())
    return asyncio.run(serializer.deserialize(case["text"]))


@pytest.mark.parametrize("case", cases("client_messages.json"))
def test_a_golden_client_message_is_understood(case: dict[str, Any]) -> None:
    """The message, with defaults filled in, or the samples are what the vector says."""
    frame = read(case)
    if "audio" in case["expect"]:
        assert isinstance(frame, InputAudioRawFrame)
        assert samples_of(frame.audio).tolist() == case["expect"]["audio"]["samples"]
    else:
        assert isinstance(frame, InputTransportMessageFrame)
        assert isinstance(frame.message, BaseModel)
        assert frame.message.model_dump(by_alias=True, exclude_none=True) == case["expect"]["message"]


@pytest.mark.parametrize("case", cases("client_messages_invalid.json"))
def test_an_invalid_client_message_gets_its_error(case: dict[str, Any]) -> None:
    """The first check that fails, in the protocol's order, gives the code; the message is fit for a client."""
    frame = read(case)
    assert isinstance(frame, InputTransportMessageFrame)
    assert isinstance(frame.message, Fault)
    assert frame.message.code == case["expect"]["error"]
    assert frame.message.message
    assert len(frame.message.message) < 300


@pytest.mark.parametrize("case", cases("server_messages.json"))
def test_a_golden_server_message_is_written_exactly(case: dict[str, Any]) -> None:
    """A server message becomes exactly the vector's text, absent fields left out, a number at its end."""
    message = SERVER_MESSAGES[case["message"]["type"]].model_validate(case["message"], strict=False)
    if isinstance(message, NumberedMessage) and message.seq is not None:
        assert numbered(message.model_copy(update={"seq": None}).to_json(), message.seq) == case["json"]
    else:
        assert message.to_json() == case["json"]


def test_every_server_message_has_a_golden_one() -> None:
    """No type of message that the server can send is missing from the vectors."""
    seen = {case.values[0]["message"]["type"] for case in cases("server_messages.json")}
    assert seen == set(SERVER_MESSAGES)


def test_every_client_message_has_a_golden_one() -> None:
    """No type of message that the client can send is missing from the vectors."""
    expected = [case.values[0]["expect"] for case in cases("client_messages.json")]
    seen = {"audio" if "audio" in expect else expect["message"]["type"] for expect in expected}
    assert seen == set(CLIENT_MESSAGES)
