"""One speaker's speech into one language: a pipeline that is fed frames and hands on frames."""

import asyncio
from collections.abc import Callable

from pipecat.frames.frames import ErrorFrame, Frame
from pipecat.serializers.base_serializer import FrameSerializer

from pipelines.builder import build_steps, longest_gap_secs
from pipelines.choice import Languages
from pipelines.endings import failure_of
from pipelines.inbox import Inbox
from pipelines.outgoing import PipelineView
from pipelines.pipeline_run import PipelineRun
from pipelines.services import Services, queue_depths_of
from pipelines.spec import PipelineSpec
from processors.frames import DrainFrame
from protocol.errors import Fault
from protocol.messages import SAMPLE_BYTES
from protocol.serializer import PIPELINE_RATE_HZ

_INBOX_SECS = 180
"""Of audio in long chunks; in chunks of 20 ms, which count for more, 128."""


class Strand:
    """A pipeline without a client of its own.

    What it hands on is, in one order: sound as ``OutputAudioRawFrame`` (24 kHz, mono, whole pieces), its end as
    ``TTSStoppedFrame``, and messages as ``ProtocolMessageFrame``.
    """

    def __init__(
        self,
        session_id: str,
        pipeline: PipelineSpec,
        languages: Languages,
        services: Services,
        *,
        on_frame: Callable[[Frame], None],
        on_failed: Callable[[Fault | BaseException], None],
    ):
        """Make the steps; nothing runs yet.

        Args:
            session_id: UUID, for the log.
            pipeline: What interprets.
            languages: What is spoken, and what comes out.
            services: Of the process.
            on_frame: Takes what comes out.
            on_failed: Told once why it cannot go on; not told after :meth:`stop`.
        """
        self._session_id = session_id
        self._on_failed = on_failed
        self._over = False
        self._decided = asyncio.Event()
        """Whether it could be started."""
        self._inbox = Inbox(_INBOX_SECS * PIPELINE_RATE_HZ * SAMPLE_BYTES)
        self._steps = build_steps(pipeline, services.context(session_id, languages))
        self._run = PipelineRun(
            PipelineView(lambda _data: None, self._inbox.receive),
            _Handover(on_frame),
            self._steps,
            on_started=self._open,
            on_error=self._note_error,
            on_ended=self._note_end,
        )

    @property
    def longest_gap_secs(self) -> float:
        """How much silence has to stand for a gap in the speech that it hears."""
        return longest_gap_secs(self._steps)

    @property
    def turns_ended(self) -> int:
        """How many turns are over."""
        return self._run.turns_ended

    @property
    def turns_begun(self) -> int:
        """How many there were, with those of utterances that have begun."""
        return self._run.turns_begun

    def start(self) -> None:
        """Connect to the upstream, and run."""
        self._run.start()

    def put(self, frame: Frame) -> None:
        """Let it hear ``frame``: audio at 16 kHz, mono; what comes before the pipeline runs waits.

        Where two or three minutes of audio wait already, the strand fails: it will never catch up.
        """
        if self._inbox.full:
            self._fail(RuntimeError(f"the pipeline is behind: {self._inbox.held_bytes} bytes of audio wait"))
        else:
            self._inbox.put(frame)

    async def drained(self) -> None:
        """Hear no further utterance; returns when everything is answered and handed on that was heard before."""
        heard_nothing = not (self._decided.is_set() or self._inbox.held_bytes)
        self.put(DrainFrame())
        if heard_nothing:
            return
        await self._decided.wait()
        if not self._over:
            await self._run.drained()

    async def stop(self) -> None:
        """End it, and release everything."""
        self._over = True
        self._decided.set()
        await self._run.stop()

    def queue_depths(self) -> dict[str, float]:
        """What waits, in bytes, by the queue's name."""
        return {"inbox": self._inbox.held_bytes, **queue_depths_of(self._steps)}

    def _open(self) -> None:
        self._inbox.open()
        self._decided.set()

    def _note_error(self, frame: ErrorFrame) -> None:
        self._fail(failure_of(frame, self._session_id))

    def _note_end(self, error: BaseException | None) -> None:
        self._fail(error or RuntimeError("the pipeline ended by itself"))

    def _fail(self, failure: Fault | BaseException) -> None:
        if not self._over:
            self._over = True
            self._decided.set()
            self._on_failed(failure)


class _Handover(FrameSerializer):
    """Hands frames over as they are; nothing is written anywhere."""

    def __init__(self, on_frame: Callable[[Frame], None]):
        super().__init__()
        self._on_frame = on_frame

    async def serialize(self, frame: Frame) -> str | bytes | None:
        """Hand ``frame`` on."""
        self._on_frame(frame)
        return None

    async def deserialize(self, data: str | bytes | Frame) -> Frame | None:
        """Frames pass as they are."""
        return data if isinstance(data, Frame) else None
