"""A server that is the test: the page's WebSocket ends here, and says what the test tells it to."""

import asyncio
import json
from typing import Any

from playwright.async_api import Page, WebSocketRoute


class ScriptedServer:
    """What the page's socket is connected to.

    Attributes:
        inits: The ``config`` of each ``init`` that came.
        messages: Every other message that came.
        audio_bytes: How much speech came.
    """

    def __init__(self) -> None:
        """Wait for the page."""
        self.inits: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []
        self.audio_bytes = 0
        self._socket: WebSocketRoute | None = None
        self._seq = 0
        self._closing: asyncio.Future[None] | None = None

    async def serve(self, page: Page) -> None:
        """Take the place of the page's server; for ``prepare``."""
        await page.route_web_socket("**/ws", self._accept)

    def tell(self, kind: str, **fields: Any) -> None:
        """Send a message, numbered."""
        assert self._socket is not None
        self._seq += 1
        self._socket.send(json.dumps({"type": kind, **fields, "seq": self._seq}))

    def turn(self, source: str, target: str, *, languages: tuple[str, str] = ("ko", "en")) -> None:
        """Send a whole turn without sound."""
        self.tell("input_transcription", text=source, isFinal=True, language=languages[0])
        self.tell("output_transcription", text=target, isFinal=True, language=languages[1])
        self.tell("turn_complete", inputText=source, outputText=target)

    def drop(self, code: str, close_code: int) -> None:
        """Send an error that ends the session, and close."""
        assert self._socket is not None
        self.tell("error", code=code, message="as the test wants")
        self._closing = asyncio.ensure_future(self._socket.close(code=close_code))

    def _accept(self, socket: WebSocketRoute) -> None:
        self._socket = socket
        socket.on_message(lambda data: self._take(data))

    def _take(self, data: str | bytes) -> None:
        if isinstance(data, bytes):
            self.audio_bytes += len(data)
            return
        message = json.loads(data)
        if message["type"] != "init":
            self.messages.append(message)
            return
        self.inits.append(message["config"])
        self._seq = 0
        connected = {"type": "connected", "sessionId": "s", "resumeToken": "t", "resumed": False}
        assert self._socket is not None
        self._socket.send(json.dumps({**connected, "receivedSamples": 0, "engine": "interpreter"}))
