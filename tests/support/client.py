"""A client of the protocol that writes down everything it is told."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

Message = dict[str, Any]


class ProtocolClient:
    """One connection.

    Attributes:
        messages: Every message received, in order; a binary frame as ``{"type": "audio_response", "pcm": …}``.
        close_code: The code with which the server closed, once it has.
    """

    def __init__(self, connection: ClientConnection):
        """Read ``connection`` from here on."""
        self._connection = connection
        self._changed = asyncio.Condition()
        self._sample_rate_hz = 16_000
        self._binary = False
        self.messages: list[Message] = []
        self.arrivals: list[float] = []
        self.close_code: int | None = None
        self._reader = asyncio.create_task(self._read())

    async def send(self, message: Message | str | bytes) -> None:
        """Send a message, or a raw frame."""
        await self._connection.send(json.dumps(message) if isinstance(message, dict) else message)

    async def init(self, **config: Any) -> Message:
        """Open the session; the ``connected`` message."""
        self._sample_rate_hz = config.get("sampleRate", 16_000)
        self._binary = config.get("audioEncoding") == "binary"
        await self.send({"type": "init", "config": config})
        return await self.wait_for("connected")

    async def send_chunk(self, pcm: bytes) -> None:
        """Send one chunk of audio."""
        if self._binary:
            await self.send(pcm)
        else:
            await self.send({"type": "audio", "data": base64.b64encode(pcm).decode(), "timestamp": 0})

    async def stream(self, pcm: bytes, *, chunk_ms: int = 20, speed: float = 8.0) -> None:
        """Send audio in chunks, ``speed`` times as fast as it was spoken."""
        chunk_bytes = self._sample_rate_hz * chunk_ms // 1000 * 2
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        for number, start in enumerate(range(0, len(pcm), chunk_bytes)):
            await self.send_chunk(pcm[start : start + chunk_bytes])
            await asyncio.sleep(max(0.0, started_at + number * chunk_ms / 1000 / speed - loop.time()))

    async def silence(self, duration_ms: int, *, chunk_ms: int = 20, speed: float = 8.0) -> None:
        """Send zeros."""
        await self.stream(bytes(self._sample_rate_hz * duration_ms // 1000 * 2), chunk_ms=chunk_ms, speed=speed)

    async def heard(self) -> None:
        """Wait until the server has received everything that was sent so far, by a ping after it."""
        await (await self._connection.ping())

    def of(self, *types: str) -> list[Message]:
        """The messages of these types so far."""
        return [message for message in self.messages if message["type"] in types]

    @property
    def turns(self) -> list[tuple[str, str]]:
        """Source and target text of every complete turn."""
        return [(turn["inputText"], turn["outputText"]) for turn in self.of("turn_complete")]

    def audio(self) -> bytes:
        """All interpreted speech so far."""
        pieces = [m["pcm"] if "pcm" in m else base64.b64decode(m["data"]) for m in self.of("audio_response")]
        return b"".join(pieces)

    async def wait_for(self, kind: str, count: int = 1) -> Message:
        """The ``count``-th message of a type, once it came.

        Raises:
            AssertionError: The connection closed first.
        """
        await self.wait_until(lambda: len(self.of(kind)) >= count or self.close_code is not None)
        found = self.of(kind)
        assert len(found) >= count, f"closed with {self.close_code} after {self.messages[-3:]}"
        return found[count - 1]

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until ``condition`` holds; it is looked at after each message."""
        async with self._changed:
            await self._changed.wait_for(condition)

    async def wait_closed(self) -> int:
        """The close code, once the server closed."""
        await self.wait_until(lambda: self.close_code is not None)
        assert self.close_code is not None
        return self.close_code

    async def close(self) -> None:
        """Drop the connection."""
        await self._connection.close()
        await self._reader

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                data = await self._connection.recv()
                message = json.loads(data) if isinstance(data, str) else {"type": "audio_response", "pcm": data}
                async with self._changed:
                    self.messages.append(message)
                    self.arrivals.append(asyncio.get_running_loop().time())
                    self._changed.notify_all()
        async with self._changed:
            self.close_code = self._connection.close_code
            self._changed.notify_all()


@contextlib.asynccontextmanager
async def protocol_client(url: str, **options: Any) -> AsyncIterator[ProtocolClient]:
    """Connect, and drop the connection at the end of the block."""
    async with connect(url, compression=None, proxy=None, **options) as connection:
        client = ProtocolClient(connection)
        try:
            yield client
        finally:
            await client.close()
