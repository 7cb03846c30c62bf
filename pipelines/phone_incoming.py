"""What a call hears of its phone: the provider's messages, and the silence that stands for what does not come."""

import asyncio
from collections.abc import Callable

from pipecat.frames.frames import Frame, InputAudioRawFrame, InputDTMFFrame

from metrics import AUDIO_IN
from pipelines.gap import GapClock
from pipelines.ingest import INTERRUPT_SECS, IngestMeter
from pipelines.settings import Settings
from protocol.errors import Fault
from protocol.messages import SAMPLE_BYTES
from telephony.phone_serializer import PhoneSerializer
from telephony.provider import MediaStart


class PhoneIncoming:
    """Reads one stream, and bounds how much comes.

    Attributes:
        received_at: When the last message came, on the event loop's clock.
        audio_secs: Audio that came, without what stands for gaps.
    """

    def __init__(self, serializer: PhoneSerializer, start: MediaStart, settings: Settings):
        """Begin with no audio."""
        self._serializer = serializer
        self._rate_hz = start.rate_hz
        self._loop = asyncio.get_running_loop()
        self._ingest = IngestMeter(
            max_ahead_secs=settings.max_ahead_secs, max_rate=settings.max_ingest_rate, clock=self._loop.time
        )
        self._gap = GapClock(settings.audio_gap_ms / 1000, clock=self._loop.time)
        self._one_at_a_time = asyncio.Lock()
        self.received_at = self._loop.time()
        self.audio_secs = 0.0

    async def take(self, data: str | bytes) -> Frame | Fault | None:
        """What a message says: a frame, nothing, or too much."""
        self.received_at = self._loop.time()
        frame = await self._read(data)
        if isinstance(frame, InputAudioRawFrame):
            secs = len(frame.audio) / SAMPLE_BYTES / frame.sample_rate
            self._gap.audio_arrived(secs)
            self.audio_secs += secs
            AUDIO_IN.inc(secs)
            return self._ingest.take(secs) or frame
        if isinstance(frame, InputDTMFFrame):
            return self._ingest.take(INTERRUPT_SECS) or frame
        return frame

    async def silence(self, longest_secs: Callable[[], float]) -> InputAudioRawFrame | None:
        """Wait until silence has to stand for audio that does not come, and give it.

        It goes the way of the caller's audio, so that resampling has no seam; what it only filled is ``None``.

        Args:
            longest_secs: Gives how much may stand for one gap.
        """
        duration_ms = await self._gap.next_silence(longest_secs)
        payload = self._serializer.silence(self._rate_hz * duration_ms // 1000)
        frame = await self._read(self._serializer.media(payload))
        AUDIO_IN.inc(duration_ms / 1000)
        return frame if isinstance(frame, InputAudioRawFrame) else None

    async def _read(self, data: str | bytes) -> Frame | None:
        async with self._one_at_a_time:  # the resampler keeps an order
            return await self._serializer.deserialize(data)
