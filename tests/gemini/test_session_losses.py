"""A session whose upstream fails: what goes up again, what does not, and when it is over."""

import asyncio
from collections.abc import Sequence

import pytest

from gemini.errors import FailureKind, UpstreamError
from gemini.events import (
    GenerationComplete,
    GoAway,
    Interrupted,
    Resumable,
    SourceText,
    TargetAudio,
    TargetText,
    TurnComplete,
    UpstreamEvent,
)
from gemini.happenings import Reconnected, SpeechDropped, TurnRestarted, UpstreamLost, UtteranceAnswered
from gemini.turns import OutputAudio, SourceChanged, TargetGrew, TurnEnded, TurnFailure
from tests.support.fake_upstream import ACTIVITY_END, ACTIVITY_START, FakeConnection, FakeConnector
from tests.support.talk import ANSWER, RATE_HZ, Talk, new_session, samples, talking
from tests.support.virtual_time import settle

LOST = UpstreamError(FailureKind.UNAVAILABLE, "lost")
QUOTA = UpstreamError(FailureKind.QUOTA, "You exceeded")
INVALID = UpstreamError(FailureKind.INVALID, "1007")
MODEL_REJECTED = UpstreamError(FailureKind.MODEL_REJECTED, "models/m is not found")
SPEECH = TargetAudio(b"\1\0" * 2400, 24000)


def answering(*answers: Sequence[UpstreamEvent]) -> FakeConnector:
    """A connector whose connections answer one after the other, the last answer for good; empty: with nothing."""
    left = list(answers)

    def answer_activities(connection: FakeConnection) -> None:
        def answer() -> None:
            events = left.pop(0) if len(left) > 1 else left[0]
            if events:
                connection.say(*events)

        connection.on_activity_end = answer

    return FakeConnector(on_open=answer_activities)


def kinds(talk: Talk) -> list[type]:
    """The kinds of all events so far."""
    return [type(event) for event in talk.events]


# Lost connections


@pytest.mark.parametrize("moment", ["idle", "before", "during", "after"])
async def test_an_utterance_that_was_not_answered_goes_up_again(moment: str) -> None:
    """Whenever the connection breaks before output, the utterance is sent whole over the next one, once."""
    async with talking() as talk:
        first = talk.upstream
        if moment == "idle":
            first.lose()
            await settle(1)
        talk.session.start_utterance(0)
        if moment == "before":
            await settle()
            first.lose()
            await settle(1)
        talk.hear(RATE_HZ)
        if moment == "during":
            await settle()
            first.lose()
            await settle(1)
        talk.hear(RATE_HZ)
        talk.session.end_utterance(0)
        if moment == "after":
            await settle()
            first.lose()
        await settle(1)
        assert first.closed
        assert talk.upstream is not first
        assert talk.upstream.sent.count(ACTIVITY_START) == talk.upstream.sent.count(ACTIVITY_END) == 1
        assert talk.upstream.activities == [samples(0, 2 * RATE_HZ)]
        talk.upstream.say(*ANSWER)
        await settle()
        assert [end.failure for end in talk.ends] == [None]
        assert [event.failure for event in talk.restarts] == ([] if moment == "idle" else [TurnFailure.LOST])
        assert Reconnected in kinds(talk)


async def test_an_answer_that_broke_off_is_made_again() -> None:
    """Output that had begun is void: the restart comes between its pieces and those of the whole answer."""
    connector = answering([SourceText("안녕."), TargetText("Hi"), SPEECH], ANSWER)
    async with talking(connector=connector) as talk:
        talk.utter(RATE_HZ)
        await settle()
        talk.upstream.lose()
        await settle(1)
        told = [event for event in talk.events if isinstance(event, (TargetGrew, TurnRestarted, TurnEnded))]
        assert told == [
            TargetGrew("Hi", None),
            TurnRestarted(TurnFailure.LOST, 0),
            TargetGrew("Hi.", None),
            TurnEnded(True, True, None, "안녕.", None),
        ]


