"""Providers' ends of calls: their documented messages, in real time, over real sockets.

What each sends and understands is in :mod:`tests.telephony.documented`, with the pages.
"""

import asyncio
import audioop
import base64
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from telephony.provider import WebhookRequest
from tests.telephony import documented

PUBLIC_URL = "https://interpreter.example"
EXOTEL_PASSWORD = "a password: of Exotel's stream"
ALL_PROVIDERS: dict[str, Any] = {
    "public_url": PUBLIC_URL,
    "twilio_account_sid": "ACXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
    "twilio_auth_token": documented.TWILIO_TOKEN,
    "telnyx_public_key": documented.public_key_of(documented.TELNYX_KEY),
    "telnyx_api_key": "an API key",
    "plivo_auth_id": "MAXXXXXXXXXXXXXXXXXX",
    "plivo_auth_token": documented.PLIVO_TOKEN,
    "vonage_api_key": documented.VONAGE_KEY,
    "vonage_signature_secret": documented.VONAGE_SECRET,
    "exotel_user": "exotel",
    "exotel_password": EXOTEL_PASSWORD,
}
"""Settings of a server that takes calls of all of them."""
RATE_HZ = 8000
FRAME_MS = 20
_FRAME_SAMPLES = RATE_HZ * FRAME_MS // 1000
_STREAM = re.compile(r"wss://interpreter\.example(/telephony/[^\"<\s]+)")


@dataclass(frozen=True)
class Wire:
    """How one provider talks.

    Attributes:
        name: Of the provider.
        webhook: A genuine request for what to do with a call.
        opening: Its first messages on a stream.
        media: A message with so much of the caller's audio, and the number of that piece.
        key: A message for a key that was pressed.
        stop: Its last message; ``None``: it just closes.
        is_linear: Audio is PCM s16le; else μ-law.
        reached: What it answers to a mark of this name, once that was played.
        fixed_stream: The path of a stream that has no webhook.
    """

    name: str
    webhook: Callable[[], WebhookRequest] | None
    opening: tuple[Mapping[str, Any], ...]
    media: Callable[[bytes, int], str | bytes]
    key: Callable[[str], Mapping[str, Any]]
    stop: Mapping[str, Any] | None
    is_linear: bool
    reached: Callable[[str], Mapping[str, Any]]
    fixed_stream: str | None = None


def _form(**fields: str) -> dict[str, str]:
    return {name: quote(value) for name, value in fields.items()}


def _telnyx_webhook() -> WebhookRequest:
    return documented.telnyx_webhook(
        _form(CallSid=documented.TELNYX_CALL, From=documented.CALLER, To=documented.DIALLED)
    )


WIRES = {
    wire.name: wire
    for wire in (
        Wire(
            "twilio",
            documented.twilio_webhook,
            (documented.TWILIO_CONNECTED, documented.TWILIO_START),
            lambda audio, number: documented.text(documented.twilio_media(audio, chunk=number)),
            lambda key: documented.TWILIO_DTMF | {"dtmf": {"track": "inbound_track", "digit": key}},
            documented.TWILIO_STOP,
            False,
            lambda name: documented.TWILIO_MARK | {"mark": {"name": name}},
        ),
        Wire(
            "telnyx",
            _telnyx_webhook,
            (documented.TELNYX_START,),
            lambda audio, number: documented.text(documented.telnyx_media(audio, chunk=number)),
            lambda key: documented.TELNYX_DTMF | {"dtmf": {"digit": key}},
            documented.TELNYX_STOP,
            False,
            lambda name: documented.TELNYX_MARK | {"mark": {"name": name}},
        ),
        Wire(
            "plivo",
            documented.plivo_webhook,
            (documented.PLIVO_START,),
            lambda audio, number: documented.text(documented.plivo_media(audio, chunk=number)),
            lambda key: documented.PLIVO_DTMF | {"dtmf": {"track": "inbound", "digit": key}},
            None,
            False,
            lambda name: documented.PLIVO_PLAYED | {"name": name},
        ),
        Wire(
            "vonage",
            documented.vonage_webhook,
            (documented.VONAGE_CONNECTED | {"content-type": "audio/l16;rate=8000"},),
            lambda audio, number: audio,
            lambda key: documented.VONAGE_DTMF | {"digit": key},
            None,
            True,
            lambda name: {"event": "websocket:notify", "payload": {"mark": name}},
        ),
        Wire(
            "exotel",
            None,
            (documented.EXOTEL_CONNECTED, documented.EXOTEL_START),
            lambda audio, number: documented.text(documented.exotel_media(audio, chunk=number)),
            lambda key: documented.EXOTEL_DTMF | {"dtmf": {"digit": key, "duration": "100"}},
            documented.EXOTEL_STOP,
            True,
            lambda name: documented.EXOTEL_MARK | {"mark": {"name": name}},
            fixed_stream="/telephony/exotel/stream",
        ),
    )
}


async def ask(http_url: str, request: WebhookRequest, *, query: str = "") -> tuple[int, str]:
    """Send a webhook to the server behind the proxy; its status and its body."""
    path = request.url.removeprefix(PUBLIC_URL) + query
    headers = dict(request.headers)
    body = request.body or urlencode(request.form).encode()
    if request.form:
        headers["content-type"] = "application/x-www-form-urlencoded"
    async with (
        aiohttp.ClientSession() as session,
        session.request(request.method, http_url + path, data=body, headers=headers) as response,
    ):
        return response.status, await response.text()


