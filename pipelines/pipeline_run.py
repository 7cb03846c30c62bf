"""One pipeline at work: made from a session's steps, started, and ended in order whenever that is."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from pipecat.frames.frames import ErrorFrame, StartFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor, FrameProcessorSetup
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams
from pipecat.workers.runner import WorkerRunner
from starlette.websockets import WebSocket

from gemini.connector import OUTPUT_RATE_HZ
from pipelines.builder import marks_utterances
from pipelines.open_turns import OpenTurns
from pipelines.transport import UnpacedTransport
from protocol.serializer import PIPELINE_RATE_HZ

_FLUSH_TIMEOUT_SECS = 1.0
_SETUP_TIMEOUT_SECS = 120.0
"""A last resort: an engine bounds its connecting by a setting of its own, of 60 s at most."""


class _UnobservedPipeline(Pipeline):
    """A pipeline whose steps tell nobody of each frame that they push and take: nobody listens."""

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]  # as in pipecat itself
        """Set the steps up without the worker's observer."""
        await super().setup(replace(setup, observer=None))


class PipelineRun:
    """Steps between the two ends of a transport, run by pipecat without what an interpreter does not need."""

    def __init__(
        self,
        websocket: WebSocket,
        serializer: FrameSerializer,
        steps: Sequence[FrameProcessor],
        *,
        on_started: Callable[[], None],
        on_error: Callable[[ErrorFrame], None],
        on_ended: Callable[[BaseException | None], None],
    ):
        """Put a pipeline together; nothing runs yet.

        Args:
            websocket: What the transport reads and writes.
            serializer: Between the socket's frames and pipecat's.
            steps: In order.
            on_started: Called when every step is set up, the engine's connection included.
            on_error: Called when a step failed, after what the steps had finished before has gone out.
            on_ended: Called when the pipeline ended, with what it raised.
        """
        params = FastAPIWebsocketParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_out_end_silence_secs=0,
            serializer=serializer,
            allowed_origins=[],
        )
        self._turns = OpenTurns(marked=marks_utterances(steps))
        transport = UnpacedTransport(websocket, params, on_output=self._turns.follow)
        self._worker = PipelineWorker(
            _UnobservedPipeline([transport.input(), *steps, transport.output()]),
            params=PipelineParams(audio_in_sample_rate=PIPELINE_RATE_HZ, audio_out_sample_rate=OUTPUT_RATE_HZ),
            enable_rtvi=False,
            enable_turn_tracking=False,
            idle_timeout_secs=None,
            setup_timeout_secs=_SETUP_TIMEOUT_SECS,
        )
        self._on_started = on_started
        self._on_error = on_error
        self._on_ended = on_ended
        self._started = False
        self._set_up = asyncio.Event()
        self._runner = WorkerRunner(handle_sigint=False)
        self._task: asyncio.Task[None] | None = None

    @property
    def turns_ended(self) -> int:
        """How many turns are over."""
        return self._turns.ended

    @property
    def turns_begun(self) -> int:
        """How many there were, with those of utterances that have begun."""
        return self._turns.begun

    def start(self) -> None:
        """Set the steps up, and run."""
        self._worker.add_event_handler("on_pipeline_started", self._report_start)
        self._worker.add_event_handler("on_pipeline_error", self._report_error)
        self._runner.add_event_handler("on_ready", self._note_set_up)
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._report_end)

    async def drained(self) -> None:
        """Wait until everything is answered, and told, that was said before a ``DrainFrame``."""
        await self._turns.drained()
        await self._worker.flush_pipeline(timeout=_FLUSH_TIMEOUT_SECS)

    async def stop(self) -> None:
        """End a pipeline that was started; returns when every step has released what it holds.

        pipecat's runner leaves behind what it started if it is cancelled while it sets up, so it is asked to end,
        and only once it has set up.
        """
        if self._task is None:
            return
        await self._set_up.wait()
        await self._runner.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            await self._runner.add_workers(self._worker)
            await self._runner.run()
        finally:
            self._set_up.set()

    def _report_end(self, task: asyncio.Task[None]) -> None:
        self._on_ended(None if task.cancelled() else task.exception())

    async def _report_start(self, _worker: PipelineWorker, _frame: StartFrame) -> None:
        self._started = True
        self._on_started()

    async def _report_error(self, worker: PipelineWorker, frame: ErrorFrame) -> None:
        """Errors overtake texts and audio: let those go out first."""
        if self._started:
            await worker.flush_pipeline(timeout=_FLUSH_TIMEOUT_SECS)
        self._on_error(frame)

    async def _note_set_up(self, _runner: WorkerRunner) -> None:
        self._set_up.set()
