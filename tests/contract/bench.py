"""What a test of the contract works with: an implementation of the seam, speech that it understands, a talk."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

import pytest

from gemini.connector import INPUT_RATE_HZ, OUTPUT_RATE_HZ, Connector, LiveConfig, LiveConnection
from gemini.events import (
    GenerationComplete,
    Interrupted,
    SourceText,
    TargetAudio,
    TargetText,
    TurnComplete,
    UpstreamEvent,
)
from gemini.instruction import interpreter_instruction
from processors.script import language_of
from tests.support.pcm import chunks_of
from tests.support.speech import entry, spoken

PAIR = ("ko", "en")
ENGLISH = "harvard-9"
"""A short English sentence of the samples, by its id in the emulator's scenario."""
KOREAN = "speech-2c"
"""A short Korean one."""
WRONG_KEY = "not-a-key"
UNKNOWN_MODEL = "gemini-0.1-nothing"
UNKNOWN_VOICE = "Nobody"
STUCK_SECS = 30.0
"""A wait for what never comes ends in order; a test that is stopped from outside may hang in its end."""
_CONTENT = (SourceText, TargetText, TargetAudio)


@dataclass(frozen=True, slots=True)
class Bench:
    """One implementation of the seam.

    The methods that a test may not count on everywhere skip it.

    Attributes:
        name: Of the implementation.
        connector: Opens sessions.
        config: What it opens them with.
        exact: It understands the samples word for word; else only the language of what comes is known.
        answer_secs: How long a whole answer may take.
        turn_complete_secs: How long after the output ``turnComplete`` is waited for. Google may leave it out
            (measured on 3.1 by interpretab, August 2026); ``None``: it comes.
        speed: Of speech that has to be paced, in times real time.
    """

    name: str
    connector: Connector
    config: LiveConfig
    exact: bool = True
    answer_secs: float = STUCK_SECS
    turn_complete_secs: float | None = None
    speed: float = 40.0

    def with_key(self, key: str) -> Connector:
        """A connector that comes with another key."""
        self._skip("a connector with another key")

    def refusing_voices(self) -> Connector:
        """A connector whose upstream refuses a voice that does not exist."""
        self._skip("a voice that is refused")

    def stalling(self) -> Connector:
        """A connector whose setup is never answered."""
        self._skip("a setup that is never answered")

    def breaking(self) -> Connector:
        """A connector whose sessions are lost while they answer."""
        self._skip("a connection that is lost on command")

    @contextlib.asynccontextmanager
    async def talk(self, *, connector: Connector | None = None, manual: bool = True) -> AsyncIterator["Talk"]:
        """Open a connection; it is closed at the end of the block."""
        config = replace(self.config, manual_activity=manual)
        async with self.over(await (connector or self.connector).connect(config)) as talk:
            yield talk

    @contextlib.asynccontextmanager
    async def over(self, connection: LiveConnection) -> AsyncIterator["Talk"]:
        """Talk over a connection that is open; it is closed at the end of the block."""
        talk = Talk(self, connection)
        try:
            yield talk
        finally:
            await talk.close()

    def _skip(self, what: str) -> NoReturn:
        pytest.skip(f"{self.name} does not offer: {what}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came in answer to one utterance, in order."""

    events: Sequence[UpstreamEvent]

    @property
    def source(self) -> str:
        """What was recognised: the fragments, joined."""
        return "".join(event.text for event in self.events if isinstance(event, SourceText)).strip()

    @property
    def target(self) -> str:
        """Its interpretation, joined."""
        return "".join(event.text for event in self.events if isinstance(event, TargetText)).strip()

    @property
    def audio(self) -> bytes:
        """The interpretation as speech."""
        return b"".join(event.pcm for event in self.events if isinstance(event, TargetAudio))

    @property
    def audio_secs(self) -> float:
        """How long it is."""
        return len(self.audio) / 2 / OUTPUT_RATE_HZ

    @property
    def has_output(self) -> bool:
        """Whether both texts and sound have come."""
        return bool(self.source and self.target and self.audio)

    def count(self, kind: type[UpstreamEvent]) -> int:
        """How many events of a kind came."""
        return sum(isinstance(event, kind) for event in self.events)


class Talk:
    """One connection, and everything that came over it; one task receives all the time.

    Attributes:
        connection: The connection.
        events: What came so far.
        ended: How receiving ended: with an :class:`UpstreamError`, or else something is wrong.
    """

    def __init__(self, bench: Bench, connection: LiveConnection):
        """Receive from ``connection`` from here on."""
        self.connection = connection
        self.events: list[UpstreamEvent] = []
        self.ended: Exception | None = None
        self._bench = bench
        self._taken = 0
        self._changed = asyncio.Condition()
        self._receiver = asyncio.create_task(self._receive())

    async def say(self, *entry_ids: str, chunk_ms: float = 100) -> None:
        """Speak an utterance, marked, as fast as it can be sent."""
        await self.utter(spoken(*entry_ids), chunk_ms=chunk_ms)

    async def utter(self, pcm: bytes, *, chunk_ms: float = 100) -> None:
        """Send sound as one utterance."""
        await self.connection.send_activity_start()
        for chunk in chunks_of(pcm, chunk_ms, INPUT_RATE_HZ):
            await self.connection.send_audio(chunk)
        await self.connection.send_activity_end()

    async def stream(self, pcm: bytes) -> None:
        """Send sound without marks, paced as a microphone is."""
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        for number, chunk in enumerate(chunks_of(pcm, 20, INPUT_RATE_HZ)):
            await self.connection.send_audio(chunk)
            await asyncio.sleep(max(0.0, started_at + (number + 1) * 0.02 / self._bench.speed - loop.time()))

    async def answer(self, *, after_silence: bool = False) -> Answer:
        """What came since the last call, once it is the whole answer to an utterance.

        Args:
            after_silence: There was an utterance without words before: ends that come first are its.

        Raises:
            UpstreamError: The connection was lost instead.
            AssertionError: It took longer than ``answer_secs``.
        """
        try:
            async with asyncio.timeout(self._bench.answer_secs):
                if after_silence:
                    await self.until(self._skip_ends)
                await self.until(lambda: self._latest.has_output and self._ended(GenerationComplete, TurnComplete))
        except TimeoutError:
            raise AssertionError(
                f"expected source text, target text, sound and an end within {self._bench.answer_secs:g} s,"
                f" got {[type(event).__name__ for event in self._latest.events]}"
            ) from None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._bench.turn_complete_secs):
                await self.until(lambda: self._ended(TurnComplete))
        answer, self._taken = self._latest, len(self.events)
        return answer

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until ``condition`` holds; it is looked at after each message.

        Raises:
            UpstreamError: The connection was lost first.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: condition() or self.ended is not None)
        if not condition() and self.ended is not None:
            raise self.ended

    async def close(self) -> None:
        """Close the connection, which ends the receiver."""
        await self.connection.close()
        async with asyncio.timeout(STUCK_SECS):
            await self._receiver

    @property
    def _latest(self) -> Answer:
        return Answer(self.events[self._taken :])

    def _skip_ends(self) -> bool:
        """Take what is no content; whether content has come."""
        while self._taken < len(self.events) and not isinstance(self.events[self._taken], _CONTENT):
            self._taken += 1
        return self._taken < len(self.events)

    def _ended(self, *kinds: type[UpstreamEvent]) -> bool:
        return any(self._latest.count(kind) for kind in kinds)

    async def _receive(self) -> None:
        try:
            async for events in self.connection.receive():
                async with self._changed:
                    self.events += events
                    self._changed.notify_all()
            self.ended = AssertionError("receiving ended without an error")
        except Exception as error:
            self.ended = error
        async with self._changed:
            self._changed.notify_all()


