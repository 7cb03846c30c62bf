"""A real server on a free port, in front of a real emulator, for tests that talk to it over sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import uvicorn
from pydantic import SecretStr

from emulator import Emulator, EmulatorOptions, Scenario
from pipelines.sessions import Sessions
from pipelines.settings import Settings
from server import create_app, uvicorn_options


@dataclass
class RunningServer:
    """A server that accepts connections.

    Attributes:
        url: Of its WebSocket.
        http_url: Of its HTTP routes, without a path.
        emulator: The upstream that it talks to.
        sessions: Its count of sessions.
    """

    url: str
    http_url: str
    emulator: Emulator
    sessions: Sessions


def test_settings(**values: Any) -> Settings:
    """Settings that read no ``.env`` of a developer; ``values`` by field name.

    Clients of tests may talk as fast as they like, and how busy the machine is refuses nobody.
    """
    chosen = {"gemini_api_key": SecretStr("test-key"), "port": 0, "max_ingest_rate": 1000, "max_loop_lag_ms": 0}
    return Settings(**{"_env_file": None, **chosen, **values})


test_settings.__test__ = False  # type: ignore[attr-defined]  # pytest must not collect it


@contextlib.asynccontextmanager
async def running_server(
    options: EmulatorOptions | None = None, *, scenario: Scenario | None = None, **settings: Any
) -> AsyncIterator[RunningServer]:
    """Start an emulator and a server that uses it; both end with the block."""
    options = options or EmulatorOptions(time_factor=0.0)
    async with Emulator(options, scenario=scenario) as emulator:
        upstream = {"gemini_base_url": emulator.base_url, "gemini_ca_file": emulator.ca_file}
        configured = test_settings(**{**upstream, **settings})
        app = create_app(configured)
        async with serving(app, configured) as address:
            yield RunningServer(f"ws://{address}/ws", f"http://{address}", emulator, app.state.services.sessions)


@contextlib.asynccontextmanager
async def serving(app: Any, settings: Settings) -> AsyncIterator[str]:
    """Serve ``app`` as the command line would, on a free port; gives ``host:port``."""
    options = {**uvicorn_options(settings), "loop": "none", "host": "127.0.0.1"}
    server = uvicorn.Server(uvicorn.Config(app, **options))
    task = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if task.done():
                task.result()
                raise RuntimeError("the server ended before it started")
            await asyncio.sleep(0.01)
        host, port = server.servers[0].sockets[0].getsockname()[:2]
        yield f"{host}:{port}"
    finally:
        server.should_exit = True
        await task
