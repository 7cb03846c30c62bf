"""A session with the upstream, over a fake connection and in virtual time: speech up, turns down."""

import asyncio
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemini.connector import LiveConfig
from gemini.errors import FailureKind, UpstreamError
from gemini.events import GenerationComplete, SourceText, TargetAudio, Usage
from gemini.happenings import SpeechDropped, TokensCounted
from gemini.turns import OutputEnded, TurnEnded
from tests.support.fake_upstream import ACTIVITY_END, ACTIVITY_START, FakeConnector
from tests.support.pcm import chunks_of
from tests.support.talk import ANSWER, RATE_HZ, Talk, milliseconds, new_session, samples, talking
from tests.support.virtual_time import VirtualTimeLoop, settle

PREROLL = RATE_HZ * 3 // 10
LOST = UpstreamError(FailureKind.UNAVAILABLE, "lost")


# Connecting


async def test_a_failure_that_may_pass_is_tried_again() -> None:
    """Connecting goes on after transient failures, with the same setup."""
    connector = FakeConnector(failures=[LOST, LOST])
    async with talking(connector=connector) as talk:
        assert len(connector.configs) == 3
        assert set(connector.configs) == {LiveConfig(model="m", instruction="x")}
        talk.utter(RATE_HZ)
        await settle()
        assert talk.upstream.pcm == samples(0, RATE_HZ)


@pytest.mark.parametrize("kind", [FailureKind.REJECTED, FailureKind.QUOTA])
async def test_a_refusal_is_final(kind: FailureKind) -> None:
    """What the same attempt cannot cure is reported at once."""
    connector = FakeConnector(failures=[UpstreamError(kind, "no")] * 9)
    session = new_session(connector)
    with pytest.raises(UpstreamError) as caught:
        await session.connect()
    assert caught.value.kind is kind
    assert len(connector.configs) == 1
    await session.close()


