"""What waits in the kernel, on real sockets, with both event loops that a server may run on."""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import cast

import pytest
import uvloop

from pipelines.low_water import ReceiveLowWater
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other kernels have other rules")

CHUNK = bytes(600)
PAIR_BYTES = 900


class Reader(asyncio.Protocol):
    """Notes what it is given, and takes it at once."""

    def __init__(self) -> None:
        """Expect a connection."""
        self.reads: list[int] = []
        self.over = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be connected."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self.low_water = ReceiveLowWater(self.transport, asyncio.get_running_loop())

    def data_received(self, data: bytes) -> None:
        """Note how much came."""
        self.reads.append(len(data))
        self.low_water.read(whole=sum(self.reads) % len(CHUNK) == 0)
        self.low_water.settle()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end."""
        self.over = True
        self.low_water.close()

    @property
    def mark_bytes(self) -> int:
        """What the kernel has."""
        assert self.transport is not None
        connection: socket.socket = self.transport.get_extra_info("socket")
        return connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)


Talk = Callable[[Reader, socket.socket], Awaitable[None]]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def talk(request: pytest.FixtureRequest) -> Callable[[Talk], None]:
    """Runs a talk between a reader and the socket of its client."""

    async def connected(conversation: Talk) -> None:
        loop = asyncio.get_running_loop()
        reader = Reader()
        server = await loop.create_server(lambda: reader, "127.0.0.1", 0)
        with socket.create_connection(server.sockets[0].getsockname()) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await until(lambda: reader.transport is not None)
            reader.low_water.patience_secs = 1000
            await conversation(reader, client)
        await until(lambda: reader.over)
        server.close()
        await server.wait_closed()

    def run(conversation: Talk) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(connected(conversation))

    return run


async def some_turns() -> None:
    """Long enough for the event loop to see what has come."""
    await asyncio.sleep(0.05)


def test_two_chunks_are_one_read(talk: Callable[[Talk], None]) -> None:
    """The first one waits for the second one, pair after pair."""

    async def conversation(reader: Reader, client: socket.socket) -> None:
        reader.low_water.follow(lambda: PAIR_BYTES)
        reader.low_water.settle()
        for pairs in (1, 2, 3):
            client.send(CHUNK)
            await some_turns()
            assert len(reader.reads) == pairs - 1
            client.send(CHUNK)
            await until(lambda: sum(reader.reads) == 2 * len(CHUNK) * pairs)  # noqa: B023 - awaited in the loop
        assert reader.reads == [2 * len(CHUNK)] * 3

    talk(conversation)


def test_until_somebody_follows_the_stream_nothing_waits(talk: Callable[[Talk], None]) -> None:
    """As with any connection."""

    async def conversation(reader: Reader, client: socket.socket) -> None:
        client.send(b"x")
        await until(lambda: reader.reads == [1])
        assert reader.mark_bytes == 1

    talk(conversation)


def test_a_stream_that_stops_leaves_nothing_behind(talk: Callable[[Talk], None]) -> None:
    """What waits is read when the patience is over, and what comes then is read at once."""

    async def conversation(reader: Reader, client: socket.socket) -> None:
        reader.low_water.patience_secs = 0.1
        needed = PAIR_BYTES
        reader.low_water.follow(lambda: needed)
        reader.low_water.settle()
        client.send(CHUNK)
        await until(lambda: reader.reads == [600])
        needed = 1
        reader.low_water.settle()
        client.send(b"x")
        await until(lambda: reader.reads == [600, 1])

    talk(conversation)


def test_the_mark_is_away_while_nothing_comes(talk: Callable[[Talk], None]) -> None:
    """A short message long after the stream stopped is read at once."""

    async def conversation(reader: Reader, client: socket.socket) -> None:
        reader.low_water.patience_secs = 0.05
        reader.low_water.follow(lambda: PAIR_BYTES)
        reader.low_water.settle()
        assert reader.mark_bytes == PAIR_BYTES
        await until(lambda: reader.mark_bytes == 1)
        client.send(b"x")
        await until(lambda: reader.reads == [1])

    talk(conversation)


def test_the_rest_of_a_message_is_waited_for_alone(talk: Callable[[Talk], None]) -> None:
    """Where the network brings a part of a chunk, what follows is read as it comes."""

    async def conversation(reader: Reader, client: socket.socket) -> None:
        marks: list[int] = []
        reader.low_water.follow(lambda: PAIR_BYTES)
        reader.low_water.settle()
        settle = reader.low_water.settle
        reader.low_water.settle = lambda: marks.append(reader.mark_bytes)  # type: ignore[method-assign]
        client.send(CHUNK + CHUNK[:-1])
        await until(lambda: marks == [1])
        client.send(CHUNK[:1])
        await until(lambda: reader.reads == [1199, 1])
        settle()
        assert reader.mark_bytes == PAIR_BYTES

    talk(conversation)


def test_the_end_of_a_connection_is_told_at_once(talk: Callable[[Talk], None]) -> None:
    """Whatever the mark is, and with what was sent before."""

    async def conversation(reader: Reader, client: socket.socket) -> None:
        reader.low_water.follow(lambda: PAIR_BYTES)
        reader.low_water.settle()
        client.send(CHUNK)
        client.shutdown(socket.SHUT_WR)
        await until(lambda: reader.over)
        assert reader.reads == [600]

    talk(conversation)


def test_who_follows_no_more_leaves_no_mark(talk: Callable[[Talk], None]) -> None:
    """What waits is read at once, and what comes then."""

    async def conversation(reader: Reader, client: socket.socket) -> None:
        reader.low_water.follow(lambda: PAIR_BYTES)
        reader.low_water.settle()
        client.send(CHUNK)
        await some_turns()
        assert reader.reads == []
        reader.low_water.unfollow()
        await until(lambda: reader.reads == [600])
        client.send(b"x")
        await until(lambda: reader.reads == [600, 1])

    talk(conversation)
