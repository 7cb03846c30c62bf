"""One client of a :class:`~pipelines.connection.ClientConnection`, without a network and in virtual time."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from pipelines.connection import ClientConnection
from pipelines.engines import load_engines
from pipelines.rooms import Rooms
from pipelines.services import Services
from pipelines.sessions import Sessions
from pipelines.settings import load_settings
from tests.support.fake_network import FakeNetwork
from tests.support.fake_upstream import FakeConnector
from tests.support.pcm import chunks_of, tone

RATE_HZ = 16_000
SPEECH = tone(1.0, RATE_HZ)
"""What a detector of loudness takes for speech."""


class Client:
    """A client and the session that serves it.

    Attributes:
        network: What the client sees.
        upstream: Opens the upstream's sessions.
        sessions: The server's count.
        serving: The session; done once it ended.
    """

    def __init__(self, upstream: FakeConnector, sessions: Sessions, network: FakeNetwork):
        """Look on."""
        self.upstream, self.sessions, self.network = upstream, sessions, network
        self.serving: asyncio.Task[None]

    async def init(self, **config: Any) -> dict[str, Any]:
        """Open the session; the ``connected`` message."""
        self.network.say({"type": "init", "config": config})
        return await self.network.wait_for("connected")

    def speak(self, pcm: bytes) -> None:
        """Send audio, all at once, in chunks of 20 ms."""
        for chunk in chunks_of(pcm, 20, RATE_HZ):
            self.network.say({"type": "audio", "data": base64.b64encode(chunk).decode(), "timestamp": 0})

    async def ended(self) -> tuple[str | None, int | None]:
        """The code of the last error, and the close code, once the session is over."""
        await self.serving
        errors = self.network.of("error")
        if errors:
            assert self.network.messages[-1] == errors[-1]
        return (errors[-1].get("code") if errors else None), self.network.close_code

    async def cancelled(self) -> None:
        """Cancel the session, as a server does that stops; returns when it is over."""
        self.serving.cancel()
        await asyncio.wait([self.serving])

    @property
    def secs(self) -> float:
        """The time."""
        return asyncio.get_running_loop().time()


@contextlib.asynccontextmanager
async def client(
    upstream: FakeConnector | None = None,
    *,
    sessions: Sessions | None = None,
    upstream_refuses: bool = False,
    rooms: Rooms | None = None,
    **settings: Any,
) -> AsyncIterator[Client]:
    """A client that has just been accepted; it drops the connection at the end, if it still has one.

    Args:
        upstream: Missing: one that connects at once.
        sessions: The server's, shared with other clients, who end them; missing: this client is the only one.
        upstream_refuses: The upstream is known to refuse every session.
        rooms: Where it may take a seat.
        settings: By field name.
    """
    configured = load_settings(**{"vad_provider": "energy", **settings})
    upstream = upstream or FakeConnector()
    alone = sessions is None
    sessions = sessions or Sessions(max_sessions=2, max_pending=2, max_loop_lag_ms=0)
    services = Services(configured, load_engines(configured), upstream, sessions, lambda: upstream_refuses)
    network = FakeNetwork()
    user = Client(upstream, sessions, network)
    websocket = await network.accepted()

    async def serve() -> None:
        with sessions.waiting_for_init() as seat:
            await ClientConnection(websocket, services, seat, rooms).run()

    user.serving = asyncio.create_task(serve())
    try:
        yield user
    finally:
        network.may_write.set()
        network.leave()
        await asyncio.wait([user.serving])
        if alone:
            await sessions.stop()
    if not user.serving.cancelled():
        user.serving.result()
    if alone:
        assert all(connection.closed for connection in upstream.connections), "a connection upstream is left"
