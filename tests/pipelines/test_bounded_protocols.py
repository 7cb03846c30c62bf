"""What a client may keep at the server without a session's doing: over sockets, with uvicorn around it."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, WebSocket

from pipelines.bounded_protocols import BoundedHttp, BoundedWebSocket
from pipelines.low_water import SCOPE_EXTENSION
from tests.hostile.frames import BINARY, CONTINUATION, PING, Address, RawConnection, close_frame, frame, handshake
from tests.support.waiting import until

_UNREAD_PINGS = 60_000
_FLOOD = 300_000


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
async def served(**options: Any) -> AsyncIterator[tuple[Address, list[QuickWebSocket]]]:
    """A server whose sessions say each text again and end at ``bye``, and the WebSockets that it made.

    A session at ``/flood`` talks until nobody listens, one at ``/stuck`` until it would have to wait, then waits
    for the client, one at ``/slow`` takes nothing, and says how much waits for it, one at ``/idle`` takes nothing
    for good; one at ``/late`` lets the client say something before it is accepted; one at ``/stream`` waits for 960
    bytes at once, for as long as it takes. ``options`` are uvicorn's.
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

    @app.websocket("/stuck")
    async def stuck(websocket: WebSocket) -> None:
        await websocket.accept()
        while made[-1].transport.get_write_buffer_size() == 0:
            await websocket.send_text("x" * 20_000)
        await websocket.receive()

    @app.websocket("/stream")
    async def stream(websocket: WebSocket) -> None:
        made[-1]._low_water.patience_secs = 1000
        websocket.scope["extensions"][SCOPE_EXTENSION]["follow"](lambda: 960)
        await echo(websocket)

    @app.websocket("/late")
    async def late(websocket: WebSocket) -> None:
        await until(lambda: made[-1]._hasty)
        await echo(websocket)

    @app.websocket("/idle")
    async def idle(websocket: WebSocket) -> None:
        await websocket.accept()
        await until(lambda: made[-1].disconnected)

    @app.websocket("/slow")
    async def slow(websocket: WebSocket) -> None:
        await websocket.accept()
        await until(lambda: made[-1].read_paused)
        await websocket.send_json({"type": f"{made[-1].queue.qsize()} wait"})

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
        loop="none",
        log_config=None,
        lifespan="off",
        **{"ws_ping_interval": None, **options},
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


# Turns


async def test_a_flood_of_frames_leaves_others_their_turn() -> None:
    """While megabytes of the shortest frames are parsed, others are served."""
    async with served() as (address, made):
        flooding = await RawConnection.connect(address)
        await flooding.send_raw(handshake("x"))
        assert await flooding.read_status() == 101
        quiet = await RawConnection.open(address)
        pings = frame(b"", PING) * _FLOOD
        sending = asyncio.create_task(flooding.send_raw(pings))
        for number in range(1, 11):
            await quiet.send('{"type":"one"}')
            await quiet.until_messages(number)
        assert 0 < made[0].pings < _FLOOD, "the flood was parsed before others had their turn"
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await flooding.drop()
        await quiet.drop()


@pytest.mark.parametrize("size", [1, 255, 256, 257, 5000, 200_000])
async def test_messages_arrive_whole_and_in_order(size: int) -> None:
    """However many are in what is read at once, and wherever a turn ends."""
    async with served() as (address, _):
        connection = await RawConnection.open(address)
        kinds = [f"{number:03}" + "x" * size for number in range(20)]
        await connection.send_raw(b"".join(frame(b'{"type":"%s"}' % kind.encode()) for kind in kinds))
        await connection.until_messages(len(kinds))
        assert [message["type"] for message in connection.got.messages] == kinds
        await connection.send("bye")
        assert await connection.until_closed() == 1000
        await connection.drop()