async def test_what_was_answered_in_full_is_not_asked_again() -> None:
    """After the upstream's own end of output a loss changes nothing for that turn."""
    async with talking() as talk:
        talk.utter(RATE_HZ)
        await settle()
        talk.upstream.say(SourceText("안녕."), TargetText("Hi"), SPEECH, GenerationComplete())
        await settle(0.1)
        talk.upstream.lose()
        await settle(1)
        assert talk.restarts == []
        assert [end.failure for end in talk.ends] == [None]
        assert talk.upstream.activities == []


async def test_a_turn_that_the_client_cut_is_not_asked_again() -> None:
    """Who interrupted wants no more of it."""
    async with talking() as talk:
        talk.utter(RATE_HZ)
        await settle()
        talk.upstream.say(SourceText("안녕."), TargetText("Hi"), SPEECH)
        await settle(0.1)
        talk.session.cut()
        talk.upstream.lose()
        await settle(1)
        assert talk.restarts == []
        assert len(talk.ends) == 1


async def test_utterances_keep_their_order_over_a_loss() -> None:
    """What waited behind the utterance that was lost follows it, each once."""
    async with talking() as talk:
        stretches = [talk.utter(RATE_HZ) for _ in range(3)]
        await settle()
        talk.upstream.say(*ANSWER)
        await settle()
        talk.upstream.lose()
        await settle(1)
        for _ in range(2):
            talk.upstream.say(*ANSWER)
            await settle()
        assert talk.upstream.activities == [samples(*stretch) for stretch in stretches[1:]]
        assert [end.failure for end in talk.ends] == [None] * 3


async def test_overlapping_utterances_go_up_again_in_order() -> None:
    """With ``overlap="stream"`` all that were unanswered follow, the oldest first."""
    async with talking(overlap="stream") as talk:
        stretches = [talk.utter(RATE_HZ) for _ in range(3)]
        await settle()
        talk.upstream.lose()
        await settle(1)
        assert talk.upstream.activities == [samples(*stretch) for stretch in stretches]


async def test_what_is_said_while_there_is_no_connection_waits() -> None:
    """An outage of seconds costs time and nothing else."""
    async with talking() as talk:
        talk.connector.down = LOST
        talk.upstream.lose()
        await settle(1)
        stretches = []
        for _ in range(4):
            stretches.append(talk.utter(2 * RATE_HZ))
            await settle(2)
        talk.connector.down = None
        await settle(5)
        for _ in stretches:
            talk.upstream.say(*ANSWER)
            await settle()
        assert talk.upstream.activities == [samples(*stretch) for stretch in stretches]
        assert talk.dropped == []
        (reconnected,) = [event for event in talk.events if isinstance(event, Reconnected)]
        assert 8 < reconnected.after_secs < 14


async def test_speech_beyond_the_ring_is_dropped_by_whole_utterances() -> None:
    """In an outage the oldest utterance goes first, and the client is told how long it was."""
    async with talking(ring_secs=5.0) as talk:
        talk.connector.down = LOST
        talk.upstream.lose()
        await settle(1)
        stretches = [talk.utter(2 * RATE_HZ) for _ in range(4)]
        assert talk.dropped == []
        await settle()
        assert talk.dropped == [SpeechDropped(2000, whole_utterance=True)] * 2
        talk.connector.down = None
        await settle(8)
        talk.upstream.say(*ANSWER)
        await settle()
        assert talk.upstream.activities == [samples(*stretch) for stretch in stretches[2:]]


async def test_an_utterance_whose_turn_is_open_ends_it_when_it_is_dropped() -> None:
    """The client's turn gets its end, and then the warning."""
    async with talking(ring_secs=3.0) as talk:
        talk.utter(2 * RATE_HZ)
        await settle()
        talk.upstream.say(SourceText("안녕."))
        await settle()
        talk.connector.down = LOST
        talk.upstream.lose()
        await settle(1)
        talk.utter(2 * RATE_HZ)
        await settle()
        assert talk.ends == [TurnEnded(True, False, TurnFailure.LOST, "안녕.", None)]
        assert talk.dropped == [SpeechDropped(2000, whole_utterance=False)]


# The end


