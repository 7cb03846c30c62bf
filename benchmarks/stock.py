"""``python -m benchmarks.stock``: a pipecat pipeline as its examples write one, behind our protocol.

Every part is pipecat's own and at its defaults: the FastAPI transport, Silero, the aggregators, the Gemini Live
service, its worker. Ours is the serializer, which passes raw PCM both ways and spells no texts.
"""

import json
import os
import ssl
import sys

import uvicorn
from fastapi import FastAPI, WebSocket
from google.genai.types import HttpOptions
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMRunFrame,
    OutputAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.services.google.gemini_live.llm import GeminiLiveLLMService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.workers.runner import WorkerRunner

_INPUT_RATE_HZ, _OUTPUT_RATE_HZ = 16_000, 24_000
_INSTRUCTION = "You are an interpreter between Korean and English. Say what you hear in the other language."


class RawAudioSerializer(FrameSerializer):
    """Binary frames are PCM, in both directions; of our JSON it knows ``interrupted``."""

    async def serialize(self, frame: Frame) -> str | bytes | None:
        """What goes to the client; ``None``: nothing."""
        if isinstance(frame, OutputAudioRawFrame):
            return frame.audio
        if isinstance(frame, InterruptionFrame):
            return json.dumps({"type": "interrupted", "reason": "upstream"})
        return None

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """What came from the client; ``None``: nothing of interest."""
        if isinstance(data, bytes):
            return InputAudioRawFrame(audio=data, sample_rate=_INPUT_RATE_HZ, num_channels=1)
        return None


async def talk(websocket: WebSocket, options: HttpOptions) -> None:
    """One session.

    Args:
        websocket: Of the client, accepted.
        options: Where the upstream is.
    """
    transport = FastAPIWebsocketTransport(
        websocket,
        FastAPIWebsocketParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            serializer=RawAudioSerializer(),
            allowed_origins=[],
        ),
    )
    service = GeminiLiveLLMService(
        api_key="none-is-needed",
        settings=GeminiLiveLLMService.Settings(system_instruction=_INSTRUCTION),
        inference_on_context_initialization=False,
        http_options=options,
    )
    aggregators = LLMContextAggregatorPair(
        LLMContext(), user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    )
    worker = PipelineWorker(
        Pipeline([transport.input(), aggregators.user(), service, transport.output(), aggregators.assistant()]),
        params=PipelineParams(
            audio_in_sample_rate=_INPUT_RATE_HZ,
            audio_out_sample_rate=_OUTPUT_RATE_HZ,
            enable_metrics=True,
            enable_usage_metrics=True,
        ),
    )

    @transport.event_handler("on_client_connected")  # type: ignore[untyped-decorator]
    async def _(_transport: FastAPIWebsocketTransport, _client: WebSocket) -> None:
        await worker.queue_frames([LLMRunFrame()])
        await websocket.send_text('{"type": "connected", "inputSampleRate": 16000, "outputSampleRate": 24000}')

    @transport.event_handler("on_client_disconnected")  # type: ignore[untyped-decorator]
    async def _(_transport: FastAPIWebsocketTransport, _client: WebSocket) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


def application(options: HttpOptions) -> FastAPI:
    """The server, with its WebSocket on ``/ws``."""
    app = FastAPI()

    @app.websocket("/ws")
    async def _(websocket: WebSocket) -> None:
        await websocket.accept()
        await talk(websocket, options)

    return app


def main() -> None:
    """Serve until a signal ends it; ``PORT``, ``GEMINI_BASE_URL`` and ``GEMINI_CA_FILE`` as for the server."""
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    tls = ssl.create_default_context(cafile=os.environ["GEMINI_CA_FILE"])
    options = HttpOptions(
        base_url=os.environ["GEMINI_BASE_URL"], async_client_args={"ssl": tls, "ping_interval": None}
    )
    uvicorn.run(application(options), host="127.0.0.1", port=int(os.environ["PORT"]), loop="uvloop")


if __name__ == "__main__":
    main()
