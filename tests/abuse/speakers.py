"""Normal sessions: they speak in real time, and note when each chunk went out and when each answer began."""

import asyncio
import contextlib
import itertools
import json
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.abuse.marks import CHUNK_SAMPLES, marked
from tests.support.speech import silence, words_only

_CHUNK_BYTES = 2 * CHUNK_SAMPLES
_CHUNK_SECS = 0.02
_PHRASE = "kennedy-1"
_CYCLE_SECS = 5.0
_LONGEST_SPREAD_SECS = 0.5
"""Between the starts of two sessions."""
_SETTLE_CHUNKS = 30
"""Chunks at the start of a phrase that may wait for the utterance to begin, and go in a burst with the pre-roll."""


@dataclass
class Journal:
    """What normal sessions saw; times in monotonic seconds.

    Attributes:
        sent_at: When a chunk of a running utterance was sent, by client and chunk.
        answers: For each answer, when the last chunk of its phrase was sent, and how long after that it began.
        turns: Completed turns.
        lost: How sessions ended that should not have.
    """

    sent_at: dict[tuple[int, int], float] = field(default_factory=dict)
    answers: list[tuple[float, float]] = field(default_factory=list)
    turns: int = 0
    lost: list[str] = field(default_factory=list)


class Speaker:
    """One client that says the same phrase every five seconds and sends silence between."""

    def __init__(self, number: int, journal: Journal, connection: ClientConnection):
        """Speak over an open connection."""
        self._number = number
        self._journal = journal
        self._connection = connection
        self._unanswered: deque[float] = deque()
        self._answering = False

    async def open(self) -> None:
        """Start the session."""
        await self._connection.send(json.dumps({"type": "init", "config": {"audioEncoding": "binary"}}))
        answer = json.loads(await self._connection.recv())
        if answer["type"] != "connected":
            raise RuntimeError(f"a normal session was refused: {answer}")

    async def talk(self) -> None:
        """Send a chunk every 20 ms, without end."""
        started_at = time.monotonic()
        words = len(words_only(_PHRASE)) // _CHUNK_BYTES
        cycle = _chunks_of_a_cycle()
        with contextlib.suppress(ConnectionClosed):
            for number in itertools.count():
                place = number % len(cycle)
                await asyncio.sleep(max(0.0, started_at + number * _CHUNK_SECS - time.monotonic()))
                sent_at = time.monotonic()
                if _SETTLE_CHUNKS <= place < words:
                    self._journal.sent_at[self._number, number] = sent_at
                if place == words - 1:
                    self._unanswered.append(sent_at)
                await self._connection.send(marked(cycle[place], self._number, number))

    async def listen(self) -> None:
        """Take what comes."""
        try:
            async for frame in self._connection:
                self._take(frame)
        except ConnectionClosed:
            pass
        self._journal.lost.append(f"session {self._number} was closed with {self._connection.close_code}")

    def _take(self, frame: str | bytes) -> None:
        kind = "audio_response" if isinstance(frame, bytes) else json.loads(frame)["type"]
        if kind in ("audio_response", "output_transcription") and not self._answering:
            self._answering = True
            if self._unanswered:
                spoken_at = self._unanswered.popleft()
                self._journal.answers.append((spoken_at, time.monotonic() - spoken_at))
        elif kind == "turn_complete":
            self._answering = False
            self._journal.turns += 1
        elif kind in ("error", "warning"):
            self._journal.lost.append(f"session {self._number} was told {frame!r}")


def _chunks_of_a_cycle() -> list[bytes]:
    words = words_only(_PHRASE)
    words = words[: len(words) // _CHUNK_BYTES * _CHUNK_BYTES]
    pcm = words + silence(round(1000 * _CYCLE_SECS))
    count = round(_CYCLE_SECS / _CHUNK_SECS)
    return [pcm[start : start + _CHUNK_BYTES] for start in range(0, count * _CHUNK_BYTES, _CHUNK_BYTES)]


@contextlib.asynccontextmanager
async def speaking(url: str, count: int) -> AsyncIterator[Journal]:
    """``count`` sessions that speak while the block lasts, spread over a cycle."""
    journal = Journal()
    async with contextlib.AsyncExitStack() as stack:
        tasks: list[asyncio.Task[None]] = []
        try:
            for number in range(count):
                connection = await stack.enter_async_context(connect(url, compression=None, proxy=None))
                speaker = Speaker(number, journal, connection)
                await speaker.open()
                tasks += [asyncio.create_task(speaker.talk()), asyncio.create_task(speaker.listen())]
                await asyncio.sleep(min(_LONGEST_SPREAD_SECS, _CYCLE_SECS / count))
            yield journal
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
