"""One line alone with the interpreter, against a scripted upstream and in virtual time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pipecat.frames.frames import InputAudioRawFrame

from gemini.errors import FailureKind, UpstreamError
from gemini.events import SourceText, TargetAudio, TargetText, TurnComplete
from pipelines.choice import Languages, choose_languages
from pipelines.conversation import Line
from pipelines.engines import load_engines
from pipelines.services import Services
from pipelines.sessions import Sessions
from pipelines.settings import load_settings
from pipelines.solo import SoloConversation
from protocol.errors import ErrorCode, Fault
from protocol.messages import ServerMessage
from tests.support.fake_upstream import ACTIVITY_END, ACTIVITY_START, FakeConnection, FakeConnector
from tests.support.pcm import chunks_of, tone
from tests.support.virtual_time import settle

RATE_HZ = 16_000
SPEECH = tone(1.0, RATE_HZ)
SILENCE = bytes(2 * RATE_HZ)
ANSWER = tone(0.5, 24_000)


class Caller:
    """A line, and the conversation that it has.

    Attributes:
        upstream: Scripted.
        pieces: What it heard.
        messages: What it was told.
        failures: Why the conversation can't go on.
        cleared: How often its far end was told to drop what it had.
        conversation: With the interpreter.
    """

    def __init__(self, upstream: FakeConnector, language: str = "auto", *, barge_in: bool = False):
        """Call."""
        self.upstream = upstream
        self.pieces: list[bytes] = []
        self.messages: list[ServerMessage] = []
        self.failures: list[Fault | BaseException] = []
        self.cleared = 0
        settings = load_settings(vad_provider="energy", barge_in=barge_in)
        engines = load_engines(settings)
        sessions = Sessions(max_sessions=2, max_pending=2, max_loop_lag_ms=0)
        line = Line(
            "line-1", 8000, self.pieces.append, self.messages.append, self.failures.append, clear=self._note_clear
        )
        languages = choose_languages(language, None, settings)
        assert isinstance(languages, Languages)
        services = Services(settings, engines, upstream, sessions)
        self.conversation = SoloConversation(line, engines.default, languages, services)

    def _note_clear(self) -> None:
        self.cleared += 1

    def speak(self, pcm: bytes) -> None:
        """Say something, all at once."""
        for chunk in chunks_of(pcm, 20, RATE_HZ):
            self.conversation.hear(InputAudioRawFrame(chunk, RATE_HZ, 1))

    @property
    def kinds(self) -> list[str]:
        """Types of the messages, states aside."""
        return [message.type for message in self.messages if message.type != "speech_state"]


def answer(connection: FakeConnection, words: str) -> None:
    """The upstream answers an utterance in full."""
    connection.say(SourceText(words))
    connection.say(TargetText(words.upper()), TargetAudio(ANSWER, 24_000))
    connection.say(TurnComplete())


@contextlib.asynccontextmanager
async def call(upstream: FakeConnector | None = None, **options: Any) -> AsyncIterator[Caller]:
    """A call that has begun."""
    caller = Caller(upstream or FakeConnector(), **options)
    caller.conversation.start()
    try:
        yield caller
    finally:
        await caller.conversation.stop()
    assert all(connection.closed for connection in caller.upstream.connections)


async def test_what_is_said_comes_back_interpreted_and_paced() -> None:
    """Texts in order, the sound in pieces of 20 ms at the line's rate, the end behind it."""
    async with call() as caller:
        caller.speak(SPEECH + SILENCE)
        await asyncio.sleep(1)
        assert caller.upstream.connection.sent[0] == ACTIVITY_START
        assert caller.upstream.connection.sent[-1] == ACTIVITY_END
        answer(caller.upstream.connection, "hello")
        await asyncio.sleep(2)
        assert {len(piece) for piece in caller.pieces} == {320}
        assert 0.5 <= len(caller.pieces) * 0.02 <= 0.56
        assert caller.kinds[-3:] == ["input_transcription", "output_transcription", "turn_complete"]


async def test_speech_before_the_upstream_is_there_is_heard() -> None:
    """Whole: nobody waits before speaking into a phone."""
    async with call(FakeConnector(delay_secs=3)) as caller:
        caller.speak(SPEECH + SILENCE)
        await asyncio.sleep(4)
        assert len(caller.upstream.connection.pcm) >= len(SPEECH)


async def test_an_upstream_that_is_not_there_fails_the_line_once() -> None:
    """With what a client would be told."""
    refusing = FakeConnector(failures=[UpstreamError(FailureKind.REJECTED, "no")])
    async with call(refusing) as caller:
        await asyncio.sleep(5)
        (failure,) = caller.failures
        assert isinstance(failure, Fault)
        assert failure.code is ErrorCode.UPSTREAM_AUTH


