"""uvicorn's two protocols, with bounds on what it leaves open: what a client may keep without a session's doing.

uvicorn answers every ping of a client that reads nothing, keeps a message in any number of fragments, does not
answer a WebSocket handshake that its parser refuses, waits for the rest of a request for good, and holds what a
closed connection does not take.
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from protocol.errors import CloseCode

_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket that holds no more than its client reads, and goes when it is closed.

    Attributes:
        most_fragments: Of one message; the connection of a client that sends more is closed with 1009.
        linger_secs: How long a connection that is over may take to hand over what was written.
    """

    most_fragments = 1024
    linger_secs = 15.0
    _abort: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Read, and refuse a handshake that is none with a status of HTTP."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated and not self.transport.is_closing():
            self.transport.write(b"".join(self.conn.data_to_send()) or _BAD_REQUEST)
            self.transport.close()

    def handle_ping(self) -> None:
        """Answer, unless the client does not read: only the latest ping needs an answer (RFC 6455, 5.5.3)."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_cont(self, event: Frame) -> None:
        """Take a fragment, where there are not too many."""
        if self.close_sent:
            return
        if len(self.frames) < self.most_fragments:
            super().handle_cont(event)
            return
        self.frames = []
        self.conn.fail(CloseCode.TOO_BIG, "too many fragments")
        self.handle_parser_exception()

    async def run_asgi(self) -> None:
        """Serve, and let nothing of the connection outlive it by much."""
        await super().run_asgi()
        if not self.disconnected:
            self._abort = self.loop.call_later(self.linger_secs, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go."""
        if self._abort is not None:
            self._abort.cancel()
        super().connection_lost(exc)


class BoundedHttp(H11Protocol):
    """HTTP whose requests have to arrive.

    Attributes:
        head_secs: From the connection, or the end of the request before, to the end of a request's headers.
    """

    head_secs = 10.0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request."""
        super().connection_made(transport)
        self._watch_head()

    def handle_events(self) -> None:
        """Take what has come of a request."""
        super().handle_events()
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go."""
        self._stop_watch()
        super().connection_lost(exc)

    def _watch_head(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop_watch()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.head_secs, self.transport.abort)

    def _stop_watch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
