"""Steps in an order in which they can't work: certain cases only, for what foreign steps do, nobody knows."""

from collections.abc import Iterator, Sequence

from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.llm_service import LLMService

from pipelines.registry import STEPS
from pipelines.spec import StepSpec, UninstalledStep
from processors.engine_adapter import EngineAdapter
from processors.glossary_check import GlossaryCheck
from processors.speech_state import SpeechStateEmitter
from processors.transcript_log import TranscriptLog
from processors.transcription import TranscriptionForwarder
from processors.upstream_step import UpstreamStep
from processors.vad import Vad
from processors.whisper_source import WhisperSource

Step = StepSpec | UninstalledStep
OrderWarning = tuple[int, str]
"""The line that it is about, and the text."""

_HEARS = (Vad, UpstreamStep)
"""Steps that work on the client's speech, which the engine keeps to itself."""
_BEHIND_THE_ENGINE = (TranscriptionForwarder, SpeechStateEmitter, GlossaryCheck, TranscriptLog)
_COMES_AFTER: dict[type[FrameProcessor], tuple[type[FrameProcessor], str]] = {
    TranscriptionForwarder: (UpstreamStep, "gets none of its texts"),
    SpeechStateEmitter: (UpstreamStep, "does not see when an utterance is answered, and stays at 'processing'"),
    WhisperSource: (UpstreamStep, "replaces none of its texts"),
    GlossaryCheck: (TranscriptionForwarder, "gets no turns to check"),
    TranscriptLog: (TranscriptionForwarder, "gets no turns to log"),
}


def order_warnings(steps: Sequence[Step]) -> list[OrderWarning]:
    """What will not work in a pipeline of these steps, in no order."""
    return [*_lacks(steps), *_deaf(steps), *_early(steps), *_unadapted(steps), *_adapts_nothing(steps)]


def _class_of(step: Step) -> type[FrameProcessor] | None:
    """The step's class where it is one of ours; what it does is known then."""
    known = isinstance(step, StepSpec) and step.step_class in STEPS.values()
    return step.step_class if known and isinstance(step, StepSpec) else None


def _first(step_class: type[FrameProcessor], steps: Sequence[Step]) -> int | None:
    """Where the first step of this class, or of one under it, stands."""
    found = (_class_of(step) or FrameProcessor for step in steps)
    return next((index for index, known in enumerate(found) if issubclass(known, step_class)), None)


def _any_foreign(steps: Sequence[Step]) -> bool:
    return any(_class_of(step) is None for step in steps)


def _lacks(steps: Sequence[Step]) -> Iterator[OrderWarning]:
    engine = _first(UpstreamStep, steps)
    if engine is None:
        if not _any_foreign(steps):
            yield steps[0].line, 'no step interprets, so clients never get an answer: add use = "gemini_live"'
    elif _first(TranscriptionForwarder, steps) is None and not _any_foreign(steps[engine:]):
        use = steps[engine].use
        yield (
            steps[engine].line,
            f"no 'transcription_forwarder' after '{use}', so clients get no texts and no turns",
        )


def _deaf(steps: Sequence[Step]) -> Iterator[OrderWarning]:
    engine = _first(UpstreamStep, steps)
    if engine is None:
        return
    for step in steps[engine + 1 :]:
        if issubclass(_class_of(step) or FrameProcessor, _HEARS):
            keeper = steps[engine]
            yield step.line, f"step '{step.use}' gets no speech, for '{keeper.use}' in line {keeper.line} keeps it"


def _early(steps: Sequence[Step]) -> Iterator[OrderWarning]:
    for index, step in enumerate(steps):
        source, consequence = _COMES_AFTER.get(_class_of(step) or FrameProcessor, (FrameProcessor, ""))
        first = _first(source, steps)
        if first is not None and first > index and not _any_foreign(steps[:index]):
            later = steps[first]
            yield (
                step.line,
                f"step '{step.use}' comes before '{later.use}' in line {later.line}, so it {consequence}",
            )


def _unadapted(steps: Sequence[Step]) -> Iterator[OrderWarning]:
    """Language models of pipecat's, realtime ones included, without what makes their frames ours."""
    adapter = _first(EngineAdapter, steps)
    for index, step in enumerate(steps):
        is_service = isinstance(step, StepSpec) and issubclass(step.step_class, LLMService)
        if is_service and (adapter is None or adapter > index):
            yield (
                step.line,
                f"step '{step.use}' is a service of pipecat's, so clients get no source texts from it and turns"
                ' that never end: put use = "engine_adapter" before it',
            )


def _adapts_nothing(steps: Sequence[Step]) -> Iterator[OrderWarning]:
    adapter = _first(EngineAdapter, steps)
    if adapter is None:
        return
    behind = (
        index for index, step in enumerate(steps) if _class_of(step) in _BEHIND_THE_ENGINE and index > adapter
    )
    end = next(behind, len(steps))
    if not _any_foreign(steps[adapter:end]):
        use = steps[adapter].use
        yield steps[adapter].line, f"no service comes right after '{use}', so it has nothing to adapt"
