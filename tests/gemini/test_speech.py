"""Speech on its way up: whole and in order however often it goes, and what cannot be kept is told."""

from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemini.speech import Dropped, Progress, UplinkSpeech, UplinkStream, Utterance
from tests.support.pcm import samples_of
from tests.support.talk import milliseconds

MS = 16
"""Samples of a millisecond."""


class Microphone:
    """A speaker whose samples tell the millisecond in which they lie.

    Attributes:
        now_ms: How much was heard.
        dropped: What was reported as gone.
    """

    def __init__(self, uplink: UplinkSpeech | UplinkStream) -> None:
        """Speak into ``uplink``."""
        self.uplink = uplink
        self.now_ms = 0
        self.dropped: list[Dropped] = []

    def hear(self, duration_ms: int) -> list[Dropped]:
        """The next sound; gives what had to go for it."""
        dropped = self.uplink.append(milliseconds(self.now_ms, self.now_ms + duration_ms))
        self.now_ms += duration_ms
        self.dropped += dropped
        return dropped


def told(pcm: bytes) -> list[int]:
    """The milliseconds that ``pcm`` holds, each whole."""
    values = samples_of(pcm).astype("u2")
    assert len(values) % MS == 0, "a part of a millisecond"
    rows = values.reshape(-1, MS)
    assert (rows == rows[:, :1]).all(), "milliseconds are mixed"
    return [int(value) for value in rows[:, 0]]


def sent_by(speech: UplinkSpeech, utterance: Utterance) -> list[int]:
    """What goes up of an utterance until there is no more of it, in milliseconds."""
    sent: list[int] = []
    while pcm := speech.take(utterance):
        sent += told(pcm)
    return sent


def begun(speech: UplinkSpeech) -> Utterance:
    """The next utterance, which begins to be sent."""
    utterance = speech.begin_next()
    assert utterance is not None
    return utterance


def speaking(*, ring_secs: float = 60.0, preroll_secs: float = 0.0) -> tuple[UplinkSpeech, Microphone]:
    """A stream of utterances that begins, and its speaker."""
    speech = UplinkSpeech(ring_secs=ring_secs, preroll_secs=preroll_secs)
    return speech, Microphone(speech)


def utter(speech: UplinkSpeech, microphone: Microphone, duration_ms: int) -> None:
    """Someone says something, and ends it."""
    speech.start_utterance(0, continued=False)
    microphone.hear(duration_ms)
    speech.end_utterance(0, now=microphone.now_ms / 1000)


# Where an utterance lies


def test_an_utterance_takes_what_was_heard_just_before() -> None:
    """It starts so far before its first voice as the pre-roll says, and ends where its end was marked."""
    speech, microphone = speaking(preroll_secs=0.3)
    microphone.hear(1000)
    speech.start_utterance(-100 * MS, continued=False)
    microphone.hear(500)
    speech.end_utterance(-20 * MS, now=1.5)
    microphone.hear(500)
    utterance = begun(speech)
    assert sent_by(speech, utterance) == list(range(600, 1480))
    assert utterance.ended_at == 1.5
    assert speech.samples_of(utterance) == 880 * MS


def test_an_utterance_takes_nothing_of_the_one_before() -> None:
    """Pre-roll ends where the utterance before ended; a further piece of one starts just there."""
    speech, microphone = speaking(preroll_secs=0.3)
    utter(speech, microphone, 500)
    microphone.hear(100)
    utter(speech, microphone, 500)
    speech.start_utterance(0, continued=True)
    microphone.hear(500)
    speech.end_utterance(0, now=1.6)
    pieces = [sent_by(speech, begun(speech)) for _ in range(3)]
    assert pieces == [list(range(500)), list(range(500, 1100)), list(range(1100, 1600))]


def test_the_stream_has_nothing_before_its_beginning() -> None:
    """Pre-roll of the first word is what there is."""
    speech, microphone = speaking(preroll_secs=0.3)
    microphone.hear(100)
    utter(speech, microphone, 100)
    assert sent_by(speech, begun(speech)) == list(range(200))


