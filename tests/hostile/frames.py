"""A WebSocket client of our own that may send anything: frames as bytes (RFC 6455, section 5.2), right or wrong.

Libraries refuse to send what a server must survive. This encoder checks nothing.
"""

import asyncio
import base64
import contextlib
import json
import os
import secrets
import socket
import struct
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
NO_CLOSE_FRAME = 1006
"""What a connection counts as that ended without a close frame (RFC 6455, section 7.1.5)."""
NO_STATUS = 1005
_READ_BYTES = 2**20

Message = dict[str, Any]


def frame(
    payload: bytes,
    opcode: int = TEXT,
    *,
    fin: bool = True,
    reserved: int = 0,
    mask: bytes | None = bytes(4),
    declared_length: int | None = None,
) -> bytes:
    """One frame.

    Args:
        payload: Its content.
        opcode: 0 to 15, whether there is such a one or not.
        fin: It ends a message.
        reserved: The three reserved bits, 0 to 7.
        mask: The client's key; ``None`` leaves the payload unmasked, which no client may do.
        declared_length: What the header says; the payload's length if missing.
    """
    length = len(payload) if declared_length is None else declared_length
    masked_bit = 0x80 if mask is not None else 0
    head = bytes([(0x80 if fin else 0) | (reserved << 4) | opcode])
    if length < 126:
        head += bytes([masked_bit | length])
    elif length < 2**16:
        head += struct.pack("!BH", masked_bit | 126, length)
    else:
        head += struct.pack("!BQ", masked_bit | 127, length)
    return head + (b"" if mask is None else mask + masked(payload, mask))


def masked(payload: bytes, mask: bytes) -> bytes:
    """``payload`` under a key of four bytes."""
    if mask == bytes(4):
        return payload
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(size)


def data_frame(content: str | bytes) -> bytes:
    """A message in one frame: text or binary, as its type says."""
    if isinstance(content, str):
        return frame(content.encode(), TEXT, mask=os.urandom(4) if len(content) < 1000 else bytes(4))
    return frame(content, BINARY)


def close_frame(code: int | None = 1000, reason: bytes = b"") -> bytes:
    """A close frame; ``None`` has no code."""
    return frame(b"" if code is None else struct.pack("!H", code) + reason, CLOSE)


