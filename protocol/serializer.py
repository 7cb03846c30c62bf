"""The protocol as a pipecat :class:`FrameSerializer`, for one session.

Owns what depends on the session's ``init``: whether it came, the encoding and rate of the client's audio, and
the resampler to the pipeline's rate. Total: bad input becomes a frame that carries a
:class:`~protocol.errors.Fault`, since pipecat's transport ends the receive loop at an exception.
"""

import base64

from pipecat.audio.resamplers.soxr_stream_resampler import SOXRStreamAudioResampler
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InputTransportMessageFrame,
    OutputAudioRawFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
)
from pipecat.serializers.base_serializer import FrameSerializer
from pydantic_core import to_json

from protocol.decoding import decode_binary, decode_text
from protocol.errors import ErrorCode, Fault
from protocol.messages import (
    SAMPLE_BYTES,
    Audio,
    AudioResponse,
    ClientMessage,
    InitConfig,
    ServerMessage,
    checked_pcm,
)

PIPELINE_RATE_HZ = 16000
"""The rate of audio inside the pipeline, whatever the client sends: what Gemini Live takes natively."""


class ProtocolSerializer(FrameSerializer):
    """Reads client frames into pipecat's frames, and writes pipecat's output frames as client frames.

    Attributes:
        sample_rate_hz: The rate of the audio that the client sends.
        received_samples: Audio received since ``init``, in samples at the client's rate.
    """

    def __init__(self, *, max_message_bytes: int, max_chunk_secs: float):
        """Make a serializer for a session whose ``init`` has not come.

        Args:
            max_message_bytes: Largest frame that is looked into; a larger one is a fault.
            max_chunk_secs: Longest audio chunk.
        """
        super().__init__()
        self._max_message_bytes = max_message_bytes
        self._max_chunk_secs = max_chunk_secs
        self._set_rate(InitConfig().sample_rate)
        self._config: InitConfig | None = None
        # Never clears itself and is never flushed while audio flows: either would drop or distort samples.
        self._resampler = SOXRStreamAudioResampler(clear_after_secs=None)
        self.received_samples = 0

    @property
    def initialized(self) -> bool:
        """Whether an ``init`` was accepted."""
        return self._config is not None

    def accept(self, config: InitConfig) -> None:
        """Take ``config`` as the session's; audio may come from here on."""
        self._config = config
        self._set_rate(config.sample_rate)

    async def deserialize(self, data: str | bytes | Frame) -> Frame:
        """One client frame as a pipecat frame. Never raises for anything that a client may send.

        Args:
            data: Content of a text or binary frame. A frame that was read already passes as it is: the session
                reads its socket before there is a transport, and hands on what it read.

        Returns:
            Audio as an ``InputAudioRawFrame`` at :data:`PIPELINE_RATE_HZ` (its ``audio`` may be empty while the
            resampler's filter fills), anything else as an ``InputTransportMessageFrame`` whose ``message`` is a
            :data:`~protocol.messages.ClientMessage` or a :class:`~protocol.errors.Fault`.
        """
        if isinstance(data, Frame):
            return data
        content = await self.read(data)
        if isinstance(content, bytes):
            return InputAudioRawFrame(audio=content, sample_rate=PIPELINE_RATE_HZ, num_channels=1)
        return InputTransportMessageFrame(message=content)

    async def read(self, data: str | bytes) -> bytes | ClientMessage | Fault:
        """What one client frame says, without a frame of pipecat's around it; else as :meth:`deserialize`."""
        fault = self._size_fault(data)
        if fault is not None:
            return fault
        if isinstance(data, bytes):
            binary_audio = self._config is not None and self._config.audio_encoding == "binary"
            fault = decode_binary(initialized=self.initialized, binary_audio=binary_audio)
            return await self._read_pcm(fault or checked_pcm(data, self._max_chunk_bytes))
        message = decode_text(data, initialized=self.initialized)
        if isinstance(message, Audio):
            return await self._read_pcm(message.pcm(self._max_chunk_bytes))
        return message

    async def silence(self, duration_ms: int) -> bytes:
        """Zeros that stand for a gap in the client's audio, at :data:`PIPELINE_RATE_HZ`.

        They enter before the resampler, at the client's rate, and so push out the speech that its filter holds
        back. They do not count in :attr:`received_samples`.
        """
        return await self._resample(bytes(self.sample_rate_hz * duration_ms // 1000 * SAMPLE_BYTES))

    async def serialize(self, frame: Frame) -> str | bytes | None:
        """Audio and messages as client frames; ``None`` for frames that are not for the client."""
        if isinstance(frame, OutputAudioRawFrame):
            return self.write_audio(frame.audio, frame.sample_rate)
        if isinstance(frame, (OutputTransportMessageFrame, OutputTransportMessageUrgentFrame)):
            if isinstance(frame.message, ServerMessage):
                return frame.message.to_json()
            return to_json(frame.message).decode()
        return None

    def write_audio(self, pcm: bytes, rate_hz: int) -> str | bytes:
        """Sound as a client frame, as ``init`` asked for it."""
        if self._config is not None and self._config.audio_encoding == "binary":
            return pcm
        data = base64.b64encode(pcm).decode()
        return AudioResponse(data=data, sample_rate=rate_hz).to_json()

    async def _read_pcm(self, pcm: bytes | Fault) -> bytes | Fault:
        if isinstance(pcm, Fault):
            return pcm
        self.received_samples += len(pcm) // SAMPLE_BYTES
        return await self._resample(pcm)

    async def _resample(self, pcm: bytes) -> bytes:
        return await self._resampler.resample(pcm, self.sample_rate_hz, PIPELINE_RATE_HZ)

    def _set_rate(self, rate_hz: int) -> None:
        self.sample_rate_hz = rate_hz
        self._max_chunk_bytes = int(self._max_chunk_secs * rate_hz) * SAMPLE_BYTES

    def _size_fault(self, data: str | bytes) -> Fault | None:
        limit = self._max_message_bytes
        # A character is at most four bytes of UTF-8, so a short text need not be encoded to be measured.
        measured = len(data) > limit or (isinstance(data, str) and 4 * len(data) > limit)
        size = len(data.encode()) if measured and isinstance(data, str) else len(data)
        if size <= limit:
            return None
        return Fault(ErrorCode.MESSAGE_TOO_LARGE, f"expected a frame of at most {limit} bytes, got {size} bytes")
