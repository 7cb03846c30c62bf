"""What the engine makes of each implementation: :class:`gemini.session.LiveSession` over it gives whole turns."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from gemini.connector import INPUT_RATE_HZ, OUTPUT_RATE_HZ
from gemini.errors import FailureKind, UpstreamError
from gemini.happenings import SessionEvent
from gemini.session import LiveSession, SessionTimes
from gemini.turns import OutputAudio, OutputEnded, OutputStarted, SourceChanged, TargetGrew, TurnEnded, TurnTimes
from processors.script import language_of
from tests.contract.bench import ENGLISH, KOREAN, PAIR, UNKNOWN_MODEL, Bench
from tests.support.pcm import chunks_of
from tests.support.speech import entry, spoken, texts

TIMES = SessionTimes(
    connect_timeout_secs=10.0,
    preroll_secs=0.3,
    ring_secs=60.0,
    turns=TurnTimes(timeout_secs=20.0, late_text_secs=3.0),
)


@dataclass
class Turn:
    """One turn as the session tells of it.

    Attributes:
        events: All of its events.
        source: The source text, whole.
        target: The target text.
        audio: The interpretation's speech.
    """

    events: list[SessionEvent] = field(default_factory=list)
    source: str = ""
    target: str = ""
    audio: bytes = b""

    def take(self, event: SessionEvent) -> None:
        """Add an event."""
        self.events.append(event)
        match event:
            case SourceChanged(text=text):
                self.source = text
            case TargetGrew(text=text):
                self.target += text
            case OutputAudio(pcm=pcm, sample_rate_hz=rate_hz):
                assert rate_hz == OUTPUT_RATE_HZ
                self.audio += pcm

    @property
    def kinds(self) -> list[type[SessionEvent]]:
        """What happened, in order."""
        return [type(event) for event in self.events]


@contextlib.asynccontextmanager
async def open_session(bench: Bench) -> AsyncIterator[LiveSession]:
    """A connected session; it is closed at the end of the block."""
    session = LiveSession(bench.connector, bench.config, TIMES)
    await session.connect()
    try:
        yield session
    finally:
        await session.close()


def utter(session: LiveSession, phrase: str) -> None:
    """Speak a phrase, as the engine hears of it."""
    session.start_utterance(0)
    for chunk in chunks_of(spoken(phrase), 20, INPUT_RATE_HZ):
        session.append_audio(chunk)
    session.end_utterance(0)


async def turns_of(session: LiveSession, count: int) -> list[Turn]:
    """The next ``count`` turns, whole."""
    turns = [Turn()]
    async for event in session.events():
        turns[-1].take(event)
        if isinstance(event, TurnEnded):
            if len(turns) == count:
                return turns
            turns.append(Turn())
    raise AssertionError("the events of a session end")


def assert_whole(bench: Bench, turn: Turn, phrase: str) -> None:
    """The turn is the phrase's, told in order, and was not given up."""
    spoken_phrase = entry(phrase)
    assert language_of(turn.source, PAIR) == spoken_phrase.source_language, turn.source
    assert language_of(turn.target, PAIR) == spoken_phrase.target_language, turn.target
    assert turn.kinds.count(OutputStarted) == turn.kinds.count(OutputEnded) == 1
    started, ended = turn.kinds.index(OutputStarted), turn.kinds.index(OutputEnded)
    sound = [index for index, kind in enumerate(turn.kinds) if kind is OutputAudio]
    assert sound
    assert started < min(sound)
    assert max(sound) < ended
    end = turn.events[-1]
    assert isinstance(end, TurnEnded)
    assert end.answers_utterance
    assert end.had_output
    assert end.failure is None
    assert end.source_text == turn.source
    if bench.exact:
        assert (turn.source.strip(), turn.target.strip()) == texts(phrase)
        assert turn.audio == spoken_phrase.audio


async def test_an_utterance_becomes_a_turn(bench: Bench) -> None:
    """What the connection says becomes one turn: texts, sound between a beginning and an end, and its end."""
    async with open_session(bench) as session:
        utter(session, KOREAN)
        (turn,) = await turns_of(session, 1)
    assert_whole(bench, turn, KOREAN)


async def test_utterances_that_come_at_once_become_turns_in_order(bench: Bench) -> None:
    """A second utterance waits for the first one's turn, and then has its own; neither gets a word of the other."""
    async with open_session(bench) as session:
        utter(session, ENGLISH)
        utter(session, KOREAN)
        first, second = await turns_of(session, 2)
    assert_whole(bench, first, ENGLISH)
    assert_whole(bench, second, KOREAN)


async def test_a_refusal_is_no_reason_to_try_again(bench: Bench) -> None:
    """A session that is refused fails at once, as what it is."""
    session = LiveSession(bench.connector, replace(bench.config, model=UNKNOWN_MODEL), TIMES)
    with pytest.raises(UpstreamError) as caught:
        await session.connect()
    assert caught.value.kind is FailureKind.MODEL_REJECTED
    await session.close()