async def test_what_comes_after_a_close_is_not_read_for_long() -> None:
    """A client that sends on although it was told the end costs nothing more, and keeps its place for a while."""
    async with served() as (address, made):
        connection = await RawConnection.connect(address)
        await connection.send_raw(handshake("x"))
        assert await connection.read_status() == 101
        made[0].linger_secs = made[0].close_timeout = 1000
        await connection.send("bye")
        await until(lambda: made[0].close_sent)
        most = made[0].most_after_close_bytes
        sending = asyncio.create_task(connection.send_raw(frame(bytes(2**20)) * 16))
        await until(lambda: made[0]._after_close_bytes > most)
        await asyncio.sleep(0.1)  # nothing happens any more
        assert made[0]._after_close_bytes < most + 2**16
        assert not made[0].transport.is_reading()
        assert not made[0]._unparsed
        made[0].transport.abort()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await connection.drop()


async def test_the_answer_to_a_close_is_found_behind_what_was_sent_before() -> None:
    """The connection goes with it, and does not wait for anything."""
    async with served() as (address, made):
        connection = await RawConnection.connect(address)
        await connection.send_raw(handshake("x"))
        assert await connection.read_status() == 101
        made[0].linger_secs = made[0].close_timeout = 1000
        late = frame(b'{"type":"late"}') * 500
        await connection.send_raw(frame(b"bye") + late + close_frame(1000))
        await until(lambda: made[0].disconnected)
        await connection.drop()


# Connections


async def test_connections_are_bounded() -> None:
    """One more than the limit is cut without a word; when one goes, the next is served."""
    async with served(limit_concurrency=4) as (address, made):
        held = [await RawConnection.open(address) for _ in range(3)]
        more = await RawConnection.connect(address)
        await more.send_raw(handshake("x"))
        assert await more.read_status() is None
        await more.drop()
        await held[0].drop()
        await until(lambda: made[0].disconnected)
        again = await RawConnection.open(address)
        await again.send('{"type":"one"}')
        await again.until_messages(1)
        for connection in (*held[1:], again):
            await connection.drop()


async def test_connections_that_come_at_once_are_let_in_one_by_one() -> None:
    """The handshakes are answered in the order in which the connections came, the pause apart."""
    async with served() as (address, made):
        began = asyncio.get_running_loop().time()
        connections = [await RawConnection.connect(address) for _ in range(10)]
        for connection in connections:
            await connection.send_raw(handshake("x"))
        statuses = [await connection.read_status() for connection in connections]
        assert statuses == [101] * 10
        assert len(made) == 10
        assert asyncio.get_running_loop().time() - began >= 0.99 * 9 * BoundedHttp.spacing_secs
        for connection in connections:
            await connection.drop()


async def test_what_the_kernel_keeps_for_a_connection_is_bounded() -> None:
    """Its buffers do not grow to several MiB."""
    async with served() as (address, made):
        connection = await RawConnection.open(address)
        sock = made[0].transport.get_extra_info("socket")
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            assert sock.getsockopt(socket.SOL_SOCKET, option) <= 2 * 128 * 1024
        await connection.drop()


async def test_a_client_that_answers_no_ping_and_takes_nothing_is_gone_in_the_end() -> None:
    """Although nothing more is written to it, and what was written is never taken."""
    async with served(ws_ping_interval=0.1, ws_ping_timeout=0.1) as (address, made):
        connection = await RawConnection.connect(address, buffer_bytes=4096)
        await connection.send_raw(handshake("x", path=b"/stuck"))
        assert await connection.read_status() == 101
        await until(lambda: made[0].disconnected)
        await connection.drop()


async def test_who_speaks_lives_although_no_pong_comes() -> None:
    """Its pongs may lie behind all that it says; once it says nothing, it goes."""
    async with served(ws_ping_interval=0.1, ws_ping_timeout=0.5) as (address, made):
        connection = await RawConnection.connect(address)
        await connection.send_raw(handshake("x"))
        assert await connection.read_status() == 101
        for number in range(30):
            await connection.send_raw(frame(b'{"type":"%d"}' % number))
            await asyncio.sleep(0.05)
            assert not made[0].close_sent
        await until(lambda: made[0].close_sent)
        await connection.drop()