def test_what_was_sent_is_in_the_utterance() -> None:
    """An end that becomes known late lies behind what went up already."""
    speech, microphone = speaking()
    speech.start_utterance(0, continued=False)
    microphone.hear(500)
    utterance = begun(speech)
    sent_by(speech, utterance)
    speech.end_utterance(-100 * MS, now=0.5)
    assert utterance.end == utterance.sent == 500 * MS
    assert utterance.sent_whole


def test_an_end_without_an_utterance_ends_none() -> None:
    """Nor does a second one move the end."""
    speech, microphone = speaking()
    speech.end_utterance(0, now=0.0)
    assert speech.begin_next() is None
    utter(speech, microphone, 100)
    microphone.hear(100)
    speech.end_utterance(0, now=9.0)
    utterance = begun(speech)
    assert (utterance.end, utterance.ended_at) == (100 * MS, 0.1)


# How it goes up


def test_speech_goes_up_as_it_comes() -> None:
    """Of an utterance that is being spoken there is no more than was heard, and no end."""
    speech, microphone = speaking()
    speech.start_utterance(0, continued=False)
    utterance = begun(speech)
    assert speech.take(utterance) == b""
    for start in range(0, 300, 100):
        microphone.hear(100)
        assert told(speech.take(utterance)) == list(range(start, start + 100))
        assert speech.take(utterance) == b""
        assert not utterance.sent_whole
    speech.end_utterance(0, now=0.3)
    assert utterance.sent_whole
    microphone.hear(100)
    assert speech.take(utterance) == b""


def test_what_waits_goes_up_a_second_at_a_time() -> None:
    """So that a connection that is slow is not filled at once."""
    speech, microphone = speaking()
    utter(speech, microphone, 2500)
    utterance = begun(speech)
    assert [len(told(speech.take(utterance))) for _ in range(4)] == [1000, 1000, 500, 0]
    assert utterance.sent_whole


def test_utterances_wait_in_order() -> None:
    """The oldest that waits is next, and the oldest that was begun is the unanswered one."""
    speech, microphone = speaking()
    for _ in range(3):
        utter(speech, microphone, 100)
    assert speech.unanswered is speech.sending is None
    first, second = begun(speech), begun(speech)
    first.progress = Progress.AWAITING_ANSWER
    assert speech.unanswered is first
    assert speech.sending is second
    assert speech.finish() is first
    assert speech.unanswered is second
    speech.restart(second)
    assert speech.unanswered is None
    assert begun(speech) is second
    assert speech.finish() is second
    assert begun(speech).start == 200 * MS
    assert speech.begin_next() is None


def test_nothing_is_finished_that_was_not_begun() -> None:
    """An utterance that waits is not answered."""
    speech, microphone = speaking()
    utter(speech, microphone, 100)
    assert speech.finish() is None
    assert sent_by(speech, begun(speech)) == list(range(100))


# What is kept


def test_silence_is_forgotten() -> None:
    """Without an utterance no more is held than the next one's pre-roll, and a second for a late mark."""
    speech, microphone = speaking(preroll_secs=0.3)
    for _ in range(100):
        microphone.hear(100)
        assert speech.held_secs <= 1.3
    assert speech.held_secs == pytest.approx(1.3)
    assert microphone.dropped == []


def test_speech_is_kept_until_it_is_answered() -> None:
    """What was sent stays for a replay."""
    speech, microphone = speaking()
    utter(speech, microphone, 5000)
    utterance = begun(speech)
    sent_by(speech, utterance)
    utterance.progress = Progress.AWAITING_ANSWER
    microphone.hear(5000)
    assert speech.held_secs == 10.0
    speech.finish()
    assert speech.held_secs == 1.0


def test_silence_goes_first() -> None:
    """Where the ring is full, what belongs to no utterance makes room without a word."""
    speech, microphone = speaking(ring_secs=3.0)
    microphone.hear(900)
    utter(speech, microphone, 2000)
    assert microphone.hear(1000) == []
    assert speech.held_secs == 3.0
    assert sent_by(speech, begun(speech)) == list(range(900, 2900))