async def test_reconnecting_ends_in_time() -> None:
    """Thirty seconds after the loss the upstream counts as gone; the open turn is closed with what there is."""
    async with talking() as talk:
        talk.utter(RATE_HZ)
        await settle()
        talk.upstream.say(SourceText("안녕."))
        talk.connector.down = LOST
        talk.upstream.lose()
        await settle(29.9)
        assert talk.failure is None
        await settle(0.2)
        assert isinstance(talk.failure, UpstreamError)
        assert talk.failure.kind is FailureKind.UNAVAILABLE
        assert [end.source_text for end in talk.ends] == ["안녕."]
        assert 8 <= len(talk.connector.configs) <= 20


async def test_connections_that_break_at_once_use_the_time_up() -> None:
    """A connection is no success: an upstream that takes and drops them ends the session, and is not hammered."""
    connector = FakeConnector(on_open=lambda connection: connection.lose())
    async with talking(connector=connector) as talk:
        await settle(200)
        assert isinstance(talk.failure, UpstreamError)
        assert talk.failure.kind is FailureKind.UNAVAILABLE
        assert len(connector.configs) < 30


async def test_an_answer_gives_the_time_back() -> None:
    """Outages that lie between answered utterances do not add up."""
    async with talking() as talk:
        for _ in range(5):
            talk.connector.down = LOST
            talk.upstream.lose()
            await settle(20)
            talk.connector.down = None
            await settle(5)
            talk.utter(RATE_HZ)
            await settle()
            talk.upstream.say(*ANSWER)
            await settle()
        assert talk.failure is None
        assert len(talk.ends) == 5


async def test_a_long_silence_gives_the_time_back() -> None:
    """A connection that lived for a minute was good, even if nobody spoke."""
    async with talking() as talk:
        for _ in range(5):
            talk.connector.down = LOST
            talk.upstream.lose()
            await settle(20)
            talk.connector.down = None
            await settle(80)
        assert talk.failure is None


@pytest.mark.parametrize("error", [QUOTA, UpstreamError(FailureKind.REJECTED, "API key"), MODEL_REJECTED])
@pytest.mark.parametrize("when", ["by the close", "at the next attempt"])
async def test_a_refusal_ends_the_session(error: UpstreamError, when: str) -> None:
    """What no further attempt can cure ends the events with its kind, after what there was, and is asked once."""
    async with talking() as talk:
        talk.utter(RATE_HZ)
        await settle()
        talk.upstream.say(SourceText("안녕."))
        talk.connector.down = error
        talk.upstream.lose(error if when == "by the close" else LOST)
        await settle(60)
        assert talk.failure is error
        assert [end.source_text for end in talk.ends] == ["안녕."]
        assert len(talk.connector.configs) == (1 if when == "by the close" else 2)


async def test_a_model_that_is_gone_is_replaced() -> None:
    """With a fallback model the session goes on with that one."""
    async with talking(fallback_models=("n",)) as talk:
        talk.utter(RATE_HZ)
        await settle()
        talk.upstream.lose(MODEL_REJECTED)
        await settle(1)
        assert talk.failure is None
        assert [config.model for config in talk.connector.configs] == ["m", "n"]
        assert talk.upstream.activities == [samples(0, RATE_HZ)]


# Answers that are none


SILENCE = TargetAudio(bytes(4800), 24000)
FAILURES: dict[TurnFailure, Sequence[UpstreamEvent]] = {
    TurnFailure.NO_ANSWER: [],
    TurnFailure.MUTE_AFTER_INTERRUPTED: [Interrupted()],
    TurnFailure.BROKEN_OFF: [TargetText("Hi"), SPEECH, Interrupted(), TurnComplete()],
    TurnFailure.NO_END: [TargetText("Hi."), SPEECH],
    TurnFailure.EMPTY_TURN: [TurnComplete()],
    TurnFailure.NO_AUDIO: [TargetText("Hi."), GenerationComplete(), TurnComplete()],
    TurnFailure.SILENT_AUDIO: [TargetText("Hi."), SILENCE, GenerationComplete(), TurnComplete()],
}


