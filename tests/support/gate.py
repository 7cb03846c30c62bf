"""A TCP door before the emulator that a test opens and cuts, so that "slow" and "lost" need no timing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from emulator import Emulator, EmulatorOptions, Scenario
from tests.support.servers import RunningServer, running_server

_STUCK_SECS = 60
"""A wait for what never comes ends in order; a test that is stopped from outside may hang in its end."""


class Gate:
    """Passes bytes to a port once it is open; until then connections wait, accepted and unanswered.

    Attributes:
        base_url: What a server's upstream URL must be.
        connections: Connections so far.
    """

    def __init__(self, target_port: int):
        """Stand before ``target_port`` on the loopback address."""
        self._target_port = target_port
        self._opened = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self.base_url = ""
        self.connections = 0

    def open(self) -> None:
        """Let everybody through who waits, and who comes."""
        self._opened.set()

    def cut(self) -> None:
        """Abort every connection, as a lost network does."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        self._writers.add(writer)
        with contextlib.suppress(OSError):
            await self._opened.wait()
            upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
            self._writers.add(upstream_writer)
            await asyncio.gather(_pump(reader, upstream_writer), _pump(upstream_reader, writer))
            self._writers.discard(upstream_writer)
        self._writers.discard(writer)
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def gate_before(port: int) -> AsyncIterator[Gate]:
    """A closed gate before ``port``; all connections end with the block."""
    gate = Gate(port)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await gate.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    gate.base_url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield gate
    finally:
        server.close()
        gate.cut()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def gated_server(
    options: EmulatorOptions | None = None, *, scenario: Scenario | None = None, **settings: Any
) -> AsyncIterator[tuple[RunningServer, Gate]]:
    """A server that reaches its emulator through a gate, which is closed; arguments as for ``running_server``."""
    options = options or EmulatorOptions(time_factor=0.0)
    async with (
        asyncio.timeout(_STUCK_SECS),
        Emulator(options, scenario=scenario) as emulator,
        gate_before(emulator.port) as gate,
    ):
        settings = {"gemini_base_url": gate.base_url, "gemini_ca_file": emulator.ca_file, **settings}
        async with running_server(None, scenario=None, **settings) as server:
            yield replace(server, emulator=emulator), gate
