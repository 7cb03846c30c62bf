"""A bare client of the Gemini wire, for what google-genai hides: frames, pongs, close codes, resets."""

import asyncio
import base64
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_websocket
from websockets.exceptions import ConnectionClosed

from emulator import Emulator, Scenario
from emulator.audio import Samples, resample, to_pcm

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
MODEL = "gemini-3.8-live"
BLOCK_BYTES = 3200
"""100 ms."""


class Talker:
    """One connection; everything that comes is read in the background.

    Attributes:
        socket: The connection.
        messages: What came, decoded.
        sizes: The sizes of the frames.
        reader: Done when the connection has ended.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.messages: list[dict[str, Any]] = []
        self.sizes: list[int] = []
        self.reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                frame = await self.socket.recv(decode=False)
                self.sizes.append(len(frame))
                self.messages.append(json.loads(frame))

    @property
    def contents(self) -> list[dict[str, Any]]:
        """The ``serverContent`` of all messages that have one."""
        return [message["serverContent"] for message in self.messages if "serverContent" in message]

    @property
    def sound(self) -> bytes:
        """All sound that came."""
        parts = [part for content in self.contents for part in content.get("modelTurn", {}).get("parts", ())]
        return b"".join(base64.b64decode(part["inlineData"]["data"]) for part in parts)

    def texts(self, kind: str) -> list[str]:
        """All texts of a kind of transcription."""
        return [content[kind]["text"] for content in self.contents if kind in content]

    def count(self, field: str) -> int:
        """How often a field of ``serverContent``, or a message of that name, came."""
        return sum(field in content for content in self.contents) + sum(field in item for item in self.messages)

    async def send(self, message: dict[str, Any]) -> None:
        """Send a message; one that comes too late is lost, as it is in a network."""
        with contextlib.suppress(ConnectionClosed):
            await self.socket.send(json.dumps(message))

    async def start(self) -> None:
        """Say that an activity begins."""
        await self.send({"realtimeInput": {"activityStart": {}}})

    async def audio(self, pcm: bytes) -> None:
        """Send sound in blocks."""
        for at in range(0, len(pcm), BLOCK_BYTES):
            data = base64.b64encode(pcm[at : at + BLOCK_BYTES]).decode()
            await self.send({"realtimeInput": {"audio": {"data": data, "mimeType": "audio/pcm;rate=16000"}}})

    async def end(self) -> None:
        """Say that the activity has ended."""
        await self.send({"realtimeInput": {"activityEnd": {}}})

    async def say(self, pcm: bytes) -> None:
        """Send a whole utterance."""
        await self.start()
        await self.audio(pcm)
        await self.end()

    async def ping(self) -> asyncio.Future[float]:
        """Send a ping; done with the seconds that its pong took."""
        return asyncio.ensure_future(await self.socket.ping())

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is true."""
        await until(condition)

    async def answered(self, times: int = 1) -> None:
        """Wait until so many turns have ended."""
        await self.until(lambda: self.count("turnComplete") >= times)

    async def closed(self) -> tuple[int | None, str | None]:
        """Wait for the end; the close code and reason."""
        await self.reader
        await self.socket.wait_closed()
        return self.socket.close_code, self.socket.close_reason


@contextlib.asynccontextmanager
async def talking(
    emulator: Emulator, *, model: str = MODEL, handle: str | None = None, setup: bool = True, **fields: Any
) -> AsyncIterator[Talker]:
    """Connect in manual mode; ``fields`` change the setup, ``setup=False`` sends none."""
    context = ssl.create_default_context(cafile=str(emulator.ca_file))
    url = emulator.base_url.replace("https", "wss") + PATH
    resumption = {} if handle is None else {"handle": handle}
    body = {
        "model": f"models/{model}",
        "inputAudioTranscription": {},
        "outputAudioTranscription": {},
        "realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}},
        "sessionResumption": resumption,
        **fields,
    }
    async with connect_websocket(
        url,
        ssl=context,
        additional_headers={"x-goog-api-key": "test"},
        ping_interval=None,
        max_size=None,
        compression=None,
        close_timeout=0.2,
    ) as socket:
        talker = Talker(socket)
        if setup:
            await talker.send({"setup": {name: value for name, value in body.items() if value is not None}})
        try:
            yield talker
        finally:
            talker.reader.cancel()
            await asyncio.wait({talker.reader})


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is true."""
    while not condition():  # noqa: ASYNC110 - what is waited for is in the emulator's records
        await asyncio.sleep(0.001)


def speech(scenario: Scenario, from_secs: float = 2.8, to_secs: float = 4.93) -> bytes:
    """A part of the first clip, PCM at 16 kHz; by default what entry ``kennedy-2`` is."""
    clip = scenario.clips["en-11s-16k"]
    samples: Samples = resample(clip.samples, clip.rate_hz, 16_000)
    return to_pcm(samples[round(from_secs * 16_000) : round(to_secs * 16_000)])
