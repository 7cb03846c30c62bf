"""Names of steps to classes: ours by short name, anybody's by import path."""

from pipecat.processors.frame_processor import FrameProcessor

from processors.engine_adapter import EngineAdapter
from processors.gemini_live import GeminiLive
from processors.gemini_translate import GeminiTranslate
from processors.glossary_check import GlossaryCheck
from processors.imports import ImportPathError, import_class, nearest
from processors.speech_state import SpeechStateEmitter
from processors.transcript_log import TranscriptLog
from processors.transcription import TranscriptionForwarder
from processors.vad import Vad
from processors.whisper_source import WhisperSource

STEPS: dict[str, type[FrameProcessor]] = {
    "vad": Vad,
    "gemini_live": GeminiLive,
    "gemini_translate": GeminiTranslate,
    "engine_adapter": EngineAdapter,
    "whisper_source": WhisperSource,
    "transcription_forwarder": TranscriptionForwarder,
    "glossary_check": GlossaryCheck,
    "speech_state": SpeechStateEmitter,
    "transcript_log": TranscriptLog,
}


class UnknownStepError(Exception):
    """There is no such step; the text says what would have been right."""


def resolve_step(use: str) -> type[FrameProcessor]:
    """The class that ``use`` names: a short name, or ``package.module:Class``.

    Raises:
        UnknownStepError: It names none, or no pipecat processor.
    """
    if ":" in use:
        return _import_step(use)
    if use not in STEPS:
        raise UnknownStepError(f"unknown step '{use}'{nearest(use, STEPS)}")
    return STEPS[use]


def _import_step(path: str) -> type[FrameProcessor]:
    try:
        found = import_class(path)
    except ImportPathError as error:
        raise UnknownStepError(f"step '{path}': {error}") from error
    if not issubclass(found, FrameProcessor):
        raise UnknownStepError(f"step '{path}': expected a pipecat FrameProcessor, got {found!r}")
    return found