def handshake(host: str, *, path: bytes = b"/ws", headers: tuple[bytes, ...] = ()) -> bytes:
    """A request to open a WebSocket (RFC 6455, section 4.1), with further header lines."""
    key = base64.b64encode(secrets.token_bytes(16))
    lines = [
        b"GET " + path + b" HTTP/1.1",
        b"Host: " + host.encode(),
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Key: " + key,
        b"Sec-WebSocket-Version: 13",
        *headers,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Address":
        """The address in a ``ws://`` URL."""
        parts = urlsplit(url)
        return cls(parts.hostname or "127.0.0.1", parts.port or 80)


@dataclass
class Received:
    """What a connection was sent.

    Attributes:
        messages: The text frames as JSON, in order.
        binary_frames: How many binary frames came.
        pongs: How many pongs came.
        close_code: How it ended; ``None`` while it is open.
    """

    messages: list[Message] = field(default_factory=list)
    binary_frames: int = 0
    pongs: int = 0
    close_code: int | None = None

    def of(self, kind: str) -> list[Message]:
        """The messages of one type."""
        return [message for message in self.messages if message["type"] == kind]


class RawConnection:
    """One TCP connection that speaks WebSocket as well or as badly as it is told.

    What comes is read all along, and pings are answered, unless it is told not to read.

    Attributes:
        got: What the server sent.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        """Speak over an open connection."""
        self._reader, self._writer = reader, writer
        self._changed = asyncio.Condition()
        self._reading: asyncio.Task[None] | None = None
        self._gone = False
        self.got = Received()

    @classmethod
    async def connect(cls, address: Address, *, buffer_bytes: int | None = None) -> "RawConnection":
        """Open a TCP connection, and say nothing.

        Args:
            address: Of the server.
            buffer_bytes: How much this side takes without reading it; the system decides if missing.
        """
        sock = socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET)
        if buffer_bytes is not None:  # before the server is told how much it may send
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        sock.connect((address.host, address.port))
        sock.setblocking(False)
        return cls(*await asyncio.open_connection(sock=sock, limit=buffer_bytes or _READ_BYTES))

    @classmethod
    async def open(cls, address: Address, *, reads: bool = True) -> "RawConnection":
        """Open a WebSocket.

        Raises:
            AssertionError: The server refused the handshake.
        """
        connection = await cls.connect(address)
        await connection.send_raw(handshake(f"{address.host}:{address.port}"))
        status = await connection.read_status()
        assert status == 101, f"the handshake was refused with {status}"
        if reads:
            connection.start_reading()
        return connection

    async def read_status(self) -> int | None:
        """The status of an HTTP answer, its headers read; ``None`` where the server only closed."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return int(head.split(b" ", 2)[1])

    def start_reading(self) -> None:
        """Read what comes from here on."""
        self._reading = asyncio.create_task(self._read())

    # Sending

    async def send_raw(self, data: bytes) -> None:
        """Send bytes; silently nothing once the server is gone."""
        if self._gone:
            return
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError:
            self._gone = True

    async def send(self, content: str | bytes | Message) -> None:
        """Send a message of the protocol, or what is to pass for one."""
        await self.send_raw(data_frame(json.dumps(content) if isinstance(content, dict) else content))

    # Receiving

    async def until_messages(self, count: int) -> None:
        """Wait until ``count`` messages came, or the end."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.got.messages) >= count or self.ended)

    async def until_kind(self, kind: str, count: int = 1) -> Message:
        """Wait for the ``count``-th message of a type.

        Raises:
            AssertionError: The connection ended first.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.got.of(kind)) >= count or self.ended)
        found = self.got.of(kind)
        assert len(found) >= count, f"closed with {self.got.close_code} after {self.got.messages[-2:]}"
        return found[count - 1]

    async def until_pongs(self, count: int) -> None:
        """Wait until ``count`` pongs came, or the end."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.got.pongs >= count or self.ended)

    async def until_closed(self) -> int:
        """Wait for the end; its code."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.ended)
        assert self.got.close_code is not None
        return self.got.close_code

    @property
    def ended(self) -> bool:
        """Whether the server closed, or is gone."""
        return self.got.close_code is not None

    # Ends

    async def drop(self) -> None:
        """Close the TCP connection without a word."""
        await self._stop()

    async def reset(self) -> None:
        """Break the TCP connection off: the server's next read fails."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
        await self._stop()

    def send_eof(self) -> None:
        """Close the sending half of the TCP connection."""
        with contextlib.suppress(OSError):
            self._writer.write_eof()

    async def _stop(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _read(self) -> None:
        code = NO_CLOSE_FRAME
        try:
            while True:
                opcode, payload = await self._read_frame()
                if opcode == CLOSE:
                    code = int.from_bytes(payload[:2]) if payload else NO_STATUS
                    self._writer.write(frame(payload, CLOSE))
                    break
                if opcode == PING:
                    self._writer.write(frame(payload, PONG))
                async with self._changed:
                    self._note(opcode, payload)
                    self._changed.notify_all()
        except (asyncio.IncompleteReadError, ConnectionError):
            self._gone = True
        async with self._changed:
            self.got.close_code = code
            self._changed.notify_all()

    def _note(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            self.got.messages.append(json.loads(payload))
        elif opcode == BINARY:
            self.got.binary_frames += 1
        elif opcode == PONG:
            self.got.pongs += 1

    async def _read_frame(self) -> tuple[int, bytes]:
        first, second = await self._reader.readexactly(2)
        length = second & 0x7F
        if length == 126:
            length = int.from_bytes(await self._reader.readexactly(2))
        elif length == 127:
            length = int.from_bytes(await self._reader.readexactly(8))
        return first & 0x0F, await self._reader.readexactly(length)
