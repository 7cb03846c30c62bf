"""A session that translates as it hears, over a scripted upstream and in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import pytest

from gemini.connector import LiveConfig
from gemini.continuous_speech import StreamTimes
from gemini.errors import FailureKind, UpstreamError
from gemini.events import GoAway, SourceText, TargetAudio, TargetText, Usage
from gemini.happenings import (
    Reconnected,
    Renewed,
    SessionEvent,
    SpeechDropped,
    StreamStopped,
    TokensCounted,
    UpstreamLost,
)
from gemini.translation_session import TranslationSession, TranslationSessionTimes
from gemini.translation_turns import Direction, TranslationTimes
from gemini.turns import OutputAudio, TargetGrew, TurnEnded
from tests.support.fake_upstream import FakeConnection, FakeConnector
from tests.support.pcm import counting_pcm
from tests.support.talk import followed
from tests.support.virtual_time import settle

RATE_HZ = 16_000
FRAME = RATE_HZ // 50
SOUND = TargetAudio(b"\1\0" * 6000, 24_000)
ZEROS = TargetAudio(bytes(12_000), 24_000)
TIMES = TranslationSessionTimes(
    connect_timeout_secs=4.0,
    timeout_secs=12.0,
    turns=TranslationTimes(),
    stream=StreamTimes(
        preroll_secs=0.3, tail_secs=5.0, longest_tail_secs=30.0, longest_lag_secs=5.0, ring_secs=60.0
    ),
)


class Talk:
    """A session, and a speaker whose audio tells its position in the stream.

    Attributes:
        session: The session.
        connector: Opens its connections.
        events: What it told so far.
        failure: How its events ended.
        position: How many samples were heard.
    """

    def __init__(self, session: TranslationSession, connector: FakeConnector):
        """Nothing was said."""
        self.session = session
        self.connector = connector
        self.events: list[SessionEvent] = []
        self.failure: Exception | None = None
        self.position = 0

    @property
    def upstream(self) -> FakeConnection:
        """The connection that was opened last."""
        return self.connector.connection

    def of(self, *kinds: type) -> list[SessionEvent]:
        """The events of some kinds so far."""
        return [event for event in self.events if isinstance(event, kinds)]

    @property
    def target(self) -> str:
        """All of the interpretation so far."""
        return "".join(event.text for event in self.events if isinstance(event, TargetGrew))

    async def hear(self, secs: float) -> None:
        """Sound comes for so long, in real time."""
        for _ in range(round(secs * 50)):
            self.session.append_audio(counting_pcm(self.position, self.position + FRAME))
            self.position += FRAME
            await asyncio.sleep(0.02)

    async def utter(self, secs: float) -> None:
        """Somebody speaks for so long."""
        self.session.start_utterance(0)
        await self.hear(secs)
        self.session.end_utterance(0)

    async def follow(self) -> None:
        """Note events until they end."""
        try:
            async with aclosing(self.session.events()) as events:
                async for event in events:
                    self.events.append(event)
        except Exception as error:
            self.failure = error


@asynccontextmanager
async def talking(
    connector: FakeConnector | None = None, *, marked: bool = True, **times: object
) -> AsyncIterator[Talk]:
    """A connected session; ``times``: other than :data:`TIMES`."""
    connector = connector or FakeConnector()
    session = TranslationSession(
        connector,
        LiveConfig("m", translation_target="en"),
        replace(TIMES, **times),  # type: ignore[arg-type]
        Direction("en", lambda text, code: code),
        marked=marked,
    )
    talk = Talk(session, connector)
    async with followed(session, talk.follow):
        yield talk


def said(start: float, end: float) -> bytes:
    """The stream from one second to another."""
    return counting_pcm(round(start * RATE_HZ), round(end * RATE_HZ))


def interpret(upstream: FakeConnection, source: str, target: str) -> None:
    """The upstream says a fragment of both."""
    upstream.say(SourceText(source, language="ko"))
    upstream.say(TargetText(target, language="en"), SOUND)


async def test_output_comes_while_somebody_speaks() -> None:
    """Nothing waits for the end of the utterance: texts and sound are told when they come."""
    async with talking() as talk:
        talk.session.start_utterance(0)
        await talk.hear(2)
        interpret(talk.upstream, "안녕하세요", "Hello")
        await settle()
        assert talk.target == "Hello"
        assert talk.of(OutputAudio)
        assert talk.upstream.pcm == said(0, 2)
        assert talk.of(TurnEnded) == []


async def test_a_turn_ends_by_silence_and_the_stream_stops() -> None:
    """The model ends nothing: silence ends the turn, and a while later the stream, until somebody speaks again."""
    async with talking() as talk:
        await talk.utter(2)
        interpret(talk.upstream, "안녕하세요.", "Hello.")
        await talk.hear(3)
        (ended,) = talk.of(TurnEnded)
        assert isinstance(ended, TurnEnded)
        assert (ended.source_text, ended.had_output, ended.failure) == ("안녕하세요.", True, None)
        assert talk.of(StreamStopped) == []
        await talk.hear(30)
        assert len(talk.of(StreamStopped)) == 1
        assert 6.9 <= len(talk.upstream.pcm) / 2 / RATE_HZ <= 7.2
        await talk.utter(1)
        assert talk.upstream.pcm.endswith(said(34.7, 36))


async def test_pieces_are_100_ms() -> None:
    """The upstream gets what its model is documented to take, and at the pace at which it is spoken."""
    async with talking() as talk:
        await talk.utter(2)
        await talk.hear(10)
        sizes = {len(piece) for piece in talk.upstream.sent if isinstance(piece, bytes)}
        assert sizes == {3200}
        assert talk.upstream.sent_at[19] == pytest.approx(2.0, abs=0.1)


async def test_an_idle_connection_is_replaced_and_nobody_notices() -> None:
    """Where nothing goes up and nothing is owed the standby takes over at once."""
    async with talking() as talk:
        first = talk.upstream
        first.say(GoAway(50.0))
        await talk.hear(1)
        assert first.closed
        assert len(talk.of(Renewed)) == 1
        await talk.utter(1)
        assert talk.upstream.pcm == said(0.7, 2)


async def test_a_connection_is_left_where_somebody_pauses_and_finishes_what_it_owes() -> None:
    """What is said from there on goes over the next one, whose output waits for the rest of the first one's."""
    async with talking() as talk:
        first = talk.upstream
        talk.session.start_utterance(0)
        await talk.hear(4)
        first.say(GoAway(50.0))
        await talk.hear(1)
        second = talk.upstream
        assert second is not first
        assert second.sent == []
        talk.session.end_utterance(0)
        talk.session.start_utterance(0, continued=True)
        await talk.hear(1)
        interpret(first, "하나", "One")
        await talk.hear(1)
        interpret(second, "셋", "Three")
        await talk.hear(1)
        interpret(first, " 둘.", " two.")
        await settle()
        assert talk.target == "One two."
        await talk.hear(6)
        assert talk.target == "One two.Three"
        assert first.closed
        assert first.pcm[: len(said(0, 5))] == said(0, 5)
        assert set(first.pcm[len(said(0, 5)) :]) == {0}
        assert second.pcm == said(5, 14)
        assert talk.of(UpstreamLost, Reconnected) == []


