"""A server small enough to be wrong on purpose: it passes sound on, and loses or repeats some of it."""

import asyncio
import base64
import contextlib
import json
import os
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from benchmarks.ledger import Ledger
from benchmarks.load import Run
from benchmarks.upstream import Upstream


@dataclass(frozen=True)
class Wrongs:
    """What goes wrong; 0: never.

    Attributes:
        lose_up: Every how manieth chunk does not reach the upstream.
        repeat_up: Every how manieth one reaches it twice.
        lose_down: Every how manieth piece of an answer does not reach the client.
        repeat_down: Every how manieth one reaches it twice.
        error: Sent to every client once its session is there.
        leave: Every session ends with its first chunk.
    """

    lose_up: int = 0
    repeat_up: int = 0
    lose_down: int = 0
    repeat_down: int = 0
    error: str | None = None
    leave: bool = False


class _Strict(Run):
    """Such a server hears half a turn as well: here what is said in one has to arrive, too."""

    async def arrive(self, sessions: int, arrivals_a_sec: float) -> tuple[float, list[float]]:
        """Open sessions."""
        found = await super().arrive(sessions, arrivals_a_sec)
        for number, course in self.upstream.courses.items():
            self.upstream.courses[number] = replace(course, exempt=0)
        return found


def _copies(number: int, lose: int, repeat: int) -> int:
    if lose and number % lose == 0:
        return 0
    return 2 if repeat and number % repeat == 0 else 1


@contextlib.asynccontextmanager
async def run_against(wrongs: Wrongs) -> AsyncIterator[Run]:
    """A run with such a server, in this process."""
    upstream = Upstream(Ledger())
    base_url = await upstream.start()
    tls = ssl.create_default_context(cadata=upstream.ca_pem.decode())

    async def talk(client: ServerConnection) -> None:
        await client.recv()
        async with connect(base_url.replace("https", "wss"), ssl=tls, compression=None) as google:
            await google.send('{"setup": {"realtimeInputConfig": {"automaticActivityDetection": {}}}}')
            await google.recv()
            await client.send('{"type": "connected"}')
            if wrongs.error is not None:
                await client.send(json.dumps({"type": "error", "code": wrongs.error}))
            down = asyncio.create_task(_pass_down(google, client, wrongs))
            number = 0
            async for message in client:
                if isinstance(message, str) or wrongs.leave:
                    break
                number += 1
                data = base64.b64encode(message).decode()
                for _ in range(_copies(number, wrongs.lose_up, wrongs.repeat_up)):
                    await google.send(json.dumps({"realtime_input": {"audio": {"data": data}}}))
            down.cancel()

    async with serve(talk, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        run = _Strict(upstream, f"ws://127.0.0.1:{port}/ws", os.getpid(), speech_percent=40, seed=1)
        yield run
        await run.end()
    await upstream.stop()


async def _pass_down(google: ClientConnection, client: ServerConnection, wrongs: Wrongs) -> None:
    number = 0
    async for message in google:
        content = json.loads(message)["serverContent"]
        for part in content.get("modelTurn", {}).get("parts", ()):
            number += 1
            for _ in range(_copies(number, wrongs.lose_down, wrongs.repeat_down)):
                await client.send(base64.b64decode(part["inlineData"]["data"]))
        if content.get("turnComplete"):
            await client.send('{"type": "turn_complete"}')