def test_copies_of_what_was_sent_go_next() -> None:
    """They are only for a replay: nothing is reported, as long as none is needed."""
    speech, microphone = speaking(ring_secs=3.0)
    utter(speech, microphone, 2000)
    utterance = begun(speech)
    sent_by(speech, utterance)
    utterance.progress = Progress.AWAITING_ANSWER
    utter(speech, microphone, 2500)
    assert microphone.dropped == []
    assert speech.held_secs == 3.0
    assert speech.holds(utterance)
    for gone in ([Dropped(1500 * MS)], []):
        assert speech.restart(utterance) == gone, "what is gone is told once"
        assert begun(speech) is utterance
        assert sent_by(speech, utterance) == list(range(1500, 2000))


def test_the_oldest_that_was_not_sent_goes_last() -> None:
    """An utterance that waits goes as a whole, and is told as one."""
    speech, microphone = speaking(ring_secs=3.0)
    utter(speech, microphone, 1000)
    answering = begun(speech)
    sent_by(speech, answering)
    answering.progress = Progress.AWAITING_ANSWER
    utter(speech, microphone, 1500)
    utter(speech, microphone, 1400)
    assert microphone.dropped == []
    dropped = microphone.hear(200)
    assert [item.samples for item in dropped] == [1500 * MS]
    assert dropped[0].utterance is not None
    assert (dropped[0].utterance.start, dropped[0].utterance.end) == (1000 * MS, 2500 * MS)
    assert not speech.holds(answering)
    assert speech.samples_of(answering) == 1000 * MS
    speech.finish()
    assert sent_by(speech, begun(speech)) == list(range(2500, 3900))


def test_of_an_utterance_without_end_the_oldest_goes() -> None:
    """A second at the least, so that it is told once and not with every piece of audio."""
    speech, microphone = speaking(ring_secs=3.0)
    speech.start_utterance(0, continued=False)
    for _ in range(40):
        microphone.hear(100)
    assert microphone.dropped == [Dropped(1000 * MS)]
    speech.end_utterance(0, now=4.0)
    assert sent_by(speech, begun(speech)) == list(range(1000, 4000))


def test_what_is_dropped_of_an_utterance_that_is_being_sent_is_a_gap() -> None:
    """It goes on behind what is gone; when it is sent again all that is gone is told, the beginning too."""
    speech, microphone = speaking(ring_secs=3.0)
    speech.start_utterance(0, continued=False)
    utterance = begun(speech)
    microphone.hear(500)
    sent = sent_by(speech, utterance)
    microphone.hear(3100)
    assert microphone.dropped == [Dropped(1000 * MS)]
    sent += sent_by(speech, utterance)
    assert sent == [*range(500), *range(1500, 3600)]
    assert speech.samples_of(utterance) == 2600 * MS
    assert speech.restart(utterance) == [Dropped(500 * MS)]
    assert sent_by(speech, begun(speech)) == list(range(1500, 3600))


# Laws


@dataclass(frozen=True)
class Hear:
    """Sound comes."""

    duration_ms: int


@dataclass(frozen=True)
class Start:
    """An utterance begins, where none is being spoken."""


@dataclass(frozen=True)
class End:
    """It ends."""


@dataclass(frozen=True)
class Send:
    """The upstream takes so many pieces; one utterance at a time is unanswered."""

    pieces: int


@dataclass(frozen=True)
class Answer:
    """The utterance that was sent whole is answered."""


@dataclass(frozen=True)
class Fail:
    """Nothing answers it, or the connection is lost: it goes up again."""


Step = Hear | Start | End | Send | Answer | Fail
STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.builds(Hear, st.sampled_from([1, 20, 256, 900, 1000, 2500])),
        st.builds(Hear, st.integers(1, 1500)),
        st.just(Start()),
        st.just(End()),
        st.builds(Send, st.integers(1, 5)),
        st.just(Answer()),
        st.just(Fail()),
    ),
    max_size=40,
)


