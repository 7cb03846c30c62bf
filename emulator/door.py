"""One TCP connection: TLS, and everything that can go wrong under the messages of a WebSocket.

TLS is started here, connection by connection, and not by the event loop's listener, because an emulator that
never answers the TLS greeting is one of the failures it plays. (Under uvloop it is the listener's, and
``black_hole`` goes mute after TLS.)
"""

import asyncio
import math
import socket
import ssl
import struct
from typing import Any, cast

from websockets.asyncio.server import ServerConnection
from websockets.frames import Opcode
from websockets.protocol import State

from emulator.faults import Fault
from emulator.options import EmulatorOptions
from emulator.wire import Endpoint

_TLS_TIMEOUT_SECS = 10
_OPCODE_BITS = 0x0F
_FLUSH_POLL_SECS = 0.005
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with a time of zero: closing the socket sends a reset."""


class Door(ServerConnection):
    """A connection that starts TLS itself, or never does, and that can fail in the ways of networks.

    uvloop reads from a socket before its TLS can be started by hand, so there the loop's listener does it.
    """

    tls: ssl.SSLContext | None
    """None where the event loop has already done TLS."""
    doors: "set[Door]"
    options: EmulatorOptions
    refusal: Fault | None = None
    """How this connection is refused before there is a session, or in place of its setup; None to serve it."""
    endpoint: Endpoint | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.frozen = False
        """Nothing is read or written any more."""
        self.pong_delay_secs = 0.0
        """How late pings are answered; infinite for never."""
        self._raw: asyncio.Transport | None = None
        self._greeting: asyncio.Task[None] | None = None
        self._connected = False
        self._early = bytearray()

    def admit(self) -> None:
        """Fix the options of this connection and how it is refused; the emulator's own subclass knows them."""

    # What can go wrong

    def freeze(self) -> None:
        """Leave the connection open, and read and write nothing any more, not even the client's end."""
        self.frozen = True
        for transport in self._transports():
            transport.pause_reading()

    def reset(self) -> None:
        """Drop the TCP connection with a reset, whatever waits to be sent."""
        plain = self.transport.get_extra_info("socket")
        if plain is not None and plain.fileno() >= 0:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()

    def abandon(self) -> None:
        """Drop the TCP connection where a close would wait: TLS does not stand, or one end takes nothing."""
        if self._raw is not None and (self.frozen or self.paused or not self._connected):
            self._raw.abort()

    def send_data(self) -> None:
        """Write what waits; pongs later or never, and nothing at all when frozen."""
        if self.frozen:
            self.protocol.data_to_send()
        elif self.pong_delay_secs == 0:
            super().send_data()
        else:
            for data in self.protocol.data_to_send():
                if data and data[0] & _OPCODE_BITS == Opcode.PONG:
                    self._pong_later(data)
                elif data:
                    self.transport.write(data)
                else:
                    self.transport.close()  # under TLS the connection cannot be closed by half

    def _pong_later(self, pong: bytes) -> None:
        if math.isfinite(self.pong_delay_secs):
            self.loop.call_later(self.pong_delay_secs, self._write_pong, pong)

    def _write_pong(self, pong: bytes) -> None:
        if self.protocol.state is State.OPEN and not self.frozen:
            self.transport.write(pong)

    async def flush(self) -> None:
        """Wait until the operating system has taken everything that was sent."""
        while self.protocol.state is State.OPEN and self._unsent_bytes():  # noqa: ASYNC110 - transports offer no event
            await asyncio.sleep(_FLUSH_POLL_SECS)

    def _unsent_bytes(self) -> int:
        return sum(transport.get_write_buffer_size() for transport in self._transports())

    def _transports(self) -> set[asyncio.Transport]:
        """That of TLS and that of TCP, where they are two."""
        return {self.transport, *([self._raw] if self._raw else [])}

    # How it comes to be

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the TCP connection in; the WebSocket part begins when TLS stands."""
        transport = cast(asyncio.Transport, transport)  # uvloop's transports are no subclasses of asyncio's
        self._raw = transport
        self.doors.add(self)
        self.admit()
        if self.refusal is not None and self.refusal.name == "black_hole":
            return
        if self.tls is None:
            self._connected = True
            super().connection_made(transport)
        else:
            # The task's first step hands the transport to TLS before the loop reads from the socket.
            self._greeting = asyncio.create_task(self._greet(transport, self.tls))

    async def _greet(self, transport: asyncio.Transport, tls: ssl.SSLContext) -> None:
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(
                transport, self, tls, server_side=True, ssl_handshake_timeout=_TLS_TIMEOUT_SECS
            )
        except (OSError, ConnectionError, ssl.SSLError):
            transport.abort()
            self.doors.discard(self)
            return
        if secured is None:
            self.doors.discard(self)
            return
        self._connected = True
        super().connection_made(secured)
        if self._early:
            super().data_received(bytes(self._early))
            self._early.clear()

    def data_received(self, data: bytes) -> None:
        """Pass data on; what TLS decrypts before the WebSocket part stands waits for it."""
        if self._connected:
            super().data_received(data)
        elif self._greeting is not None:
            self._early += data

    def eof_received(self) -> None:
        """Pass the end of the input on, if the WebSocket part had begun."""
        if self._connected:
            super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass the end on, if the WebSocket part had begun."""
        self.doors.discard(self)
        if self._connected:
            super().connection_lost(exc)