def assert_orderly(answer: Answer) -> None:
    """The answer keeps the promises that need no knowledge of what was said.

    Texts have no order against anything (ai.google.dev, Live API guide), and may repeat after the turn
    (google-gemini/live-api-examples #48), so nothing is promised of them but that they are text.
    """
    kinds = [type(event) for event in answer.events]
    for event in answer.events:
        if isinstance(event, TargetAudio):
            assert event.pcm, "an empty piece of sound"
            assert len(event.pcm) % 2 == 0, "half a sample"
            assert event.sample_rate_hz == OUTPUT_RATE_HZ
        if isinstance(event, SourceText | TargetText):
            assert event.text or event.finished, "a text that says nothing"
    for end in (GenerationComplete, TurnComplete):
        assert kinds.count(end) <= 1, f"{end.__name__} came {kinds.count(end)} times"
        if end in kinds:
            assert TargetAudio not in kinds[kinds.index(end) :], f"sound came after {end.__name__}"
    if GenerationComplete in kinds and TurnComplete in kinds:
        assert kinds.index(GenerationComplete) < kinds.index(TurnComplete)
    assert Interrupted not in kinds, "the setup says NO_INTERRUPTION"


def assert_interprets(bench: Bench, answer: Answer, *entry_ids: str) -> None:
    """The answer is orderly, and is the interpretation of these phrases, as far as the bench can tell."""
    assert_orderly(answer)
    phrases = [entry(entry_id) for entry_id in entry_ids]
    assert language_of(answer.source, PAIR) == phrases[0].source_language, answer.source
    assert language_of(answer.target, PAIR) == phrases[0].target_language, answer.target
    assert answer.audio_secs > 0.3
    if bench.exact:
        assert answer.source == " ".join(phrase.source for phrase in phrases)
        assert answer.target == " ".join(phrase.target for phrase in phrases)
        assert answer.audio == b"".join(phrase.audio for phrase in phrases)


def interpreter_config(model: str, voice: str | None = None) -> LiveConfig:
    """The configuration that the server uses for either language."""
    return LiveConfig(model=model, instruction=interpreter_instruction(PAIR, "auto"), voice=voice)
