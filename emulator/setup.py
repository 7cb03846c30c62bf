"""Checks a client's ``setup`` against every field name that was known in November 2026. Pure.

Field names: google-genai 2.34 types and the Live API reference. Refusals: kazunori279/interpretab (unknown
names, places of the transcription and translation settings), strands-agents PR 2000 (``handle: null``),
ai.google.dev's page on gemini-3.8-live.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.options import TRANSLATE_MODEL
from emulator.wire import WireError, camel, snake, unknown_name

_Tree = Mapping[str, "_Tree | None"]
"""Known names; None: any value is accepted below."""

_INVALID = "Request contains an invalid argument."

_VOICE: _Tree = {
    "prebuiltVoiceConfig": {"voiceName": None},
    "replicatedVoiceConfig": None,
    "voice": None,
}
_GENERATION: _Tree = {
    "responseModalities": None,
    "temperature": None,
    "topP": None,
    "topK": None,
    "maxOutputTokens": None,
    "seed": None,
    "candidateCount": None,
    "presencePenalty": None,
    "frequencyPenalty": None,
    "stopSequences": None,
    "mediaResolution": None,
    "speechConfig": {
        "languageCode": None,
        "voiceConfig": _VOICE,
        "multiSpeakerVoiceConfig": {"speakerVoiceConfigs": {"speaker": None, "voiceConfig": _VOICE}},
    },
    "thinkingConfig": {"thinkingLevel": None, "thinkingBudget": None, "includeThoughts": None},
    "enableAffectiveDialog": None,
    "translationConfig": {"targetLanguageCode": None, "echoTargetLanguage": None},
}
_TRANSCRIPTION: _Tree = {
    "languageCodes": None,
    "languageHints": None,
    "languageAuto": None,
    "customVocabulary": None,
    "adaptationPhrases": None,
    "wordTimestamp": None,
    "diarization": None,
    "mode": None,
}
_TOOLS: _Tree = {
    "functionDeclarations": None,
    "googleSearch": None,
    "googleSearchRetrieval": None,
    "codeExecution": None,
    "urlContext": None,
    "computerUse": None,
    "fileSearch": None,
    "googleMaps": None,
    "mcpServers": None,
}
_SETUP: _Tree = {
    "model": None,
    "generationConfig": _GENERATION,
    "systemInstruction": {"role": None, "parts": None},
    "tools": _TOOLS,
    "inputAudioTranscription": _TRANSCRIPTION,
    "outputAudioTranscription": _TRANSCRIPTION,
    "realtimeInputConfig": {
        "automaticActivityDetection": {
            "disabled": None,
            "startOfSpeechSensitivity": None,
            "endOfSpeechSensitivity": None,
            "prefixPaddingMs": None,
            "silenceDurationMs": None,
        },
        "activityHandling": None,
        "turnCoverage": None,
        "interimTranscriptTimestampEnabled": None,
    },
    "sessionResumption": {"handle": None},
    "contextWindowCompression": {"triggerTokens": None, "slidingWindow": {"targetTokens": None}},
    "proactivity": {"proactiveAudio": None},
    "historyConfig": {"initialHistoryInClientContent": None},
    "safetySettings": {"category": None, "method": None, "threshold": None},
    "labels": None,
    "avatarConfig": None,
}

_NO_THINKING = {"gemini-3.8-live"}
_NO_AFFECTION = {"gemini-3.8-live", "gemini-3.8-live-extended-thinking", "gemini-3.1-flash-live-preview"}
_NO_PROACTIVITY = {"gemini-3.1-flash-live-preview"}
_ALWAYS_PROACTIVE = {"gemini-3.8-live", "gemini-3.8-live-extended-thinking"}


_DEFAULT_TARGET = "en"
"""What is interpreted into when ``translationConfig`` names no language (ai.google.dev, live-translate)."""


@dataclass(frozen=True, slots=True)
class TranslationWish:
    """A ``translationConfig``.

    Attributes:
        target: BCP-47 code of the language that is interpreted into.
        echo: Speech that is in that language already is repeated.
    """

    target: str
    echo: bool


@dataclass(frozen=True, slots=True)
class Setup:
    """What a session does with its setup.

    Attributes:
        model: Without the ``models/`` prefix.
        manual: The client marks activities itself; automatic detection is off.
        no_interruption: An activity does not cut off the answer that is being given.
        silence_duration_ms: Silence that ends a turn in automatic mode; None where the setup leaves it open.
        input_transcription: Transcriptions of the input are wanted.
        output_transcription: Transcriptions of the output are wanted.
        handle: The session to resume; empty for a new one.
        translates: The model interprets without turns.
        translation: What it was told to interpret into; None without ``translationConfig``.
    """

    model: str
    manual: bool
    no_interruption: bool
    silence_duration_ms: int | None
    input_transcription: bool
    output_transcription: bool
    handle: str
    translates: bool = False
    translation: TranslationWish | None = None


def parse_setup(body: Any, models: frozenset[str], api_version: str) -> Setup:
    """Check a setup and read from it what a session needs.

    Args:
        body: The value of ``setup`` as received.
        models: Known models without prefix.
        api_version: For the service's text about unknown models.

    Raises:
        WireError: 1007 for unknown names, wrong places and wrong values, 1008 for an unknown model.
    """
    setup = _checked(body, _SETUP, "setup")
    model = str(setup.get("model") or "").removeprefix("models/")
    if not model:
        raise WireError(1007, f"{_INVALID} Expected a 'model' in 'setup'.")
    if model not in models:
        raise unknown_model(model, api_version)
    _check_model(model, setup)
    resumption = setup.get("sessionResumption", {})
    if "handle" in resumption and not isinstance(resumption["handle"], str):
        raise WireError(1007, _INVALID)
    realtime = setup.get("realtimeInputConfig", {})
    detection = realtime.get("automaticActivityDetection", {})
    return Setup(
        model=model,
        manual=bool(detection.get("disabled", False)),
        no_interruption=realtime.get("activityHandling") == "NO_INTERRUPTION",
        silence_duration_ms=_milliseconds(detection.get("silenceDurationMs")),
        input_transcription="inputAudioTranscription" in setup,
        output_transcription="outputAudioTranscription" in setup,
        handle=resumption.get("handle", ""),
        translates=model == TRANSLATE_MODEL,
        translation=_translation(setup.get("generationConfig", {}).get("translationConfig")),
    )


def unknown_model(model: str, api_version: str) -> WireError:
    """The service's error for a model that it does not have (adk-python issue 3964, livekit/agents issue 4414)."""
    return WireError(
        1008,
        f"models/{model} is not found for API version {api_version}, or is not supported for "
        "bidiGenerateContent. Call ListModels to see the list of available models and their supported methods.",
    )


