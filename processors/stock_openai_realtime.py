"""pipecat's own OpenAI Realtime service as an interpreter, for use behind the engine adapter."""

import asyncio
from typing import Annotated, Any

from pipecat.audio.resamplers.soxr_stream_resampler import SOXRStreamAudioResampler
from pipecat.frames.frames import Frame, LLMServiceMetadataFrame, StartFrame
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.utils.errors import ErrorCategory, classify_http_exception
from pydantic import Field, SecretStr
from websockets.asyncio.client import connect

from gemini.languages import language_part
from processors.context import SessionContext
from processors.instructed import Instructed

_LARGEST_EVENT_BYTES = 16 * 1024 * 1024
_CATEGORY_OF_CODE = {
    "invalid_api_key": ErrorCategory.AUTHENTICATION,
    "model_not_found": ErrorCategory.AUTHENTICATION,
    "insufficient_quota": ErrorCategory.QUOTA,
    "rate_limit_exceeded": ErrorCategory.RATE_LIMIT,
}


class StockOpenAIRealtimeParams(Instructed):
    """Parameters of :class:`StockOpenAIRealtime`.

    Attributes:
        model: Name of a realtime model.
        base_url: ``wss://`` URL of the service, or ``ws://`` for one on this machine, without a query.
        api_key: Its key.
        voice: Name of a voice; missing: the model's default.
        transcription_model: What makes the source text.
        connect_timeout_secs: For a session that is ready.
    """

    model: str
    base_url: str = "wss://api.openai.com/v1/realtime"
    api_key: SecretStr = SecretStr("none")
    voice: str | None = None
    transcription_model: str = "gpt-realtime-whisper"
    connect_timeout_secs: Annotated[float, Field(gt=0)] = 4.0


class StockOpenAIRealtime(OpenAIRealtimeLLMService):
    """``OpenAIRealtimeLLMService``, made with what no pipeline file can express: objects, and the session.

    What it does otherwise: the pipeline starts once the session is set up, or says why it is not; a connection that
    is lost is told (the service's own task ends without a word); audio is resampled in one stream (the service's
    resampler starts anew after 0.2 s without a call, and clients send chunks of 256 ms).
    """

    Params = StockOpenAIRealtimeParams

    def __init__(self, params: StockOpenAIRealtimeParams, context: SessionContext):
        """Make the service for one session; it connects in ``setup``."""
        transcription = events.InputAudioTranscription(model=params.transcription_model)
        if context.only_spoken is not None:
            transcription.language = language_part(context.only_spoken)
        heard = events.AudioInput(
            format=events.PCMAudioFormat(),
            transcription=transcription,
            turn_detection=False if context.utterances_marked else None,
        )
        audio = events.AudioConfiguration(
            input=heard, output=events.AudioOutput(format=events.PCMAudioFormat(), voice=params.voice)
        )
        super().__init__(
            api_key=params.api_key.get_secret_value(),
            base_url=params.base_url,
            settings=self.Settings(
                model=params.model,
                system_instruction=params.instruction(context.pair, context.spoken, context.also_spoken),
                session_properties=events.SessionProperties(output_modalities=["audio"], audio=audio),
            ),
        )
        self._resampler = SOXRStreamAudioResampler(clear_after_secs=None)
        self._connect_timeout_secs = params.connect_timeout_secs
        self._set_up = asyncio.Event()
        self._failure: Exception | None = None

    def service_metadata_frame(self) -> LLMServiceMetadataFrame:
        """What the service is, without its advice in the log of every session: the adapter marks the turns."""
        return LLMServiceMetadataFrame(service_name=self.name, is_realtime_service=True)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Serve as the service does; a pipeline whose service is not connected never starts."""
        if isinstance(frame, StartFrame) and self._failure is not None:
            category = classify_http_exception(self._failure)
            await self._push_loss("not connected", category, self._failure)
            return
        await super().process_frame(frame, direction)

    async def _connect(self) -> None:
        """Connect, and wait until the session is set up."""
        try:
            async with asyncio.timeout(self._connect_timeout_secs):
                headers = await self._auth_headers()
                socket = await connect(self.base_url, additional_headers=headers, max_size=_LARGEST_EVENT_BYTES)
                self._websocket: Any = socket
                self._receive_task: Any = self.create_task(self._receive_task_handler())
                await self._set_up.wait()
        except Exception as error:  # whatever it is, the start of the pipeline tells it
            self._failure = self._failure or error

    async def _handle_evt_session_updated(self, evt: Any) -> None:
        await super()._handle_evt_session_updated(evt)  # type: ignore[no-untyped-call]  # as pipecat has it
        self._set_up.set()

    async def _handle_evt_error(self, evt: Any) -> None:
        category = _CATEGORY_OF_CODE.get(evt.error.code, ErrorCategory.CONNECTIVITY)
        await self._push_loss(f"{evt.error.type}: {evt.error.code}", category)

    async def _receive_task_handler(self) -> None:
        failure: Exception | None = None
        try:
            await super()._receive_task_handler()  # type: ignore[no-untyped-call]  # as pipecat has it
        except Exception as error:
            failure = error
        if self._set_up.is_set() and not self._disconnecting:
            await self._push_loss("connection lost", ErrorCategory.CONNECTIVITY, failure)

    async def _push_loss(self, text: str, category: ErrorCategory, error: Exception | None = None) -> None:
        await self.push_error(text, error, category=category, force_treat_as_permanent=True)
