"""uvicorn's two protocols, with bounds on what it leaves open: what a client may cost without a session's doing.

uvicorn takes any number of connections, and all that wait at once; parses all that came of one client before any
other has its turn; answers every ping of a client that reads nothing, keeps a message in any number of fragments,
does not answer a WebSocket handshake that its parser refuses, waits for the rest of a request for good, and holds
what a closed connection does not take.
"""

import asyncio
import socket
import time
import weakref
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.protocol import State

from pipelines.frame_cutter import FrameCutter
from pipelines.low_water import SCOPE_EXTENSION, ReceiveLowWater
from protocol.errors import CloseCode

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent, ASGISendEvent

_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_STEP_BYTES = 4096
"""Of a frame: how much of it is parsed at once."""
_BLIND_STEP_BYTES = 256
"""The same of what is no frame, or not known to be one."""
_WAITING_MESSAGES = 8
_SMALL_BYTES = 4096
"""So many messages, as small as chunks of audio are, may wait for the session before reading pauses: to stop and go
for each would take two system calls."""
_SEND_BUFFER_BYTES = 128 * 1024
_RECEIVE_BUFFER_BYTES = 64 * 1024
"""Of the kernel, which takes twice as much; by itself it lets both grow to several MiB for each connection
(``tcp_wmem`` and ``tcp_rmem`` in tcp(7)). A second of the densest audio is 128 KB."""


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket that takes turns with others, holds no more than its client reads, and goes when it is closed.

    Attributes:
        turn_secs: How long frames that came may be parsed, one after the other, before others have their turn.
        most_after_close_bytes: How much is read of what a client sends on although it was told the close.
        most_fragments: Of one message; the connection of a client that sends more is closed with 1009.
        pong_patience_secs: From a ping to its pong, where messages come meanwhile; what lies before the pong then
            fits into ``MAX_AHEAD_SECS``, at its default.
        linger_secs: How long a connection that is over may take to hand over what was written.
    """

    turn_secs = 0.0003
    most_after_close_bytes = 256 * 1024
    most_fragments = 1024
    pong_patience_secs = 25.0
    linger_secs = 15.0
    _abort: asyncio.TimerHandle | None = None
    _next_turn: asyncio.Handle | None = None

    # In turns

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Have nothing to parse yet."""
        self._low_water = ReceiveLowWater(cast(asyncio.Transport, transport), self.loop)
        self._unparsed = bytearray()
        self._after_close_bytes = 0
        self._frame_cutter = FrameCutter()
        self._spoke = False
        self._hasty = False  # it sent frames before its handshake was answered: nobody knows where they end
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Parse what a turn allows; the rest in turns to come, and nothing is read meanwhile."""
        self._unparsed += data
        if self._next_turn is None and not self.read_paused:
            self._parse()
        self._low_water.read(whole=self._between_messages)

    def handle_connect(self, event: Request) -> None:
        """Let the session say how much of its client's stream it waits for."""
        super().handle_connect(event)
        if self.response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self.scope["extensions"][SCOPE_EXTENSION] = {"follow": self._low_water.follow}

    def send_receive_event_to_app(self) -> None:
        """Hand a message to the session; go on reading while it has not many of them to take."""
        self._spoke = True
        has_room = sum(map(len, self.frames)) <= _SMALL_BYTES and self.queue.qsize() < _WAITING_MESSAGES
        was_paused, self.read_paused = self.read_paused, self.read_paused or has_room  # uvicorn pauses but once
        super().send_receive_event_to_app()
        if has_room:
            self.read_paused = was_paused

    async def receive(self) -> "ASGIReceiveEvent":
        """The next event; once the session has taken all that was parsed, more is."""
        if self.queue.empty() and self._between_messages:
            self._low_water.settle()
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self._go_on()
        return message

    async def send(self, message: "ASGISendEvent") -> None:
        """Send; after a close, parsing goes on, for the client's own is yet to come."""
        await super().send(message)
        if self._unparsed and not self.read_paused and self._next_turn is None:
            self._go_on()

    def _go_on(self) -> None:
        if not self._unparsed:
            self.transport.resume_reading()
            return
        self.transport.pause_reading()
        if self._next_turn is None:
            self._next_turn = self.loop.call_soon(self._parse)

    def _parse(self) -> None:
        self._next_turn = None
        over_at = time.perf_counter() + self.turn_secs
        while self._unparsed and not self.read_paused:
            if not self._take_plain_frame():
                if (step := self._next_step()) == 0:
                    self.transport.resume_reading()
                    return
                self._parse_step(step)
            if self.transport.is_closing() or self._after_close_bytes > self.most_after_close_bytes:
                self.transport.pause_reading()  # uvicorn closes in the end
                self._unparsed.clear()
                return
            if time.perf_counter() >= over_at:
                break
        if not self.read_paused:
            self._go_on()

    @property
    def _between_messages(self) -> bool:
        return not (self._unparsed or self.frames or self._hasty) and self._frame_cutter.between_frames

    def _take_plain_frame(self) -> bool:
        """Take the next frame past the parser, where that changes nothing but the time that it takes."""
        if self.frames or self._hasty or self.close_sent or self.conn.state is not State.OPEN:
            return False
        plain = self._frame_cutter.take_plain(self._unparsed, _STEP_BYTES)
        if plain is None:
            return False
        self.curr_msg_data_type, content = plain
        self.frames = [content]
        self.send_receive_event_to_app()
        return True

    def _next_step(self) -> int:
        """How much to parse at once; 0: the rest of a frame's header has yet to come."""
        if self.conn.state is State.CONNECTING:
            self._hasty = self.handshake_initiated
            return _BLIND_STEP_BYTES
        return _BLIND_STEP_BYTES if self._hasty else self._frame_cutter.next_step(self._unparsed, _STEP_BYTES)

    def _parse_step(self, step: int) -> None:
        data = bytes(self._unparsed[:step])
        self._after_close_bytes += len(data) if self.close_sent else 0
        del self._unparsed[:step]
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated and not self.transport.is_closing():
            self.transport.write(b"".join(self.conn.data_to_send()) or _BAD_REQUEST)
            self.transport.close()

    # Bounds

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

    # Ends

    def send_keepalive_ping(self) -> None:
        """Ask for a sign of life."""
        self._spoke = False
        super().send_keepalive_ping()

    def keepalive_timeout(self) -> None:
        """Close, although the client may never take what waits for it.

        While messages come, a pong may be late: it comes behind all the audio that a slow network, or this server,
        has not come to.
        """
        patient = self.loop.time() - self.ping_sent_at < self.pong_patience_secs
        if self.ping_timeout is not None and patient and (self._spoke or self.read_paused):
            self._spoke = False
            self.pong_timer = self.loop.call_later(self.ping_timeout, self.keepalive_timeout)
            return
        super().keepalive_timeout()
        self._abort_later()

    async def run_asgi(self) -> None:
        """Serve, and let nothing of the connection outlive it by much."""
        await super().run_asgi()
        self._low_water.unfollow()
        self._abort_later()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go."""
        for handle in (self._abort, self._next_turn):
            if handle is not None:
                handle.cancel()
        self._unparsed.clear()
        self._low_water.close()
        super().connection_lost(exc)

    def _abort_later(self) -> None:
        if self._abort is None and not self.disconnected:
            self._abort = self.loop.call_later(self.linger_secs, self.transport.abort)


class BoundedHttp(H11Protocol):
    """HTTP whose connections come in one by one, are not too many, and whose requests have to arrive.

    uvicorn's option ``limit_concurrency`` says how many connections there may be, those included that have become
    WebSockets; one more is cut.

    Attributes:
        head_secs: From the connection, or the end of the request before, to the end of a request's headers.
        spacing_secs: Between two connections that are let in, where many come at once.
    """

    head_secs = 10.0
    spacing_secs = 0.004
    _deadline: asyncio.TimerHandle | None = None
    _let_in = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait to be let in, where there is room at all."""
        super().connection_made(transport)
        self._early = bytearray()
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            transport.abort()
            return
        _bound_buffers(transport)
        self._watch_head()
        _door_of(self.loop).line_up(self)

    def let_in(self) -> bool:
        """Begin to serve; ``False`` where the connection is gone."""
        if self.transport.is_closing():
            return False
        self._let_in = True
        self.flow.resume_reading()
        if self._early:
            data, self._early = bytes(self._early), bytearray()
            self.data_received(data)
        return True

    def data_received(self, data: bytes) -> None:
        """Take what has come of a request; before the connection is let in, keep it, and read no more."""
        if self._let_in:
            super().data_received(data)
        else:
            self._early += data
            self.flow.pause_reading()

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


class _Door:
    """Where connections line up: hundreds that come at once would keep everybody else waiting."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop = loop
        self._line: deque[BoundedHttp] = deque()
        self._open_at = loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def line_up(self, connection: BoundedHttp) -> None:
        self._line.append(connection)
        if self._timer is None:
            self._admit()

    def _admit(self) -> None:
        self._timer = None
        while self._line:
            if (wait_secs := self._open_at - self._loop.time()) > 0:
                self._timer = self._loop.call_later(wait_secs, self._admit)
                return
            connection = self._line.popleft()
            if connection.let_in():
                self._open_at = self._loop.time() + connection.spacing_secs


_doors: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Door] = weakref.WeakKeyDictionary()


def _door_of(loop: asyncio.AbstractEventLoop) -> _Door:
    if loop not in _doors:
        _doors[loop] = _Door(loop)
    return _doors[loop]


def _bound_buffers(transport: asyncio.Transport) -> None:
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