def test_every_failure_but_the_loss_is_tried_here() -> None:
    """The table below is complete."""
    assert {*FAILURES, TurnFailure.LOST} == {*TurnFailure}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("times", [1, 2, 3])
async def test_an_utterance_is_asked_again_up_to_three_times(failure: TurnFailure, times: int) -> None:
    """Each time over a fresh connection and whole; the answer that comes then ends the turn, and nothing before."""
    connector = answering(*[FAILURES[failure]] * times, ANSWER)
    async with talking(connector=connector) as talk:
        talk.utter(RATE_HZ)
        await settle(60)
        assert len(connector.connections) == times + 1
        assert [connection.activities for connection in connector.connections] == [[samples(0, RATE_HZ)]] * (
            times + 1
        )
        assert all(connection.closed for connection in connector.connections[:-1])
        assert talk.restarts == [TurnRestarted(failure, number) for number in range(1, times + 1)]
        assert [end.failure for end in talk.ends] == [None]
        assert talk.dropped == []
        lost = [event.reason for event in talk.events if isinstance(event, UpstreamLost)]
        assert lost == [failure.value] * times


@pytest.mark.parametrize("failure", FAILURES)
async def test_an_utterance_that_is_never_answered_is_given_up(failure: TurnFailure) -> None:
    """After the fourth time the turn ends with what there is, and the client is told that it is not the whole."""
    connector = answering(*[FAILURES[failure]] * 4, ANSWER)
    async with talking(connector=connector) as talk:
        talk.utter(RATE_HZ)
        await settle(100)
        talk.utter(RATE_HZ)
        await settle(1)
        assert [end.failure for end in talk.ends] == [failure, None]
        assert talk.dropped == [SpeechDropped(1000, whole_utterance=False)]
        assert talk.failure is None
        assert len(connector.connections) == 5


async def test_all_zeros_never_come_out() -> None:
    """Silence in place of speech is not played, and the text that came with it starts anew."""
    connector = answering(FAILURES[TurnFailure.SILENT_AUDIO], ANSWER)
    async with talking(connector=connector) as talk:
        talk.utter(RATE_HZ)
        await settle(30)
        assert [event.pcm for event in talk.events if isinstance(event, OutputAudio)] == [b"\1\0"]


async def test_an_upstream_that_says_nothing_to_anybody_is_gone() -> None:
    """Three utterances in a row, none of which brought a single message over four connections, end the session."""
    async with talking(connector=answering([])) as talk:
        for _ in range(3):
            assert talk.failure is None
            talk.utter(RATE_HZ)
            await settle(55)
        assert isinstance(talk.failure, UpstreamError)
        assert talk.failure.kind is FailureKind.UNAVAILABLE
        assert len(talk.ends) == 3


async def test_any_message_is_a_sign_of_life() -> None:
    """Where the upstream recognises speech and interprets none of it, the session goes on, with warnings."""
    async with talking(connector=answering([SourceText("음")])) as talk:
        for _ in range(5):
            talk.utter(RATE_HZ)
            await settle(55)
        assert talk.failure is None
        assert len(talk.dropped) == 5


@pytest.mark.parametrize("blocked", ["start", "audio", "end"])
async def test_an_upstream_that_takes_nothing_is_left(blocked: str) -> None:
    """A send that is stuck for as long as a turn may take ends the connection, whose utterance goes up again."""
    async with talking() as talk:
        first = talk.upstream
        if blocked != "start":
            talk.session.start_utterance(0)
            await settle()
        if blocked == "end":
            talk.hear(RATE_HZ)
            await settle()
        first.may_send.clear()
        if blocked == "start":
            talk.session.start_utterance(0)
        talk.hear(RATE_HZ)
        talk.session.end_utterance(0)
        await settle(11.9)
        assert talk.upstream is first
        await settle(1)
        assert talk.upstream is not first
        assert talk.upstream.activities == [samples(0, talk.position)]


