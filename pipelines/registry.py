"""Names of steps to classes: ours by short name, anybody's by import path."""

import difflib
import importlib

from pipecat.processors.frame_processor import FrameProcessor

from processors.gemini_live import GeminiLive
from processors.speech_state import SpeechStateEmitter
from processors.transcript_log import TranscriptLog
from processors.transcription import TranscriptionForwarder
from processors.vad import Vad

STEPS: dict[str, type[FrameProcessor]] = {
    "vad": Vad,
    "gemini_live": GeminiLive,
    "transcription_forwarder": TranscriptionForwarder,
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


def nearest(name: str, known: "dict[str, object] | dict[str, type[FrameProcessor]] | list[str]") -> str:
    """``; did you mean 'x'?`` where a known name is near, else the known names."""
    names = list(known)
    if not names:
        return "; there are none"
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean '{close[0]}'?" if close else f"; known are {', '.join(sorted(names))}"


def _import_step(path: str) -> type[FrameProcessor]:
    module_name, _, class_name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # somebody else's code may raise anything
        raise UnknownStepError(f"step '{path}': can't import '{module_name}': {error!r}") from error
    found = getattr(module, class_name, None)
    if found is None:
        classes = [name for name, value in vars(module).items() if isinstance(value, type)]
        raise UnknownStepError(f"step '{path}': no '{class_name}' in it{nearest(class_name, classes)}")
    if not (isinstance(found, type) and issubclass(found, FrameProcessor)):
        raise UnknownStepError(f"step '{path}': expected a pipecat FrameProcessor, got {found!r}")
    return found
