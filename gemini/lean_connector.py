"""Sessions on websockets alone: the same as on google-genai, for about a fifth of the work."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import suppress
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect

from gemini import wire
from gemini.connector import LiveConfig, LiveConnection, log_unreadable
from gemini.endpoint import GIVE_UP_CLOSING_SECS, SOCKET_OPTIONS, Endpoint, socket_url, tls_context
from gemini.errors import classify
from gemini.events import UpstreamEvent
from gemini.setup import setup_message

_HTTPS_PORT = 443
_socket_logger = logging.getLogger(f"{__name__}.socket")
_socket_logger.setLevel(logging.WARNING)  # at DEBUG websockets writes the key and every frame


class LeanConnector:
    """Opens sessions on one TLS context for the process."""

    def __init__(self, endpoint: Endpoint):
        """Connect nothing yet.

        Args:
            endpoint: Where to connect to.

        Raises:
            OSError: The endpoint's ``ca_file`` can't be read.
            ssl.SSLError: The endpoint's ``ca_file`` holds no certificate.
        """
        self._api_key = endpoint.api_key
        self._url = socket_url(endpoint.base_url)
        self._tls = tls_context(endpoint.ca_file)

    async def connect(self, config: LiveConfig) -> LiveConnection:
        """Open one session; see :class:`~gemini.connector.Connector`."""
        try:
            connection = LeanConnection(await self._open_socket())
        except Exception as error:
            raise classify(error, during_setup=True) from error
        try:
            await connection.set_up(setup_message(config))
        except BaseException as error:
            await connection.close()
            if isinstance(error, Exception):
                raise classify(error, during_setup=True) from error
            raise
        return connection

    async def _open_socket(self) -> ClientConnection:
        address = urlsplit(self._url)
        return await connect(
            self._url,
            # Said on its own, so that no redirect can carry the key to another host.
            host=address.hostname,
            port=address.port or _HTTPS_PORT,
            additional_headers={"x-goog-api-key": self._api_key},
            ssl=self._tls,
            open_timeout=None,
            logger=_socket_logger,
            **SOCKET_OPTIONS,
        )


class LeanConnection:
    """A :class:`~gemini.connector.LiveConnection` on a socket."""

    def __init__(self, socket: ClientConnection):
        """Take over an open socket, over which nothing went yet."""
        self._socket = socket
        self._closing: asyncio.Task[None] | None = None

    async def set_up(self, message: str) -> None:
        """Send the setup, and wait until the upstream has taken it.

        Raises:
            Exception: The socket was lost, or the answer can't be read.
        """
        await self._socket.send(message)
        wire.check_first_message(await self._socket.recv(decode=False))

    async def send_audio(self, pcm: bytes) -> None:
        """Send one chunk of PCM at :data:`~gemini.connector.INPUT_RATE_HZ`."""
        await self._send(wire.audio_message(pcm))

    async def send_activity_start(self) -> None:
        """Send ``activityStart``."""
        await self._send(wire.ACTIVITY_START)

    async def send_activity_end(self) -> None:
        """Send ``activityEnd``."""
        await self._send(wire.ACTIVITY_END)

    async def send_text(self, text: str) -> None:
        """Send a realtime text."""
        await self._send(wire.text_message(text))

    async def receive(self) -> AsyncGenerator[list[UpstreamEvent], None]:
        """Yield events, message by message."""
        while True:
            try:
                raw = await self._socket.recv(decode=False)
            except Exception as error:
                raise classify(error, during_setup=False) from error
            try:
                events = wire.read_events(raw)
            except Exception as error:
                log_unreadable(error)
                events = []
            yield events

    async def close(self) -> None:
        """Close the socket, in a task of its own: a close that is cancelled would leave it open for good."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        for _ in range(2):  # the second one aborts what the first one gave up
            with suppress(Exception):  # what goes wrong in closing is of no consequence
                async with asyncio.timeout(GIVE_UP_CLOSING_SECS):
                    await self._socket.close()

    async def _send(self, message: bytes) -> None:
        try:
            await self._socket.send(message, text=True)
        except Exception as error:
            raise classify(error, during_setup=False) from error