async def test_what_the_upstream_calls_invalid_is_sent_twice_and_no_more() -> None:
    """1007: another connection gets the utterance; refused there too, it is given up, and the session goes on."""

    def refuse(connection: FakeConnection) -> None:
        connection.on_activity_end = lambda: connection.lose(INVALID)

    connector = FakeConnector(on_open=refuse)
    async with talking(connector=connector) as talk:
        talk.utter(RATE_HZ)
        await settle(5)
        assert [len(connection.activities) for connection in connector.connections] == [1, 1, 0]
        assert talk.dropped == [SpeechDropped(1000, whole_utterance=False)]
        assert talk.failure is None


# Resumption


async def test_a_session_is_resumed_once_its_connection_is_closed() -> None:
    """With resumption the last handle is used after a loss, never while the old connection is open."""
    async with talking(resumption=True) as talk:
        first = talk.upstream
        first.say(Resumable("old"))
        first.say(Resumable("last"))
        await settle()
        open_when_resumed: list[bool] = []
        talk.connector.on_open = lambda connection: open_when_resumed.append(not first.closed)
        first.lose()
        await settle(1)
        assert [config.handle for config in talk.connector.configs] == [None, "last"]
        assert open_when_resumed == [False]


async def test_a_handle_that_is_refused_is_not_used_again() -> None:
    """A fresh session takes its place."""
    async with talking(resumption=True) as talk:
        talk.upstream.say(Resumable("h"))
        await settle()
        talk.connector.failures = [LOST, UpstreamError(FailureKind.REJECTED, "1007")]
        talk.upstream.lose()
        await settle(2)
        assert [config.handle for config in talk.connector.configs] == [None, "h", None]
        assert talk.failure is None


async def test_without_resumption_no_handle_is_used() -> None:
    """Fresh sessions are the rule: interpreting needs no memory."""
    async with talking() as talk:
        talk.upstream.say(Resumable("h"))
        await settle()
        talk.upstream.lose()
        await settle(1)
        assert [config.handle for config in talk.connector.configs] == [None, None]


# Where the upstream detects utterances


