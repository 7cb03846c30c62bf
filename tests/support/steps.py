"""One step of a pipeline, between two ends that note what reaches them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from pipecat.frames.frames import EndFrame, Frame, StartFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

from processors.frames import ProtocolMessageFrame
from protocol.messages import ServerMessage
from tests.support.virtual_time import settle

FrameT = TypeVar("FrameT", bound=Frame)


class _End(FrameProcessor):
    """Notes the frames of one direction, and passes everything on."""

    def __init__(self, noted: list[Frame], direction: FrameDirection) -> None:
        super().__init__(enable_direct_mode=True)
        self._noted = noted
        self._direction = direction

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if direction is self._direction:
            self._noted.append(frame)
        await self.push_frame(frame, direction)


class RunningStep:
    """A step in a pipeline that runs.

    Attributes:
        down: What came out of the step downstream, in order.
        up: What came out of it upstream.
    """

    def __init__(self, *steps: FrameProcessor) -> None:
        """Put ``steps`` between two ends."""
        self.down: list[Frame] = []
        self.up: list[Frame] = []
        ends = (_End(self.up, FrameDirection.UPSTREAM), _End(self.down, FrameDirection.DOWNSTREAM))
        self.worker = PipelineWorker(
            Pipeline([ends[0], *steps, ends[1]]),
            enable_rtvi=False,
            cancel_on_idle_timeout=False,
            idle_timeout_secs=None,
        )

    @property
    def started(self) -> bool:
        """Whether the step let the pipeline start."""
        return any(isinstance(frame, StartFrame) for frame in self.down)

    @property
    def messages(self) -> list[ServerMessage]:
        """The protocol messages that came out downstream."""
        return [frame.message for frame in self.down if isinstance(frame, ProtocolMessageFrame)]

    def frames(self, kind: type[FrameT]) -> list[FrameT]:
        """The frames of a kind that came out downstream."""
        return [frame for frame in self.down if isinstance(frame, kind)]

    async def send(self, *frames: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Hand frames to the step one by one, each after the one before has had its effect."""
        for frame in frames:
            await self.worker.queue_frame(frame, direction)
            await settle()

    def forget(self) -> None:
        """Drop what was noted so far."""
        self.down.clear()
        self.up.clear()


@asynccontextmanager
async def running(*steps: FrameProcessor) -> AsyncIterator[RunningStep]:
    """Run ``steps`` in a pipeline; its start is noted already."""
    step = RunningStep(*steps)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(step.worker)
    running_worker = asyncio.create_task(runner.run())
    await settle(0.1)
    try:
        yield step
    finally:
        if step.started:
            await step.worker.queue_frame(EndFrame())
        else:
            await step.worker.cancel()
        await running_worker
