"""A TCP relay before the server that can lose what is on its way, as a network does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlsplit

_READ_BYTES = 65536


class Line:
    """One connection through the relay.

    Attributes:
        uplink_left: How many bytes still pass to the server; ``None``: all.
        downlink_left: How many still pass to the client; ``None``: all.
    """

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter):
        """Pass everything."""
        self._writers = (client, server)
        self.uplink_left: int | None = None
        self.downlink_left: int | None = None

    def stall(self, *, uplink_bytes: int = 0, downlink_bytes: int = 0) -> None:
        """Let so many bytes pass, and then none: what comes is swallowed, and neither end knows."""
        self.uplink_left, self.downlink_left = uplink_bytes, downlink_bytes

    def cut(self) -> None:
        """Reset both connections."""
        for writer in self._writers:
            writer.transport.abort()

    def uplink(self, data: bytes) -> bytes:
        """What of ``data`` passes to the server."""
        if self.uplink_left is None:
            return data
        passed = data[: self.uplink_left]
        self.uplink_left -= len(passed)
        return passed

    def downlink(self, data: bytes) -> bytes:
        """What of ``data`` passes to the client."""
        if self.downlink_left is None:
            return data
        passed = data[: self.downlink_left]
        self.downlink_left -= len(passed)
        return passed


class Relay:
    """Stands before a server; each connection to it is a :class:`Line`.

    Attributes:
        url: What clients connect to, in place of the server.
        lines: The connections, in order.
    """

    def __init__(self, url: str):
        """Stand before the server at ``url``."""
        self._target = urlsplit(url)
        self.url = ""
        self.lines: list[Line] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass bytes in both directions, until one end is gone."""
        server_reader, server_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        line = Line(writer, server_writer)
        self.lines.append(line)
        try:
            await asyncio.gather(
                _pump(reader, server_writer, line.uplink), _pump(server_reader, writer, line.downlink)
            )
        finally:
            line.cut()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: Callable[[bytes], bytes]
) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_READ_BYTES):
            writer.write(passes(data))
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def relay_before(url: str) -> AsyncIterator[Relay]:
    """A relay before the server at ``url``; all connections end with the block."""
    relay = Relay(url)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(OSError):
            await relay.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    relay.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}{urlsplit(url).path}"
    try:
        yield relay
    finally:
        server.close()
        for line in relay.lines:
            line.cut()
        await asyncio.gather(*tasks, return_exceptions=True)
