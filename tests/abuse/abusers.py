"""Clients that cost a server what they can: one coroutine for each case, which abuses until it is cancelled."""

import asyncio
import base64
import contextlib
import itertools
import json
import time
from collections.abc import Awaitable, Callable

from tests.abuse.wire import SMALL_BUFFER_BYTES, Deeds, Wire, tcp, websocket
from tests.hostile.frames import BINARY, PING, TEXT, Address, data_frame, frame, handshake
from tests.support.speech import silence, words_only

Case = Callable[[Address, Deeds], Awaitable[None]]

_RETRY_SECS = 2.0
"""What existing clients wait before they connect again."""
_GIGABYTE = 10**9
_INIT = data_frame(json.dumps({"type": "init", "config": {"audioEncoding": "binary"}}))
_INIT_BASE64 = data_frame(json.dumps({"type": "init"}))
_INTERRUPTS = frame(b'{"type":"interrupt"}', TEXT) * 500
_PINGS = frame(b"", PING) * 2000
_FIVE_SECONDS = frame(bytes(5 * 32_000), BINARY)
_CHUNK_SECS = 0.1
_SPEECH_SPEED = 3.0
"""Within ``MAX_INGEST_RATE``."""
_HOARDED = 3000


async def unread_speech(address: Address, deeds: Deeds) -> None:
    """Two clients that go on speaking, faster than anybody speaks, and read nothing of the interpretation."""
    await _at_once(2, lambda: _speak_unread(address, deeds))


async def unread_answers(address: Address, deeds: Deeds) -> None:
    """Two clients that send `interrupt`, which is always answered, as fast as they can, and read nothing."""
    await _at_once(2, lambda: _interrupt_unread(address, deeds))


async def gigabyte(address: Address, deeds: Deeds) -> None:
    """1 GB of audio as fast as it goes, whatever the server says: on after its close, again when it is cut."""
    while deeds.sent_bytes < _GIGABYTE:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            async with websocket(address, deeds) as wire:
                await wire.send(_INIT)
                await wire.expect("connected")
                ending = asyncio.create_task(wire.end(echoes=False))
                while not wire.gone and deeds.sent_bytes < _GIGABYTE:
                    await wire.send(_FIVE_SECONDS)
                deeds.ends[await ending] += 1


async def small_frames(address: Address, deeds: Deeds) -> None:
    """The smallest frames that there are, pings without content, as fast as they go, and all pongs read."""
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            async with websocket(address, deeds) as wire:
                await _flood(wire, _PINGS, deeds)


async def small_messages(address: Address, deeds: Deeds) -> None:
    """The smallest messages that the server has to answer, as fast as it takes them, and all answers read."""
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            async with websocket(address, deeds) as wire:
                await wire.send(_INIT)
                await wire.expect("connected")
                await _flood(wire, _INTERRUPTS, deeds)


async def no_init(address: Address, deeds: Deeds) -> None:
    """500 connections that never send `init`, and that connect again two seconds after their end."""
    await _at_once(500, lambda: _say_nothing(address, deeds), pause_secs=_RETRY_SECS)


async def hoarded(address: Address, deeds: Deeds) -> None:
    """Connections as fast as they are taken, up to 3,000, on which nothing is said, read or closed."""
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(_HOARDED):
            try:
                await stack.enter_async_context(websocket(address, deeds, buffer_bytes=SMALL_BUFFER_BYTES))
            except OSError:
                await asyncio.sleep(0.01)
        await asyncio.Event().wait()


async def half_handshakes(address: Address, deeds: Deeds) -> None:
    """500 connections with half a request, that connect again two seconds after their end."""
    await _at_once(500, lambda: _ask_half(address, deeds), pause_secs=_RETRY_SECS)


async def rejected_key(address: Address, deeds: Deeds) -> None:
    """50 existing clients, that connect again two seconds after every close, against a key that is rejected."""
    await _at_once(50, lambda: _old_client(address, deeds), pause_secs=_RETRY_SECS)


