"""A client over real sockets that loses its connection and comes back, and writes down everything it is told."""

import asyncio
import base64
import contextlib
import json
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.client import Message

_SAMPLE_BYTES = 2


class ResumingClient:
    """One session, over as many connections as it takes.

    It holds all audio that it ever sent, and counts messages as the protocol says.

    Attributes:
        messages: Every message after ``connected``, in order; a binary frame as ``{"type": "audio_response",
            "pcm": …}``.
        connected: What every connection said first, in order.
        last_seq: The number of the last message.
        wrong: What did not go as the protocol says.
        sent_samples: How many samples were sent, each counted once.
        sent_again: How many samples were sent that the server did not receive, so that they were sent again.
        connections: How many connections were made.
        close_code: Of the connection in use, once it is closed.
    """

    def __init__(
        self, url: str, pcm: bytes, *, chunk_ms: int = 20, receive_buffer_bytes: int | None = None, **config: Any
    ):
        """Not connected.

        Args:
            url: Of the server.
            pcm: All that :meth:`stream` will send.
            chunk_ms: Length of a chunk.
            receive_buffer_bytes: How much the operating system takes that is not read; missing: what it likes.
            config: Of ``init``.
        """
        self._url = url
        self._receive_buffer_bytes = receive_buffer_bytes
        self._pcm = pcm
        self._config = config
        self._binary = config.get("audioEncoding") == "binary"
        self._chunk_samples = config.get("sampleRate", 16_000) * chunk_ms // 1000
        self._connection: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self.messages: list[Message] = []
        self.connected: list[Message] = []
        self.last_seq = 0
        self.wrong: list[str] = []
        self.sent_samples = 0
        self.sent_again = 0
        self.connections = 0
        self.close_code: int | None = None

    @property
    def claim(self) -> dict[str, Any]:
        """``resume`` of the next ``init``."""
        if not self.connected:
            return {}
        return {
            "sessionId": self.connected[0]["sessionId"],
            "resumeToken": self.connected[0]["resumeToken"],
            "lastSeq": self.last_seq,
            "firstSample": 0,
        }

    @property
    def turns(self) -> list[tuple[str, str]]:
        """Source and target text of every complete turn."""
        complete = (message for message in self.messages if message["type"] == "turn_complete")
        return [(message["inputText"], message["outputText"]) for message in complete]

    # Connections

    async def begin(self) -> None:
        """Connect and ask for the session, or for the one that there was."""
        assert self._connection is None
        options: dict[str, Any] = {}
        if self._receive_buffer_bytes is not None:
            options = {"sock": self._narrow_socket(self._receive_buffer_bytes), "max_queue": 1}
        self._connection = await connect(self._url, compression=None, proxy=None, max_size=None, **options)
        self.connections += 1
        self.close_code = None
        await self._send({"type": "init", "config": {**self._config, "resume": self.claim}})

    def _narrow_socket(self, receive_buffer_bytes: int) -> socket.socket:
        target = urlsplit(self._url)
        narrow = socket.socket()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        narrow.connect((target.hostname, target.port))
        narrow.setblocking(False)
        return narrow

    async def open(self) -> None:
        """Connect, and go on where the session stands; returns when audio may be sent."""
        await self.begin()
        assert self._connection is not None
        first = json.loads(await self._connection.recv())
        self._check_connected(first)
        self.connected.append(first)
        self.sent_again += self.sent_samples - first["receivedSamples"]
        self.sent_samples = first["receivedSamples"]
        self._reader = asyncio.create_task(self._read(self._connection))

    async def leave(self) -> ClientConnection:
        """Stop using the connection, and give it away as it is: open, and read by nobody."""
        assert self._connection is not None
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        connection, self._connection, self._reader = self._connection, None, None
        return connection

    async def stop_reading(self) -> None:
        """Keep the connection, and read nothing of it."""
        connection = await self.leave()
        connection.transport.pause_reading()
        self._connection = connection

    def read_on(self) -> None:
        """Read again, what has waited and what comes."""
        assert self._connection is not None
        self._connection.transport.resume_reading()
        self._reader = asyncio.create_task(self._read(self._connection))

    async def abort(self) -> None:
        """Lose the connection: no close frame, and what was not read is gone."""
        (await self.leave()).transport.abort()

    async def abort_in_frame(self, share: float) -> None:
        """Lose the connection in the middle of a frame of audio, after ``share`` of its bytes."""
        connection = await self.leave()
        connection.protocol.send_binary(self._next_chunk()) if self._binary else connection.protocol.send_text(
            self._audio_text(self._next_chunk()).encode()
        )
        frame = b"".join(connection.protocol.data_to_send())
        connection.transport.write(frame[: int(len(frame) * share)])
        connection.transport.abort()

    async def close(self) -> None:
        """End the session, with ``close``."""
        await self._send({"type": "close"})
        await self.until(lambda: self.close_code is not None)

    # Audio

    @property
    def all_sent(self) -> bool:
        """Whether the whole of the audio was sent."""
        return self.sent_samples * _SAMPLE_BYTES >= len(self._pcm)

    async def stream(self, *, speed: float) -> None:
        """Send from where the session stands to the end, ``speed`` times as fast as it was spoken."""
        loop = asyncio.get_running_loop()
        rate_hz = self._config.get("sampleRate", 16_000)
        started_at, first_sample = loop.time(), self.sent_samples
        while not self.all_sent:
            chunk = self._next_chunk()
            await self._send(chunk if self._binary else self._audio_text(chunk))
            self.sent_samples += len(chunk) // _SAMPLE_BYTES
            due = started_at + (self.sent_samples - first_sample) / rate_hz / speed
            await asyncio.sleep(max(0.0, due - loop.time()))

    def hold(self, pcm: bytes) -> None:
        """Have more to send, after what there was."""
        self._pcm += pcm

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until ``condition`` holds; it is looked at after each message."""
        async with self._changed:
            await self._changed.wait_for(condition)

    def _next_chunk(self) -> bytes:
        start = self.sent_samples * _SAMPLE_BYTES
        return self._pcm[start : start + self._chunk_samples * _SAMPLE_BYTES] or bytes(_SAMPLE_BYTES)

    def _audio_text(self, pcm: bytes) -> str:
        return json.dumps({"type": "audio", "data": base64.b64encode(pcm).decode(), "timestamp": 0})

    # Messages

    async def _send(self, content: Message | str | bytes) -> None:
        assert self._connection is not None
        await self._connection.send(json.dumps(content) if isinstance(content, dict) else content)

    async def _read(self, connection: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                data = await connection.recv()
                async with self._changed:
                    self._take(data)
                    self._changed.notify_all()
        async with self._changed:
            self.close_code = connection.close_code
            self._changed.notify_all()

    def _take(self, data: str | bytes) -> None:
        expected = self.last_seq + 1
        if isinstance(data, bytes):
            self.messages.append({"type": "audio_response", "pcm": data})
        else:
            message = json.loads(data)
            if message.get("seq") != expected:
                self.wrong.append(f"expected message {expected}, got {str(message)[:100]}")
            self.messages.append(message)
        self.last_seq = expected

    def _check_connected(self, message: Message) -> None:
        what = f"{len(self.connected)} resumes, then {str(message)[:200]}"
        if message["type"] != "connected" or message.get("resumed") is not bool(self.connected):
            self.wrong.append(f"not resumed: {what}")
        elif self.connected and message["sessionId"] != self.connected[0]["sessionId"]:
            self.wrong.append(f"another session: {what}")
        elif self.connected and message["resumeToken"] != self.connected[0]["resumeToken"]:
            self.wrong.append("another token")
        elif self.connected and not self.connected[-1]["receivedSamples"] <= message["receivedSamples"]:
            self.wrong.append(f"fewer samples than before: {what}")
        elif message["receivedSamples"] > self.sent_samples:
            self.wrong.append(f"{message['receivedSamples']} samples received, {self.sent_samples} were sent")
