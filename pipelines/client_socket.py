"""One client's WebSocket: the only writer to it, with a bound on what waits to be written.

Owns sending and closing. What is read from it, and what that means, is the session's business.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from pipelines.low_water import SCOPE_EXTENSION
from protocol.messages import ServerMessage

_NO_CLOSE_FRAME = 1006
_FLUSH_TIMEOUT_SECS = 2.0
_CLOSE_TIMEOUT_SECS = 15.0
"""A close frame waits until a client that did not read makes room; by then its keepalive has failed."""


class ClientSocket:
    """Writes frames in order from one task, so that sending never waits for a slow client.

    Attributes:
        backlog_bytes: What waits to be written, frames that are said again aside.
        peer_close_code: With which code the connection went, once :meth:`receive` gave ``None``: the client's, or
            the one of the WebSocket layer, which closes by itself what breaks the rules of WebSocket.
    """

    def __init__(
        self,
        websocket: WebSocket,
        *,
        max_backlog_bytes: int,
        write_timeout_secs: float,
        on_stuck: Callable[[], None],
    ):
        """Take over an accepted socket.

        Args:
            websocket: The socket.
            max_backlog_bytes: How much may wait to be written.
            write_timeout_secs: How long writing one frame may take.
            on_stuck: Called once when the client does not read: either bound is passed.
        """
        self._websocket = websocket
        self._max_backlog_bytes = max_backlog_bytes
        self._write_timeout_secs = write_timeout_secs
        self._on_stuck = on_stuck
        self._outbox: deque[tuple[str | bytes, int]] = deque()
        self.backlog_bytes = 0
        self._sealed = False
        self._wakeup = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self._writer = asyncio.create_task(self._write())
        self.peer_close_code: int = _NO_CLOSE_FRAME

    def wait_for(self, needed_bytes: Callable[[], int]) -> None:
        """Where the server can, let :meth:`receive` wait until so much of the stream is there; never for long."""
        extension = self._websocket.scope.get("extensions", {}).get(SCOPE_EXTENSION)
        if extension is not None:
            extension["follow"](needed_bytes)

    async def receive(self) -> str | bytes | None:
        """The content of the next frame; ``None`` once the client is gone."""
        if self._websocket.client_state is not WebSocketState.CONNECTED:
            return None
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            self.peer_close_code = message["code"]
            return None
        text: str | None = message.get("text")
        data: bytes | None = message.get("bytes")
        return text if text is not None else data

    def send(self, data: str | bytes) -> None:
        """Send a frame, after those before it; dropped once the socket is being closed, or stuck."""
        if self._sealed:
            return
        self._put(data, len(data))
        if self.backlog_bytes > self._max_backlog_bytes:
            self._give_up()

    def send_again(self, frames: Iterable[str | bytes]) -> None:
        """Send frames that are kept elsewhere, where they have a bound: they don't count as backlog."""
        if not self._sealed:
            for data in frames:
                self._put(data, 0)

    def send_message(self, message: ServerMessage) -> None:
        """Send a message of the protocol."""
        self.send(message.to_json())

    async def written(self) -> None:
        """Wait until everything that was sent is written, or dropped."""
        await self._drained.wait()

    def seal(self) -> None:
        """Let nothing be sent any more: what was said last stays the last."""
        self._sealed = True

    async def close(self, code: int, *, flush: bool) -> None:
        """Close with ``code``, unless the client is gone; nothing can be sent any more.

        Args:
            code: WebSocket close code.
            flush: Write what waits first, as far as the client reads it soon; else it is dropped.
        """
        self.seal()
        if flush:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FLUSH_TIMEOUT_SECS):
                    await self._drained.wait()
        takes_nothing = self._writer.done()  # it gave up by itself
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)
        self._forget_backlog()
        states = {self._websocket.application_state, self._websocket.client_state}
        if states == {WebSocketState.CONNECTED} and not takes_nothing:
            with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
                async with asyncio.timeout(_CLOSE_TIMEOUT_SECS):
                    await self._websocket.close(code)

    def _put(self, data: str | bytes, counted_bytes: int) -> None:
        self._outbox.append((data, counted_bytes))
        self.backlog_bytes += counted_bytes
        self._drained.clear()
        self._wakeup.set()

    def _give_up(self) -> None:
        self.seal()
        self._on_stuck()

    def _drop_backlog(self) -> None:
        self.seal()
        self._forget_backlog()

    def _forget_backlog(self) -> None:
        self._outbox.clear()
        self.backlog_bytes = 0
        self._drained.set()

    async def _write(self) -> None:
        while True:
            await self._wakeup.wait()
            self._wakeup.clear()
            while self._outbox:
                try:
                    await self._write_frame(self._outbox[0][0])
                except TimeoutError:
                    self._drop_backlog()
                    self._give_up()
                    return
                except (RuntimeError, WebSocketDisconnect):  # the client is gone; its reader says so
                    self._drop_backlog()
                    return
                self.backlog_bytes -= self._outbox.popleft()[1]
            self._drained.set()

    async def _write_frame(self, data: str | bytes) -> None:
        # A socket whose keepalive failed while data was waiting takes no more, and never says that it is gone.
        async with asyncio.timeout(self._write_timeout_secs):
            if isinstance(data, str):
                await self._websocket.send_text(data)
            else:
                await self._websocket.send_bytes(data)
