"""Speech to text by an OpenAI-compatible endpoint, in either language of the session."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated, Any

from openai import APIError
from pipecat.frames.frames import ErrorFrame, Frame, TranscriptionFrame
from pipecat.services.openai.stt import OpenAISTTService
from pipecat.utils.time import time_now_iso8601
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from gemini.languages import language_part
from processors.context import SessionContext


class RecognitionParams(BaseModel):
    """Parameters of :class:`Recognition`.

    Attributes:
        model: What the endpoint calls its model.
        base_url: Of the endpoint, up to ``/v1``.
        api_key: Its key; a server of one's own mostly takes any.
        timeout_secs: For one utterance, retries included.
    """

    model_config = ConfigDict(extra="forbid")

    model: str
    base_url: str
    api_key: SecretStr = SecretStr("none")
    timeout_secs: Annotated[float, Field(gt=0)] = 12.0


class Recognition(OpenAISTTService):
    """pipecat's ``OpenAISTTService``, which gets whole utterances, with three differences that a session needs.

    The language is the one that the client speaks, and where that may be either the endpoint finds it (the stock
    service always names one). An utterance in which nothing was recognised is told, as an empty text, and so is why
    one failed: the status of the answer, which decides whether another try makes sense.
    """

    Params = RecognitionParams

    def __init__(self, params: RecognitionParams, context: SessionContext):
        """Make the service for one session; nothing is connected."""
        super().__init__(
            api_key=params.api_key.get_secret_value(),
            base_url=params.base_url,
            settings=self.Settings(model=params.model),
            audio_passthrough=False,
        )
        self._timeout_secs = params.timeout_secs
        self._request: dict[str, Any] = {"model": params.model}
        if context.only_spoken is not None:
            self._request["language"] = language_part(context.only_spoken)

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame, None]:
        """Recognise one utterance.

        Args:
            audio: A WAV file.

        Yields:
            Its text, empty where there is none, or what went wrong.
        """
        try:
            async with asyncio.timeout(self._timeout_secs):
                file = ("audio.wav", audio, "audio/wav")
                answer = await self._client.audio.transcriptions.create(file=file, **self._request)
        except (APIError, TimeoutError, OSError) as error:
            yield ErrorFrame(error=f"recognition failed: {type(error).__name__}", exception=error)
        else:
            yield TranscriptionFrame(answer.text.strip(), self._user_id, time_now_iso8601())
