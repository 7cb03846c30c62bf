"""The protocol over a websocket: opens a session, sends audio, yields what the server says. No wait is endless."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from client.errors import InputError, ServerError
from client.wire import Event, Failure, parse_frame
from protocol.errors import CloseCode, ErrorCode
from protocol.messages import Close, Connected, Init, InitConfig

OPEN_SECS = 10.0
"""Longest wait for the websocket to open."""

CONNECTED_SECS = 15.0
"""Longest wait for ``connected``; the server gives its upstream a few seconds."""

SEND_SECS = 10.0
"""Longest wait for the server to take a chunk."""

PONG_SECS = 2.0
"""Longest wait for the answer to a ping."""

CLOSE_SECS = 5.0
"""Longest wait for the server to close after ``close``."""

MAX_FRAME_BYTES = 16 * 1024 * 1024
"""Longest frame that is taken; the interpretation of a long turn may come in one piece."""

_START_THE_SERVER = (
    "start the server with 'python server.py', or with 'python server.py --emulator' to try it without a key, "
    "or name another address with --url"
)
_SLOW_DOWN = "; with --fast, give the server's MAX_INGEST_RATE, or less, as --fast-rate"
_LOOPBACK_HOSTS = {"localhost", "127.0.0.1", "::1"}


class Connection:
    """One session with the server; made by :func:`open_connection`.

    Args:
        websocket: Open.
    """

    def __init__(self, websocket: ClientConnection) -> None:
        self._websocket = websocket

    async def open_session(self, config: InitConfig) -> Connected:
        """Sends ``init`` and waits for ``connected``.

        Raises:
            ServerError: The server refuses, closes, or stays silent for ``CONNECTED_SECS``.
        """
        await self._send(Init(config=config).model_dump_json(by_alias=True, exclude_none=True))
        try:
            async with asyncio.timeout(CONNECTED_SECS):
                async for event in self.events():
                    if isinstance(event, Connected):
                        return event
        except TimeoutError:
            pass
        raise ServerError(
            f"expected 'connected' within {CONNECTED_SECS:.0f} s of 'init', got none; look at the server's log"
        )

    async def round_trip_secs(self) -> float:
        """How long a message takes to the server and back, by one ping; 0 where it stays unanswered."""
        try:
            async with asyncio.timeout(PONG_SECS):
                return await (await self._websocket.ping())
        except (TimeoutError, ConnectionClosed):
            return 0.0

    async def send_audio(self, pcm: bytes) -> None:
        """Sends a chunk: signed 16 bit little endian PCM, mono, at the rate named in ``init``.

        On a closed connection nothing happens: :meth:`events` tells why it closed.

        Raises:
            ServerError: The server does not read for ``SEND_SECS``.
        """
        await self._send(pcm)

    async def events(self) -> AsyncIterator[Event]:
        """Yields what the server says, in order, without end.

        Raises:
            ServerError: The server reports an error, breaks the protocol, or closes the connection.
        """
        while True:
            try:
                event = parse_frame(await self._websocket.recv())
            except ConnectionClosed as closed:
                raise ServerError(
                    f"the server closed the connection unexpectedly: {_close_text(closed)}"
                ) from closed
            if isinstance(event, Failure):
                raise ServerError(f"the server reported {event.code or 'an error'}: {event.message}{_hint(event)}")
            if event is not None:
                yield event

    async def end(self) -> None:
        """Sends ``close`` and waits for the server to close; call it while nothing reads :meth:`events`.

        Raises:
            ServerError: The server closes with another code than 1000, or not within ``CLOSE_SECS``.
        """
        await self._send(Close().model_dump_json())
        try:
            async with asyncio.timeout(CLOSE_SECS):
                while True:
                    await self._websocket.recv()
        except ConnectionClosed as closed:
            if closed.rcvd is None or closed.rcvd.code != CloseCode.NORMAL:
                raise ServerError(
                    f"expected close code 1000 in answer to 'close', got {_close_text(closed)}"
                ) from closed
        except TimeoutError:
            raise ServerError(f"expected the server to close within {CLOSE_SECS:.0f} s of 'close'") from None

    async def _send(self, frame: str | bytes) -> None:
        try:
            async with asyncio.timeout(SEND_SECS):
                await self._websocket.send(frame)
        except ConnectionClosed:
            pass
        except TimeoutError:
            raise ServerError(
                f"expected the server to take audio, but it has not read for {SEND_SECS:.0f} s"
            ) from None


@asynccontextmanager
async def open_connection(url: str) -> AsyncIterator[Connection]:
    """Connects to ``url``, and closes the connection in the end.

    Raises:
        InputError: The URL is none of a websocket.
        ServerError: Nothing listens there, or what does is no server of ours.
    """
    websocket = await _connected(url)
    try:
        yield Connection(websocket)
    finally:
        await websocket.close()


async def _connected(url: str) -> ClientConnection:
    shown = _without_query(url)
    try:
        return await _opening(url)
    except (InvalidURI, ValueError):
        raise InputError(f"expected a URL like ws://localhost:8000/ws, got {shown}") from None
    except InvalidStatus as error:
        status = error.response.status_code
        raise ServerError(
            f"expected a websocket at {shown}, got HTTP status {status}; the path is '/ws'"
        ) from error
    except InvalidHandshake as error:
        raise ServerError(f"expected a websocket at {shown}, got something else: {error}") from error
    except TimeoutError as error:
        raise ServerError(f"cannot reach {shown} within {OPEN_SECS:.0f} s; {_START_THE_SERVER}") from error
    except OSError as error:
        raise ServerError(f"cannot reach {shown} ({_os_reason(error)}); {_START_THE_SERVER}") from error


def _opening(url: str) -> connect:
    # A proxy from the environment cannot reach this computer's own loopback.
    proxy: Literal[True] | None = None if urlsplit(url).hostname in _LOOPBACK_HOSTS else True
    return connect(
        url,
        compression=None,
        proxy=proxy,
        open_timeout=OPEN_SECS,
        close_timeout=CLOSE_SECS,
        max_size=MAX_FRAME_BYTES,
    )


def _without_query(url: str) -> str:
    """The URL without what may hold a token."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "something else"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _os_reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "the host's name is unknown"
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return "nothing listens there"
    return error.strerror or str(error)


def _hint(failure: Failure) -> str:
    return _SLOW_DOWN if failure.code == ErrorCode.RATE_LIMITED else ""


def _close_text(closed: ConnectionClosed) -> str:
    frame = closed.rcvd or closed.sent
    if frame is None:
        return "no close code, the connection was lost"
    return f"code {frame.code}, {frame.reason or 'no reason given'}"