@dataclass(eq=False)
class Said:
    """What was said in one utterance, and what became of it, in milliseconds."""

    start: int
    end: int | None = None
    attempt: list[int] = field(default_factory=list)
    dropped: int = 0

    def whole(self, now_ms: int) -> int:
        """How long it is by now."""
        return (now_ms if self.end is None else self.end) - self.start

    @property
    def unsent_from(self) -> int:
        """From where on it was not sent."""
        return self.start + len(self.attempt) + self.dropped

    def sent_whole(self) -> bool:
        """Whether nothing of it is to be sent any more."""
        return self.end is not None and self.unsent_from == self.end


class Speaker:
    """Someone who speaks, an upstream that answers or fails, and a list of what was said."""

    def __init__(self, ring_secs: float) -> None:
        """Begin a stream; utterances have no pre-roll, so that what is in them is known."""
        self.speech, self.microphone = speaking(ring_secs=ring_secs)
        self.open: list[Said] = []
        self.done: list[Said] = []
        self.fails = 0

    def take(self, step: Step) -> None:
        """Let a step happen."""
        match step:
            case Hear():
                self._note(self.microphone.hear(step.duration_ms))
            case Start() if not self.open or self.open[-1].end is not None:
                self.speech.start_utterance(0, continued=False)
                self.open.append(Said(self.microphone.now_ms))
            case End() if self.open and self.open[-1].end is None:
                self.speech.end_utterance(0, now=0.0)
                self.open[-1].end = self.microphone.now_ms
            case Send():
                self._send(step.pieces)
            case Answer():
                self._answer()
            case Fail():
                self._fail()

    def _send(self, pieces: int) -> None:
        utterance = self.speech.sending
        if utterance is None and self.speech.unanswered is None:
            utterance = self.speech.begin_next()
        if utterance is None:
            return
        for _ in range(pieces):
            self.open[0].attempt += told(self.speech.take(utterance))
        if utterance.sent_whole:
            utterance.progress = Progress.AWAITING_ANSWER

    def _answer(self) -> None:
        utterance = self.speech.unanswered
        if utterance is not None and utterance.progress is Progress.AWAITING_ANSWER:
            assert self.speech.finish() is utterance
            assert self.open[0].sent_whole()
            self.done.append(self.open.pop(0))

    def _fail(self) -> None:
        utterance = self.speech.unanswered
        if utterance is None:
            return
        self.fails += 1
        said = self.open[0]
        if self.speech.holds(utterance):
            said.attempt = []
            for dropped in self.speech.restart(utterance):
                said.dropped += self._ms(dropped)
        else:
            gone_ms = self.speech.samples_of(utterance) // MS
            assert gone_ms + said.dropped == said.whole(self.microphone.now_ms), (
                "what is given up is not told right"
            )
            self.speech.finish()
            self.open.pop(0)

    def _note(self, dropped: list[Dropped]) -> None:
        for item in dropped:
            said = next(said for said in self.open if not said.sent_whole())
            said.dropped += self._ms(item)
            if item.utterance is not None:
                assert said.dropped == said.whole(self.microphone.now_ms)
                assert not said.attempt, "an utterance of which a part was sent went as a whole"
                self.open.remove(said)

    @staticmethod
    def _ms(dropped: Dropped) -> int:
        assert dropped.samples > 0
        assert dropped.samples % MS == 0
        return dropped.samples // MS

    def end(self) -> None:
        """Everything is said, sent and answered."""
        self.take(End())
        while self.open:
            self.take(Send(1000))
            self.take(Answer())


@settings(max_examples=200)
@given(STEPS)
def test_an_utterance_is_whole_however_often_it_is_sent(steps: list[Step]) -> None:
    """With room for all, what is answered was sent from start to end, once, each time; nothing is dropped."""
    speaker = Speaker(ring_secs=120.0)
    for step in steps:
        speaker.take(step)
    speaker.end()
    assert speaker.microphone.dropped == []
    assert len(speaker.done) == sum(1 for said in speaker.done if said.end is not None)
    for said in speaker.done:
        assert said.end is not None
        assert said.attempt == list(range(said.start, said.end))


