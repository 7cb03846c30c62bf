"""A small stand-in for OpenAI's Realtime API, over a real WebSocket: the events that an interpreter's session has.

The names and fields are those that OpenAI documents (platform.openai.com/docs/api-reference/realtime), as pipecat's
own models have them. It knows the phrases of the emulator's default scenario, and finds them by their sound.
"""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from tests.support.recognising import recognised
from tests.support.speech import samples_scenario

RATE_HZ = 24_000
_PIECE_BYTES = 9600
_PACE_SECS = 0.02
"""Output at ten times real time, so that a test can act while it comes."""


@dataclass
class FakeRealtime:
    """What the service was told, and what it is to do.

    Attributes:
        url: Of the service.
        refuse: The HTTP status with which every connection is refused.
        error: The code of an error that answers the first utterance.
        silent: Utterances that get no answer, from the first on.
        events: The types of all events that came, in order.
        session: What the last ``session.update`` said.
        heard: The phrases of each utterance.
        keys: The keys that came.
    """

    url: str = ""
    refuse: int | None = None
    error: str | None = None
    silent: int = 0
    events: list[str] = field(default_factory=list)
    session: dict[str, Any] = field(default_factory=dict)
    heard: list[list[str]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    connections: list[ServerConnection] = field(default_factory=list)

    def check(self, connection: ServerConnection, request: Request) -> Response | None:
        """Let a connection in, or not."""
        self.keys.append(request.headers["Authorization"])
        return connection.respond(self.refuse, "refused") if self.refuse is not None else None

    async def talk(self, connection: ServerConnection) -> None:
        """One session."""
        self.connections.append(connection)
        session = _Session(self, connection)
        await session.send("session.created", session={"type": "realtime"})
        async for message in connection:
            event = json.loads(message)
            if event["type"] != "input_audio_buffer.append":
                self.events.append(event["type"])
            await session.take(event)


class _Session:
    def __init__(self, service: FakeRealtime, connection: ServerConnection):
        self._service = service
        self._connection = connection
        self._audio = b""
        self._number = 0

    async def send(self, kind: str, **fields: Any) -> None:
        self._number += 1
        await self._connection.send(json.dumps({"type": kind, "event_id": f"e{self._number}", **fields}))

    async def take(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "session.update":
                self._service.session = event["session"]
                await self.send("session.updated", session={"type": "realtime"})
            case "input_audio_buffer.append":
                self._audio += base64.b64decode(event["audio"])
            case "input_audio_buffer.commit":
                await self._hear()
            case "response.create":
                await self._respond()

    async def _hear(self) -> None:
        audio, self._audio = self._audio, b""
        phrases = recognised(audio, RATE_HZ)
        self._service.heard.append([entry.id for entry in phrases])
        item = f"i{len(self._service.heard)}"
        message = {"id": item, "type": "message", "role": "user", "content": [{"type": "input_audio"}]}
        await self.send("input_audio_buffer.committed", item_id=item)
        await self.send("conversation.item.added", item=message)
        place = {"item_id": item, "content_index": 0}
        words = " ".join(entry.source for entry in phrases)
        for number, word in enumerate(words.split(" ")):
            delta = word if number == 0 else f" {word}"
            await self.send("conversation.item.input_audio_transcription.delta", delta=delta, **place)
        await self.send("conversation.item.input_audio_transcription.completed", transcript=words, **place)

    async def _respond(self) -> None:
        if self._service.error is not None:
            error = {"type": "invalid_request_error", "code": self._service.error, "message": "told to"}
            await self.send("error", error=error)
            return
        if len(self._service.heard) <= self._service.silent:
            return
        number = len(self._service.heard)
        place = {"response_id": f"r{number}", "item_id": f"a{number}", "output_index": 0, "content_index": 0}
        await self.send("response.created", response={"id": f"r{number}", "status": "in_progress", "output": []})
        item = {"id": f"a{number}", "type": "message", "role": "assistant", "content": []}
        await self.send("conversation.item.added", item=item)
        phrases = [entry for entry in samples_scenario().entries if entry.id in self._service.heard[-1]]
        for word in " ".join(entry.target for entry in phrases).replace(" ", "\n ").split("\n"):
            await self.send("response.output_audio_transcript.delta", delta=word, **place)
        pcm = b"".join(entry.audio for entry in phrases)
        for start in range(0, len(pcm), _PIECE_BYTES):
            piece = base64.b64encode(pcm[start : start + _PIECE_BYTES]).decode()
            await self.send("response.output_audio.delta", delta=piece, **place)
            await asyncio.sleep(_PACE_SECS)
        await self.send("response.done", response={"id": f"r{number}", "status": "completed", "output": [item]})


@contextlib.asynccontextmanager
async def fake_realtime() -> AsyncIterator[FakeRealtime]:
    """Serve on a free port."""
    fake = FakeRealtime()
    server: Server
    async with serve(fake.talk, "127.0.0.1", 0, process_request=fake.check, max_size=None) as server:
        fake.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/v1/realtime"
        yield fake