async def test_swap_turns_the_direction_round_and_loses_nothing() -> None:
    """What was said before is answered by the old direction, what is said after by the other."""
    async with call(language="ko") as caller:
        caller.speak(SPEECH + SILENCE)
        await asyncio.sleep(1)
        first = caller.upstream.connection
        caller.conversation.swap()
        caller.speak(SPEECH + SILENCE)
        await asyncio.sleep(0.5)
        assert len(caller.upstream.connections) == 1
        answer(first, "first")
        await asyncio.sleep(2)
        assert first.closed
        second = caller.upstream.connection
        assert second is not first
        assert [
            "speaks Korean" in config.instruction or "speaks English" in config.instruction
            for config in caller.upstream.configs
        ] == [True, True]
        assert "speaks Korean" in caller.upstream.configs[0].instruction
        assert "speaks English" in caller.upstream.configs[1].instruction
        assert len(second.pcm) >= len(SPEECH)
        answer(second, "second")
        await asyncio.sleep(2)
        assert caller.kinds.count("turn_complete") == 2


async def test_swap_in_the_middle_of_an_utterance_ends_it() -> None:
    """Its answer comes, and the other direction is heard: a key is pressed whenever somebody likes."""
    async with call(language="ko") as caller:
        caller.speak(SPEECH)
        await asyncio.sleep(0.1)
        first = caller.upstream.connection
        caller.conversation.swap()
        await asyncio.sleep(2)
        assert first.sent[-1] == ACTIVITY_END
        answer(first, "first")
        await asyncio.sleep(2)
        assert first.closed
        caller.speak(SPEECH + SILENCE)
        await asyncio.sleep(1)
        answer(caller.upstream.connection, "second")
        await asyncio.sleep(2)
        assert caller.kinds.count("turn_complete") == 2


async def test_swap_of_a_call_in_which_either_is_spoken_fixes_the_direction() -> None:
    """First to the one, then to the other."""
    async with call() as caller:
        for language in ("Korean", "English", "Korean"):
            caller.conversation.swap()
            await asyncio.sleep(1)
            assert f"speaks {language}" in caller.upstream.configs[-1].instruction


async def test_drained_means_answered_and_played() -> None:
    """Not only made."""
    async with call() as caller:
        caller.speak(SPEECH)
        await settle()
        draining = asyncio.create_task(caller.conversation.drained())
        await settle()
        caller.speak(SILENCE)
        await asyncio.sleep(3)
        assert not draining.done()
        answer(caller.upstream.connection, "bye")
        await draining
        assert len(caller.pieces) * 0.02 >= 0.5
        assert caller.kinds[-1] == "turn_complete"


async def test_who_said_nothing_is_drained_at_once() -> None:
    """Also while the upstream is being connected."""
    async with call(FakeConnector(delay_secs=3)) as caller:
        before = asyncio.get_running_loop().time()
        await caller.conversation.drained()
        assert asyncio.get_running_loop().time() == pytest.approx(before, abs=0.1)


async def test_stopping_in_the_middle_of_a_swap_releases_both() -> None:
    """Whichever runs."""
    async with call(language="ko") as caller:
        caller.speak(SPEECH)
        await asyncio.sleep(1)
        caller.conversation.swap()
        await asyncio.sleep(0.1)
    assert caller.failures == []


async def test_who_speaks_while_an_interpretation_plays_stops_it_where_that_is_wanted() -> None:
    """With ``BARGE_IN``: also one that was made whole long before, of which the far end drops what it has."""
    async with call(barge_in=True) as caller:
        caller.speak(SPEECH + SILENCE)
        await asyncio.sleep(1)
        connection = caller.upstream.connection
        connection.say(SourceText("hello"), TargetText("HELLO"), TargetAudio(8 * ANSWER, 24_000), TurnComplete())
        await asyncio.sleep(1)
        caller.speak(SPEECH)
        await asyncio.sleep(1)
        heard = len(caller.pieces)
        assert caller.cleared == 1, "once, and not by the interpretation itself"
        assert heard * 0.02 < 3
        await asyncio.sleep(3)
        assert len(caller.pieces) == heard
        assert caller.kinds.count("turn_complete") == 1


async def test_a_key_that_is_held_down_turns_the_direction_round_once() -> None:
    """One change at a time: each takes a session with the upstream."""
    async with call(language="ko") as caller:
        await asyncio.sleep(1)
        for _ in range(20):
            caller.conversation.swap()
        await asyncio.sleep(5)
        assert len(caller.upstream.configs) == 2
        caller.conversation.swap()
        await asyncio.sleep(5)
        assert len(caller.upstream.configs) == 3
