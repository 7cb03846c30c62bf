"""The one writer to a client's socket."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from pipelines.client_socket import ClientSocket
from protocol.messages import Interrupted
from tests.support.fake_network import FakeNetwork
from tests.support.virtual_time import settle


@pytest.fixture
async def network() -> FakeNetwork:
    """The client's end."""
    return FakeNetwork()


class Overflows:
    """Counts how often the socket said that too much waits."""

    def __init__(self) -> None:
        """None so far."""
        self.count = 0

    def __call__(self) -> None:
        """One more."""
        self.count += 1


@pytest.fixture
def overflows() -> Overflows:
    """What the socket calls."""
    return Overflows()


@pytest.fixture
async def socket(network: FakeNetwork, overflows: Overflows) -> AsyncIterator[ClientSocket]:
    """A socket with a bound of 100 bytes; closed at the end, where the test did not."""
    socket = ClientSocket(
        await network.accepted(), max_backlog_bytes=100, write_timeout_secs=15.0, on_stuck=overflows
    )
    yield socket
    network.may_write.set()
    await socket.close(1000, flush=False)


# Writing


async def test_frames_go_out_in_order(socket: ClientSocket, network: FakeNetwork) -> None:
    """Text and binary frames keep the order in which they were handed in."""
    socket.send("a")
    socket.send(b"\x00\x01")
    socket.send("")
    socket.send_message(Interrupted(reason="client"))
    await settle()
    assert network.frames == ["a", b"\x00\x01", "", '{"type":"interrupted","reason":"client"}']


async def test_sending_does_not_wait_for_the_client(socket: ClientSocket, network: FakeNetwork) -> None:
    """What a slow client did not read yet waits here, and follows in order."""
    network.may_write.clear()
    for text in ("a", "b", "c"):
        socket.send(text)
    await settle(10)
    assert network.frames == []
    network.may_write.set()
    await settle()
    assert network.frames == ["a", "b", "c"]


async def test_a_write_that_never_ends_is_a_client_that_does_not_read(
    socket: ClientSocket, network: FakeNetwork, overflows: Overflows
) -> None:
    """A socket that takes nothing and never says that it is gone is told on, and nothing more piles up."""
    network.may_write.clear()
    socket.send("a")
    await settle(14)
    assert overflows.count == 0
    await settle(2)
    socket.send("b")
    await settle(60)
    assert overflows.count == 1
    network.may_write.set()
    await settle()
    assert network.frames == []


async def test_too_much_that_waits_is_said_once(
    socket: ClientSocket, network: FakeNetwork, overflows: Overflows
) -> None:
    """A client that does not read is told on at the bound; nothing more piles up after it."""
    network.may_write.clear()
    socket.send("x" * 100)
    assert overflows.count == 0
    for _ in range(50):
        socket.send("y")
    assert overflows.count == 1
    network.may_write.set()
    await settle()
    assert network.frames == ["x" * 100, "y"]


async def test_what_was_written_makes_room(
    socket: ClientSocket, network: FakeNetwork, overflows: Overflows
) -> None:
    """The bound is on what waits, not on what was ever sent."""
    for _ in range(20):
        socket.send(b"x" * 90)
        await settle()
    assert overflows.count == 0
    assert len(network.frames) == 20


async def test_what_is_said_again_is_no_backlog(
    socket: ClientSocket, network: FakeNetwork, overflows: Overflows
) -> None:
    """Frames that are kept elsewhere may be many; what is said after them comes after them, and is bounded."""
    network.may_write.clear()
    socket.send("connected")
    socket.send_again(["x" * 90, b"y" * 90, "z" * 90])
    socket.send("n" * 80)
    assert (overflows.count, socket.backlog_bytes) == (0, 89)
    network.may_write.set()
    await settle()
    assert network.frames == ["connected", "x" * 90, b"y" * 90, "z" * 90, "n" * 80]
    assert socket.backlog_bytes == 0
    network.may_write.clear()
    socket.send("n" * 101)
    assert overflows.count == 1
    socket.send_again(["late"])
    network.may_write.set()
    await settle()
    assert network.frames[-1] == "n" * 101


async def test_a_client_that_is_gone_is_no_fault(
    socket: ClientSocket, network: FakeNetwork, overflows: Overflows
) -> None:
    """Writing to a broken connection drops what waits; the reader is who says that it ended."""
    network.broken = True
    socket.send("a")
    socket.send("b")
    await settle()
    socket.send("c" * 1000)
    await socket.close(1000, flush=True)
    assert network.frames == []
    assert overflows.count == 0


# Reading


async def test_contents_are_read_in_order_until_the_client_is_gone(
    socket: ClientSocket, network: FakeNetwork
) -> None:
    """Text and binary contents as they came, then ``None`` for good."""
    network.say("{")
    network.say("")
    network.say(b"\x01")
    network.leave()
    assert [await socket.receive() for _ in range(5)] == ["{", "", b"\x01", None, None]


# Closing


async def test_closing_writes_what_waits_first(socket: ClientSocket, network: FakeNetwork) -> None:
    """The frame that says why comes before the close."""
    socket.send("why")
    await socket.close(1008, flush=True)
    assert (network.frames, network.close_code) == (["why"], 1008)


async def test_closing_at_once_drops_what_waits(socket: ClientSocket, network: FakeNetwork) -> None:
    """Who asks for the end gets no more output."""
    network.may_write.clear()
    for _ in range(5):
        socket.send("late")
    closing = asyncio.create_task(socket.close(1000, flush=False))
    await settle()
    network.may_write.set()
    await closing
    assert (network.frames, network.close_code) == ([], 1000)


async def test_a_client_that_reads_nothing_does_not_hold_up_the_end(
    socket: ClientSocket, network: FakeNetwork
) -> None:
    """Flushing and closing have a limit each."""
    loop = asyncio.get_running_loop()
    network.may_write.clear()
    socket.send("why")
    started_at = loop.time()
    await socket.close(1013, flush=True)
    assert loop.time() - started_at == pytest.approx(2 + 15, abs=0.1)
    assert (network.frames, network.close_code) == ([], None)


async def test_a_client_that_reads_late_gets_its_close(socket: ClientSocket, network: FakeNetwork) -> None:
    """Within the limit the close frame still arrives, with its code."""
    network.may_write.clear()
    socket.send("why")
    closing = asyncio.create_task(socket.close(1013, flush=True))
    await settle(10)
    network.may_write.set()
    await closing
    assert network.close_code == 1013


async def test_a_client_that_closed_is_not_closed_again(socket: ClientSocket, network: FakeNetwork) -> None:
    """After the client's own end there is nothing to say, and nothing fails."""
    network.leave()
    assert await socket.receive() is None
    network.broken = True
    await socket.close(1000, flush=False)
    assert network.close_code is None


async def test_closing_twice_is_harmless(socket: ClientSocket, network: FakeNetwork) -> None:
    """The first code counts."""
    await socket.close(1008, flush=False)
    await socket.close(1000, flush=False)
    assert network.close_code == 1008
