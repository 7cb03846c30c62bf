"""Small stand-ins for OpenAI-compatible endpoints over HTTP: transcriptions, streamed chat completions, speech.

They know the phrases of the emulator's default scenario: which of them a recording holds is found by their sound.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from emulator.scenario import Entry
from tests.support.recognising import recognised
from tests.support.speech import PIPELINE_RATE_HZ, samples_scenario
from tests.support.waiting import until

_PIECE_BYTES = 24_000
_PACE_SECS = 0.05
"""Output at ten times real time, so that a test can act while it comes."""


@dataclass
class FakeOpenAI:
    """What the endpoints were asked, and what they are to do.

    Attributes:
        url: Of all three, up to ``/v1``.
        heard: The PCM of each utterance that came to be recognised.
        forms: The other fields of these requests.
        chats: The requests to the language model.
        spoken: The requests for speech.
        keys: The keys that came, by path.
        statuses: What is answered in place of an answer, request after request, by path.
        stuck: Paths that never answer.
        text: What is recognised, whatever is said; missing: what was said.
        let_speak: Cleared by a test: speech stops after its first half second.
    """

    url: str = ""
    heard: list[bytes] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    chats: list[dict[str, Any]] = field(default_factory=list)
    spoken: list[dict[str, Any]] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, list[int]] = field(default_factory=dict)
    stuck: set[str] = field(default_factory=set)
    text: str | None = None
    let_speak: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Let speech go on."""
        self.let_speak.set()

    def app(self) -> Starlette:
        """The three endpoints."""
        handlers = {
            "/v1/audio/transcriptions": self._transcribe,
            "/v1/chat/completions": self._chat,
            "/v1/audio/speech": self._speak,
        }
        routes = [Route(path, self._answer(handle), methods=["POST"]) for path, handle in handlers.items()]
        return Starlette(routes=routes)

    def _answer(self, handle: Any) -> Any:
        async def answer(request: Request) -> Response:
            name = request.url.path.rsplit("/", 1)[-1]
            self.keys[name] = request.headers["authorization"].removeprefix("Bearer ")
            body = await request.body()
            if name in self.stuck:
                await asyncio.Event().wait()
            if status := (self.statuses.get(name) or [0]).pop(0):
                return JSONResponse({"error": {"message": "told to", "code": "told"}}, status)
            response: Response = handle(body)
            return response

        return answer

    def _transcribe(self, body: bytes) -> Response:
        self.forms.append(
            {
                name.decode(): value.decode()
                for name, value in re.findall(rb'name="(\w+)"\r\n\r\n([^\r]*)\r\n', body)
            }
        )
        start = body.index(b"data", body.index(b"WAVE")) + 8
        length = int.from_bytes(body[start - 4 : start], "little")
        self.heard.append(body[start : start + length])
        return JSONResponse({"text": self.text if self.text is not None else _text_of(self.heard[-1])})

    def _chat(self, body: bytes) -> Response:
        request = json.loads(body)
        self.chats.append(request)
        source = request["messages"][-1]["content"]
        target = " ".join(entry.target for entry in _in(source, lambda entry: entry.source))
        words = re.findall(r"\s*\S+", target)
        return StreamingResponse(_events(words), media_type="text/event-stream")

    def _speak(self, body: bytes) -> Response:
        request = json.loads(body)
        self.spoken.append(request)
        found = _in(request["input"], lambda entry: entry.target)
        pcm = b"".join(entry.audio for entry in found)
        return StreamingResponse(self._sound(pcm), media_type="audio/pcm")

    async def _sound(self, pcm: bytes) -> AsyncIterator[bytes]:
        """Half seconds, as the stock service waits for; the first at once, the others when a test lets them."""
        for start in range(0, len(pcm), _PIECE_BYTES):
            yield pcm[start : start + _PIECE_BYTES]
            await asyncio.sleep(_PACE_SECS)
            await self.let_speak.wait()


def _text_of(pcm: bytes) -> str:
    return " ".join(entry.source for entry in recognised(pcm, PIPELINE_RATE_HZ))


def _in(text: str, side: Any) -> list[Entry]:
    """The entries of which this side stands in a text, in order."""
    found = [(text.find(side(entry)), entry) for entry in samples_scenario().entries]
    return [entry for at, entry in sorted(found, key=lambda pair: pair[0]) if at >= 0]


async def _events(words: list[str]) -> AsyncIterator[str]:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m"}
    for word in words:
        choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
        yield f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"
    yield "data: [DONE]\n\n"


@contextlib.asynccontextmanager
async def fake_openai() -> AsyncIterator[FakeOpenAI]:
    """Serve the endpoints on a free port."""
    fake = FakeOpenAI()
    config = uvicorn.Config(fake.app(), host="127.0.0.1", port=0, loop="none", lifespan="off", log_config=None)
    config.timeout_graceful_shutdown = 0
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    fake.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    try:
        yield fake
    finally:
        fake.let_speak.set()
        server.should_exit = True
        await task