@settings(max_examples=300)
@given(STEPS)
def test_what_was_said_was_sent_or_reported(steps: list[Step]) -> None:
    """In a ring that is too small every millisecond of an utterance was sent in the end, or told as gone."""
    speaker = Speaker(ring_secs=3.0)
    for step in steps:
        speaker.take(step)
        assert speaker.speech.held_secs <= 3.0
    speaker.end()
    for said in speaker.done:
        assert said.end is not None
        assert said.attempt == sorted(set(said.attempt)), "out of order, or twice"
        assert set(said.attempt) <= set(range(said.start, said.end))
        assert len(said.attempt) + said.dropped == said.end - said.start


@settings(max_examples=400)
@given(STEPS)
def test_unsent_speech_goes_only_where_nothing_before_it_is_left(steps: list[Step]) -> None:
    """As long as there is room for all that was heard since the first unsent word, nothing is reported."""
    speaker = Speaker(ring_secs=3.0)
    for step in steps:
        unsent_from = next((said.unsent_from for said in speaker.open if not said.sent_whole()), None)
        before = len(speaker.microphone.dropped)
        speaker.take(step)
        if len(speaker.microphone.dropped) > before:
            assert unsent_from is not None
            assert speaker.microphone.now_ms - unsent_from > 3000, "there was room"


# Without marks


def stream(*, ring_secs: float = 60.0) -> tuple[UplinkStream, Microphone]:
    """A stream of which the upstream finds the utterances, and its speaker."""
    uplink = UplinkStream(ring_secs=ring_secs)
    return uplink, Microphone(uplink)


def all_sent(uplink: UplinkStream) -> list[int]:
    """What goes up until there is no more, in milliseconds."""
    sent: list[int] = []
    while pcm := uplink.take():
        assert len(pcm) <= 2 * 1000 * MS
        sent += told(pcm)
    return sent


def test_a_stream_goes_up_as_it_comes() -> None:
    """All of it, silence included, a second at a time at the most."""
    uplink, microphone = stream()
    assert uplink.take() == b""
    microphone.hear(100)
    assert all_sent(uplink) == list(range(100))
    microphone.hear(2500)
    assert all_sent(uplink) == list(range(100, 2600))


def test_what_a_turn_did_not_answer_goes_up_again() -> None:
    """What an answer answers was said half a second before its first output; it counts once it is whole."""
    uplink, microphone = stream()
    microphone.hear(4000)
    all_sent(uplink)
    uplink.note_output()
    microphone.hear(1000)
    all_sent(uplink)
    uplink.restart()
    assert all_sent(uplink) == list(range(5000))
    uplink.note_output()
    microphone.hear(1000)
    all_sent(uplink)
    uplink.note_answered()
    microphone.hear(100)
    all_sent(uplink)
    assert uplink.held_secs == pytest.approx(1.6)
    uplink.restart()
    assert all_sent(uplink) == list(range(4500, 6100))


def test_a_stream_goes_back_ten_seconds_at_the_most() -> None:
    """What may be unanswered for longer is not held."""
    uplink, microphone = stream()
    microphone.hear(15_000)
    all_sent(uplink)
    assert uplink.held_secs == 10.0
    uplink.restart()
    assert all_sent(uplink) == list(range(5000, 15_000))


def test_what_is_given_up_does_not_go_up_again() -> None:
    """Nothing answers it, however often it is said."""
    uplink, microphone = stream()
    microphone.hear(3000)
    all_sent(uplink)
    uplink.give_up()
    microphone.hear(100)
    uplink.restart()
    assert all_sent(uplink) == list(range(3000, 3100))


def test_a_turn_that_is_answered_is_the_one_whose_output_came() -> None:
    """An answer without output says nothing about what was said; least of all one of an earlier attempt."""
    uplink, microphone = stream()
    microphone.hear(9000)
    all_sent(uplink)
    uplink.note_output()
    uplink.restart()
    assert told(uplink.take()) == list(range(1000))
    uplink.note_answered()
    assert all_sent(uplink) == list(range(1000, 9000))