async def test_a_stream_is_sent_again_from_where_it_was_answered() -> None:
    """Without marks of ours what was said since the answered speech goes up again, and no more than ten seconds."""
    async with talking(manual_activity=False) as talk:
        talk.hear(3 * RATE_HZ)
        await settle()
        talk.upstream.say(*ANSWER)
        await settle(1)
        talk.hear(2 * RATE_HZ)
        await settle()
        talk.upstream.say(SourceText("둘"))
        await settle()
        talk.upstream.lose()
        await settle(1)
        assert talk.upstream.pcm == samples(3 * RATE_HZ - RATE_HZ // 2, talk.position)
        assert [event.failure for event in talk.restarts] == [TurnFailure.LOST]
        talk.hear(20 * RATE_HZ)
        await settle()
        talk.upstream.lose()
        await settle(1)
        assert len(talk.upstream.pcm) <= 2 * 10 * RATE_HZ


# Delays


async def test_delays_count_from_the_end_of_speech() -> None:
    """Until the upstream had the utterance whole, until the first text, until the first audio."""
    async with talking() as talk:
        talk.utter(RATE_HZ)
        await settle(1.0)
        talk.upstream.say(SourceText("안녕."), TargetText("Hi."))
        await settle(0.5)
        talk.upstream.say(SPEECH, GenerationComplete(), TurnComplete())
        await settle()
        (answered,) = [event for event in talk.events if isinstance(event, UtteranceAnswered)]
        assert answered.told_secs == pytest.approx(0.0, abs=0.01)
        assert answered.first_text_secs == pytest.approx(1.0, abs=0.01)
        assert answered.first_audio_secs == pytest.approx(1.5, abs=0.01)
        assert SourceChanged in kinds(talk)


# Where nothing goes on for ever


async def test_a_session_that_is_over_opens_no_connection() -> None:
    """Between its end and ``close()`` neither go-away nor age lead to another one."""
    async with talking() as talk:
        for _ in range(3):
            talk.utter(RATE_HZ)
            await settle(50)
        assert isinstance(talk.failure, UpstreamError)
        opened = len(talk.connector.connections)
        talk.upstream.say(GoAway(5.0))
        await settle(4000)
        assert len(talk.connector.connections) == opened


async def test_a_session_that_is_closed_while_it_connects_leaves_nothing_open() -> None:
    """The connection that comes then is closed, and ``connect()`` fails."""
    connector = FakeConnector(delay_secs=1.0)
    session = new_session(connector)
    connecting = asyncio.create_task(session.connect())
    await settle(0.5)
    await session.close()
    with pytest.raises(UpstreamError):
        await connecting
    assert [connection.closed for connection in connector.connections] == [True]


async def test_text_that_trickles_without_end_is_no_answer() -> None:
    """Each piece comes in time, and the turn still ends after two minutes."""
    async with talking() as talk:
        talk.utter(RATE_HZ)
        await settle()
        for _ in range(13):
            talk.upstream.say(TargetText(" a"))
            await settle(10)
        assert [restart.failure for restart in talk.restarts] == [TurnFailure.NO_END]


# What is refused


async def test_speech_that_goes_on_after_a_refusal_is_heard() -> None:
    """An utterance that is refused twice while it is spoken loses what was said so far, told, and nothing else."""

    def refuse_twice(connection: FakeConnection) -> None:
        if len(connector.connections) <= 2:
            connection.on_audio = lambda _: connection.lose(INVALID)
        connection.on_activity_end = lambda: connection.say(*ANSWER)

    connector = FakeConnector(on_open=refuse_twice)
    async with talking(connector=connector) as talk:
        talk.session.start_utterance(0)
        for _ in range(5):
            talk.hear(RATE_HZ)
            await settle(1)
        talk.session.end_utterance(0)
        await settle()
        assert talk.dropped == [SpeechDropped(1000, whole_utterance=False)]
        assert talk.upstream.activities == [samples(RATE_HZ, 5 * RATE_HZ)]
        assert [end.failure for end in talk.ends] == [None]


@pytest.mark.parametrize("shown", [True, False])
async def test_a_stream_that_is_refused_twice_is_not_sent_again(shown: bool) -> None:
    """Without marks of ours, too, no bytes go up a third time; what is said later does."""

    def refuse(connection: FakeConnection) -> None:
        def answer(_: bytes) -> None:
            if shown:
                connection.say(SourceText("안녕."))
            connection.lose(INVALID)

        if len(connector.connections) <= 2:
            connection.on_audio = answer

    connector = FakeConnector(on_open=refuse)
    async with talking(connector=connector, manual_activity=False) as talk:
        talk.hear(RATE_HZ)
        await settle(20)
        assert [connection.pcm for connection in connector.connections] == [samples(0, RATE_HZ)] * 2 + [b""]
        assert talk.dropped == [SpeechDropped(1000, whole_utterance=False)]
        assert len(talk.ends) == shown
        talk.hear(RATE_HZ)
        await settle()
        assert connector.connections[2].pcm == samples(RATE_HZ, 2 * RATE_HZ)


async def test_a_turn_of_a_stream_that_no_upstream_ends_is_ended() -> None:
    """Where the connection does not come back the turn that began anew ends with what there was of it."""
    async with talking(manual_activity=False) as talk:
        talk.hear(RATE_HZ)
        talk.upstream.say(SourceText("안녕."))
        await settle()
        talk.connector.down = UpstreamError(FailureKind.UNAVAILABLE, "down")
        talk.upstream.lose()
        await settle(40)
        assert [end.source_text for end in talk.ends] == ["안녕."]
        assert talk.failure is not None


@pytest.mark.parametrize("how", ["invalid", "mute"])
async def test_a_session_that_is_no_good_is_not_resumed(how: str) -> None:
    """Neither one that the upstream calls invalid, though it had answered, nor one that does not answer."""
    connector = FakeConnector()
    async with talking(connector=connector, resumption=True) as talk:
        talk.utter(RATE_HZ)
        await settle()
        talk.upstream.say(*ANSWER, Resumable("h"))
        await settle(3)
        talk.utter(RATE_HZ)
        await settle()
        if how == "invalid":
            talk.upstream.lose(INVALID)
        await settle(13)
        assert len(connector.configs) > 1
        assert {config.handle for config in connector.configs} == {None}
