"""The seam to the upstream: who connects, and what a connection can do.

:class:`Connector` and :class:`LiveConnection` are all that the rest of the project knows of the upstream, so that
a fake, an emulator or another client library stands behind them. :class:`GenaiConnector` is the one on
google-genai, through its public options only.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import certifi
from google import genai
from google.genai import types
from google.genai.live import AsyncSession

from gemini.errors import classify
from gemini.events import UpstreamEvent, parse

logger = logging.getLogger(__name__)

GOOGLE_BASE_URL = "https://generativelanguage.googleapis.com"
API_VERSION = "v1beta"
INPUT_RATE_HZ = 16_000
OUTPUT_RATE_HZ = 24_000
_INPUT_MIME_TYPE = f"audio/pcm;rate={INPUT_RATE_HZ}"
_MAX_FRAME_BYTES = 16 * 1024 * 1024
_CLOSE_TIMEOUT_SECS = 1.0
_GIVE_UP_CLOSING_SECS = 3.0
"""websockets' own limit does not hold while an upstream that reads nothing leaves no room for the close frame."""


@dataclass(frozen=True, slots=True)
class LiveConfig:
    """What a session is set up with; fixed for the life of a connection.

    Attributes:
        model: Name of the model, without ``models/``.
        instruction: The system instruction.
        voice: Name of a prebuilt voice; ``None``: the model's default.
        manual_activity: We say where an utterance starts and ends; else the upstream detects it.
        resumption: Ask the upstream for resumption handles.
        handle: Resumes the session that it came from, whose connection must be closed.
    """

    model: str
    instruction: str
    voice: str | None = None
    manual_activity: bool = True
    resumption: bool = False
    handle: str | None = None


class LiveConnection(Protocol):
    """One open session.

    Every method but :meth:`close` raises :class:`~gemini.errors.UpstreamError` once the upstream is lost, and after
    :meth:`close`. What the upstream does in its own time is no part of this: see :mod:`gemini.events`.
    """

    async def send_audio(self, pcm: bytes) -> None:
        """Send PCM s16le mono at :data:`INPUT_RATE_HZ`, in a piece of any length, as fast as it is there."""

    async def send_activity_start(self) -> None:
        """Say that an utterance starts with the next audio."""

    async def send_activity_end(self) -> None:
        """Say that the utterance ended with the last audio."""

    def receive(self) -> AsyncGenerator[list[UpstreamEvent], None]:
        """Yield the events of each server message, one turn after the other, without end.

        A message that says nothing, or that can't be read, yields an empty list. There is one receiver at a time;
        where it is cancelled or closed, the next one goes on with the message after. After :meth:`close` what had
        come before may still be yielded; then it raises, also where it was waiting already.
        """

    async def close(self) -> None:
        """Close the connection; never raises, and may be called again.

        Takes a moment even where the upstream does not answer. Where the caller is cancelled, closing goes on.
        """


class Connector(Protocol):
    """Opens sessions."""

    async def connect(self, config: LiveConfig) -> LiveConnection:
        """Open one session, ready for audio.

        Has no time limit of its own: the caller sets one, by cancelling, which leaves nothing open.

        Raises:
            UpstreamError: The upstream refused (the key, the model, the setup) or could not be reached.
        """


class GenaiConnector:
    """Opens sessions with google-genai: one client, and so one TLS context, for the process."""

    def __init__(self, *, api_key: str, base_url: str | None = None, ca_file: Path | None = None):
        """Make the client; nothing is connected.

        Args:
            api_key: Gemini API key.
            base_url: https URL of a gateway or an emulator; ``None``: Google's.
            ca_file: PEM file of certificate authorities to trust beside the public ones.

        Raises:
            OSError: ``ca_file`` can't be read.
            ssl.SSLError: ``ca_file`` holds no certificate.
        """
        tls = ssl.create_default_context(cafile=certifi.where())
        if ca_file is not None:
            tls.load_verify_locations(cafile=ca_file)
        # Everything that the environment could set is given here, so that nothing in it has an effect.
        self._client = genai.Client(
            vertexai=False,
            api_key=api_key,
            http_options=types.HttpOptions(
                base_url=base_url or GOOGLE_BASE_URL,
                api_version=API_VERSION,
                # The SDK's HTTP clients are never used, but would fail here over SSL_CERT_FILE or ALL_PROXY.
                client_args={"verify": tls, "trust_env": False},
                async_client_args={
                    "verify": tls,
                    "trust_env": False,
                    "ssl": tls,
                    "ping_interval": None,  # healthy sessions answer pings after 8 to 30 s (python-genai #2935)
                    "compression": None,
                    "proxy": None,
                    "max_size": _MAX_FRAME_BYTES,
                    "close_timeout": _CLOSE_TIMEOUT_SECS,
                },
            ),
        )

    async def connect(self, config: LiveConfig) -> LiveConnection:
        """Open one session; see :class:`Connector`."""
        opening = self._client.aio.live.connect(model=config.model, config=connect_config(config))
        stack = AsyncExitStack()
        try:
            session = await stack.enter_async_context(opening)
        except Exception as error:
            raise classify(error, during_setup=True) from error
        return GenaiConnection(session, stack)


