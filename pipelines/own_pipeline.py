"""A client alone with the interpreter: a pipeline of its own between its socket's two ends."""

from collections.abc import Sequence

from pipecat.frames.frames import ErrorFrame
from pipecat.processors.frame_processor import FrameProcessor

from pipelines.builder import build_steps, longest_gap_secs
from pipelines.choice import Choice
from pipelines.endings import failure_of
from pipelines.interpretation import SessionEnds
from pipelines.outgoing import PipelineView
from pipelines.pipeline_run import PipelineRun
from pipelines.services import Services, queue_depths_of
from pipelines.whisper import has_whisper
from processors.recognizer import Recognizer
from processors.whisper_source import WhisperSource


class OwnPipeline:
    """Reads the session's frames and writes to its client, with nothing in between.

    Attributes:
        started: Every step is set up, and the client was told.
    """

    def __init__(self, choice: Choice, services: Services, ends: SessionEnds, *, use_whisper: bool):
        """Make it; nothing runs yet.

        Args:
            choice: Pipeline and languages.
            services: Of the process.
            ends: The session's.
            use_whisper: The client wants its source text by Whisper, where that is there.
        """
        self.started = False
        self._choice = choice
        self._services = services
        self._ends = ends
        self._use_whisper = use_whisper
        self._steps: Sequence[FrameProcessor] = ()
        self._run: PipelineRun | None = None

    def start(self) -> None:
        """Make the steps, and connect."""
        languages = self._choice.languages
        recognizer = self._recognizer(languages.may_be_spoken)
        context = self._services.context(self._ends.session_id, languages, recognizer)
        self._steps = build_steps(self._choice.pipeline, context)
        self._run = PipelineRun(
            PipelineView(self._ends.outgoing.send, self._ends.incoming.receive),
            self._ends.serializer,
            self._steps,
            on_started=self._begin,
            on_error=self._end_by_error,
            on_ended=self._end_with_pipeline,
        )
        self._run.start()

    async def drained(self) -> None:
        """Wait until everything is answered and told that was heard before the ``DrainFrame``."""
        if self._run is not None:
            await self._run.drained()

    async def stop(self) -> None:
        """End the pipeline; returns when every step has released what it holds."""
        if self._run is not None:
            await self._run.stop()

    def queue_depths(self) -> dict[str, float]:
        """What waits in its steps, in bytes, by the queue's name."""
        return queue_depths_of(self._steps)

    def _recognizer(self, languages: Sequence[str]) -> Recognizer | None:
        """What gives the client its source text in the upstream's place, if it asked for that and it is there."""
        whisper = self._services.whisper
        if not self._use_whisper or whisper is None or not has_whisper(self._choice.pipeline):
            return None
        return whisper.recognizer_for(languages)

    def _begin(self) -> None:
        self.started = True
        has_whisper_source = any(isinstance(step, WhisperSource) for step in self._steps)
        self._ends.greet(longest_gap_secs(self._steps), has_whisper_source)

    def _end_by_error(self, frame: ErrorFrame) -> None:
        """Any step's failure ends the session: what it would have done is lost to the client."""
        self._ends.failed(failure_of(frame, self._ends.session_id))

    def _end_with_pipeline(self, error: BaseException | None) -> None:
        hint = "" if self.started else " before it started: does a step hold StartFrame back?"
        self._ends.failed(error or RuntimeError(f"the pipeline ended by itself{hint}"))
