"""Google's server messages as our events: total, and in the order in which they are to be handled."""

import base64
import json
from typing import Any

import pytest
from google.genai.types import LiveServerMessage
from hypothesis import given

from gemini.events import (
    GenerationComplete,
    GoAway,
    InterimSourceText,
    Interrupted,
    Resumable,
    SourceText,
    TargetAudio,
    TargetText,
    TurnComplete,
    UpstreamEvent,
    Usage,
    parse,
)
from tests.support.server_messages import MESSAGES

PCM = b"\x01\x00\xff\x7f"


def parsed(message: dict[str, Any]) -> list[UpstreamEvent]:
    """The events of a message, given as JSON on the wire."""
    return parse(LiveServerMessage.model_validate_json(json.dumps(message)))


def content(**fields: Any) -> dict[str, Any]:
    """A message with content."""
    return {"serverContent": fields}


def audio_part(mime_type: str | None = "audio/pcm;rate=24000", pcm: bytes = PCM) -> dict[str, Any]:
    """A part with audio."""
    data = {"data": base64.b64encode(pcm).decode()}
    return {"inlineData": data if mime_type is None else data | {"mimeType": mime_type}}


@pytest.mark.parametrize(
    ("message", "events"),
    [
        ({"setupComplete": {}}, []),
        ({"setupComplete": {"sessionId": "x"}}, []),
        (content(modelTurn={"role": "model", "parts": [audio_part()]}), [TargetAudio(PCM, 24000)]),
        (
            content(inputTranscription={"text": " Hola", "languageCode": "es", "finished": True}),
            [SourceText(" Hola", finished=True, language="es")],
        ),
        (content(inputTranscription={"text": " Hola"}), [SourceText(" Hola")]),
        (content(interimInputTranscription={"text": "Hol"}), [InterimSourceText("Hol")]),
        (
            content(interimInputTranscription={"text": "Hol", "languageCode": "es"}),
            [InterimSourceText("Hol", "es")],
        ),
        (content(outputTranscription={"text": "Hi", "languageCode": "en"}), [TargetText("Hi", language="en")]),
        (content(outputTranscription={"finished": True}), [TargetText("", finished=True)]),
        (content(outputTranscription={}), []),
        (content(inputTranscription={"text": ""}), []),
        (content(interrupted=True), [Interrupted()]),
        (content(generationComplete=True), [GenerationComplete()]),
        (content(turnComplete=True), [TurnComplete()]),
        (content(turnComplete=False, generationComplete=False, interrupted=False), []),
        (
            content(turnComplete=True, turnCompleteReason="NEED_MORE_INPUT", waitingForInput=True)
            | {"usageMetadata": {"promptTokenCount": 522, "responseTokenCount": 42, "totalTokenCount": 564}},
            [TurnComplete(), Usage(522, 42)],
        ),
        ({"usageMetadata": {}}, [Usage(0, 0)]),
        (
            {
                "usageMetadata": {
                    "promptTokenCount": 520,
                    "promptTokensDetails": [
                        {"modality": "TEXT", "tokenCount": 300},
                        {"modality": "AUDIO", "tokenCount": 215},
                        {"modality": "TEXT", "tokenCount": 5},
                    ],
                    "responseTokenCount": 42,
                    "responseTokensDetails": [
                        {"modality": "AUDIO", "tokenCount": 32},
                        {"modality": "TEXT", "tokenCount": 10},
                    ],
                }
            },
            [Usage(520, 42, prompt_text_tokens=305, response_text_tokens=10)],
        ),
        (
            {"usageMetadata": {"promptTokenCount": 9, "promptTokensDetails": [{"modality": "TEXT"}, {}]}},
            [Usage(9, 0)],
        ),
        ({"toolCall": {"functionCalls": [{"id": "call_1", "name": "f", "args": {}}]}}, []),
        ({"toolCallCancellation": {"ids": ["call_1"]}}, []),
        ({"goAway": {"timeLeft": "50s"}}, [GoAway(50.0)]),
        ({"goAway": {"timeLeft": "1.5s"}}, [GoAway(1.5)]),
        ({"goAway": {"timeLeft": "soon"}}, [GoAway(0.0)]),
        ({"goAway": {"timeLeft": "nans"}}, [GoAway(0.0)]),
        ({"goAway": {"timeLeft": "infinity"}}, [GoAway(0.0)]),
        ({"goAway": {"timeLeft": "1e400s"}}, [GoAway(0.0)]),
        ({"goAway": {"timeLeft": "-5s"}}, [GoAway(0.0)]),
        ({"goAway": {}}, [GoAway(0.0)]),
        ({"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}}, [Resumable("h")]),
        ({"sessionResumptionUpdate": {"newHandle": "h", "resumable": False}}, []),
        ({"sessionResumptionUpdate": {"resumable": True}}, []),
        ({"sessionResumptionUpdate": {}}, []),
        ({"voiceActivity": {"voiceActivityType": "ACTIVITY_START", "audioOffset": "1.2s"}}, []),
        ({"voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_SOS"}}, []),
        ({}, []),
        (content(), []),
        (content(modelTurn={}), []),
        (content(modelTurn={"parts": []}), []),
    ],
    ids=lambda value: json.dumps(value)[:70] if isinstance(value, dict) else "",
)
def test_every_field_of_the_wire(message: dict[str, Any], events: list[UpstreamEvent]) -> None:
    """Each field that Google documents gives its event, or none where an interpreter needs none."""
    assert parsed(message) == events


def test_tokens_of_an_unknown_kind_are_none_of_text() -> None:
    """Google may count what the library has no word for; it warns, and the count goes on."""
    details = [{"modality": "HOLOGRAM", "tokenCount": 7}, {"modality": "TEXT", "tokenCount": 2}]
    with pytest.warns(UserWarning, match="HOLOGRAM"):
        events = parsed({"usageMetadata": {"responseTokenCount": 9, "responseTokensDetails": details}})
    assert events == [Usage(0, 9, response_text_tokens=2)]


def test_content_comes_before_the_marks_that_end_it() -> None:
    """Fields are not exclusive: all of a message counts, texts first, then audio, then the ends."""
    message = content(
        turnComplete=True,
        generationComplete=True,
        interrupted=True,
        modelTurn={"parts": [audio_part()]},
        outputTranscription={"text": "Hi"},
        inputTranscription={"text": "Hola"},
        interimInputTranscription={"text": "Hol"},
    ) | {"usageMetadata": {"promptTokenCount": 1}, "goAway": {"timeLeft": "9s"}}
    assert parsed(message) == [
        InterimSourceText("Hol"),
        SourceText("Hola"),
        TargetText("Hi"),
        TargetAudio(PCM, 24000),
        Interrupted(),
        GenerationComplete(),
        TurnComplete(),
        Usage(1, 0),
        GoAway(9.0),
    ]


def test_every_part_with_audio_counts() -> None:
    """Several parts give all of their audio, in order; thoughts and texts between them give nothing."""
    parts = [audio_part(pcm=b"\1\0"), {"text": "thinking", "thought": True}, audio_part(pcm=b"\2\0"), {}]
    assert parsed(content(modelTurn={"parts": parts})) == [TargetAudio(b"\1\0", 24000), TargetAudio(b"\2\0", 24000)]


@pytest.mark.parametrize(
    ("mime_type", "rate_hz"),
    [
        ("audio/pcm;rate=24000", 24000),
        ("audio/pcm; rate=16000", 16000),
        ("audio/pcm;channels=1;rate=48000", 48000),
        ("audio/pcm;rate=8000;channels=1", 8000),
        ("audio/pcm", 24000),
        ("audio/pcm;rate=", 24000),
        ("audio/pcm;rate=fast", 24000),
        ("audio/pcm;rate=0000", 24000),
        ("audio/pcm;rate=٨٠٠٠", 24000),
        (None, 24000),
    ],
)
def test_the_rate_is_read_from_the_mime_type(mime_type: str | None, rate_hz: int) -> None:
    """A rate that is given counts; a bare or odd type means Google's default."""
    assert parsed(content(modelTurn={"parts": [audio_part(mime_type)]})) == [TargetAudio(PCM, rate_hz)]


@pytest.mark.parametrize("mime_type", ["image/png", "audio/mpeg", "text/plain", "video/mp4"])
def test_what_is_no_pcm_gives_nothing(mime_type: str) -> None:
    """Data of another kind is never taken for speech."""
    assert parsed(content(modelTurn={"parts": [audio_part(mime_type)]})) == []


def test_an_empty_blob_gives_nothing() -> None:
    """Audio without samples is no audio."""
    assert parsed(content(modelTurn={"parts": [audio_part(pcm=b"")]})) == []


@given(MESSAGES)
def test_parsing_is_total(message: dict[str, Any]) -> None:
    """Any message that the SDK hands out gives events, never an exception; no audio without samples."""
    events = parsed(message)
    assert all(event.pcm for event in events if isinstance(event, TargetAudio))
