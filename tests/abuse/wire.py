"""A WebSocket client that minds no rule: it reads when it likes, and goes on after a close."""

import asyncio
import contextlib
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.hostile.frames import CLOSE, TEXT, Address, frame, handshake

SMALL_BUFFER_BYTES = 4096
_READ_BYTES = 2**18
_PATIENCE_SECS = 45.0
"""For the end of a connection that is waited for: longer than any limit of the server's."""


@dataclass
class Deeds:
    """What abusers did, and how they were ended.

    Attributes:
        connections: TCP connections that they opened.
        sent_bytes: What the system took of them.
        ends: How often which end came: a close code with the last error's code, ``cut`` without a close frame,
            ``refused`` before a WebSocket stood, ``stayed`` until the client left by itself.
    """

    connections: int = 0
    sent_bytes: int = 0
    ends: Counter[str] = field(default_factory=Counter)


class Wire:
    """One TCP connection.

    Attributes:
        gone: The server closed it.
    """

    def __init__(self, deeds: Deeds, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        """Count what is sent into ``deeds``."""
        self._deeds = deeds
        self._reader = reader
        self._writer = writer
        self.gone = False

    async def send(self, data: bytes) -> None:
        """Send, as fast as the other side takes it; nothing once it is gone."""
        if self.gone:
            return
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError:
            self.gone = True
        else:
            self._deeds.sent_bytes += len(data)

    async def status(self) -> int | None:
        """The status of an HTTP answer; ``None`` where there is none."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            self.gone = True
            return None
        return int(head.split(b" ", 2)[1])

    async def expect(self, kind: str) -> None:
        """Read up to a message of a type.

        Raises:
            ConnectionError: The server closed before it came.
        """
        while True:
            opcode, payload = await self._frame()
            if opcode == TEXT and json.loads(payload)["type"] == kind:
                return
            if opcode == CLOSE:
                raise ConnectionResetError(_end_of(payload, None))

    async def end(self, *, echoes: bool) -> str:
        """Read until the server ends the connection; how it did."""
        error: str | None = None
        try:
            async with asyncio.timeout(_PATIENCE_SECS):
                while True:
                    opcode, payload = await self._frame()
                    if opcode == TEXT and payload.startswith(b'{"type":"error"'):
                        error = json.loads(payload)["code"]
                    if opcode == CLOSE:
                        if echoes:
                            await self.send(frame(payload, CLOSE))
                        return _end_of(payload, error)
        except TimeoutError:
            return "stayed"
        except (asyncio.IncompleteReadError, OSError):
            self.gone = True
            return f"cut after {error}" if error else "cut"

    async def _frame(self) -> tuple[int, bytes]:
        first, second = await self._reader.readexactly(2)
        length = second & 0x7F
        if length == 126:
            length = int.from_bytes(await self._reader.readexactly(2))
        elif length == 127:
            length = int.from_bytes(await self._reader.readexactly(8))
        return first & 0x0F, await self._reader.readexactly(length)


def _end_of(payload: bytes, error: str | None) -> str:
    code = int.from_bytes(payload[:2]) if payload else 1005
    return f"{code} {error}" if error else str(code)


@contextlib.asynccontextmanager
async def tcp(address: Address, deeds: Deeds, *, buffer_bytes: int | None = None) -> AsyncIterator[Wire]:
    """A connection on which nothing was said; reset at the end of the block.

    Args:
        address: Of the server.
        deeds: Where it is counted.
        buffer_bytes: How much this side takes without reading it; the system decides if missing.

    Raises:
        OSError: The server takes none.
    """
    loop = asyncio.get_running_loop()
    deeds.connections += 1
    with socket.socket() as sock:
        sock.setblocking(False)
        if buffer_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        await loop.sock_connect(sock, (address.host, address.port))
        reader, writer = await asyncio.open_connection(sock=sock, limit=buffer_bytes or _READ_BYTES)
        try:
            yield Wire(deeds, reader, writer)
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def websocket(address: Address, deeds: Deeds, *, buffer_bytes: int | None = None) -> AsyncIterator[Wire]:
    """An open WebSocket; see :func:`tcp`.

    Raises:
        OSError: The server takes none.
    """
    async with tcp(address, deeds, buffer_bytes=buffer_bytes) as wire:
        await wire.send(handshake(f"{address.host}:{address.port}"))
        if await wire.status() != 101:
            deeds.ends["refused"] += 1
            raise ConnectionRefusedError
        yield wire
