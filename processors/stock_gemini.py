"""pipecat's own Gemini Live service as an interpreter, for use behind the engine adapter."""

import asyncio
from typing import Annotated, Any

from pipecat.frames.frames import Frame, LLMServiceMetadataFrame, StartFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat.services.google.gemini_live.llm import GeminiLiveLLMService, GeminiVADParams
from pydantic import Field

from gemini.endpoint import Endpoint
from gemini.errors import FailureKind, UpstreamError, classify
from gemini.genai_connector import live_client
from processors.context import SessionContext
from processors.failure_categories import CATEGORY_OF_FAILURE
from processors.instructed import Instructed

_RETRY_SECS = 0.3


class StockGeminiParams(Instructed):
    """Parameters of :class:`StockGemini`.

    Attributes:
        model: Name of a dialogue model of the Live API.
        voice: Name of a prebuilt voice.
        connect_timeout_secs: For a session that is ready.
    """

    model: str
    voice: str | None = None
    connect_timeout_secs: Annotated[float, Field(gt=0)] = 4.0


class StockGemini(GeminiLiveLLMService):
    """``GeminiLiveLLMService``, made with what no pipeline file can express: objects, the session, and the key.

    The key and the address are those of the session's upstream, so an emulator stands in its place as it does for
    our own engine. Two things are kept from going wrong in silence: the pipeline starts only once the session with
    the upstream is ready, and a connection that fails says so (the service's own task ends without a word).

    Attributes:
        uses_upstream: The step talks to Gemini Live.
    """

    Params = StockGeminiParams
    uses_upstream = True

    def __init__(self, params: StockGeminiParams, context: SessionContext):
        """Make the service for one session; it connects in :meth:`setup`.

        Raises:
            ValueError: ``context`` does not say where the upstream is.
        """
        if context.endpoint is None:
            raise ValueError("expected the session's context to have an endpoint, got none")
        self._endpoint: Endpoint = context.endpoint
        self._connect_timeout_secs = params.connect_timeout_secs
        self._settled = asyncio.Event()
        self._failure: UpstreamError | None = None
        settings = self.Settings(
            model=params.model,
            # The service wants a code here, and the models detect the language themselves.
            language=None,  # type: ignore[arg-type]
            vad=GeminiVADParams(disabled=True) if context.utterances_marked else None,
        )
        if params.voice is not None:
            settings.voice = params.voice
        super().__init__(
            api_key=self._endpoint.api_key,
            system_instruction=params.instruction(context.pair, context.spoken, context.also_spoken),
            settings=settings,
            inference_on_context_initialization=False,
        )

    def create_client(self) -> None:
        """Make the SDK's client; called once by the service, and meant to be overridden."""
        self._client = live_client(self._endpoint)

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]  # as in pipecat itself
        """Connect, and wait until the session is ready or known to have failed."""
        await super().setup(setup)
        try:
            async with asyncio.timeout(self._connect_timeout_secs):
                await self._settled.wait()
        except TimeoutError:
            timeout = UpstreamError(FailureKind.UNAVAILABLE, f"not ready within {self._connect_timeout_secs:g} s")
            self._failure = self._failure or timeout
            self._settled.set()

    def service_metadata_frame(self) -> LLMServiceMetadataFrame:
        """What the service is, without its advice in the log of every session: the adapter marks the turns."""
        return LLMServiceMetadataFrame(service_name=self.name, is_realtime_service=True)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Serve as the service does; a pipeline whose service is not connected never starts."""
        if isinstance(frame, StartFrame) and self._failure is not None:
            await self._push_failure(self._failure)
            return
        await super().process_frame(frame, direction)

    async def _connection_task_handler(self, config: Any) -> None:
        while True:
            try:
                await super()._connection_task_handler(config)
                return
            except Exception as error:
                failure = classify(error, during_setup=not self._settled.is_set())
            if self._settled.is_set():
                await self._push_failure(failure)
                return
            self._failure = failure
            if failure.kind is not FailureKind.UNAVAILABLE:
                self._settled.set()
                return
            await asyncio.sleep(_RETRY_SECS)

    async def _handle_session_ready(self, session: Any) -> None:
        await super()._handle_session_ready(session)
        self._failure = None
        self._settled.set()

    async def _push_failure(self, error: UpstreamError) -> None:
        category = CATEGORY_OF_FAILURE[error.kind]
        await self.push_error(f"upstream {error.kind}", error, category=category, force_treat_as_permanent=True)