def _checked(body: Any, tree: _Tree, place: str) -> dict[str, Any]:
    """The object with its names in camelCase; every name below is known."""
    if not isinstance(body, dict):
        raise WireError(1007, f"Invalid value at '{place}': expected an object, got {type(body).__name__}.")
    checked: dict[str, Any] = {}
    for name, value in body.items():
        key = camel(name)
        if key not in tree:
            raise unknown_name(name, place)
        below = tree[key]
        if below is None:
            checked[key] = value
        elif isinstance(value, list):
            checked[key] = [_checked(item, below, f"{place}.{snake(key)}") for item in value]
        else:
            checked[key] = _checked(value, below, f"{place}.{snake(key)}")
    return checked


def _check_model(model: str, setup: Mapping[str, Any]) -> None:
    generation = setup.get("generationConfig", {})
    proactivity = setup.get("proactivity")
    if model in _NO_THINKING and "thinkingConfig" in generation:
        raise WireError(1007, f"{_INVALID} Thinking is not supported for {model}.")
    if model in _NO_AFFECTION and "enableAffectiveDialog" in generation:
        raise unknown_name("enableAffectiveDialog", "setup.generation_config")
    if model in _NO_PROACTIVITY and proactivity is not None:
        raise WireError(1007, f"{_INVALID} Proactivity is not supported for {model}.")
    if model in _ALWAYS_PROACTIVE and proactivity and proactivity.get("proactiveAudio") is False:
        raise WireError(1007, f"{_INVALID} Proactive audio cannot be disabled for {model}.")


def _translation(config: dict[str, Any] | None) -> TranslationWish | None:
    if config is None:
        return None
    target, echo = config.get("targetLanguageCode") or _DEFAULT_TARGET, config.get("echoTargetLanguage", False)
    if not isinstance(target, str) or not isinstance(echo, bool):
        raise WireError(1007, f"{_INVALID} Expected 'translationConfig' with a language code and a boolean.")
    return TranslationWish(target, echo)


def _milliseconds(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise WireError(1007, f"{_INVALID} Expected 'silenceDurationMs' as a positive integer.")
    return value