class GenaiConnection:
    """A :class:`LiveConnection` on google-genai's ``AsyncSession``."""

    def __init__(self, session: AsyncSession, stack: AsyncExitStack):
        """Take over an open session, and the stack that closes it."""
        self._session = session
        self._stack = stack
        self._closing: asyncio.Task[None] | None = None

    async def send_audio(self, pcm: bytes) -> None:
        """Send one chunk of PCM at :data:`INPUT_RATE_HZ`."""
        await self._send(audio=types.Blob(data=pcm, mime_type=_INPUT_MIME_TYPE))

    async def send_activity_start(self) -> None:
        """Send ``activityStart``."""
        await self._send(activity_start=types.ActivityStart())

    async def send_activity_end(self) -> None:
        """Send ``activityEnd``."""
        await self._send(activity_end=types.ActivityEnd())

    async def receive(self) -> AsyncGenerator[list[UpstreamEvent], None]:
        """Yield events; the SDK's own iterator stops after each turn (python-genai #1224)."""
        while True:
            try:
                async for message in self._session.receive():
                    yield parse(message)
            except (AttributeError, TypeError, ValueError) as error:
                # The SDK's way to say that it can't read one message, such as one with fields it does not know.
                logger.warning("unreadable upstream message", extra={"fields": {"error": type(error).__name__}})
                yield []
            except Exception as error:
                raise classify(error, during_setup=False) from error

    async def close(self) -> None:
        """Close the socket, in a task of its own: a close that is cancelled would leave it open for good."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        with suppress(Exception):  # what goes wrong in closing is of no consequence
            async with asyncio.timeout(_GIVE_UP_CLOSING_SECS):
                await self._stack.aclose()

    async def _send(
        self,
        *,
        audio: types.Blob | None = None,
        activity_start: types.ActivityStart | None = None,
        activity_end: types.ActivityEnd | None = None,
    ) -> None:
        try:
            await self._session.send_realtime_input(
                audio=audio, activity_start=activity_start, activity_end=activity_end
            )
        except Exception as error:
            raise classify(error, during_setup=False) from error


def connect_config(config: LiveConfig) -> types.LiveConnectConfig:
    """The setup of a dialogue session that interprets.

    ``NO_INTERRUPTION``, since the speaker's next words must not cut the running interpretation; context
    compression, since a session without it ends after 15 minutes (ai.google.dev, session management) and every
    turn is billed with the whole context.
    """
    return types.LiveConnectConfig(
        response_modalities=[types.Modality.AUDIO],
        system_instruction=types.Content(role="user", parts=[types.Part(text=config.instruction)]),
        speech_config=_speech_config(config.voice),
        input_audio_transcription=types.AudioTranscriptionConfig(),
        output_audio_transcription=types.AudioTranscriptionConfig(),
        realtime_input_config=types.RealtimeInputConfig(
            automatic_activity_detection=types.AutomaticActivityDetection(disabled=config.manual_activity),
            activity_handling=types.ActivityHandling.NO_INTERRUPTION,
            turn_coverage=types.TurnCoverage.TURN_INCLUDES_ONLY_ACTIVITY,
        ),
        context_window_compression=types.ContextWindowCompressionConfig(
            trigger_tokens=25_000, sliding_window=types.SlidingWindow(target_tokens=8_000)
        ),
        session_resumption=types.SessionResumptionConfig(handle=config.handle) if config.resumption else None,
    )


def _speech_config(voice: str | None) -> types.SpeechConfig | None:
    if voice is None:
        return None
    prebuilt = types.PrebuiltVoiceConfig(voice_name=voice)
    return types.SpeechConfig(voice_config=types.VoiceConfig(prebuilt_voice_config=prebuilt))
