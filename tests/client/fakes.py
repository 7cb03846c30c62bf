"""A scripted server, a fast clock and a view that takes notes: what the client's tests talk to."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import soundfile  # the package has no type information
from websockets.asyncio.server import ServerConnection, serve

from client.turns import Turn


class FastClock:
    """Time that runs many times faster than the wall's."""

    def __init__(self, speed: float = 40.0) -> None:
        self._speed = speed

    def now_secs(self) -> float:
        """Seconds of this clock."""
        return time.monotonic() * self._speed

    async def sleep(self, secs: float) -> None:
        """Returns after ``secs`` seconds of this clock."""
        await asyncio.sleep(secs / self._speed)


class SteppedClock:
    """Time that passes only by sleeping, or by :attr:`now` being moved."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def now_secs(self) -> float:
        """Seconds of this clock."""
        return self.now

    async def sleep(self, secs: float) -> None:
        """Passes ``secs`` seconds at once."""
        self.slept.append(secs)
        self.now += secs


class Notes:
    """A view that writes down what it is told; progress aside."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.sent_secs = 0.0

    def started(self, duration_secs: float | None) -> None:
        """Notes the speech's length."""
        self.lines.append(f"started {duration_secs}" if duration_secs is None else f"started {duration_secs:.2f}")

    def sent(self, secs: float) -> None:
        """Keeps how far it is."""
        self.sent_secs = secs

    def waiting(self) -> None:
        """Notes it."""
        self.lines.append("waiting")

    def state(self, state: str, at_secs: float) -> None:
        """Notes the state."""
        self.lines.append(state)

    def live(self, turn: Turn | None) -> None:
        """Notes the texts."""
        self.lines.append(f"live {turn.source.text}|{turn.target.text}" if turn else "live none")

    def finished(self, turn: Turn) -> None:
        """Notes the texts."""
        self.lines.append(f"finished {turn.source.text}|{turn.target.text}")

    def warning(self, text: str) -> None:
        """Notes the warning."""
        self.lines.append(f"warning {text}")

    def ended(self, outcome: str) -> None:
        """Notes the outcome."""
        self.lines.append(f"ended {outcome}")


class Talk:
    """The server's side of one connection, step by step.

    Attributes:
        init: The ``init`` message.
        heard_bytes: Audio received so far.
    """

    def __init__(self, websocket: ServerConnection) -> None:
        self.websocket = websocket
        self.init: dict[str, Any] = {}
        self.heard_bytes = 0

    async def connect(self) -> None:
        """Takes ``init`` and answers ``connected``."""
        self.init = json.loads(await self.websocket.recv())
        await self.say("connected", sessionId="00000000-0000-4000-8000-000000000000", outputSampleRate=24000)

    async def say(self, kind: str, **fields: Any) -> None:
        """Sends a message."""
        await self.websocket.send(json.dumps({"type": kind, **fields}))

    async def state(self, *states: str) -> None:
        """Sends speech states."""
        for state in states:
            await self.say("speech_state", state=state, timestamp=0)

    async def sound(self, secs: float, value: int = 1000) -> None:
        """Sends interpreted speech, every sample ``value``."""
        await self.websocket.send(np.full(round(secs * 24000), value, "<i2").tobytes())

    async def hear(self, samples: int) -> None:
        """Returns once so much audio has come."""
        while self.heard_bytes < samples * 2:
            frame = await self.websocket.recv()
            assert isinstance(frame, bytes)
            self.heard_bytes += len(frame)

    async def turn(self, source: tuple[str, str], target: tuple[str, str], sound_secs: float = 0.5) -> None:
        """Sends a whole turn; ``source`` and ``target`` are text and language."""
        await self.say("input_transcription", text=source[0][:3], isFinal=False)
        await self.say("output_transcription", text=target[0][:3], isFinal=False)
        await self.sound(sound_secs)
        await self.say("input_transcription", text=source[0], isFinal=True, language=source[1])
        await self.say("output_transcription", text=target[0], isFinal=True, language=target[1])
        await self.say("turn_complete", inputText=source[0], outputText=target[0])

    async def until_close(self) -> None:
        """Takes ``close`` and closes with 1000."""
        async for frame in self.websocket:
            if isinstance(frame, str):
                assert json.loads(frame) == {"type": "close"}
                break
        await self.websocket.close(1000)


@asynccontextmanager
async def fake_server(script: Callable[[Talk], Awaitable[None]]) -> AsyncIterator[str]:
    """Runs ``script`` for every connection; yields the URL. A script that fails fails the test."""
    failures: list[Exception] = []

    async def handle(websocket: ServerConnection) -> None:
        try:
            await script(Talk(websocket))
        except Exception as error:
            failures.append(error)
            raise

    async with serve(handle, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}/ws"
    if failures:
        raise failures[0]


def closed_port_url() -> str:
    """A URL at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"ws://127.0.0.1:{probe.getsockname()[1]}/ws"


def make_wav(path: Path, secs: float = 1.0, rate_hz: int = 16000) -> Path:
    """Writes a tone as a mono 16 bit WAV."""
    times = np.arange(round(secs * rate_hz)) / rate_hz
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 440 * times), rate_hz, subtype="PCM_16")
    return path


class NotesScreen:
    """A screen of views that write down what they are told.

    Attributes:
        views: By session name.
    """

    def __init__(self) -> None:
        self.views: dict[str, Notes] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def view(self, name: str) -> Notes:
        """A view for one more session."""
        return self.views.setdefault(name, Notes())
