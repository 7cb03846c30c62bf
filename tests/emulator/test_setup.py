"""The setup is checked name by name, in both spellings, and refused in the service's words."""

from typing import Any

import pytest

from emulator.options import LIVE_MODELS
from emulator.setup import Setup, TranslationWish, parse_setup
from emulator.wire import MAX_REASON_BYTES, WireError

FULL: dict[str, Any] = {
    "model": "models/gemini-3.8-live",
    "generationConfig": {
        "responseModalities": ["AUDIO"],
        "temperature": 0.3,
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
        "translationConfig": {"targetLanguageCode": "ko", "echoTargetLanguage": True},
    },
    "systemInstruction": {"role": "user", "parts": [{"text": "Interpret."}]},
    "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "any": {"thing": 1}}}]}],
    "inputAudioTranscription": {"languageCodes": ["ko-KR"], "customVocabulary": ["Kraków"], "mode": "VERBATIM"},
    "outputAudioTranscription": {},
    "realtimeInputConfig": {
        "automaticActivityDetection": {"disabled": True, "silenceDurationMs": 500},
        "activityHandling": "NO_INTERRUPTION",
    },
    "sessionResumption": {"handle": "H"},
    "contextWindowCompression": {"triggerTokens": "25000", "slidingWindow": {"targetTokens": "8000"}},
    "safetySettings": [{"category": "C", "threshold": "T"}],
    "labels": {"any": "label"},
}


def parse(setup: Any) -> Setup:
    """The setup, with the usual models."""
    return parse_setup(setup, LIVE_MODELS, "v1beta")


def snake_case(value: Any) -> Any:
    """The value with all its names in snake_case."""
    if isinstance(value, list):
        return [snake_case(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        "".join("_" + char.lower() if char.isupper() else char for char in name): snake_case(item)
        for name, item in value.items()
    }


def test_full_setup_in_both_spellings() -> None:
    """Every known name is accepted in camelCase and in snake_case, with the same meaning."""
    wish = TranslationWish("ko", echo=True)
    expected = Setup("gemini-3.8-live", True, True, 500, True, True, "H", False, wish)
    assert parse(FULL) == parse(snake_case(FULL)) == expected


def test_translation() -> None:
    """Only the translate model translates; what it is told is read, with English where no language is named."""
    model = "gemini-3.5-live-translate-preview"
    bare = parse({"model": model})
    assert (bare.translates, bare.translation) == (True, None)
    empty = parse({"model": model, "generationConfig": {"translationConfig": {}}})
    assert empty.translation == TranslationWish("en", echo=False)
    told = parse({"model": model, "generation_config": {"translation_config": {"target_language_code": "ja"}}})
    assert told.translation == TranslationWish("ja", echo=False)
    assert not parse({"model": "gemini-3.8-live"}).translates


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"translationConfig": {"targetLanguageCode": "ko"}}, "Unknown name \"translationConfig\" at 'setup'"),
        (
            {"generationConfig": {"translationConfig": {"targetLanguageCode": "ko", "sourceLanguageCode": "en"}}},
            "Unknown name \"sourceLanguageCode\" at 'setup.generation_config.translation_config'",
        ),
        (
            {"generationConfig": {"translationConfig": {"targetLanguageCode": 5}}},
            "Expected 'translationConfig' with a language code and a boolean",
        ),
    ],
)
def test_translation_in_the_wrong_place(fields: dict[str, Any], reason: str) -> None:
    """At the top level, with a source language or with other values it closes 1007."""
    with pytest.raises(WireError, match=reason) as caught:
        parse({"model": "gemini-3.5-live-translate-preview", **fields})
    assert caught.value.code == 1007


def test_defaults() -> None:
    """A bare model means automatic detection, interruptions, no transcriptions."""
    assert parse({"model": "gemini-3.8-live"}) == Setup("gemini-3.8-live", False, False, None, False, False, "")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"speed": 1}, "Unknown name \"speed\" at 'setup'"),
        (
            {"generationConfig": {"inputAudioTranscription": {}}},
            "Unknown name \"inputAudioTranscription\" at 'setup.generation_config'",
        ),
        ({"translationConfig": {}}, "Unknown name \"translationConfig\" at 'setup'"),
        (
            {"generation_config": {"speech_config": {"voice_config": {"tone": 1}}}},
            "Unknown name \"tone\" at 'setup.generation_config.speech_config.voice_config'",
        ),
        ({"safetySettings": [{"level": 1}]}, "Unknown name \"level\" at 'setup.safety_settings'"),
        ({"sessionResumption": {"handle": None}}, "Request contains an invalid argument."),
        ({"generationConfig": {"thinkingConfig": {}}}, "Thinking is not supported"),
        ({"generationConfig": {"enableAffectiveDialog": True}}, 'Unknown name "enableAffectiveDialog"'),
        ({"proactivity": {"proactiveAudio": False}}, "Proactive audio cannot be disabled"),
        ({"generationConfig": 5}, "expected an object, got int"),
        ({"realtimeInputConfig": {"automaticActivityDetection": {"silenceDurationMs": "x"}}}, "silenceDurationMs"),
        ({"model": ""}, "Expected a 'model'"),
    ],
)
def test_refusals(change: dict[str, Any], reason: str) -> None:
    """Each mistake closes 1007 with the place in it, short enough for a close frame."""
    with pytest.raises(WireError) as refused:
        parse({"model": "models/gemini-3.8-live", **change})
    assert refused.value.code == 1007
    assert reason in str(refused.value)
    assert len(refused.value.reason.encode()) <= MAX_REASON_BYTES


def test_unknown_model() -> None:
    """An unknown model closes 1008 with the service's text."""
    with pytest.raises(WireError, match="is not found for API version v1beta") as no:
        parse({"model": "models/gemini-2.0-flash-live-001"})
    assert no.value.code == 1008


def test_other_models_think() -> None:
    """Only the models that are documented to refuse thinking do."""
    setup = {"model": "gemini-3.8-live-extended-thinking", "generationConfig": {"thinkingConfig": {}}}
    assert parse(setup).model == "gemini-3.8-live-extended-thinking"
