"""What a client may keep at the server without a session's doing: over sockets, with uvicorn around it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, WebSocket

from pipelines.bounded_protocols import BoundedHttp, BoundedWebSocket
from tests.hostile.frames import CONTINUATION, PING, Address, RawConnection, frame, handshake
from tests.support.waiting import until

_UNREAD_PINGS = 60_000


class QuickWebSocket(BoundedWebSocket):
    """Waits for less, and can be looked at."""

    linger_secs = 0.2
    made: list["QuickWebSocket"]
    pings = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Note that it was made."""
        super().__init__(*args, **kwargs)
        self.made.append(self)

    def handle_ping(self) -> None:
        """Count it."""
        self.pings += 1
        super().handle_ping()


class QuickHttp(BoundedHttp):
    """Waits for less."""

    head_secs = 0.2


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[tuple[Address, list[QuickWebSocket]]]:
    """A server whose sessions say each text again and end at ``bye``, and the WebSockets that it made.

    A session at ``/flood`` talks until nobody listens.
    """
    app = FastAPI()

    @app.websocket("/ws")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        while (message := await websocket.receive())["type"] == "websocket.receive":
            if message.get("text") == "bye":
                await websocket.close(1000)
            if message.get("text") is not None:
                await websocket.send_text(message["text"])

    @app.websocket("/flood")
    async def flood(websocket: WebSocket) -> None:
        await websocket.accept()
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(0.1):
                    await websocket.send_text("x" * 60_000)

    @app.get("/health")
    async def health() -> str:
        return "ok"

    made: list[QuickWebSocket] = []
    protocol = type("WatchedWebSocket", (QuickWebSocket,), {"made": made})
    config = uvicorn.Config(
        app,
        port=0,
        ws=protocol,
        http=QuickHttp,
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        loop="none",
        log_config=None,
        lifespan="off",
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield Address("127.0.0.1", server.servers[0].sockets[0].getsockname()[1]), made
    finally:
        server.should_exit = True
        await task


async def gone(connection: RawConnection) -> None:
    """Wait until the server closed the TCP connection."""
    assert await connection.read_status() is None


async def test_a_session_works_as_before() -> None:
    """Texts in one frame and in fragments, pings, a close, HTTP beside it."""
    async with served() as (address, made):
        connection = await RawConnection.open(address)
        await connection.send('{"type":"one"}')
        pieces = [frame(b'{"type":', fin=False), frame(b"x", PING), frame(b'"two"}', CONTINUATION)]
        await connection.send_raw(b"".join(pieces))
        await connection.until_messages(2)
        await connection.send("bye")
        assert await connection.until_closed() == 1000
        assert [message["type"] for message in connection.got.messages] == ["one", "two"]
        assert connection.got.pongs == 1
        await connection.drop()
        await until(lambda: made[0].disconnected)
        plain = await RawConnection.connect(address)
        await plain.send_raw(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await plain.read_status() == 200
        await plain.drop()


async def test_pings_of_a_client_that_does_not_read_are_not_kept() -> None:
    """Only as many pongs wait as the transport takes before it asks to wait."""
    async with served() as (address, made):
        connection = await RawConnection.connect(address, buffer_bytes=4096)
        await connection.send_raw(handshake("x"))
        assert await connection.read_status() == 101
        for _ in range(_UNREAD_PINGS // 500):
            await connection.send_raw(frame(bytes(125), PING) * 500)
        await until(lambda: made[0].pings == _UNREAD_PINGS)
        assert made[0].transport.get_write_buffer_size() < 2**20 < _UNREAD_PINGS * 127
        await connection.drop()


async def test_a_connection_that_is_over_goes_although_its_client_does_not_read() -> None:
    """What was written and not taken is dropped in the end, and the descriptor with it."""
    async with served() as (address, made):
        connection = await RawConnection.connect(address, buffer_bytes=4096)
        await connection.send_raw(handshake("x", path=b"/flood"))
        assert await connection.read_status() == 101
        await until(lambda: made[0].disconnected)
        await connection.drop()


@pytest.mark.parametrize("piece", [b"", b"a"])
async def test_a_message_has_a_bounded_number_of_fragments(piece: bytes) -> None:
    """A message in a thousand fragments is one, in endless ones it is none: 1009."""
    async with served() as (address, _):
        connection = await RawConnection.open(address)
        fragment = frame(piece, CONTINUATION, fin=False)
        await connection.send_raw(frame(b'{"type":"', fin=False) + fragment * 1000)
        await connection.send_raw(frame(b'"}', CONTINUATION))
        await connection.until_messages(1)
        assert connection.got.messages[0]["type"] == piece.decode() * 1000
        await connection.send_raw(frame(b"", fin=False) + fragment * 5000)
        assert await connection.until_closed() == 1009
        await connection.drop()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (tuple(b"X-%d: a" % number for number in range(200)), 431),
        ((b"X-A: " + b"a" * 20_000,), 431),
        ((b"Origin: \xff\x1b[2J",), 400),
        ((b"Transfer-Encoding: chunked",), 400),
        ((b"Content-Length: 5",), 400),
    ],
)
async def test_a_handshake_that_is_none_is_answered(headers: tuple[bytes, ...], status: int) -> None:
    """By a status, and the connection is closed."""
    async with served() as (address, _):
        connection = await RawConnection.connect(address)
        await connection.send_raw(handshake("x", headers=headers))
        assert await connection.read_status() == status
        await gone(connection)
        await connection.drop()


@pytest.mark.parametrize("sent", [b"", b"G", b"GET /ws HTTP/1.1\r\nHost: x\r\nX-A: "])
async def test_a_request_that_does_not_come_is_not_waited_for(sent: bytes) -> None:
    """A connection on which nothing is said, or half a request, is dropped."""
    async with served() as (address, _):
        connection = await RawConnection.connect(address)
        await connection.send_raw(sent)
        await gone(connection)
        await connection.drop()


async def test_a_second_request_has_to_come_as_well() -> None:
    """The first of a connection that is kept does not free the next from its time."""
    async with served() as (address, _):
        connection = await RawConnection.connect(address)
        await connection.send_raw(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await connection.read_status() == 200
        await connection.send_raw(b"GET /health HT")
        await gone(connection)
        await connection.drop()