@pytest.mark.parametrize("connector", [FakeConnector(failures=[LOST] * 1000), FakeConnector(delay_secs=60)])
async def test_connecting_takes_its_time_and_no_longer(connector: FakeConnector) -> None:
    """Failing over and over, or hanging: after 4 s the upstream is unavailable, retries included."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    session = new_session(connector)
    with pytest.raises(UpstreamError, match="within 4 s") as caught:
        await session.connect()
    assert caught.value.kind is FailureKind.UNAVAILABLE
    assert loop.time() - began == pytest.approx(4.0, abs=0.01)
    assert len(connector.configs) < 100
    await session.close()


async def test_speech_before_connecting_is_kept() -> None:
    """What is said while the session connects reaches the model afterwards, whole."""
    connector = FakeConnector(delay_secs=3.0)
    session = new_session(connector)
    talk = Talk(session, connector)
    connecting = asyncio.create_task(session.connect())
    start, end = talk.utter(2 * RATE_HZ)
    await connecting
    await settle()
    assert talk.upstream.activities == [samples(start, end)]
    await session.close()


# Utterances


async def test_an_utterance_goes_up_between_its_marks() -> None:
    """Start, all audio in order, end; nothing before and nothing after."""
    async with talking() as talk:
        talk.hear(RATE_HZ)
        start, end = talk.utter(2 * RATE_HZ)
        talk.hear(RATE_HZ)
        await settle()
        sent = talk.upstream.sent
        assert (sent[0], sent[-1]) == (ACTIVITY_START, ACTIVITY_END)
        assert talk.upstream.activities == [samples(start - PREROLL, end)]


async def test_the_beginning_goes_with_its_preroll() -> None:
    """The audio before the first voice is sent with it, wherever in a chunk the voice lies."""
    async with talking() as talk:
        talk.hear(RATE_HZ)
        talk.session.start_utterance(-300)
        await settle()
        assert talk.upstream.pcm == samples(RATE_HZ - 300 - PREROLL, RATE_HZ)


async def test_preroll_begins_with_the_stream() -> None:
    """Voice at the very beginning has as much pre-roll as there is."""
    async with talking() as talk:
        talk.hear(100)
        start, end = talk.utter(RATE_HZ)
        await settle()
        assert (start, talk.upstream.activities) == (100, [samples(0, end)])


async def test_preroll_never_sends_anything_twice() -> None:
    """The pre-roll of an utterance begins at the earliest where the one before ended."""
    async with talking() as talk:
        _, first_end = talk.utter(RATE_HZ)
        talk.hear(1000)
        _, second_end = talk.utter(RATE_HZ)
        await settle()
        talk.upstream.say(*ANSWER)
        await settle()
        assert talk.upstream.activities == [samples(0, first_end), samples(first_end, second_end)]


async def test_a_piece_continues_without_preroll() -> None:
    """A further piece of a long utterance starts exactly where it is said to, in speech that was held back too."""
    async with talking() as talk:
        _, first_end = talk.utter(RATE_HZ)
        talk.hear(2000)
        talk.session.start_utterance(-500, continued=True)
        talk.hear(RATE_HZ)
        talk.session.end_utterance(0)
        await settle()
        talk.upstream.say(*ANSWER)
        await settle()
        assert talk.upstream.activities[1] == samples(first_end + 1500, talk.position)


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 9000), st.integers(0, 3000)), min_size=1, max_size=5),
    st.sampled_from([320, 1600, 4096]),
    st.booleans(),
)
def test_nothing_past_an_end_is_sent_and_nothing_before_it_is_missing(
    utterances: list[tuple[int, int, int]], chunk: int, prompt: bool
) -> None:
    """Whatever the chunks and however the marks lie in them, each activity holds exactly its stretch of the stream.

    The speaker says ``voiced`` samples after ``pause`` of them. Marks come before the chunk in which they lie.
    """
    starts, ends, position = [], [], 0
    for pause, voiced, rest in utterances:
        starts.append(position + pause)
        ends.append(position + pause + voiced)
        position += pause + voiced + rest
    claimed = [max(0, starts[0] - PREROLL)]
    claimed += [max(start - PREROLL, end) for start, end in zip(starts[1:], ends[:-1], strict=True)]

    async def run() -> list[bytes]:
        async with talking() as talk:
            marks = sorted([(at, True) for at in starts] + [(at, False) for at in ends])
            while talk.position < position or marks:
                until = talk.position + chunk
                while marks and marks[0][0] <= until:
                    at, begins = marks.pop(0)
                    mark = talk.session.start_utterance if begins else talk.session.end_utterance
                    mark(at - talk.position)
                talk.hear(chunk, chunk)
                if prompt:
                    await settle(0.01)
            for _ in utterances:
                await settle()
                talk.upstream.say(*ANSWER)
            await settle()
            assert len(talk.ends) == len(utterances)
            assert talk.upstream.sent.count(ACTIVITY_END) == len(utterances)
            return talk.upstream.activities

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        activities = runner.run(run())
    assert activities == [samples(start, end) for start, end in zip(claimed, ends, strict=True)]


# One unanswered utterance at a time


async def test_the_next_utterance_waits_for_the_answer() -> None:
    """While one utterance is unanswered nothing of the next goes up; then it goes in one burst."""
    async with talking() as talk:
        talk.utter(RATE_HZ)
        talk.hear(RATE_HZ)
        start, end = talk.utter(3 * RATE_HZ)
        await settle(5)
        assert len(talk.upstream.activities) == 1
        talk.upstream.say(*ANSWER)
        await settle()
        assert talk.upstream.activities[1] == samples(start - PREROLL, end)
        assert talk.upstream.sent_at[-1] - talk.upstream.sent_at[-6] < 0.01


async def test_an_utterance_goes_up_while_it_is_spoken() -> None:
    """What is said is sent at once, not when the utterance ends."""
    async with talking() as talk:
        talk.session.start_utterance(0)
        for spoken in range(1, 4):
            talk.hear(1600)
            await settle()
            assert talk.upstream.pcm == samples(0, 1600 * spoken)


async def test_a_held_utterance_may_still_be_spoken() -> None:
    """An answer in the middle of the next utterance lets its first part go, and the rest as it is spoken."""
    async with talking() as talk:
        talk.utter(RATE_HZ)
        talk.session.start_utterance(0)
        talk.hear(RATE_HZ)
        await settle()
        talk.upstream.say(*ANSWER)
        await settle()
        assert talk.upstream.activities[1] == samples(RATE_HZ, 2 * RATE_HZ)
        talk.hear(RATE_HZ)
        talk.session.end_utterance(-1000)
        await settle()
        assert talk.upstream.activities[1] == samples(RATE_HZ, 3 * RATE_HZ - 1000)
        assert talk.upstream.sent[-1] == ACTIVITY_END


async def test_overlap_may_be_tried() -> None:
    """With ``overlap="stream"`` the next utterance does not wait."""
    async with talking(overlap="stream") as talk:
        stretches = [talk.utter(RATE_HZ) for _ in range(3)]
        await settle()
        assert talk.upstream.activities == [samples(*stretch) for stretch in stretches]
        assert talk.ends == []
        for _ in range(3):
            talk.upstream.say(*ANSWER)
        await settle()
        assert len(talk.ends) == 3


async def test_an_early_answer_does_not_break_the_session() -> None:
    """Output and its end while the utterance is still being spoken leave it open, and the session whole."""
    async with talking() as talk:
        talk.session.start_utterance(0)
        talk.hear(RATE_HZ)
        await settle()
        talk.upstream.say(*ANSWER)
        await settle(30)
        talk.hear(RATE_HZ)
        talk.session.end_utterance(0)
        await settle()
        talk.upstream.say(*ANSWER)
        await settle()
        assert talk.failure is None
        assert len(talk.ends) == 1
        assert talk.upstream.activities == [samples(0, 2 * RATE_HZ)]


async def test_an_end_without_a_start_is_ignored() -> None:
    """A mark too many does no harm."""
    async with talking() as talk:
        talk.session.end_utterance(0)
        start, end = talk.utter(RATE_HZ)
        talk.session.end_utterance(0)
        talk.hear(RATE_HZ)
        talk.session.end_utterance(0)
        await settle()
        assert talk.upstream.activities == [samples(start, end)]


async def test_deadlines_are_kept_on_time() -> None:
    """A turn ends by the clock when the upstream goes silent, not at the next event."""
    async with talking() as talk:
        talk.utter(RATE_HZ)
        await settle()
        began = asyncio.get_running_loop().time()
        talk.upstream.say(SourceText("안녕."), TargetAudio(b"\1\0", 24000), GenerationComplete())
        await settle(5)
        times = {type(event): at - began for at, event in talk.happened}
        assert times[OutputEnded] == pytest.approx(0.5, abs=0.01)
        assert times[TurnEnded] == pytest.approx(2.0, abs=0.01)


async def test_a_cut_turn_lets_the_next_utterance_go() -> None:
    """After ``interrupt`` in the wait for late text the next utterance need not wait."""
    async with talking() as talk:
        talk.utter(RATE_HZ)
        talk.utter(RATE_HZ)
        await settle()
        talk.upstream.say(TargetAudio(b"\1\0", 24000), GenerationComplete())
        await settle(1.0)
        assert len(talk.upstream.activities) == 1
        talk.session.cut()
        await settle()
        assert len(talk.upstream.activities) == 2


# Bounds


async def test_the_oldest_waiting_utterance_is_dropped_first() -> None:
    """When more waits than the ring holds, whole utterances go, oldest first, and each is reported."""
    async with talking(ring_secs=5.0) as talk:
        talk.utter(RATE_HZ)
        await settle()
        stretches = [talk.utter(2 * RATE_HZ) for _ in range(4)]
        await settle()
        assert talk.dropped == [
            SpeechDropped(2000, whole_utterance=True),
            SpeechDropped(2000, whole_utterance=True),
        ]
        for _ in range(3):
            talk.upstream.say(*ANSWER)
            await settle()
        assert talk.upstream.activities[1:] == [samples(*stretch) for stretch in stretches[2:]]
        assert len(talk.ends) == 3


async def test_speech_that_is_still_being_spoken_is_dropped_last() -> None:
    """An utterance longer than the ring loses what did not fit; the rest of it is answered like any other."""
    async with talking(ring_secs=2.0) as talk:
        talk.upstream.may_send.clear()
        talk.session.start_utterance(0)
        talk.hear(3 * RATE_HZ)
        talk.upstream.may_send.set()
        await settle()
        talk.hear(RATE_HZ)
        talk.session.end_utterance(0)
        await settle()
        assert not any(event.whole_utterance for event in talk.dropped)
        assert b"" not in talk.upstream.sent
        assert len(talk.upstream.pcm) // 2 + talk.dropped_samples == 4 * RATE_HZ
        assert talk.upstream.pcm.endswith(samples(3 * RATE_HZ, 4 * RATE_HZ))
        talk.upstream.say(*ANSWER)
        await settle()
        assert len(talk.ends) == 1


async def test_what_is_on_its_way_up_is_not_given_up() -> None:
    """While a send is blocked the ring runs over: what that send holds counts as sent, and is sent once."""
    async with talking(ring_secs=2.0) as talk:
        talk.upstream.may_send.clear()
        start = talk.position
        talk.session.start_utterance(0)
        await settle()
        talk.upstream.may_send.set()
        await settle()
        talk.upstream.may_send.clear()
        talk.hear(RATE_HZ)
        await settle()
        talk.hear(4 * RATE_HZ)
        talk.session.end_utterance(0)
        talk.upstream.may_send.set()
        await settle()
        assert talk.upstream.pcm == samples(start, start + RATE_HZ) + samples(3 * RATE_HZ, 5 * RATE_HZ)
        assert talk.dropped_samples == 2 * RATE_HZ
        assert b"" not in talk.upstream.sent


async def test_of_a_blocked_utterance_only_its_own_speech_is_given_up() -> None:
    """Silence that lies between utterances is no loss, and whole utterances behind it stay as long as they fit."""
    async with talking(ring_secs=5.0) as talk:
        talk.upstream.may_send.clear()
        talk.utter(3 * RATE_HZ // 2)
        await settle()
        talk.hear(RATE_HZ)
        start, end = talk.utter(RATE_HZ)
        talk.hear(3 * RATE_HZ)
        talk.upstream.may_send.set()
        await settle()
        talk.upstream.say(*ANSWER)
        await settle()
        first, second = talk.upstream.activities
        assert second == samples(start - PREROLL, end)
        assert talk.dropped_samples == 3 * RATE_HZ // 2 - len(first) // 2
        assert samples(0, 3 * RATE_HZ // 2).endswith(first)
        assert not any(event.whole_utterance for event in talk.dropped)


@dataclass(frozen=True)
class Hear:
    """So many ms of the stream."""

    duration_ms: int


STREAM_STEPS: st.SearchStrategy[list[Hear | str]] = st.lists(
    st.builds(Hear, st.sampled_from([20, 300, 1000, 1700]))
    | st.sampled_from(["start", "end", "block", "free", "answer"]),
    max_size=36,
)


@settings(max_examples=200)
@given(STREAM_STEPS, st.sampled_from([1.0, 2.5]), st.sampled_from([20, 100, 1700]), st.booleans())
def test_what_was_said_was_sent_once_or_reported(
    steps: list[Hear | str], ring_secs: float, chunk_ms: int, prompt: bool
) -> None:
    """However the upstream blocks: each ms of an utterance goes up once and in order, or is counted as dropped.

    Nothing else goes up, no empty audio, and every utterance that was not given up whole has its marks.
    """
    utterances: list[tuple[int, int]] = []

    async def run() -> None:
        now_ms, started_ms = 0, -1
        async with talking(ring_secs=ring_secs) as talk:
            for step in [*steps, "end", "free"]:
                match step:
                    case Hear():
                        for chunk in chunks_of(milliseconds(now_ms, now_ms + step.duration_ms), chunk_ms, RATE_HZ):
                            talk.session.append_audio(chunk)
                        now_ms += step.duration_ms
                    case "start" if started_ms < 0:
                        earliest_ms = max([talk.session._speech._ring.start // 16, *(end for _, end in utterances)])
                        started_ms = max(now_ms - 300, earliest_ms)
                        talk.session.start_utterance(0)
                    case "end" if started_ms >= 0:
                        talk.session.end_utterance(0)
                        utterances.append((started_ms, now_ms))
                        started_ms = -1
                    case "block":
                        talk.upstream.may_send.clear()
                    case "free":
                        talk.upstream.may_send.set()
                    case "answer":
                        talk.upstream.say(*ANSWER)
                if prompt or not isinstance(step, Hear):
                    await settle()
            for _ in utterances:
                talk.upstream.say(*ANSWER)
                await settle()
            said_ms = {ms for start, end in utterances for ms in range(start, end)}
            sent = np.frombuffer(talk.upstream.pcm, "<u2").reshape(-1, 16)
            assert (sent == sent[:, :1]).all()
            sent_ms = sent[:, 0].tolist()
            assert all(before < after for before, after in pairwise(sent_ms))
            assert said_ms.issuperset(sent_ms)
            assert len(said_ms) - len(sent_ms) == sum(event.duration_ms for event in talk.dropped)
            assert b"" not in talk.upstream.sent
            given_up = sum(event.whole_utterance for event in talk.dropped)
            for mark in (ACTIVITY_START, ACTIVITY_END):
                assert talk.upstream.sent.count(mark) == len(utterances) - given_up

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(run())


async def test_memory_stays_bounded_in_silence() -> None:
    """An hour without an utterance keeps no more than the pre-roll needs, and reports nothing dropped."""
    async with talking(ring_secs=5.0) as talk:
        talk.hear(60 * RATE_HZ)
        await settle()
        assert talk.session.held_secs <= 2.0
        assert talk.events == []


# Automatic detection


async def test_the_stream_goes_up_whole_where_the_upstream_detects() -> None:
    """Without marks of ours everything is sent, silence included, with no activity marks."""
    async with talking(manual_activity=False) as talk:
        for _ in range(5):
            talk.hear(3200)
            await settle()
        assert talk.upstream.sent == [samples(n * 3200, (n + 1) * 3200) for n in range(5)]
        talk.upstream.say(*ANSWER)
        await settle()
        assert len(talk.ends) == 1


async def test_a_stuck_stream_drops_speech_and_goes_on() -> None:
    """When the upstream takes nothing, what does not fit is reported, and the rest follows in order."""
    async with talking(manual_activity=False, ring_secs=1.0) as talk:
        talk.upstream.may_send.clear()
        talk.hear(1600)
        await settle()
        talk.hear(2 * RATE_HZ)
        talk.upstream.may_send.set()
        await settle()
        assert not any(event.whole_utterance for event in talk.dropped)
        assert talk.dropped_samples > 0
        last = talk.position - 1600 - talk.dropped_samples
        assert talk.upstream.pcm == samples(0, 1600) + samples(talk.position - last, talk.position)
        assert b"" not in talk.upstream.sent


# Ends


async def test_a_slow_upstream_is_not_lost() -> None:
    """Each send has the whole time for itself."""
    async with talking() as talk:
        for _ in range(5):
            talk.upstream.may_send.clear()
            talk.utter(RATE_HZ)
            await settle(11)
            talk.upstream.may_send.set()
            await settle()
            talk.upstream.say(*ANSWER)
            await settle()
        assert talk.failure is None
        assert len(talk.ends) == 5


async def test_a_fault_of_ours_ends_the_events() -> None:
    """An exception of any other kind ends them as it is, rather than leaving the client without answer."""
    async with talking() as talk:
        talk.upstream.lose(ZeroDivisionError("oops"))
        await settle()
        assert isinstance(talk.failure, ZeroDivisionError)


async def test_closing_leaves_nothing_behind() -> None:
    """After ``close()`` no task runs, and the connection is closed; a second time does no harm."""
    before = asyncio.all_tasks()
    connector = FakeConnector()
    session = new_session(connector)
    await session.connect()
    talk = Talk(session, connector)
    talk.utter(RATE_HZ)
    await session.close()
    assert connector.connection.closed
    assert asyncio.all_tasks() == before
    await session.close()


async def test_closing_does_not_wait_for_a_stuck_upstream() -> None:
    """A send that hangs does not hold ``close()`` up."""
    loop = asyncio.get_running_loop()
    async with talking() as talk:
        talk.upstream.may_send.clear()
        talk.utter(RATE_HZ)
        await settle()
        began = loop.time()
        await talk.session.close()
        assert loop.time() == pytest.approx(began, abs=0.01)


async def test_a_session_that_never_connected_can_be_closed() -> None:
    """``close()`` without ``connect()`` does nothing."""
    await new_session(FakeConnector()).close()


async def test_tokens_are_told() -> None:
    """What the upstream says of usage is passed on, with the model that it is for."""
    async with talking() as talk:
        talk.upstream.say(Usage(500, 40, 30, 2))
        await settle()
        assert talk.events == [TokensCounted("m", 500, 40, 30, 2)]


async def test_times_may_come_from_another_clock() -> None:
    """With a clock of its own the session waits the same on the loop."""
    connector = FakeConnector()
    loop = asyncio.get_running_loop()
    session = new_session(connector, clock=lambda: loop.time() + 5000)
    await session.connect()
    talk = Talk(session, connector)
    following = asyncio.create_task(talk.follow())
    talk.utter(RATE_HZ)
    await settle(11.9)
    assert talk.restarts == []
    await settle(0.2)
    assert len(talk.restarts) == 1
    following.cancel()
    await session.close()
    await asyncio.gather(following, return_exceptions=True)


async def test_a_close_that_is_cancelled_closes_all_the_same() -> None:
    """Whoever ends a session may be cancelled while its tasks wind up: the upstream is not left open."""
    connector = FakeConnector()
    session = new_session(connector)
    await session.connect()
    closing = asyncio.create_task(session.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    assert closing.cancelled()
    assert connector.connection.closed