async def init_loop(address: Address, deeds: Deeds) -> None:
    """Ten clients that send `init`, wait for `connected`, send `init` again and again, and begin anew."""
    await _at_once(10, lambda: _many_inits(address, deeds))


async def churn(address: Address, deeds: Deeds) -> None:
    """Ten clients that open a session and drop it, without a pause."""
    await _at_once(10, lambda: _come_and_go(address, deeds))


CASES: dict[str, Case] = {
    "unread-speech": unread_speech,
    "unread-answers": unread_answers,
    "gigabyte": gigabyte,
    "small-frames": small_frames,
    "small-messages": small_messages,
    "no-init": no_init,
    "hoarded": hoarded,
    "half-handshakes": half_handshakes,
    "rejected-key": rejected_key,
    "init-loop": init_loop,
    "churn": churn,
}
"""What can be done to a server, by name."""


async def _at_once(count: int, client: Callable[[], Awaitable[None]], *, pause_secs: float = 0.01) -> None:
    """``count`` clients, each again and again, with a pause between; what a server does to them ends none."""

    async def again() -> None:
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await client()
            await asyncio.sleep(pause_secs)

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(again())


async def _flood(wire: Wire, data: bytes, deeds: Deeds) -> None:
    ending = asyncio.create_task(wire.end(echoes=True))
    try:
        while not wire.gone and not ending.done():
            await wire.send(data)
        deeds.ends[await ending] += 1
    finally:
        ending.cancel()


async def _speak_unread(address: Address, deeds: Deeds) -> None:
    async with websocket(address, deeds, buffer_bytes=SMALL_BUFFER_BYTES) as wire:
        await wire.send(_INIT_BASE64)
        pcm = words_only("kennedy-1") + silence(900)
        step = round(_CHUNK_SECS * 32_000)
        chunks = [_audio_message(pcm[start : start + step]) for start in range(0, len(pcm), step)]
        started_at = time.monotonic()
        for number, chunk in enumerate(itertools.cycle(chunks)):
            await wire.send(chunk)
            if wire.gone:
                break
            await asyncio.sleep(max(0.0, started_at + number * _CHUNK_SECS / _SPEECH_SPEED - time.monotonic()))
        deeds.ends[await wire.end(echoes=False)] += 1


def _audio_message(pcm: bytes) -> bytes:
    return data_frame(json.dumps({"type": "audio", "data": base64.b64encode(pcm).decode(), "timestamp": 0}))


async def _interrupt_unread(address: Address, deeds: Deeds) -> None:
    async with websocket(address, deeds, buffer_bytes=SMALL_BUFFER_BYTES) as wire:
        await wire.send(_INIT)
        while not wire.gone:
            await wire.send(_INTERRUPTS)
        deeds.ends[await wire.end(echoes=False)] += 1


async def _say_nothing(address: Address, deeds: Deeds) -> None:
    async with websocket(address, deeds) as wire:
        deeds.ends[await wire.end(echoes=True)] += 1


async def _ask_half(address: Address, deeds: Deeds) -> None:
    async with tcp(address, deeds) as wire:
        await wire.send(handshake("x")[:-2])
        await wire.status()
        deeds.ends["cut"] += 1


async def _old_client(address: Address, deeds: Deeds) -> None:
    async with websocket(address, deeds) as wire:
        await wire.send(_INIT_BASE64)
        deeds.ends[await wire.end(echoes=True)] += 1


async def _many_inits(address: Address, deeds: Deeds) -> None:
    async with websocket(address, deeds) as wire:
        await wire.send(_INIT)
        await wire.expect("connected")
        await wire.send(_INIT * 200)
        deeds.ends[await wire.end(echoes=True)] += 1


async def _come_and_go(address: Address, deeds: Deeds) -> None:
    async with websocket(address, deeds) as wire:
        await wire.send(_INIT)
        await wire.expect("connected")
        deeds.ends["left by itself"] += 1
