"""The ways in which a client loses its connection, each at a moment that chance decides."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.resume.relay import Relay
from tests.support.resuming_client import ResumingClient

LOSSES = (
    "aborted",
    "in a frame",
    "on the way",
    "during output",
    "unread output",
    "closed",
    "twice",
    "before connected",
    "half-open",
    "silently gone",
)
"""``aborted``: at any moment; ``in a frame``: in the middle of a chunk; ``on the way``: after the network swallowed
what both sides sent for a while; ``during output``: when a piece of an interpretation has come; ``unread output``:
with messages on their way that nobody reads; ``closed``: with a close frame; ``twice``: again right after it came
back; ``before connected``: again before it was told that it is back; ``half-open``: the old connection stays open
when the client comes back over another one; ``silently gone``: the same, and nothing passes on the old one."""
SPEED = 4.0
"""How many times as fast as it was spoken audio is sent."""

_LONGEST_STALL_SECS = 0.3


class HalfOpen:
    """Connections that were left open, each of which has to be closed with 1008, and without an error."""

    def __init__(self) -> None:
        """None so far."""
        self._left: list[ClientConnection] = []
        self.wrong: list[str] = []

    def add(self, connection: ClientConnection) -> None:
        """One that is open and that nobody reads."""
        self._left.append(connection)

    async def check(self) -> None:
        """Read each to its end."""
        for connection in self._left:
            with contextlib.suppress(ConnectionClosed):
                async for data in connection:
                    if isinstance(data, str) and '"type":"error"' in data:
                        self.wrong.append(f"a connection that was taken over got {data[:100]}")
            if connection.close_code != 1008:
                self.wrong.append(f"a connection that was taken over was closed with {connection.close_code}")
        self._left.clear()


@contextlib.asynccontextmanager
async def half_open() -> AsyncIterator[HalfOpen]:
    """Collects connections, and drops what is left of them."""
    made = HalfOpen()
    try:
        yield made
    finally:
        for connection in made._left:
            connection.transport.abort()


async def speak_for(client: ResumingClient, secs: float) -> None:
    """Let the client send for a while, into whatever its connection is."""
    streaming = asyncio.create_task(client.stream(speed=SPEED))
    await asyncio.wait([streaming], timeout=secs)
    streaming.cancel()
    await asyncio.gather(streaming, return_exceptions=True)


async def lose(client: ResumingClient, kind: str, chance: random.Random, relay: Relay, left_open: HalfOpen) -> int:
    """Lose the connection and come back.

    Args:
        client: Is connected through ``relay``.
        kind: One of :data:`LOSSES`.
        chance: Decides the moment.
        relay: Where the client's connections pass, the one in use last.
        left_open: Takes connections that nobody closed.

    Returns:
        How many connections were lost.
    """
    line = relay.lines[-1]
    match kind:
        case "on the way":
            line.stall(uplink_bytes=chance.randrange(5000), downlink_bytes=chance.randrange(5000))
            await speak_for(client, chance.uniform(0, _LONGEST_STALL_SECS))
            line.cut()
            await client.abort()
        case "silently gone":
            line.stall()
            await speak_for(client, chance.uniform(0, _LONGEST_STALL_SECS))
            await client.leave()
        case "aborted" | "during output":
            await client.abort()
        case "in a frame":
            await client.abort_in_frame(chance.random())
        case "unread output":
            connection = await client.leave()
            connection.transport.pause_reading()
            await asyncio.sleep(chance.uniform(0, 0.2))
            connection.transport.abort()
        case "closed":
            await (await client.leave()).close()
        case "twice":
            await client.abort()
            await client.open()
            await client.abort()
            await client.open()
            return 2
        case "before connected":
            await client.abort()
            await client.begin()
            await asyncio.sleep(chance.uniform(0, 0.02))
            await client.abort()
            await client.open()
            return 2
        case _:
            left_open.add(await client.leave())
    await client.open()
    return 1