async def test_a_pong_is_not_waited_for_without_end() -> None:
    """Who speaks and never answers goes as well, later."""
    async with served(ws_ping_interval=0.1, ws_ping_timeout=0.2) as (address, made):
        connection = await RawConnection.connect(address)
        await connection.send_raw(handshake("x"))
        assert await connection.read_status() == 101
        made[0].pong_patience_secs = 0.5
        began_at = made[0].loop.time()
        while not made[0].close_sent:
            await connection.send_raw(frame(b'{"type":"x"}'))
            await asyncio.sleep(0.02)
        assert made[0].loop.time() - began_at >= 0.5
        await connection.drop()


async def test_who_is_not_read_is_not_asked() -> None:
    """While the session takes nothing, its client's pongs are not read either."""
    async with served(ws_ping_interval=0.05, ws_ping_timeout=0.05) as (address, made):
        connection = await RawConnection.connect(address)
        await connection.send_raw(handshake("x", path=b"/idle"))
        assert await connection.read_status() == 101
        await connection.send_raw(frame(b'{"type":"x"}') * 20)
        await until(lambda: made[0].read_paused)
        await asyncio.sleep(0.5)
        assert not made[0].close_sent
        await connection.drop()


async def test_a_hasty_client_is_heard() -> None:
    """Frames that come before the handshake is answered, wherever one is cut, are read to the last byte."""
    async with served() as (address, made):
        connection = await RawConnection.connect(address)
        message = frame(b'{"type":"early"}')
        await connection.send_raw(handshake("x", path=b"/late"))
        await until(lambda: bool(made))
        await connection.send_raw(message[:7])
        assert await connection.read_status() == 101
        connection.start_reading()
        for byte in message[7:]:
            await connection.send_raw(bytes([byte]))
        await connection.until_messages(1)
        assert [item["type"] for item in connection.got.messages] == ["early"]
        await connection.drop()


async def test_small_messages_do_not_stop_the_reading() -> None:
    """A session that is slow for a moment finds several of them waiting, and no more than that."""
    async with served() as (address, _):
        connection = await RawConnection.connect(address)
        await connection.send_raw(handshake("x", path=b"/slow"))
        assert await connection.read_status() == 101
        connection.start_reading()
        await connection.send_raw(frame(b"x" * 600) * 500)
        await connection.until_messages(1)
        assert connection.got.messages[0]["type"] == "9 wait"
        await connection.drop()


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels have other rules")
@pytest.mark.parametrize("cut", [1, 3, 7, -1])
@pytest.mark.parametrize("fragment", [False, True])
async def test_the_rest_of_a_message_is_not_waited_for_with_what_follows(cut: int, fragment: bool) -> None:
    """A session that waits for much at once hears a message whose end comes later, as soon as it has come."""
    async with served() as (address, made):
        connection = await RawConnection.connect(address)
        await connection.send_raw(handshake("x", path=b"/stream"))
        assert await connection.read_status() == 101
        connection.start_reading()
        await until(lambda: made[0]._low_water._mark_bytes == 960)
        text = b'{"type":"late"}'
        message = frame(text, fin=False) + frame(b"", CONTINUATION) if fragment else frame(text)
        at = len(message) - 6 if fragment and cut < 0 else cut
        await connection.send_raw(frame(bytes(640), BINARY) * 2 + message[:at])
        await until(lambda: made[0]._low_water._mark_bytes == 1 and made[0].queue.empty())
        await asyncio.sleep(0.02)
        await connection.send_raw(message[at:])
        await connection.until_messages(1)
        await until(lambda: made[0]._low_water._mark_bytes == 960)
        await connection.drop()
