"""pipecat's FastAPI WebSocket transport, with input in order and output that goes out as it comes."""

from collections.abc import Callable

from pipecat.audio.resamplers.soxr_stream_resampler import SOXRStreamAudioResampler
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputTransportMessageFrame,
    TTSStoppedFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketClient,
    FastAPIWebsocketInputTransport,
    FastAPIWebsocketOutputTransport,
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)
from starlette.websockets import WebSocket


class OrderedInput(FastAPIWebsocketInputTransport):
    """Pushes audio as it is read: the stock input keeps it in a queue of its own, and other frames overtake it."""

    async def push_audio_frame(self, frame: InputAudioRawFrame) -> None:
        """Push audio on, after everything that was read before it, and for as little as our steps do."""
        if frame.audio and self.next is not None:
            await self.next.queue_frame(frame)


class UnpacedOutput(FastAPIWebsocketOutputTransport):
    """Writes audio when it arrives, every piece whole: the client queues it, so nothing is paced or cut here.

    The serializer is asked about ends of speech, too, for whoever is not such a client.

    The stock output cuts audio into equal chunks, pads the last with zeros, sends in real time and keeps texts
    waiting behind audio. Here audio and messages go to the socket in the order in which they come.
    """

    def __init__(
        self,
        transport: FastAPIWebsocketTransport,
        client: FastAPIWebsocketClient,
        params: FastAPIWebsocketParams,
        on_frame: Callable[[Frame], None],
    ):
        """Make the output end of ``transport``.

        Args:
            transport: The whole.
            client: Its socket.
            params: Must hold a serializer.
            on_frame: Called with every frame that got here, once it is written where it is for the client.
        """
        super().__init__(transport, client, params, enable_direct_mode=True)
        if params.serializer is None:
            raise ValueError("expected a serializer in the transport's parameters")
        self._socket = client
        self._on_frame = on_frame
        self._serializer = params.serializer
        self._resampler = SOXRStreamAudioResampler(clear_after_secs=None)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Write audio and messages; leave the rest to the stock output."""
        await self._write_or_leave(frame, direction)
        if direction is FrameDirection.DOWNSTREAM:
            self._on_frame(frame)

    async def _write_or_leave(self, frame: Frame, direction: FrameDirection) -> None:
        if direction is FrameDirection.DOWNSTREAM:
            if isinstance(frame, OutputAudioRawFrame):
                if frame.sample_rate != self.sample_rate:
                    await self._write_audio(await self._at_output_rate(frame))
                elif frame.audio:
                    await self._write(frame)
                return
            if isinstance(frame, OutputTransportMessageFrame):
                await self._write(frame)
                return
            if isinstance(frame, TTSStoppedFrame):
                await self._write_audio(await self._resampler.flush())
                await self._write(frame)
            elif isinstance(frame, InterruptionFrame):
                await self._resampler.reset()
                await self.push_frame(frame)  # the stock output has nothing that it would have to empty
                return
        await super().process_frame(frame, direction)

    async def _at_output_rate(self, frame: OutputAudioRawFrame) -> bytes:
        """The frame's audio, resampled where the engine speaks at another rate than the client hears."""
        return await self._resampler.resample(frame.audio, frame.sample_rate, self.sample_rate)

    async def _write_audio(self, audio: bytes) -> None:
        if audio:
            await self._write(OutputAudioRawFrame(audio, self.sample_rate, num_channels=1))

    async def _write(self, frame: Frame) -> None:
        payload = await self._serializer.serialize(frame)
        if payload is not None:
            await self._socket.send(payload)


class UnpacedTransport(FastAPIWebsocketTransport):
    """The stock transport with :class:`OrderedInput` and :class:`UnpacedOutput` at its ends."""

    def __init__(
        self,
        websocket: WebSocket,
        params: FastAPIWebsocketParams,
        *,
        on_output: Callable[[Frame], None] = lambda frame: None,
    ):
        """Make a transport over a connected socket; ``on_output`` sees every frame that reaches its end."""
        super().__init__(websocket, params)
        self._input = OrderedInput(self, self._client, params)
        self._output = UnpacedOutput(self, self._client, params, on_output)