async def test_who_never_pauses_is_handed_over_before_the_end() -> None:
    """Without a pause speech goes over in the middle of a word, every sample to one of the two."""
    async with talking() as talk:
        first = talk.upstream
        talk.session.start_utterance(0)
        await talk.hear(1)
        first.say(GoAway(50.0))
        for _ in range(60):
            await talk.hear(1)
            for upstream in talk.connector.connections:
                interpret(upstream, " 말", " word")
        await settle()
        second = talk.upstream
        assert first.closed
        border = len(said(0, 61)) - len(second.pcm)
        assert first.pcm[:border] + second.pcm == said(0, 61)
        assert set(first.pcm[border:]) == {0}
        assert talk.of(UpstreamLost) == []
        assert len(talk.connector.connections) == 2


async def test_an_unmarked_stream_is_handed_over_between_turns() -> None:
    """Where nobody marks speech the border lies where nothing is being interpreted."""
    async with talking(marked=False, max_age_secs=100.0) as talk:
        first = talk.upstream
        for _ in range(110):
            await talk.hear(1)
            first.say(ZEROS)
        await settle()
        second = talk.upstream
        assert second is not first
        border = len(said(0, 110)) - len(second.pcm)
        assert 99 <= border / 2 / RATE_HZ <= 101
        assert first.pcm[:border] + second.pcm == said(0, 110)


