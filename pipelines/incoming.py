"""What a session hears: its client's frames, and the silence that stands for what does not come."""

import asyncio
import math

from pipecat.frames.frames import Frame, InputTransportMessageFrame
from starlette.types import Message

from metrics import AUDIO_IN
from pipelines.gap import GapClock
from pipelines.inbox import Inbox
from pipelines.ingest import INTERRUPT_SECS, IngestMeter
from pipelines.joiner import ChunkJoiner
from pipelines.low_water import PATIENCE_SECS
from pipelines.settings import Settings
from processors.frames import DrainFrame
from protocol.errors import Fault
from protocol.messages import SAMPLE_BYTES, ClientMessage, Interrupt
from protocol.serializer import PIPELINE_RATE_HZ, ProtocolSerializer

_HANDSHAKE_INBOX_SECS = 30
_LONGEST_HOLE_SECS = 2.0
"""Of silence that stands for lost audio, where it is the upstream that finds the utterances."""


class Incoming:
    """The one way into a session, whichever connection the client has.

    Decodes frames, counts audio, and keeps what the pipeline has not taken.

    Attributes:
        received_at: When the last frame came, on the event loop's clock.
        lost_samples: Audio that never came, and that no client has any more.
    """

    def __init__(self, serializer: ProtocolSerializer, settings: Settings):
        """Begin with no audio; nothing leaves before :meth:`open`."""
        self._serializer = serializer
        self._loop = asyncio.get_running_loop()
        self._inbox = Inbox(_HANDSHAKE_INBOX_SECS * PIPELINE_RATE_HZ * SAMPLE_BYTES)
        self._joiner = ChunkJoiner()
        self._ingest = IngestMeter(
            max_ahead_secs=settings.max_ahead_secs, max_rate=settings.max_ingest_rate, clock=self._loop.time
        )
        self._longest_absence_secs = (
            settings.resume_grace_secs + settings.ws_ping_interval + settings.ws_ping_timeout
        )
        self._gap = GapClock(settings.audio_gap_ms / 1000, clock=self._loop.time)
        self._longest_gap_secs = 0.0
        self._hole_ms = 0
        self._chunk_bytes = self._chunk_frame_bytes = 0
        # The last chunk before a gap may lie in the kernel for so long, and must not come after the silence.
        self._may_wait = settings.audio_gap_ms / 1000 >= 2 * PATIENCE_SECS
        self.received_at = self._loop.time()
        self.lost_samples = 0

    @property
    def expected_sample(self) -> int:
        """The number of the sample that comes next, at the client's rate: what was received, and what was lost."""
        return self._serializer.received_samples + self.lost_samples

    @property
    def audio_secs(self) -> float:
        """Audio that came."""
        return self._serializer.received_samples / self._serializer.sample_rate_hz

    @property
    def held_bytes(self) -> int:
        """What the pipeline has not taken."""
        return self._inbox.held_bytes + self._joiner.held_bytes

    # From the client

    async def room(self) -> None:
        """Wait until another frame may be taken."""
        await self._inbox.room()

    async def take(self, data: str | bytes) -> ClientMessage | Fault | None:
        """Take the content of a frame; nothing in here waits, so no frame is taken in part.

        Returns:
            What is not for the pipeline: a message about the session itself, or what is wrong with the frame.
        """
        self.received_at = self._loop.time()
        if self._hole_ms:
            await self._fill_hole()
        samples_before = self._serializer.received_samples
        self._chunk_bytes = 0
        content = await self._serializer.read(data)
        if isinstance(content, bytes):
            samples = self._serializer.received_samples - samples_before
            fault = self._count(samples / self._serializer.sample_rate_hz)
            if fault is None:
                self._chunk_bytes, self._chunk_frame_bytes = len(content), len(data)
                self._put_audio(content)
            return fault
        if not isinstance(content, Interrupt):
            return content
        fault = self._ingest.take(INTERRUPT_SECS)
        if fault is None:
            self._put(InputTransportMessageFrame(message=content))
        return fault

    def needed_bytes(self) -> int:
        """How much has to come until something enters the pipeline, where the last frame was one of a stream.

        It is half of a frame less than that, for the lengths of frames may differ by a few bytes.
        """
        if not self._chunk_bytes or not self._may_wait:
            return 1
        chunks = self._joiner.missing_chunks(self._chunk_bytes)
        return 1 if chunks == 1 else int((chunks - 0.5) * self._chunk_frame_bytes)

    def go_on_at(self, first_sample: int) -> int:
        """The client is back, and sends on from ``first_sample``, or from the expected one where that is later.

        Returns:
            How much audio is lost, in ms, rounded up.
        """
        self._chunk_bytes = 0
        self._ingest.allow_absence(self._longest_absence_secs)
        missing = max(0, first_sample - self.expected_sample)
        self.lost_samples += missing
        lost_ms = math.ceil(1000 * missing / self._serializer.sample_rate_hz)
        self._hole_ms += lost_ms
        return lost_ms

    def drain(self) -> None:
        """Let the pipeline know, after everything that was received, that no utterance may begin any more."""
        self._put(DrainFrame())

    def _count(self, audio_secs: float) -> Fault | None:
        fault = self._ingest.take(audio_secs)
        if fault is None:
            AUDIO_IN.inc(audio_secs)
            self._gap.audio_arrived(audio_secs)
        return fault

    # To the pipeline

    async def receive(self) -> Message:
        """The next frame, as a transport reads it from a socket."""
        return await self._inbox.receive()

    def open(self, longest_gap_secs: float) -> None:
        """The session is ready: let the pipeline take frames.

        Args:
            longest_gap_secs: How much silence has to stand for a gap; infinite: for all of it.
        """
        self._longest_gap_secs = longest_gap_secs
        self._inbox.open()

    async def fill_gaps(self) -> None:
        """Let silence stand for audio that does not come, for as long as the session runs."""
        while True:
            silence_ms = await self._gap.next_silence(lambda: self._longest_gap_secs)
            await self._inbox.room()
            await self._put_silence(silence_ms)

    async def _fill_hole(self) -> None:
        """Let silence stand for lost audio, so that what was said before it and after it is not spliced together.

        As much as ends an utterance is enough; what stands for the client's absence counts.
        """
        longest_secs = self._longest_gap_secs if math.isfinite(self._longest_gap_secs) else _LONGEST_HOLE_SECS
        silence_ms = min(self._hole_ms, int(1000 * longest_secs)) - self._gap.filled_ms
        self._hole_ms = 0
        if silence_ms > 0:
            await self._put_silence(silence_ms)

    async def _put_silence(self, duration_ms: int) -> None:
        audio = await self._serializer.silence(duration_ms)
        AUDIO_IN.inc(duration_ms / 1000)
        self._put_audio(audio)

    def _put_audio(self, pcm: bytes) -> None:
        if (audio := self._joiner.add(pcm)) is not None:
            self._inbox.put(audio)

    def _put(self, frame: Frame) -> None:
        if (audio := self._joiner.release()) is not None:
            self._inbox.put(audio)
        self._inbox.put(frame)
