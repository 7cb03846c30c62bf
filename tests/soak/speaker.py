"""One session that talks in real time, loses its connection at random moments, and comes back."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from websockets.exceptions import ConnectionClosed

from tests.resume.losses import LOSSES, half_open, lose
from tests.resume.relay import Relay, relay_before
from tests.soak.listening import Listening
from tests.soak.speech import Speech
from tests.support.resuming_client import ResumingClient
from tests.support.waiting import until

_CHUNK_MS = 100
_MOST_UNANSWERED = 3
"""Who speaks waits for the interpreter when it lags by so many utterances."""
_WAIT_MS = 500
_OUTPUT_SECS = 5.0
_SETTLE_SECS = 150.0
_STILL_SECS = 3.0
_KEPT_LINES = 8


class Speaker(ResumingClient):
    """A client that makes its speech as it goes and keeps no message.

    Attributes:
        speech: What it says.
        listening: What it makes of what it is told.
        silent: It says nothing more.
    """

    def __init__(self, url: str, speech: Speech, listening: Listening):
        """Not connected."""
        super().__init__(url, b"", chunk_ms=_CHUNK_MS, audioEncoding="binary")
        self.speech = speech
        self.listening = listening
        self.silent = False

    @property
    def all_sent(self) -> bool:
        """Never: where nothing is said, silence is sent."""
        return False

    @property
    def unanswered(self) -> int:
        """How many utterances it waits for."""
        return len(self.speech.said) - self.listening.settled

    def _next_chunk(self) -> bytes:
        while self.speech.samples < self.sent_samples + self._chunk_samples:
            if self.silent or self.unanswered >= _MOST_UNANSWERED:
                self.speech.pause(_WAIT_MS)
            else:
                self.speech.speak()
        return self.speech.read(self.sent_samples, self._chunk_samples)

    def _take(self, data: str | bytes) -> None:
        super()._take(data)
        self.listening.take(self.messages.pop())


@dataclass
class Session:
    """One session of the soak, and what came of it.

    Attributes:
        number: Counted from 0.
        speech: What it says.
        listening: What it was told.
        losses: Connections that it lost, by the way in which.
        wrong: What is wrong beside what ``listening`` found.
        messages: Messages after ``connected``, each of which came once and in order.
        sent_again: Samples that it sent again since the server had not received them.
        session_id: The server's name for it.
        connected: Whether it is ready.
    """

    number: int
    speech: Speech
    listening: Listening
    losses: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    messages: int = 0
    sent_again: int = 0
    session_id: str = ""
    connected: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def of(cls, number: int, seed: int) -> "Session":
        """A session that has not begun."""
        speech = Speech(number, random.Random(f"{seed}:{number}:speech"))
        return cls(number, speech, Listening(speech))

    async def run(self, url: str, *, secs: float, between_losses_secs: float, seed: int) -> None:
        """Talk for so long, then wait for the last answers, and end the session.

        Args:
            url: Of the server.
            secs: How long it talks.
            between_losses_secs: How long a connection lives, on the average.
            seed: Of what is random.
        """
        chance = random.Random(f"{seed}:{self.number}:losses")
        ends_at = time.monotonic() + secs
        async with relay_before(url) as relay:
            speaker = Speaker(relay.url, self.speech, self.listening)
            try:
                await speaker.open()
                self.session_id = speaker.connected[0]["sessionId"]
                self.connected.set()
                while (left_secs := ends_at - time.monotonic()) > 0:
                    lives_secs = chance.expovariate(1 / between_losses_secs)
                    if lives_secs >= left_secs:
                        break
                    await self._lose(speaker, relay, chance, lives_secs)
                await self._finish(speaker, ends_at)
            except (ConnectionClosed, KeyError, TimeoutError) as error:
                self.wrong.append(f"the session broke: {type(error).__name__}: {error}")
            self.wrong += speaker.wrong
            self.messages, self.sent_again = speaker.last_seq, speaker.sent_again

    async def _lose(self, speaker: Speaker, relay: Relay, chance: random.Random, secs: float) -> None:
        """Talk for so long, and lose the connection in some way."""
        kind = chance.choice(LOSSES)
        streaming = asyncio.create_task(speaker.stream(speed=1.0))
        await asyncio.wait([streaming], timeout=secs)
        if kind == "during output":
            await self._output(streaming)
        await _stop(streaming)
        async with half_open() as left_open:
            self.losses[kind] += await lose(speaker, kind, chance, relay, left_open)
            await left_open.check()
            self.wrong += left_open.wrong
        del relay.lines[:-_KEPT_LINES]

    async def _output(self, streaming: asyncio.Task[None]) -> None:
        """Until a piece of an interpretation comes, or none does for a while."""
        before = self.listening.sounds
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_OUTPUT_SECS):
                await until(lambda: self.listening.sounds != before or streaming.done())

    async def _finish(self, speaker: Speaker, ends_at: float) -> None:
        streaming = asyncio.create_task(speaker.stream(speed=1.0))
        await asyncio.wait([streaming], timeout=max(0.0, ends_at - time.monotonic()))
        speaker.silent = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE_SECS):
                await speaker.until(lambda: speaker.unanswered <= 0 or speaker.close_code is not None)
                await asyncio.sleep(_STILL_SECS)
        await _stop(streaming)
        for number in range(self.listening.settled, len(self.speech.said)):
            self.wrong.append(f"utterance {number + 1} ({self.speech.said[number].name}) was lost: no answer came")
        if self.listening.in_a_turn or self.listening.state != "silent":
            self.wrong.append(f"a turn is left open, or the state is {self.listening.state!r}")
        await speaker.close()
        if speaker.close_code != 1000:
            self.wrong.append(f"closed with {speaker.close_code}, expected 1000")


async def _stop(streaming: asyncio.Task[None]) -> None:
    """Stop sending.

    Raises:
        ConnectionClosed: The server had closed what was to live on.
    """
    streaming.cancel()
    (ended,) = await asyncio.gather(streaming, return_exceptions=True)
    if isinstance(ended, ConnectionClosed):
        raise ended
