"""What a session says, on one connection after the other."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.types import Message
from starlette.websockets import WebSocketState

from pipelines.client_socket import ClientSocket
from pipelines.outgoing import Outgoing, PipelineView
from pipelines.replay import ReplayBuffer
from protocol.messages import Connected, Interrupted
from tests.support.fake_network import FakeNetwork
from tests.support.virtual_time import settle

CONNECTED = Connected(session_id="a")


class Line:
    """One connection.

    Attributes:
        network: What the client sees.
        socket: The server's end.
    """

    def __init__(self, network: FakeNetwork, socket: ClientSocket):
        """Look on."""
        self.network, self.socket = network, socket

    @property
    def told(self) -> list[Any]:
        """What the client got: messages as their type and number, binary frames as they are."""
        frames = [json.loads(frame) if isinstance(frame, str) else frame for frame in self.network.frames]
        return [frame if isinstance(frame, bytes) else (frame["type"], frame.get("seq")) for frame in frames]


@pytest.fixture
async def lines() -> AsyncIterator[list[Line]]:
    """Three connections."""
    made = []
    for _ in range(3):
        network = FakeNetwork()
        socket = ClientSocket(
            await network.accepted(), max_backlog_bytes=10_000, write_timeout_secs=15.0, on_stuck=lambda: None
        )
        made.append(Line(network, socket))
    yield made
    for line in made:
        await line.socket.close(1000, flush=False)


async def test_a_session_that_ends_with_its_connection_numbers_nothing(lines: list[Line]) -> None:
    """Frames go out as they are, and are not kept."""
    (line, *_) = lines
    out = Outgoing(line.socket, None)
    out.greet(CONNECTED)
    out.send_message(Interrupted(reason="client"))
    out.send(b"\x00\x01")
    await settle()
    assert line.told == [("connected", None), ("interrupted", None), b"\x00\x01"]
    assert (out.last_seq, out.reaches(0), out.queue_depths()) == (0, False, {"outbox": 0, "replay": 0})


async def test_everything_after_connected_has_a_number(lines: list[Line]) -> None:
    """From 1 on; a binary frame takes one without carrying it, and what comes before ``connected`` takes none."""
    (line, *_) = lines
    out = Outgoing(line.socket, ReplayBuffer(10_000))
    out.send('{"type":"error"}')
    assert not out.greeted
    out.greet(CONNECTED)
    assert out.greeted
    out.send_message(Interrupted(reason="client"))
    out.send(b"\x00\x01")
    out.send('{"type":"error"}')
    await settle()
    assert line.told == [("error", None), ("connected", None), ("interrupted", 1), b"\x00\x01", ("error", 3)]


async def test_another_connection_gets_what_the_first_did_not(lines: list[Line]) -> None:
    """Sent or not: all after the number that the client names, each once, with its number, after ``connected``."""
    first, second, third = lines
    out = Outgoing(first.socket, ReplayBuffer(10_000))
    out.greet(CONNECTED)
    out.send('{"type":"a"}')
    out.send('{"type":"b"}')
    await settle()
    out.detach()
    out.send(b"away")
    out.send('{"type":"d"}')
    assert out.attach(second.socket, CONNECTED, 1) == 3
    out.send('{"type":"e"}')
    await settle()
    assert first.told == [("connected", None), ("a", 1), ("b", 2)]
    assert second.told == [("connected", None), ("b", 2), b"away", ("d", 4), ("e", 5)]
    assert out.attach(third.socket, CONNECTED, 5) == 0
    assert not out.reaches(0), "what a client acknowledged is kept no longer"
    out.send('{"type":"f"}')
    await settle()
    assert third.told == [("connected", None), ("f", 6)]
    assert second.told[-1] == ("e", 5), "a connection that was left gets nothing"


async def test_a_client_may_come_twice_for_the_same(lines: list[Line]) -> None:
    """A connection that broke before anything arrived acknowledges nothing."""
    first, second, third = lines
    out = Outgoing(first.socket, ReplayBuffer(10_000))
    out.greet(CONNECTED)
    out.send('{"type":"a"}')
    for line in (second, third):
        out.detach()
        out.attach(line.socket, CONNECTED, 0)
    await settle()
    assert second.told == third.told == [("connected", None), ("a", 1)]


async def test_what_was_said_last_stays_the_last(lines: list[Line]) -> None:
    """A session that is over neither says nor numbers anything."""
    (line, *_) = lines
    out = Outgoing(line.socket, ReplayBuffer(10_000))
    out.greet(CONNECTED)
    out.send('{"type":"error"}')
    out.seal()
    out.send('{"type":"late"}')
    await settle()
    assert line.told == [("connected", None), ("error", 1)]
    assert out.last_seq == 1


async def test_the_time_of_the_last_frame_is_known(lines: list[Line]) -> None:
    """Idleness is judged by what was said, and by a client that came back, on the loop's clock."""
    loop = asyncio.get_running_loop()
    out = Outgoing(lines[0].socket, ReplayBuffer(10_000))
    await settle(5)
    assert out.sent_at == pytest.approx(loop.time() - 5, abs=0.1)
    out.greet(CONNECTED)
    assert out.sent_at == pytest.approx(loop.time(), abs=0.1)
    await settle(5)
    out.attach(lines[1].socket, CONNECTED, 0)
    assert out.sent_at == pytest.approx(loop.time(), abs=0.1)


async def test_the_depths_are_what_waits(lines: list[Line]) -> None:
    """The outbox holds what is not written; the replay buffer what may have to be said again."""
    (line, *_) = lines
    line.network.may_write.clear()
    out = Outgoing(line.socket, ReplayBuffer(10_000))
    out.greet(CONNECTED)
    out.send(b"x" * 1000)
    depths = out.queue_depths()
    assert depths["outbox"] == 1000 + len(CONNECTED.to_json())
    assert 1000 < depths["replay"] < 1200
    out.detach()
    assert out.queue_depths()["outbox"] == 0


# What a transport sees


async def nothing_to_receive() -> Message:
    """A pipeline that hears nothing."""
    raise AssertionError("nobody reads here")


async def test_a_transport_writes_in_the_sessions_order(lines: list[Line]) -> None:
    """Frames of the pipeline keep their order with those of the session, and follow it to another connection."""
    first, second, _ = lines
    out = Outgoing(first.socket, ReplayBuffer(10_000))
    out.greet(CONNECTED)
    view = PipelineView(out.send, nothing_to_receive)
    assert view.client_state is view.application_state is WebSocketState.CONNECTED
    out.send('{"type":"1"}')
    await view.send_text('{"type":"2"}')
    await view.send_bytes(b"3")
    out.attach(second.socket, CONNECTED, 3)
    await view.send_text('{"type":"4"}')
    await settle()
    assert first.told == [("connected", None), ("1", 1), ("2", 2), b"3"]
    assert second.told == [("connected", None), ("4", 4)]


async def test_a_transport_cannot_close(lines: list[Line]) -> None:
    """The stock transport closes with 1000 whatever happened; only the connection knows the right code."""
    (line, *_) = lines
    out = Outgoing(line.socket, None)
    await PipelineView(out.send, nothing_to_receive).close()
    await settle()
    out.send('{"type":"still here"}')
    await settle()
    assert (line.told, line.network.close_code) == ([("still here", None)], None)


async def test_a_transport_reads_from_where_it_is_told() -> None:
    """The connection's reader stays the only one on the network."""

    async def receive() -> Message:
        return {"type": "websocket.receive", "text": "from the inbox"}

    assert await PipelineView(lambda _: None, receive).receive_text() == "from the inbox"
