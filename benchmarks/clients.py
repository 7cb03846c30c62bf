"""The clients: each speaks the server's protocol over a socket of its own, in real time."""

import asyncio
import heapq
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

from benchmarks.frames import BINARY, CLOSE, PING, PONG, TEXT, FrameReader, client_handshake, frame
from benchmarks.ledger import Ledger, Sent
from benchmarks.marks import MarkFinder
from benchmarks.speech import CHUNK_SECS, Course, Cycle, course

_INIT = frame(b'{"type": "init", "config": {"audioEncoding": "binary"}}', TEXT, masked=True)
_CLOSE = frame(b'{"type": "close"}', TEXT, masked=True)
_TICK_SECS = 0.001
_LONGEST_OPENING_SECS = 30.0
_KIND_BYTES = 40


@dataclass
class Faults:
    """What happened to clients that should not have.

    Attributes:
        ended: How connections ended that nobody closed.
        told: Codes of errors and warnings.
    """

    ended: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)


class Client(asyncio.Protocol):
    """One client: opens a session, then sends what :class:`Pacer` gives it, and notes what comes."""

    def __init__(self, number: int, host: str, path: str, ledger: Ledger, faults: Faults):
        """Not connected yet.

        Args:
            number: Its number, which its chunks carry.
            host: Host and port, for the handshake.
            path: What is asked for.
            ledger: Where departures and arrivals are noted.
            faults: Where it is noted what should not be.
        """
        self.number = number
        self.sent = ledger.chunks[number] = Sent()
        self.connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gone = False
        self._host, self._path = host, path
        self._ledger, self._faults = ledger, faults
        self._frames = FrameReader()
        self._marks = MarkFinder()
        self._answer: bytes | None = b""
        self._closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a WebSocket."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by class
        self._transport.write(client_handshake(self._host, self._path))

    def connection_lost(self, error: Exception | None) -> None:
        """Note an end that nobody asked for."""
        self.gone = True
        if not self._closing:
            self._faults.ended["connection lost"] += 1
        self._fail("the connection was closed")

    def data_received(self, data: bytes) -> None:
        """Take what the server sends."""
        if self._answer is not None:
            self._answer += data
            head, end, data = self._answer.partition(b"\r\n\r\n")
            if not end:
                return
            self._answer = None
            if b" 101 " not in head[:16]:
                self._fail(f"the handshake was refused: {head[:40]!r}")
                self.drop()
                return
            self._transport.write(_INIT)
        now_secs = time.monotonic()
        for opcode, payload in self._frames.feed(data):
            if opcode == BINARY:
                self._hear(payload, now_secs)
            elif opcode == TEXT:
                self._read(payload)
            elif opcode == PING:
                self._transport.write(frame(payload, PONG, masked=True))
            elif opcode == CLOSE:
                self._end(payload)

    def send(self, data: bytes) -> None:
        """Send a frame."""
        self._transport.write(data)

    def close(self) -> None:
        """End the session."""
        self._closing = True
        if not self.gone:
            self._transport.write(_CLOSE)

    def drop(self) -> None:
        """Leave without a word; nobody is told of it."""
        self._closing = self.gone = True
        self._transport.abort()

    def _hear(self, pcm: bytes, now_secs: float) -> None:
        ledger = self._ledger
        for sender, number in self._marks.feed(pcm):
            sent = ledger.pieces.get(sender)
            at_secs = sent.arrived(number) if sent is not None else None
            if at_secs is None:
                ledger.strangers += 1
            else:
                ledger.down.add(now_secs - at_secs)

    def _read(self, payload: bytes) -> None:
        kind = payload[:_KIND_BYTES]
        if b'"turn_complete"' in kind:
            self._ledger.turns += 1
        elif b'"connected"' in kind:
            if not self.connected.done():
                self.connected.set_result(None)
        elif b'"error"' in kind or b'"warning"' in kind:
            code = str(json.loads(payload).get("code"))
            self._faults.told[code] += 1
            self._fail(code)

    def _end(self, payload: bytes) -> None:
        self.gone = True
        if not self._closing:
            self._faults.ended[f"closed with {int.from_bytes(payload[:2])}"] += 1
            self._closing = True
        self._transport.write(frame(payload[:2], CLOSE, masked=True))
        self._transport.close()

    def _fail(self, why: str) -> None:
        if not self.connected.done():
            self.connected.set_exception(ConnectionError(why))


async def open_client(url: str, number: int, ledger: Ledger, faults: Faults) -> tuple[Client, float]:
    """A client with a session, and how many seconds it took to get it.

    Raises:
        ConnectionError: There was none to be had.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    began_at = time.monotonic()
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(
        lambda: Client(number, parts.netloc, parts.path, ledger, faults), parts.hostname, parts.port
    )
    try:
        async with asyncio.timeout(_LONGEST_OPENING_SECS):
            await client.connected
    except asyncio.CancelledError:
        client.drop()
        raise
    except TimeoutError:
        client.drop()
        raise ConnectionError(f"no session after {_LONGEST_OPENING_SECS:g} s") from None
    return client, time.monotonic() - began_at


class Pacer:
    """Sends every client's chunks when they are due, each client at a phase of its own."""

    def __init__(self, cycle: Cycle, ledger: Ledger, courses: dict[int, Course], seed: int):
        """Nobody speaks yet.

        Args:
            cycle: What is said.
            ledger: Where departures are noted.
            courses: Takes for each client what it says.
            seed: Decides phases and where clients begin.
        """
        self._cycle, self._ledger, self._courses = cycle, ledger, courses
        self._random = random.Random(seed)
        self._due: list[tuple[float, int, Client]] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, client: Client) -> None:
        """Let a client speak from here on, anywhere in the cycle."""
        self._courses[client.number] = course(self._cycle, self._random.randrange(len(self._cycle)))
        due_secs = time.monotonic() + self._random.uniform(0, CHUNK_SECS)
        heapq.heappush(self._due, (due_secs, client.number, client))
        if self._timer is None:
            self._tick()

    def stop(self) -> None:
        """Nobody speaks any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._due.clear()

    def _tick(self) -> None:
        due, courses = self._due, self._courses
        now_secs = time.monotonic()
        while due and due[0][0] <= now_secs:
            due_secs, number, client = due[0]
            if client.gone:
                heapq.heappop(due)
                continue
            sent = client.sent
            chunk = courses[number].frame(number, len(sent))
            now_secs = time.monotonic()
            sent.add(now_secs)
            client.send(chunk)
            self._ledger.late.add(now_secs - due_secs)
            heapq.heapreplace(due, (due_secs + CHUNK_SECS, number, client))
        wait_secs = max(_TICK_SECS, due[0][0] - now_secs) if due else CHUNK_SECS
        self._timer = asyncio.get_running_loop().call_later(wait_secs, self._tick)
