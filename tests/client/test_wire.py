"""Frames as values: the documented ones, the unknown ones, the broken ones."""

import base64
import json
from typing import Any

import pytest

from client.errors import ServerError
from client.wire import Failure, Notice, Sound, parse_frame
from protocol.messages import Connected, Interrupted, SpeechState, Transcription, TurnComplete


def _parse(kind: str, **fields: Any) -> object:
    return parse_frame(json.dumps({"type": kind, **fields}))


def test_documented_messages() -> None:
    """Each type becomes its value; fields that the client does not know are ignored."""
    assert _parse("connected", sessionId="x", later="y") == Connected(session_id="x")
    partial = _parse("input_transcription", text="안", isFinal=False, later="y")
    assert partial == Transcription(type="input_transcription", text="안", is_final=False)
    final = _parse("output_transcription", text="Hi", isFinal=True, language="en")
    assert final == Transcription(type="output_transcription", text="Hi", is_final=True, language="en")
    assert _parse("turn_complete", inputText="a", outputText="") == TurnComplete(input_text="a", output_text="")
    state = _parse("speech_state", state="silent", timestamp=1)
    assert state == SpeechState(state="silent", timestamp=1)
    assert _parse("interrupted", reason="upstream") == Interrupted(reason="upstream")


def test_audio_comes_as_binary_or_base64() -> None:
    """Both are the same sound."""
    pcm = b"\x01\x00\x02\x00"
    assert parse_frame(pcm) == Sound(pcm)
    assert _parse("audio_response", data=base64.b64encode(pcm).decode(), sampleRate=24000) == Sound(pcm)


def test_codes_are_an_open_set() -> None:
    """Errors and warnings that this client has never heard of are shown all the same."""
    assert _parse("error", code="SHUTTING_DOWN", message="later") == Failure("SHUTTING_DOWN", "later")
    assert _parse("error", message="odd") == Failure(None, "odd")
    assert _parse("warning", code="AUDIO_LOST", message="gone", ms=20) == Notice("AUDIO_LOST", "gone")


@pytest.mark.parametrize("content", [{"type": "participant_joined"}, {"type": 5}, {"no": "type"}])
def test_unknown_types_are_ignored(content: dict[str, Any]) -> None:
    """What the client does not know cannot break it."""
    assert parse_frame(json.dumps(content)) is None


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        ("{", "no JSON object"),
        ("[1]", "no JSON object"),
        (b"\x00", "odd 1 bytes"),
        ('{"type": "turn_complete", "inputText": "a"}', "outputText: Field required"),
        ('{"type": "speech_state", "state": "asleep", "timestamp": 1}', "state: Input should be"),
        ('{"type": "audio_response", "data": "AAA=", "sampleRate": 16000}', "expected audio at 24000 Hz"),
        ('{"type": "audio_response", "data": "*", "sampleRate": 24000}', "base64"),
        ('{"type": "audio_response", "data": "é", "sampleRate": 24000}', "base64"),
    ],
)
def test_what_breaks_the_protocol_is_one_line(frame: str | bytes, problem: str) -> None:
    """The message says what was expected and what came."""
    with pytest.raises(ServerError, match=problem) as caught:
        parse_frame(frame)
    assert "\n" not in str(caught.value)


def test_json_that_is_nested_without_end_breaks_the_protocol() -> None:
    """Rather than the program."""
    with pytest.raises(ServerError, match="expected a text frame"):
        parse_frame("[" * 200_000)