async def test_after_a_loss_all_goes_up_again_that_may_be_unanswered() -> None:
    """The turn ends with what there is; the seconds before the last text, and all since, are sent once more."""
    async with talking() as talk:
        first = talk.upstream
        talk.session.start_utterance(0)
        await talk.hear(10)
        interpret(first, "하나", "One")
        await talk.hear(2)
        first.lose()
        await talk.hear(1)
        second = talk.upstream
        assert talk.of(UpstreamLost)
        assert talk.of(Reconnected)
        start = 13.0 - len(second.pcm) / 2 / RATE_HZ
        assert 4.8 <= start <= 5.1
        assert second.pcm == said(start, 13)
        interpret(second, " 둘", " two")
        await settle()
        assert talk.target == "Onetwo"
        assert talk.of(SpeechDropped) == []


async def test_speech_while_there_is_no_connection_is_kept() -> None:
    """What is said meanwhile goes up when there is one again, in whole."""
    connector = FakeConnector()
    async with talking(connector) as talk:
        connector.down = UpstreamError(FailureKind.UNAVAILABLE, "down")
        talk.upstream.lose()
        await talk.utter(3)
        connector.down = None
        await talk.hear(5)
        assert talk.upstream.pcm.startswith(said(0, 3))
        assert talk.of(SpeechDropped) == []


async def test_speech_that_the_ring_cannot_hold_is_told() -> None:
    """Without a connection for too long the oldest speech goes, and the client hears how much."""
    connector = FakeConnector()
    stream = replace(TIMES.stream, ring_secs=5.0)
    async with talking(connector, stream=stream) as talk:
        connector.down = UpstreamError(FailureKind.UNAVAILABLE, "down")
        talk.upstream.lose()
        await talk.utter(9)
        dropped = sum(event.duration_ms for event in talk.events if isinstance(event, SpeechDropped))
        assert 4000 <= dropped <= 5000


async def test_a_connection_that_says_nothing_is_left() -> None:
    """Neither text nor sound for long: the speech goes up over another one; after three of them it is over."""
    async with talking() as talk:
        talk.session.start_utterance(0)
        await talk.hear(12.5)
        assert [event.reason for event in talk.events if isinstance(event, UpstreamLost)] == ["no_answer"]
        assert talk.upstream.pcm.startswith(said(0, 12))
        await talk.hear(40)
        assert isinstance(talk.failure, UpstreamError)
        assert talk.failure.kind is FailureKind.UNAVAILABLE


async def test_sound_without_words_is_an_answer() -> None:
    """Where nobody says a word the model sends zeros: that is no reason to leave it."""
    async with talking() as talk:
        talk.session.start_utterance(0)
        for _ in range(60):
            await talk.hear(1)
            talk.upstream.say(ZEROS)
        assert talk.of(UpstreamLost, OutputAudio) == []


async def test_what_the_upstream_refuses_twice_is_given_up() -> None:
    """The same sound would be refused again and again: it is dropped, told, and the session goes on."""
    async with talking() as talk:
        talk.session.start_utterance(0)
        for _ in range(2):
            await talk.hear(1)
            talk.upstream.lose(UpstreamError(FailureKind.INVALID, "Request contains an invalid argument."))
            await talk.hear(1)
        (dropped,) = talk.of(SpeechDropped)
        assert isinstance(dropped, SpeechDropped)
        assert 2500 <= dropped.duration_ms <= 3500
        await talk.hear(3)
        assert talk.upstream.pcm
        assert talk.failure is None


async def test_a_refusal_for_good_ends_the_session_after_its_turns() -> None:
    """Quota that is used up: what there was of the turn, then the error."""
    async with talking() as talk:
        talk.session.start_utterance(0)
        await talk.hear(1)
        interpret(talk.upstream, "하나", "One")
        await settle()
        talk.upstream.lose(UpstreamError(FailureKind.QUOTA, "You exceeded"))
        await settle(1)
        assert isinstance(talk.events[-1], TurnEnded)
        assert isinstance(talk.failure, UpstreamError)
        assert talk.failure.kind is FailureKind.QUOTA


async def test_tokens_are_counted() -> None:
    """What the upstream counts is told, with the model."""
    async with talking() as talk:
        talk.upstream.say(Usage(5, 7))
        await settle()
        assert talk.events == [TokensCounted("m", 5, 7)]


async def test_a_cut_turn_counts_as_answered() -> None:
    """The client wants no more of it: that is no failure of the upstream's."""
    async with talking() as talk:
        await talk.utter(1)
        interpret(talk.upstream, "하나", "One")
        await settle()
        talk.session.cut()
        talk.upstream.lose()
        await settle(1)
        (ended,) = talk.of(TurnEnded)
        assert isinstance(ended, TurnEnded)
        assert ended.failure is None
