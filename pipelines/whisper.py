"""The process's Whisper: whether there is one, and for which sessions."""

import importlib.util
import logging
import time
from collections.abc import Iterable, Sequence

from pipelines.logs import log_event
from pipelines.settings import Settings
from pipelines.spec import PipelineDraft, PipelineSpec, StepSpec
from processors.imports import described
from processors.recognizer import Recognizer
from processors.whisper_source import WhisperSource

logger = logging.getLogger(__name__)

_INSTALL = "make whisper"


def whisper_told(settings: Settings, pipelines: Sequence[PipelineSpec | PipelineDraft]) -> str | None:
    """The model, or what is missing for it; nothing where neither settings nor pipelines have to do with it."""
    if settings.whisper_model is None and not any(has_whisper(pipeline) for pipeline in pipelines):
        return None
    return whisper_fault(settings, pipelines) or settings.whisper_model


def whisper_fault(settings: Settings, pipelines: Sequence[PipelineSpec | PipelineDraft]) -> str | None:
    """Why no session of these gets its source text from Whisper, and what to do, as far as can be told at once."""
    if not any(has_whisper(pipeline) for pipeline in pipelines):
        return "off: no step 'whisper_source' in the pipeline"
    todo = [] if importlib.util.find_spec("faster_whisper") is not None else [_INSTALL]
    if settings.whisper_model is None:
        todo.append("set WHISPER_MODEL")
    return f"off: {', '.join(todo)}" if todo else None


def has_whisper(pipeline: PipelineSpec | PipelineDraft) -> bool:
    """Whether a step of the pipeline can show source text by Whisper."""
    return any(isinstance(step, StepSpec) and step.step_class is WhisperSource for step in pipeline.steps)


class Whisper:
    """Whisper for the sessions of the process; for none until its model is loaded."""

    def __init__(self, settings: Settings):
        """Make it as ``settings`` say; nothing is loaded."""
        self._model = settings.whisper_model
        self._recognizer = Recognizer(settings.whisper_workers)

    def recognizer_for(self, languages: Iterable[str]) -> Recognizer | None:
        """What recognises these, where it is there."""
        return self._recognizer if self._recognizer.knows(languages) else None

    async def load(self) -> None:
        """Load the model, and say so; a failure is told, and nothing else comes of it."""
        if self._model is None:
            return
        began = time.monotonic()
        try:
            await self._recognizer.load(self._model)
        except Exception as error:  # of faster-whisper, ctranslate2, a download
            hint = _INSTALL if isinstance(error, ImportError) else None
            log_event(logger, logging.WARNING, "no Whisper", model=self._model, error=described(error), todo=hint)
            return
        load_secs = round(time.monotonic() - began, 1)
        log_event(logger, logging.INFO, "Whisper is ready", model=self._model, load_secs=load_secs)

    def close(self) -> None:
        """Recognise nothing more."""
        self._recognizer.close()
