"""One pipeline's life: it starts, says what fails, and ends in order whenever that is."""

import asyncio
from collections.abc import Sequence

import pytest
from pipecat.frames.frames import CancelFrame, ErrorFrame, Frame, StartFrame, TextFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor, FrameProcessorSetup

from pipelines.client_socket import ClientSocket
from pipelines.inbox import Inbox
from pipelines.outgoing import PipelineView
from pipelines.pipeline_run import PipelineRun
from processors.frames import ProtocolMessageFrame
from protocol.messages import InitConfig, Interrupted
from protocol.serializer import ProtocolSerializer
from tests.support.fake_network import FakeNetwork
from tests.support.virtual_time import settle


class Holder(FrameProcessor):
    """A step that holds something from its setup to its cleanup.

    Attributes:
        held: How often it was taken, and not given back.
        frames: What reached it.
    """

    def __init__(self, *, setup_secs: float = 0.0, failure: Exception | None = None):
        """Take ``setup_secs`` to set up, and fail then, if told so."""
        super().__init__()
        self._setup_secs, self._failure = setup_secs, failure
        self.held = 0
        self.frames: list[Frame] = []

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]  # pipecat's own narrowing
        """Take it."""
        await super().setup(setup)
        self.held += 1
        await asyncio.sleep(self._setup_secs)
        if self._failure is not None:
            raise self._failure

    async def cleanup(self) -> None:
        """Give it back."""
        self.held = 0
        await super().cleanup()  # type: ignore[no-untyped-call]  # pipecat leaves its return type out

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Note the frame, and pass it on."""
        await super().process_frame(frame, direction)
        self.frames.append(frame)
        await self.push_frame(frame, direction)


class Run:
    """A pipeline between a fake network and a session that only notes.

    Attributes:
        pipeline: The pipeline.
        network: The client's end.
        told: What the session was told, in order.
    """

    def __init__(self, network: FakeNetwork, socket: ClientSocket, steps: Sequence[FrameProcessor]):
        """Put ``steps`` together."""
        self.network = network
        self.socket = socket
        self.told: list[str] = []
        serializer = ProtocolSerializer(max_message_bytes=1000, max_chunk_secs=5)
        serializer.accept(InitConfig())
        self.pipeline = PipelineRun(
            PipelineView(socket.send, Inbox(1000).receive),
            serializer,
            steps,
            on_started=lambda: self.told.append("started"),
            on_error=self._note_error,
            on_ended=lambda error: self.told.append(f"ended: {error!r}"),
        )

    def _note_error(self, frame: ErrorFrame) -> None:
        self.told.append(f"error: {frame.error}, after {len(self.network.frames)} frames")

    async def stop(self) -> None:
        """Stop the pipeline, and close the socket as a session does."""
        await self.pipeline.stop()
        await self.socket.close(1000, flush=False)


async def run_of(*steps: FrameProcessor) -> Run:
    """A pipeline that does not run yet."""
    network = FakeNetwork()
    socket = ClientSocket(
        await network.accepted(), max_backlog_bytes=2**20, write_timeout_secs=15.0, on_stuck=lambda: None
    )
    return Run(network, socket, steps)


async def test_a_pipeline_starts_and_ends() -> None:
    """Every step is set up before the session hears of the start, and released before it hears of the end."""
    slow = Holder(setup_secs=30)
    run = await run_of(slow)
    run.pipeline.start()
    await settle(29)
    assert (run.told, slow.held) == ([], 1)
    await settle(2)
    assert run.told == ["started"]
    assert isinstance(slow.frames[0], StartFrame)
    await run.stop()
    assert (run.told, slow.held) == (["started", "ended: None"], 0)
    assert isinstance(slow.frames[-1], CancelFrame)


@pytest.mark.parametrize("setup_secs", [0, 3600])
async def test_a_stop_right_after_the_start_leaves_nothing(setup_secs: float) -> None:
    """Wherever pipecat is in its setup: no task stays, no step keeps what it holds, and the end is told."""
    before = asyncio.all_tasks()
    for ticks in range(40):
        step = Holder(setup_secs=setup_secs)
        run = await run_of(step)
        began = asyncio.get_running_loop().time()
        run.pipeline.start()
        for _ in range(ticks):
            await asyncio.sleep(0)
        await run.stop()
        assert asyncio.all_tasks() == before, f"after {ticks} ticks"
        assert step.held == 0, f"after {ticks} ticks"
        assert run.told[-1:] == ["ended: None"]
        assert asyncio.get_running_loop().time() - began < 1


async def test_a_pipeline_that_never_started_can_be_stopped() -> None:
    """There is nothing to end, and nobody to tell."""
    run = await run_of(Holder())
    await run.stop()
    assert run.told == []


async def test_stopping_twice_is_harmless() -> None:
    """The second time finds it ended, even while the first still ends it."""
    run = await run_of(Holder())
    run.pipeline.start()
    await settle()
    await asyncio.gather(run.pipeline.stop(), run.stop())
    await run.pipeline.stop()
    assert run.told == ["started", "ended: None"]


async def test_a_step_that_cannot_be_set_up_is_told() -> None:
    """The session hears of it before it could take the pipeline for one that works."""
    run = await run_of(Holder(failure=OSError("no model")))
    run.pipeline.start()
    await settle()
    assert run.told[0] == "error: Error setting up processor: no model, after 0 frames"
    await run.stop()


async def test_an_error_is_told_after_what_was_finished_before_it() -> None:
    """Errors are quick, texts are not: what a step said before it failed reaches the client first."""
    first, last = Holder(), Holder()
    run = await run_of(first, last)
    run.pipeline.start()
    await settle()
    for _ in range(50):
        await first.push_frame(ProtocolMessageFrame(Interrupted(reason="client")))
    await first.push_error("failed")
    await settle()
    assert run.told == ["started", "error: failed, after 50 frames"]
    await run.stop()


async def test_an_error_in_a_stuck_pipeline_is_told_all_the_same() -> None:
    """What does not come out is not waited for long."""

    class Stuck(Holder):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, TextFrame):
                await asyncio.sleep(3600)

    step = Stuck()
    run = await run_of(step)
    run.pipeline.start()
    await settle()
    await step.queue_frame(TextFrame("x"))
    await settle()
    await step.push_error("failed")
    await settle(3)
    assert run.told == ["started", "error: failed, after 0 frames"]
    await run.stop()
