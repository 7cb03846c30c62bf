"""What a session says, to whichever connection its client has at the moment."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketState

from pipelines.client_socket import ClientSocket
from pipelines.replay import ReplayBuffer
from protocol.messages import Connected, ServerMessage


class Outgoing:
    """The one way out of a session: pipeline and session speak here, in one order.

    Where the session can be resumed, everything after ``connected`` is numbered and kept, and what is said while
    the client is away waits for it. Else a frame goes to the socket as it is, and away with it.

    Attributes:
        sent_at: When the last frame was said, on the event loop's clock.
    """

    def __init__(self, socket: ClientSocket, replay: ReplayBuffer | None):
        """Speak to ``socket``; ``replay`` makes the session one that can be resumed."""
        self._socket: ClientSocket | None = socket
        self._replay = replay
        self._numbering = False
        self._sealed = False
        self.sent_at = asyncio.get_running_loop().time()

    def send(self, data: str | bytes) -> None:
        """Say a frame's content, after what was said before; dropped once the session is over."""
        if self._sealed:
            return
        if self._replay is not None and self._numbering:
            data = self._replay.add(data)
        if self._socket is not None:
            self._socket.send(data)
        self.sent_at = asyncio.get_running_loop().time()

    def send_message(self, message: ServerMessage) -> None:
        """Say a message of the protocol."""
        self.send(message.to_json())

    def greet(self, connected: Connected) -> None:
        """Say that the session is ready; what follows is numbered."""
        self.send_message(connected)
        self._numbering = True

    async def written(self) -> None:
        """Wait until the client's socket has everything, where there is one."""
        if self._socket is not None:
            await self._socket.written()

    def seal(self) -> None:
        """Let nothing be said any more: what was said last stays the last."""
        self._sealed = True

    @property
    def greeted(self) -> bool:
        """Whether the client was told that the session is ready."""
        return self._numbering

    @property
    def last_seq(self) -> int:
        """The number of the last frame; 0 where none has one."""
        return self._replay.last_seq if self._replay is not None else 0

    # Connections

    def detach(self) -> None:
        """The connection is gone."""
        self._socket = None

    def reaches(self, last_seq: int) -> bool:
        """Whether a client that got everything up to ``last_seq`` can be given the rest."""
        return self._replay is not None and self._replay.after(last_seq) is not None

    def attach(self, socket: ClientSocket, connected: Connected, last_seq: int) -> int:
        """Speak to another connection from here on: ``connected``, then what was said after ``last_seq``.

        Returns:
            How many frames were said again.
        """
        frames = (self._replay.after(last_seq) if self._replay is not None else None) or []
        if self._replay is not None:
            self._replay.acknowledge(last_seq)
        socket.send_message(connected)
        socket.send_again(frames)
        self._socket = socket
        self.sent_at = asyncio.get_running_loop().time()
        return len(frames)

    def queue_depths(self) -> dict[str, float]:
        """Bytes that wait to be written, and that are kept for a client that may come back."""
        return {
            "outbox": self._socket.backlog_bytes if self._socket is not None else 0,
            "replay": self._replay.held_bytes if self._replay is not None else 0,
        }


class PipelineView(WebSocket):
    """A client's socket as a pipecat transport sees it, whatever connection is behind it.

    It is connected from the start, and ``close`` does nothing: only who owns the connection closes it, with the
    code that says why.
    """

    def __init__(self, send: Callable[[str | bytes], None], receive: Callable[[], Awaitable[Message]]):
        """Look through to a session.

        Args:
            send: Takes what the transport writes.
            receive: Where its messages come from, in place of the network.
        """
        super().__init__({"type": "websocket", "path": "/ws", "headers": []}, receive, self._ignore)
        self.client_state = self.application_state = WebSocketState.CONNECTED
        self._say = send
        self._next = receive

    async def receive(self) -> Message:
        """The next message; its content is what the session's serializer made of it."""
        return await self._next()

    async def send_text(self, data: str) -> None:
        """Say a text frame."""
        self._say(data)

    async def send_bytes(self, data: bytes) -> None:
        """Say a binary frame."""
        self._say(data)

    @staticmethod
    async def _ignore(_message: Message) -> None:
        pass
