"""The lean connector's messages: what it reads is what google-genai reads, whatever comes."""

import asyncio
import base64
import json
import warnings
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from google.genai.live import AsyncSession
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosedError

from gemini import wire
from gemini.errors import UpstreamError
from gemini.events import (
    GenerationComplete,
    InterimSourceText,
    Interrupted,
    SourceText,
    TargetAudio,
    TargetText,
    TurnComplete,
    UpstreamEvent,
)
from gemini.genai_connector import GenaiConnection
from gemini.lean_connector import LeanConnection
from tests.fuzz.wire import NEXT
from tests.support.server_messages import MESSAGES, odd_messages

PCM = b"\xfb\xff\x00\x7f"
DATA = base64.b64encode(PCM).decode()
AUDIO = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": DATA}}
CORPUS = sorted((Path(__file__).parents[1] / "fuzz" / "corpus").glob("events*/*"))


class ScriptedSocket:
    """A socket that holds one message, and is lost after it."""

    def __init__(self, message: bytes):
        """Make one that is open."""
        self._messages = [message]

    async def recv(self, decode: bool | None = None) -> bytes:
        """The next message."""
        assert decode is False
        if not self._messages:
            raise ConnectionClosedError(None, None)
        return self._messages.pop()


async def received(connection: GenaiConnection | LeanConnection) -> list[UpstreamEvent] | None:
    """The events of the one message; ``None`` where the connection is lost over it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # google-genai's, about values that it does not know
        try:
            return await anext(connection.receive())
        except UpstreamError:
            return None


def by_genai(raw: bytes) -> list[UpstreamEvent]:
    """What google-genai's session gives; a message over which it is lost gives nothing."""
    session = AsyncSession(cast(Any, SimpleNamespace(vertexai=False)), cast(Any, ScriptedSocket(raw)))
    return asyncio.run(received(GenaiConnection(session, AsyncExitStack()))) or []


def by_lean(raw: bytes) -> list[UpstreamEvent]:
    """What the lean connection gives."""
    events = asyncio.run(received(LeanConnection(cast(Any, ScriptedSocket(raw)))))
    assert events is not None
    return events


def content(**fields: Any) -> bytes:
    """A message with content, on the wire."""
    return json.dumps({"serverContent": fields}).encode()


@given(MESSAGES)
def test_what_is_documented_is_read_alike(message: dict[str, Any]) -> None:
    """Messages as Google documents them give the same events by both connectors."""
    raw = json.dumps(message).encode()
    assert by_lean(raw) == by_genai(raw)


@given(odd_messages())
def test_what_is_odd_is_read_alike(message: dict[str, Any]) -> None:
    """So do messages with anything in any place; where google-genai can't read one, there are none."""
    raw = json.dumps(message).encode()
    assert by_lean(raw) == by_genai(raw)


@given(st.binary())
@example(b"")
@example(b"null")
@example(b"[]")
@example(b'["serverContent"]')
@example(b'"serverContent"')
@example(b"17")
@example(b"{")
@example(b"[" * 100_000)
@example(b'{"serverContent":' * 100_000)
@example(b"\xef\xbb\xbf" + content(turnComplete=True))
@example(content(turnComplete=True).decode().encode("utf-16"))
@example(b'{"serverContent":{"turnComplete":true},"x":NaN}')
@example(b'{"serverContent":{"turnComplete":false,"turnComplete":true}}')
@example(b'{"serverContent":{"turnComplete":true},"x":1' + b"0" * 5000 + b"}")
@example(b'{"serverContent":{"inputTranscription":{"text":"\\ud800"}}}')
@example(b'{"serverContent":{"inputTranscription":{"text":"\xed\xa0\x80"}}}')
@example(b'{"serverContent":{"inputTranscription":{"text":"\x01"}}}')
@example(b'{"serverContent":{"inputTranscription":{"text":"\xff"}}}')
@example(b'{"code":500,"message":"secret"}')
@example(b'{"error":{"code":500}}')
@example(b'{"server_content":{"turnComplete":true}}')
@example(b'{"serverContent":null}')
@example(b'{"voiceActivity":{"type":"ACTIVITY_START","voiceActivityType":7},"serverContent":{"turnComplete":true}}')
@example(b'{"voiceActivity":{"type":7},"serverContent":{"turnComplete":true}}')
@example(b'{"voiceActivity":[],"serverContent":{"turnComplete":true}}')
@example(b'{"voiceActivity":"type","serverContent":{"turnComplete":true}}')
@example(b'{"voiceActivity":"","goAway":{}}')
@example(b'{"voiceActivity":5,"goAway":{}}')
@example(b'{"toolCall":7,"serverContent":{"turnComplete":true}}')
def test_bytes_are_read_alike(raw: bytes) -> None:
    """So do frames of any bytes, encodings and depths."""
    assert by_lean(raw) == by_genai(raw)


