"""Sessions on google-genai, through its public options only."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, suppress

from google import genai
from google.genai import types
from google.genai.live import AsyncSession

from gemini.connector import INPUT_MIME_TYPE, LiveConfig, LiveConnection, log_unreadable
from gemini.endpoint import (
    API_VERSION,
    GIVE_UP_CLOSING_SECS,
    GOOGLE_BASE_URL,
    SOCKET_OPTIONS,
    Endpoint,
    tls_context,
)
from gemini.errors import classify
from gemini.events import UpstreamEvent, parse
from gemini.setup import connect_config


def live_client(endpoint: Endpoint) -> genai.Client:
    """A client of the SDK's for the Live API; nothing is connected.

    Raises:
        OSError: The ``ca_file`` can't be read.
        ssl.SSLError: The ``ca_file`` holds no certificate.
    """
    tls = tls_context(endpoint.ca_file)
    # Everything that the environment could set is given here, so that nothing in it has an effect.
    return genai.Client(
        vertexai=False,
        api_key=endpoint.api_key,
        http_options=types.HttpOptions(
            base_url=endpoint.base_url or GOOGLE_BASE_URL,
            api_version=API_VERSION,
            # The SDK's HTTP clients are never used, but would fail here over SSL_CERT_FILE or ALL_PROXY.
            client_args={"verify": tls, "trust_env": False},
            async_client_args={"verify": tls, "trust_env": False, "ssl": tls, **SOCKET_OPTIONS},
        ),
    )


class GenaiConnector:
    """Opens sessions with google-genai: one client, and so one TLS context, for the process."""

    def __init__(self, endpoint: Endpoint):
        """Make the client, see :func:`live_client`; nothing is connected."""
        self._client = live_client(endpoint)

    async def connect(self, config: LiveConfig) -> LiveConnection:
        """Open one session; see :class:`~gemini.connector.Connector`."""
        opening = self._client.aio.live.connect(model=config.model, config=connect_config(config))
        stack = AsyncExitStack()
        try:
            session = await stack.enter_async_context(opening)
        except Exception as error:
            raise classify(error, during_setup=True) from error
        return GenaiConnection(session, stack)


class GenaiConnection:
    """A :class:`~gemini.connector.LiveConnection` on google-genai's ``AsyncSession``."""

    def __init__(self, session: AsyncSession, stack: AsyncExitStack):
        """Take over an open session, and the stack that closes it."""
        self._session = session
        self._stack = stack
        self._closing: asyncio.Task[None] | None = None

    async def send_audio(self, pcm: bytes) -> None:
        """Send one chunk of PCM at :data:`~gemini.connector.INPUT_RATE_HZ`."""
        await self._send(audio=types.Blob(data=pcm, mime_type=INPUT_MIME_TYPE))

    async def send_activity_start(self) -> None:
        """Send ``activityStart``."""
        await self._send(activity_start=types.ActivityStart())

    async def send_activity_end(self) -> None:
        """Send ``activityEnd``."""
        await self._send(activity_end=types.ActivityEnd())

    async def send_text(self, text: str) -> None:
        """Send a realtime text: ``clientContent`` alone makes no 3.x model answer (pipecat, gemini_live/llm.py)."""
        await self._send(text=text)

    async def receive(self) -> AsyncGenerator[list[UpstreamEvent], None]:
        """Yield events; the SDK's own iterator stops after each turn (python-genai #1224)."""
        while True:
            try:
                async for message in self._session.receive():
                    yield parse(message)
            except (AttributeError, TypeError, ValueError, RecursionError) as error:
                # The SDK's way to say that it can't read one message, such as one with fields it does not know.
                log_unreadable(error)
                yield []
            except Exception as error:
                raise classify(error, during_setup=False) from error

    async def close(self) -> None:
        """Close the socket, in a task of its own: a close that is cancelled would leave it open for good."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        for close in (self._stack.aclose, self._session.close):  # the second one aborts what the first one gave up
            with suppress(Exception):  # what goes wrong in closing is of no consequence
                async with asyncio.timeout(GIVE_UP_CLOSING_SECS):
                    await close()

    async def _send(
        self,
        *,
        audio: types.Blob | None = None,
        activity_start: types.ActivityStart | None = None,
        activity_end: types.ActivityEnd | None = None,
        text: str | None = None,
    ) -> None:
        try:
            await self._session.send_realtime_input(
                audio=audio, activity_start=activity_start, activity_end=activity_end, text=text
            )
        except Exception as error:
            raise classify(error, during_setup=False) from error
