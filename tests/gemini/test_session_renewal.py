"""A session whose connections end as announced: the next one is ready before, and nobody hears the change."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemini.errors import FailureKind, UpstreamError
from gemini.events import GenerationComplete, GoAway, SourceText, TargetAudio, TargetText, TurnComplete
from gemini.happenings import Reconnected, Renewed, TurnRestarted, UpstreamLost
from gemini.turns import TargetGrew, TurnEnded
from tests.support.fake_upstream import ACTIVITY_END, FakeConnection, FakeConnector
from tests.support.talk import ANSWER, RATE_HZ, Talk, samples, talking
from tests.support.virtual_time import VirtualTimeLoop, settle

LOST = UpstreamError(FailureKind.UNAVAILABLE, "lost")
QUOTA = UpstreamError(FailureKind.QUOTA, "You exceeded")
SPEECH = TargetAudio(b"\1\0" * 2400, 24000)


def events_of(talk: Talk, *kinds: type) -> list[Any]:
    """The events of some kinds so far."""
    return [event for event in talk.events if isinstance(event, kinds)]


async def test_an_idle_session_goes_over_at_once() -> None:
    """Where nothing is owed the fresh connection takes over as soon as it is open, and the old one is closed."""
    async with talking() as talk:
        first = talk.upstream
        await settle(540)
        first.say(GoAway(50.0))
        await settle(1)
        assert first.closed
        (renewed,) = events_of(talk, Renewed, Reconnected, UpstreamLost)
        assert (renewed.reason, renewed.model) == ("go_away", "m")
        assert renewed.age_secs == pytest.approx(540, abs=1)
        talk.utter(RATE_HZ)
        await settle()
        assert talk.upstream.activities == [samples(0, RATE_HZ)]


async def test_the_old_connection_finishes_what_it_owes() -> None:
    """The standby is open while the old one answers, and takes the next utterance, not this one."""
    async with talking() as talk:
        first = talk.upstream
        spoken = talk.utter(RATE_HZ)
        await settle()
        first.say(GoAway(50.0))
        await settle(1)
        standby = talk.upstream
        assert standby is not first
        assert not first.closed
        following = talk.utter(RATE_HZ)
        await settle(1)
        assert standby.sent == []
        first.say(*ANSWER)
        await settle()
        assert first.activities == [samples(*spoken)]
        assert standby.activities == [samples(*following)]
        assert first.closed
        assert events_of(talk, TurnRestarted, UpstreamLost) == []
        assert len(talk.ends) == 1


async def test_speech_that_would_outlast_the_connection_moves_before_its_end() -> None:
    """An utterance that is still being spoken a second before the end goes over whole, and goes on there."""
    async with talking() as talk:
        first = talk.upstream
        talk.session.start_utterance(0)
        talk.hear(RATE_HZ)
        await settle()
        first.say(GoAway(10.0))
        await settle(8.9)
        assert talk.upstream.sent == []
        await settle(0.2)
        assert first.closed
        talk.hear(RATE_HZ)
        talk.session.end_utterance(0)
        await settle()
        assert talk.upstream.activities == [samples(0, 2 * RATE_HZ)]
        talk.upstream.say(*ANSWER)
        await settle()
        assert [end.failure for end in talk.ends] == [None]


async def test_a_timer_of_ours_ends_a_connection_that_fell_silent() -> None:
    """After go-away the upstream may say nothing more, not even goodbye: the utterance goes up again in time."""
    async with talking() as talk:
        first = talk.upstream
        talk.utter(RATE_HZ)
        await settle()
        first.say(GoAway(5.0))
        await settle(4.9)
        assert not first.closed
        await settle(0.2)
        assert first.closed
        assert talk.upstream.activities == [samples(0, RATE_HZ)]


async def test_an_answer_may_use_the_last_second() -> None:
    """A turn whose output runs at the announced end is finished by the old connection, where it comes in time."""
    async with talking() as talk:
        first = talk.upstream
        talk.utter(RATE_HZ)
        await settle()
        first.say(GoAway(5.0))
        first.say(SourceText("안녕."), TargetText("Hi"), SPEECH)
        await settle(4.8)
        first.say(TargetText("."), GenerationComplete(), TurnComplete())
        await settle(1)
        assert events_of(talk, TurnRestarted) == []
        assert [end.failure for end in talk.ends] == [None]


async def test_renewal_waits_for_a_go_away_that_is_far_off() -> None:
    """``timeLeft`` of five minutes, a second into a session, opens no second connection for four."""
    async with talking() as talk:
        talk.upstream.say(GoAway(300.0))
        await settle(239)
        assert len(talk.connector.connections) == 1
        await settle(2)
        assert len(talk.connector.connections) == 2


async def test_connections_that_announce_their_end_at_once_are_not_hammered() -> None:
    """Each fresh connection says that it has ten seconds: the next one does not follow at once."""
    connector = FakeConnector(on_open=lambda connection: connection.say(GoAway(10.0)))
    async with talking(connector=connector) as talk:
        await settle(120)
        assert talk.failure is None
        assert len(connector.connections) < 60


async def test_an_old_connection_is_renewed_unasked() -> None:
    """From fifty minutes on, since some models end after 58 without a word."""
    async with talking() as talk:
        first = talk.upstream
        await settle(2999)
        assert len(talk.connector.connections) == 1
        await settle(2)
        assert first.closed
        assert events_of(talk, Renewed)[0].reason == "max_age"


async def test_renewal_on_request() -> None:
    """``renew()`` goes over at the end of the turn."""
    async with talking() as talk:
        first = talk.upstream
        talk.utter(RATE_HZ)
        await settle()
        talk.session.renew()
        await settle(1)
        assert not first.closed
        first.say(*ANSWER)
        await settle()
        assert first.closed
        assert events_of(talk, Renewed)[0].reason == "request"


async def test_a_standby_takes_over_from_a_connection_that_breaks() -> None:
    """Without a pause: the utterance goes up again at once."""
    async with talking() as talk:
        first = talk.upstream
        talk.utter(RATE_HZ)
        await settle()
        first.say(GoAway(50.0))
        await settle(1)
        first.lose()
        await settle()
        assert talk.upstream.activities == [samples(0, RATE_HZ)]
        assert events_of(talk, Reconnected) == []


async def test_a_standby_that_breaks_is_replaced() -> None:
    """And the connection in use is left alone."""
    async with talking() as talk:
        first = talk.upstream
        talk.utter(RATE_HZ)
        await settle()
        first.say(GoAway(50.0))
        await settle(1)
        talk.upstream.lose()
        await settle(2)
        assert len(talk.connector.connections) == 3
        assert not first.closed
        assert events_of(talk, UpstreamLost, TurnRestarted) == []


async def test_a_renewal_that_is_refused_leaves_the_connection_in_use() -> None:
    """Quota for one connection only: the old one serves to its end, then the next attempt counts."""
    async with talking() as talk:
        first = talk.upstream
        talk.connector.down = QUOTA
        first.say(GoAway(50.0))
        await settle(30)
        assert len(talk.connector.configs) == 2
        talk.utter(RATE_HZ)
        await settle()
        first.say(*ANSWER)
        await settle()
        assert [end.failure for end in talk.ends] == [None]
        talk.connector.down = None
        await settle(21)
        assert talk.failure is None
        assert len(talk.connector.connections) == 2


async def test_a_standby_that_hits_the_quota_is_not_tried_again_soon() -> None:
    """Quota closes a connection after its setup; for a minute no other is opened."""
    async with talking() as talk:
        talk.utter(RATE_HZ)
        await settle()
        talk.upstream.say(GoAway(300.0))
        talk.session.renew()
        await settle(1)
        talk.upstream.lose(QUOTA)
        await settle(10)
        assert len(talk.connector.configs) == 2
        assert talk.failure is None


async def test_a_quota_for_one_connection_ends_no_session_that_goes_over() -> None:
    """What took over in an idle session hits the quota: alone another may go, and only its refusal is the end."""
    async with talking() as talk:
        talk.upstream.say(GoAway(50.0))
        await settle(0.5)
        talk.upstream.lose(QUOTA)
        await settle(1)
        assert talk.failure is None
        assert len(talk.connector.connections) == 3
        talk.upstream.lose(QUOTA)
        await settle(1)
        assert talk.failure is QUOTA


async def test_a_stream_is_renewed_where_the_upstream_detects() -> None:
    """Without marks of ours the fresh connection gets what may not have been answered."""
    async with talking(manual_activity=False) as talk:
        talk.hear(3 * RATE_HZ)
        await settle()
        talk.upstream.say(*ANSWER)
        await settle(1)
        talk.hear(RATE_HZ)
        talk.upstream.say(GoAway(50.0))
        await settle(1)
        assert talk.upstream.pcm == samples(3 * RATE_HZ - RATE_HZ // 2, talk.position)


async def test_closing_closes_the_standby_too() -> None:
    """Nothing stays open."""
    connector = FakeConnector()
    async with talking(connector=connector) as talk:
        talk.utter(RATE_HZ)
        await settle()
        talk.upstream.say(GoAway(50.0))
        await settle(1)
    assert [connection.closed for connection in connector.connections] == [True, True]


# Everything at once


@dataclass(frozen=True)
class Wait:
    """Time passes."""

    secs: float


STEPS: st.SearchStrategy[list[str | Wait]] = st.lists(
    st.sampled_from(["utter", "start", "hear", "end", "answer", "half", "lose", "lose standby", "go away", "renew"])
    | st.builds(Wait, st.sampled_from([0.0, 0.3, 3.0])),
    max_size=40,
)


@settings(max_examples=300)
@given(STEPS)
def test_every_utterance_is_answered_once_and_in_order(steps: list[str | Wait]) -> None:
    """However connections break and are renewed: each utterance ends once, answered by a whole sending of it.

    What the fake says for an utterance is the position of its first sample, so an answer tells what it is for.
    """

    async def run() -> None:
        utterances: list[int] = []
        connector = FakeConnector()

        answered: dict[FakeConnection, int] = {}
        begun: dict[FakeConnection, int] = {}

        def answer(connection: FakeConnection, *, whole: bool) -> None:
            count = connection.sent.count(ACTIVITY_END)
            if answered.get(connection, 0) == count:
                return
            if begun.get(connection, 0) < count:
                begun[connection] = count
                first = int.from_bytes(connection.activities[count - 1][:2], "little")
                connection.say(SourceText("s"), TargetText(f"{first}."), SPEECH)
            if whole:
                answered[connection] = count
                connection.say(GenerationComplete(), TurnComplete())

        async with talking(connector=connector) as talk:
            open_since: int | None = None
            for step in [*steps, "end"]:
                match step:
                    case Wait(secs=secs):
                        await settle(secs)
                    case "utter" if open_since is None:
                        utterances.append(talk.position)
                        talk.session.start_utterance(0, continued=True)
                        talk.hear(1600)
                        talk.session.end_utterance(0)
                    case "start" if open_since is None:
                        open_since = talk.position
                        talk.session.start_utterance(0, continued=True)
                    case "hear":
                        talk.hear(800)
                    case "end" if open_since is not None:
                        talk.hear(800)
                        talk.session.end_utterance(0)
                        utterances.append(open_since)
                        open_since = None
                    case "answer" | "half" if connector.connections:
                        for connection in connector.connections:
                            if not connection.closed:
                                answer(connection, whole=step == "answer")
                    case "lose":
                        next(
                            item for item in connector.connections if not item.closed or item is talk.upstream
                        ).lose()
                    case "lose standby":
                        talk.upstream.lose()
                    case "go away":
                        talk.upstream.say(GoAway(3.0))
                    case "renew":
                        talk.session.renew()
                await settle(0.0)
            for _ in range(4 * len(utterances) + 4):
                await settle(1.0)
                for connection in connector.connections:
                    answer(connection, whole=True)
            await settle(5.0)
            assert talk.failure is None
            assert talk.dropped == []
            assert [end.failure for end in talk.ends] == [None] * len(utterances)
            assert answers(talk) == [f"{start % 65536}." for start in utterances]

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(run())


def answers(talk: Talk) -> list[str]:
    """The target text of each turn, from where it began anew last."""
    texts, text = [], ""
    for event in talk.events:
        match event:
            case TurnRestarted():
                text = ""
            case TargetGrew():
                text += event.text
            case TurnEnded():
                texts.append(text)
                text = ""
    return texts