def test_copies_go_before_speech_that_was_not_sent() -> None:
    """What was not sent goes last, a second at the least, and is told."""
    uplink, microphone = stream(ring_secs=3.0)
    microphone.hear(2000)
    all_sent(uplink)
    assert microphone.hear(3000) == []
    assert microphone.hear(10) == [Dropped(1000 * MS)]
    assert uplink.held_secs == pytest.approx(2.01)
    assert all_sent(uplink) == list(range(3000, 5010))


@dataclass(frozen=True)
class Happen:
    """Something happens to a stream."""

    what: Literal["output", "answered", "given up", "restart"]


StreamStep = Hear | Send | Happen
STREAM_STEPS: st.SearchStrategy[list[StreamStep]] = st.lists(
    st.one_of(
        st.builds(Hear, st.sampled_from([20, 256, 1000, 2500])),
        st.builds(Send, st.integers(1, 5)),
        st.sampled_from([Happen("output"), Happen("answered"), Happen("given up"), Happen("restart")]),
    ),
    max_size=50,
)


class Streamer:
    """A stream that goes up, and what is known of its milliseconds.

    Attributes:
        covered: Those that went up, or were told as gone.
        farthest: Up to where anything went up.
        answered_until: Up to where they are answered, or given up.
    """

    def __init__(self, ring_secs: float) -> None:
        """Begin a stream."""
        self.uplink, self.microphone = stream(ring_secs=ring_secs)
        self.covered: set[int] = set()
        self.farthest = self.answered_until = 0
        self._next = self._answered_at_output = 0

    def take(self, step: StreamStep) -> None:
        """Let a step happen."""
        match step:
            case Hear():
                gone_ms = sum(item.samples for item in self.microphone.hear(step.duration_ms)) // MS
                self.covered.update(range(self._next, self._next + gone_ms))
                self._next += gone_ms
            case Send():
                for _ in range(step.pieces):
                    expected = self._next
                    assert self._send() == expected, "a break"
            case Happen("output"):
                self.uplink.note_output()
                self._answered_at_output = max(0, self._next - 500)
            case Happen("answered"):
                self.uplink.note_answered()
                self.answered_until = max(self.answered_until, self._answered_at_output)
            case Happen("given up"):
                self.uplink.give_up()
                self.answered_until = self._next
            case Happen("restart"):
                self._restart()

    def _restart(self) -> None:
        before = self._next
        self.uplink.restart()
        self._answered_at_output = self.answered_until
        start = self._send()
        assert start <= before, "a hole"
        assert start >= min(self.answered_until, before), "what was answered goes up again"

    def _send(self) -> int:
        """Let a piece go up; where it began."""
        piece = told(self.uplink.take())
        start = piece[0] if piece else self._next
        assert piece == list(range(start, start + len(piece)))
        self.covered.update(piece)
        self._next = start + len(piece)
        self.farthest = max(self.farthest, self._next)
        return start

    def end(self) -> None:
        """Everything goes up."""
        while self._next < self.microphone.now_ms:
            self.take(Send(1))


@settings(max_examples=500)
@given(STREAM_STEPS, st.sampled_from([3.0, 60.0]))
def test_a_stream_has_no_hole(steps: list[StreamStep], ring_secs: float) -> None:
    """Every millisecond went up at least once, or was told as gone, and without a break between two restarts.

    Nothing that was answered or given up goes up again.
    """
    streamer = Streamer(ring_secs)
    for step in steps:
        streamer.take(step)
        assert streamer.uplink.held_secs <= ring_secs
    streamer.end()
    assert streamer.covered == set(range(streamer.microphone.now_ms))


@settings(max_examples=300)
@given(STREAM_STEPS)
def test_what_may_be_unanswered_goes_up_again(steps: list[StreamStep]) -> None:
    """With room for it, all that was sent since the last answer does, ten seconds at the most."""
    streamer = Streamer(ring_secs=200.0)
    for step in steps:
        streamer.take(step)
    streamer.end()
    sent_until = streamer.farthest
    streamer.uplink.restart()
    again = all_sent(streamer.uplink)
    assert again == list(range(max(streamer.answered_until, sent_until - 10_000), sent_until))
