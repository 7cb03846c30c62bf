"""A server that is wrong in one way: a proxy in front of a right one, which hands out changed messages."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

Message = dict[str, Any]
Frame = str | bytes


class Misbehaviour:
    """One connection through the proxy; this one changes nothing. Subclasses do one thing wrong.

    Attributes:
        handshake_status: HTTP status that refuses every handshake; ``None``: they are let in.
        strict_text: Whether a text frame that is no UTF-8 is refused, as it must be.
        query: Of the URL that the client asked for.
        config: Of the client's ``init``.
        connected: Whether ``connected`` was handed on.
    """

    handshake_status: int | None = None
    strict_text = True

    def __init__(self) -> None:
        self.query = ""
        self.config: Message = {}
        self.connected = False
        self._replies: list[Message] = []
        self._end_code: int | None = None

    def opened(self) -> None:
        """The connection was made."""

    def to_server(self, frame: Frame) -> Iterable[Frame]:
        """What the server gets in place of a client's frame."""
        message = as_message(frame)
        if message is None:
            return [frame]
        return [frame if m is message else self.written(m) for m in self.message_to_server(message)]

    def message_to_server(self, message: Message) -> Iterable[Message]:
        """The same for a frame that is a message."""
        return [message]

    def to_client(self, message: Message) -> Iterable[Message]:
        """What the client gets in place of a server's message; a binary frame has ``pcm``."""
        return [message]

    def close_code(self, code: int) -> int | None:
        """The close code that the client gets; ``None``: the connection stays open."""
        return code

    def reply(self, message: Message) -> None:
        """Send this to the client, beside what the server sends."""
        self._replies.append(message)

    def fault(self, code: str) -> None:
        """Send an error to the client."""
        self.reply({"type": "error", "message": "no", "code": code})

    def end(self, code: int) -> None:
        """Close the connection, after what is to be replied."""
        self._end_code = code

    def written(self, message: Message) -> Frame:
        """A message as a frame."""
        return bytes(message["pcm"]) if "pcm" in message else json.dumps(message, ensure_ascii=False)

    async def flush(self, client: ServerConnection) -> None:
        """Send the replies, and close where that was asked for."""
        replies, self._replies = self._replies, []
        for message in replies:
            await client.send(self.written(message))
        if self._end_code is not None:
            await client.close(self._end_code)


def as_message(frame: Frame) -> Message | None:
    """A frame's JSON object, if it is one with a type; else ``None``."""
    if isinstance(frame, bytes):
        return None
    try:
        value = json.loads(frame)
    except ValueError:
        return None
    return value if isinstance(value, dict) and "type" in value else None


@contextlib.asynccontextmanager
async def wrong_server(
    url: str, make: Callable[[], Misbehaviour], *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """A server that hands everything on to ``url`` but for what ``make`` makes of it; gives its URL.

    Args:
        url: Of the right server.
        make: Called for each connection.
        tls: Speak ``wss://`` with these certificates.
    """

    async def refuse(client: ServerConnection, request: Request) -> Response | None:
        status = make().handshake_status
        return None if status is None else client.respond(status, "no\n")

    async def handle(client: ServerConnection) -> None:
        link = make()
        assert client.request is not None
        link.query = client.request.path.partition("?")[2]
        async with connect(url, compression=None, proxy=None, max_size=None, max_queue=None) as server:
            link.opened()
            await link.flush(client)
            await _pump(link, client, server)

    async with serve(
        handle, "127.0.0.1", 0, compression=None, max_size=None, ssl=tls, process_request=refuse
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"{'wss' if tls else 'ws'}://127.0.0.1:{port}/ws"


async def _pump(link: Misbehaviour, client: ServerConnection, server: ClientConnection) -> None:
    upwards = asyncio.create_task(_upwards(link, client, server))
    downwards = asyncio.create_task(_downwards(link, client, server))
    await asyncio.wait([upwards, downwards], return_when=asyncio.FIRST_COMPLETED)
    if downwards.done() and not upwards.done():
        code = link.close_code(server.close_code or 1006)
        if code is None:
            await upwards
        else:
            await client.close(1011 if code == 1006 else code)
    downwards.cancel()
    upwards.cancel()
    for task in (upwards, downwards):
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _upwards(link: Misbehaviour, client: ServerConnection, server: ClientConnection) -> None:
    while True:
        try:
            frame = await _received(link, client)
        except ConnectionClosed:
            return
        if (message := as_message(frame)) and message["type"] == "init" and isinstance(message.get("config"), dict):
            link.config = message["config"]
        for handed_on in link.to_server(frame):
            with contextlib.suppress(ConnectionClosed):
                await server.send(handed_on)
        with contextlib.suppress(ConnectionClosed):
            await link.flush(client)


async def _received(link: Misbehaviour, client: ServerConnection) -> Frame:
    if link.strict_text:
        return await client.recv()
    data = await client.recv(decode=False)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return '{"type":"close to that"}'
    return text if text.startswith("{") else data


async def _downwards(link: Misbehaviour, client: ServerConnection, server: ClientConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            data = await server.recv()
            message = json.loads(data) if isinstance(data, str) else {"type": "audio_response", "pcm": data}
            link.connected |= message["type"] == "connected"
            for handed_on in link.to_client(message):
                await client.send(link.written(handed_on))
            await link.flush(client)