async def stream_path(http_url: str, wire: Wire, request: WebhookRequest | None = None) -> str:
    """Where the provider is to stream to, which it asks by ``request``, or by the documented one."""
    if wire.webhook is None:
        assert wire.fixed_stream is not None
        return wire.fixed_stream
    status, document = await ask(http_url, request or wire.webhook())
    assert status == 200, document
    found = _STREAM.search(document)
    assert found is not None, document
    return found[1]


class Phone:
    """A caller on a provider's line, who says silence where nothing else is to be said.

    Attributes:
        said: All audio of the caller so far, as the line carried it: PCM at 8 kHz.
        heard: What came to the ear, in order and without pauses: PCM at 8 kHz; what was cleared is taken out.
        clears: How often the server cleared.
        arrivals: When each message with sound came, on the loop's clock.
        hung_up: The stream was closed by the server.
    """

    def __init__(self, wire: Wire, socket: ClientConnection):
        """Call; nothing is said yet."""
        self._wire = wire
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._to_say = bytearray()
        self._playing_until = self._loop.time()
        self._marks: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.said = bytearray()
        self.heard = bytearray()
        self.clears = 0
        self.marks_reached = 0
        self.arrivals: list[float] = []
        self.hung_up = asyncio.Event()

    async def start(self) -> None:
        """Begin the stream."""
        for message in self._wire.opening:
            await self._send(documented.text(dict(message)))
        self._tasks |= {asyncio.create_task(self._speak()), asyncio.create_task(self._listen())}

    def say(self, pcm: bytes) -> None:
        """Say this, after what is being said: PCM at 8 kHz."""
        self._to_say += pcm

    async def press(self, key: str) -> None:
        """Press a key."""
        await self._send(documented.text(dict(self._wire.key(key))))

    async def hang_up(self) -> None:
        """Hang up."""
        if self._wire.stop is not None:
            await self._send(documented.text(dict(self._wire.stop)))
        else:
            await self._socket.close()

    async def close(self) -> None:
        """End everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for timer in self._marks.values():
            timer.cancel()

    @property
    def close_code(self) -> int | None:
        """With which code the stream was closed."""
        return self._socket.close_code

    @property
    def has_said_all(self) -> bool:
        """Whether nothing waits to be said."""
        return not self._to_say

    @property
    def is_silent(self) -> bool:
        """Whether nothing plays at the ear."""
        return self._loop.time() >= self._playing_until

    async def _send(self, data: str | bytes) -> None:
        with suppress(ConnectionClosed):
            await self._socket.send(data)

    async def _speak(self) -> None:
        """Send 20 ms every 20 ms, as the line has it."""
        started_at, number = self._loop.time(), 0
        while True:
            piece = bytes(self._to_say[: 2 * _FRAME_SAMPLES]).ljust(2 * _FRAME_SAMPLES, b"\0")
            del self._to_say[: 2 * _FRAME_SAMPLES]
            audio = piece if self._wire.is_linear else audioop.lin2ulaw(piece, 2)
            self.said += piece if self._wire.is_linear else audioop.ulaw2lin(audio, 2)
            number += 1
            await self._send(self._wire.media(audio, number))
            await asyncio.sleep(max(0.0, started_at + number * FRAME_MS / 1000 - self._loop.time()))

    async def _listen(self) -> None:
        with suppress(ConnectionClosed):
            async for data in self._socket:
                if isinstance(data, bytes):
                    self._play(data)
                else:
                    self._obey(json.loads(data))
        self.hung_up.set()

    def _obey(self, message: dict[str, Any]) -> None:
        match message:
            case {"event": "media" | "playAudio", "media": {"payload": str(payload)}}:
                audio = base64.b64decode(payload, validate=True)
                self._play(audio if self._wire.is_linear else audioop.ulaw2lin(audio, 2))
            case {"event": "clear" | "clearAudio"} | {"action": "clear"}:
                self._clear()
            case (
                {"event": "mark", "mark": {"name": str(name)}}
                | {"event": "checkpoint", "name": str(name)}
                | {"action": "notify", "payload": {"mark": str(name)}}
            ):
                self._marks[name] = self._loop.call_at(self._playing_until, self._reach, name)
            case _:
                raise AssertionError(f"{self._wire.name} knows no such message: {message}")

    def _play(self, pcm: bytes) -> None:
        now = self._loop.time()
        self.arrivals.append(now)
        self.heard += pcm
        self._playing_until = max(now, self._playing_until) + len(pcm) / 2 / RATE_HZ

    def _clear(self) -> None:
        self.clears += 1
        now = self._loop.time()
        unheard = round(max(0.0, self._playing_until - now) * RATE_HZ) * 2
        del self.heard[len(self.heard) - unheard :]
        self._playing_until = now
        for name, timer in [*self._marks.items()]:
            timer.cancel()
            self._reach(name)

    def _reach(self, name: str) -> None:
        self.marks_reached += 1
        del self._marks[name]
        task = asyncio.create_task(self._send(documented.text(dict(self._wire.reached(name)))))
        self._tasks.add(task)


@asynccontextmanager
async def phone_call(
    http_url: str, wire: Wire, *, path: str | None = None, headers: Mapping[str, str] | None = None
) -> AsyncIterator[Phone]:
    """Call through webhook and stream; the phone is put down at the end of the block."""
    path = path or await stream_path(http_url, wire)
    if headers is None and wire.fixed_stream is not None:
        headers = documented.exotel_handshake(password=EXOTEL_PASSWORD).headers
    url = http_url.replace("http", "ws", 1) + path
    async with connect(url, compression=None, proxy=None, additional_headers=dict(headers or {})) as socket:
        phone = Phone(wire, socket)
        try:
            await phone.start()
            yield phone
        finally:
            await phone.close()
