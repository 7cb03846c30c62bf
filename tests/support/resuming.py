"""A client that comes back, without a network and in virtual time: one session over several connections."""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from pipelines.sessions import Sessions
from tests.support.fake_upstream import FakeConnector
from tests.support.interpreted import Client, client


@dataclass
class House:
    """A server, and clients that connect to it one after the other.

    Attributes:
        sessions: The server's count.
        upstream: Opens the upstream's sessions.
        settings: Of the server, by field name.
    """

    sessions: Sessions
    upstream: FakeConnector
    settings: dict[str, Any]
    _open: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    async def connect(self) -> Client:
        """Another connection."""
        return await self._open.enter_async_context(client(self.upstream, sessions=self.sessions, **self.settings))

    async def resume(
        self, connected: dict[str, Any], last_seq: int, first_sample: int = 0, **config: Any
    ) -> Client:
        """Connect, and go on with the session of ``connected``; returns when it is ready."""
        user = await self.connect()
        await user.init(resume=claim(connected, last_seq, first_sample), **config)
        return user

    async def end(self) -> None:
        """Drop every connection and end every session."""
        await self._open.aclose()
        await self.sessions.stop()


@contextlib.asynccontextmanager
async def house(
    upstream: FakeConnector | None = None, *, max_sessions: int = 3, **settings: Any
) -> AsyncIterator[House]:
    """A server, and the end of all that is left of it."""
    made = House(
        Sessions(max_sessions=max_sessions, max_pending=9, max_loop_lag_ms=0), upstream or FakeConnector(), settings
    )
    try:
        yield made
    finally:
        await made.end()
    assert all(connection.closed for connection in made.upstream.connections), "a connection upstream is left"


def claim(connected: dict[str, Any], last_seq: int, first_sample: int = 0) -> dict[str, Any]:
    """What ``init`` carries to go on with the session that said ``connected``."""
    return {
        "sessionId": connected["sessionId"],
        "resumeToken": connected["resumeToken"],
        "lastSeq": last_seq,
        "firstSample": first_sample,
    }


def told(user: Client) -> list[tuple[int | None, str]]:
    """Number and type of everything that a connection got; a binary frame as ``pcm``, with the number it takes."""
    found: list[tuple[int | None, str]] = []
    seq = 0
    for frame in user.network.frames:
        if isinstance(frame, bytes):
            seq += 1
            found.append((seq, "pcm"))
            continue
        message = json.loads(frame)
        seq = message.get("seq", seq)
        found.append((message.get("seq"), message["type"]))
    return found
