"""The far end of a server's WebSocket, in memory: a real Starlette ``WebSocket`` over scripted ASGI messages."""

import asyncio
import json
from typing import Any

from starlette.types import Message
from starlette.websockets import WebSocket


class FakeNetwork:
    """One client's connection, as an ASGI server would show it.

    Attributes:
        frames: What was written to the client, in order.
        close_code: The code with which the server closed, once it has.
        may_write: Cleared by a test to let every further write wait, like a client that does not read.
        broken: Set by a test: writing fails from now on.
    """

    def __init__(self) -> None:
        """Make a connection that was not accepted yet."""
        self.frames: list[str | bytes] = []
        self.close_code: int | None = None
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.broken = False
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self._incoming.put_nowait({"type": "websocket.connect"})
        self._changed = asyncio.Condition()

    async def accepted(self) -> WebSocket:
        """The server's side, after the handshake."""
        websocket = WebSocket({"type": "websocket", "path": "/ws", "headers": []}, self._incoming.get, self._send)
        await websocket.accept()
        return websocket

    def say(self, content: dict[str, Any] | str | bytes) -> None:
        """Send a message, or a raw frame, to the server."""
        if isinstance(content, bytes):
            self._incoming.put_nowait({"type": "websocket.receive", "bytes": content})
        else:
            text = json.dumps(content) if isinstance(content, dict) else content
            self._incoming.put_nowait({"type": "websocket.receive", "text": text})

    def leave(self, code: int = 1006) -> None:
        """Drop the connection, or close it with ``code``."""
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": code})

    @property
    def unread(self) -> int:
        """How many frames the server has not read yet."""
        return self._incoming.qsize()

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages of the protocol that the client got."""
        return [json.loads(frame) for frame in self.frames if isinstance(frame, str)]

    def of(self, *types: str) -> list[dict[str, Any]]:
        """Those of these types."""
        return [message for message in self.messages if message["type"] in types]

    async def wait_for(self, kind: str, count: int = 1) -> dict[str, Any]:
        """The ``count``-th message of a type, once it was written."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.of(kind)) >= count or self.close_code is not None)
        found = self.of(kind)
        assert len(found) >= count, f"closed with {self.close_code} after {self.messages[-3:]}"
        return found[count - 1]

    async def _send(self, message: Message) -> None:
        if message["type"] == "websocket.accept":
            return
        await self.may_write.wait()
        if self.broken:
            raise OSError("connection reset")
        async with self._changed:
            if message["type"] == "websocket.close":
                self.close_code = message["code"]
            else:
                text: str | None = message.get("text")
                self.frames.append(text if text is not None else message["bytes"])
            self._changed.notify_all()