@pytest.mark.parametrize(
    "data",
    [
        DATA,
        DATA.rstrip("="),
        "-_8AfwAA",
        "+_8=",
        "AAF=",
        "AB==",
        "A",
        "AA E=",
        "AAE=\n",
        "====",
        "AAE==",
        "",
        "\u0660",
    ],
)
def test_base64_is_decoded_alike(data: str) -> None:
    """Either alphabet is audio, and what is no base64 makes the message unreadable, for both."""
    raw = content(modelTurn={"parts": [{"inlineData": {"data": data}}]}, turnComplete=True)
    assert by_lean(raw) == by_genai(raw)


ODD: tuple[Any, ...] = (None, 1, "x", [], {})
FLAGS: tuple[Any, ...] = (0, 2, 1.0, "true", "off", *ODD)
PARTS: tuple[Any, ...] = ([None], [1], [[]], [AUDIO, {}], *ODD)
TEXTS = ("inputTranscription", "interimInputTranscription", "outputTranscription")
ODD_FIELDS: list[dict[str, Any]] = [
    *({name: value} for name in ("interrupted", "generationComplete", "turnComplete") for value in FLAGS),
    *({name: value} for name in (*TEXTS, "modelTurn") for value in ODD),
    *({name: {field: value}} for name in TEXTS for field in ("text", "languageCode") for value in ODD),
    *({name: {"finished": value}} for name in TEXTS for value in FLAGS),
    *({"modelTurn": {"role": value, "parts": [AUDIO]}} for value in ODD),
    *({"modelTurn": {"parts": value}} for value in PARTS),
    *({"modelTurn": {"parts": [{"inlineData": value}, AUDIO]}} for value in ODD),
    *(
        {"modelTurn": {"parts": [{"inlineData": {"data": DATA, "mimeType": "audio/pcm", name: value}}]}}
        for name in ("data", "mimeType", "displayName", "mime_type", "new")
        for value in ("", *ODD)
    ),
]


@pytest.mark.parametrize("fields", ODD_FIELDS, ids=str)
def test_each_value_is_read_alike(fields: dict[str, Any]) -> None:
    """What is there, but of another type, means the same to both, or makes the message unreadable for both."""
    raw = content(**{"outputTranscription": {"text": "Hi"}, **fields})
    assert by_lean(raw) == by_genai(raw)


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b'{"serverContent":{}}', b'{"setupComplete":{}}'])
def test_a_message_that_says_nothing_is_no_fault(raw: bytes) -> None:
    """It is read, and gives no event."""
    assert wire.read_events(raw) == []


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.name)
def test_what_fuzzing_found_is_read_alike(file: Path) -> None:
    """So does the corpus of the fuzzer."""
    for raw in file.read_bytes().split(NEXT):
        assert by_lean(raw) == by_genai(raw)


def test_there_is_a_corpus() -> None:
    """The test before has cases."""
    assert len(CORPUS) > 3


@pytest.mark.parametrize(
    ("fields", "events"),
    [
        ({"modelTurn": {"parts": [AUDIO, AUDIO]}}, [TargetAudio(PCM, 24_000)] * 2),
        (
            {"modelTurn": {"role": "model", "parts": [{**AUDIO, "new": 1}], "new": {}}, "new": [1]},
            [TargetAudio(PCM, 24_000)],
        ),
        (
            {"inputTranscription": {"text": "Hi", "finished": True, "languageCode": "en"}},
            [SourceText("Hi", finished=True, language="en")],
        ),
        ({"interimInputTranscription": {"text": "H"}}, [InterimSourceText("H")]),
        ({"outputTranscription": {"text": "Ho"}, "modelTurn": None}, [TargetText("Ho")]),
        (
            {"interrupted": True, "generationComplete": True, "turnComplete": True},
            [Interrupted(), GenerationComplete(), TurnComplete()],
        ),
    ],
    ids=["audio", "fields that are not known", "source", "interim", "target", "marks"],
)
def test_what_comes_often_is_read_the_short_way(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], events: list[UpstreamEvent]
) -> None:
    """Audio, texts and marks do not go through google-genai's types, whatever is new beside them."""
    monkeypatch.delattr(wire, "parse")
    assert wire.read_events(content(**fields)) == events


@given(st.binary())
def test_audio_is_written_as_one_message(pcm: bytes) -> None:
    """What is sent is JSON, with the samples as base64 and their rate."""
    message = json.loads(wire.audio_message(pcm))
    data = base64.b64encode(pcm).decode()
    assert message == {"realtimeInput": {"audio": {"data": data, "mimeType": "audio/pcm;rate=16000"}}}


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"setupComplete":{"sessionId":"x","new":1}}', b'{"error":{}}'])
def test_an_answer_to_the_setup(raw: bytes) -> None:
    """Any message that can be read means that the setup was taken, as for google-genai: a refusal is a close."""
    wire.check_first_message(raw)


@pytest.mark.parametrize("raw", [b"{", b"[]", b'{"setupComplete":1}', b"\xff"])
def test_an_answer_to_the_setup_that_is_none(raw: bytes) -> None:
    """What can't be read is an error."""
    with pytest.raises((ValueError, TypeError, AttributeError)):
        wire.check_first_message(raw)
