"""What a session is set up with: one configuration, in google-genai's types and as the message on the wire."""

import json
from typing import Any

from google.genai import types

from gemini.connector import LiveConfig

_OF_THE_GENERATION = frozenset(str(field.alias) for field in types.GenerationConfig.model_fields.values())
_MODEL_PREFIXES = ("models/", "tunedModels/")


def setup_message(config: LiveConfig) -> str:
    """The first message of a session: what google-genai makes of :func:`connect_config`, for an API key.

    ``LiveConnectConfig`` is the wire's ``BidiGenerateContentSetup``, with the fields of its ``generationConfig``
    beside the others (ai.google.dev, Live API reference).
    """
    fields = connect_config(config).model_dump(mode="json", by_alias=True, exclude_none=True)
    generation: dict[str, Any] = {}
    setup: dict[str, Any] = {"model": _full_name(config.model), "generationConfig": generation}
    for name, value in fields.items():
        (generation if name in _OF_THE_GENERATION else setup)[name] = value
    return json.dumps({"setup": setup})


def _full_name(model: str) -> str:
    return model if model.startswith(_MODEL_PREFIXES) else f"models/{model}"


def connect_config(config: LiveConfig) -> types.LiveConnectConfig:
    """The setup of a session that interprets: a translating one where the configuration names a target language."""
    if config.translation_target is None:
        return _dialogue(config)
    return _translation(config, config.translation_target)


def _translation(config: LiveConfig, target: str) -> types.LiveConnectConfig:
    """The setup of a session that translates as it hears, and nothing else.

    The model accepts most of what a dialogue session is set up with, and ignores it (kizuna-ai-lab/sokuji #398); a
    long instruction without ``translationConfig`` made it drift to a wrong language. With the echo off it is silent
    where the speech is in the target language (ai.google.dev, Live translation).
    """
    return types.LiveConnectConfig(
        response_modalities=[types.Modality.AUDIO],
        translation_config=types.TranslationConfig(target_language_code=target, echo_target_language=False),
        input_audio_transcription=types.AudioTranscriptionConfig(),
        output_audio_transcription=types.AudioTranscriptionConfig(),
        context_window_compression=_compression(),
        session_resumption=_resumption(config),
    )


def _dialogue(config: LiveConfig) -> types.LiveConnectConfig:
    """The setup of a dialogue session that interprets.

    ``NO_INTERRUPTION``, since the speaker's next words must not cut the running interpretation.
    """
    return types.LiveConnectConfig(
        response_modalities=[types.Modality.AUDIO],
        system_instruction=types.Content(role="user", parts=[types.Part(text=config.instruction)]),
        speech_config=_speech_config(config.voice),
        input_audio_transcription=types.AudioTranscriptionConfig(),
        output_audio_transcription=types.AudioTranscriptionConfig(),
        realtime_input_config=types.RealtimeInputConfig(
            automatic_activity_detection=types.AutomaticActivityDetection(disabled=config.manual_activity),
            activity_handling=types.ActivityHandling.NO_INTERRUPTION,
            turn_coverage=types.TurnCoverage.TURN_INCLUDES_ONLY_ACTIVITY,
        ),
        context_window_compression=_compression(),
        session_resumption=_resumption(config),
    )


def _compression() -> types.ContextWindowCompressionConfig:
    """Without it a session ends after 15 minutes (ai.google.dev), and every turn is billed with all before it."""
    return types.ContextWindowCompressionConfig(
        trigger_tokens=25_000, sliding_window=types.SlidingWindow(target_tokens=8_000)
    )


def _resumption(config: LiveConfig) -> types.SessionResumptionConfig | None:
    return types.SessionResumptionConfig(handle=config.handle) if config.resumption else None


def _speech_config(voice: str | None) -> types.SpeechConfig | None:
    if voice is None:
        return None
    prebuilt = types.PrebuiltVoiceConfig(voice_name=voice)
    return types.SpeechConfig(voice_config=types.VoiceConfig(prebuilt_voice_config=prebuilt))
