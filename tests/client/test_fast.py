"""How fast a recording may go: against a server worked out in the test, and case by case."""

from collections import deque
from dataclasses import dataclass

import pytest

from client.fast import LEAD_SECS, SETTLED_SECS, FastPace
from client.speech import State
from client.turns import TurnTracker
from client.wire import Sound
from protocol.messages import SpeechState, Transcription, TurnComplete

TICK_SECS = 0.02
HANGOVER_SECS = 0.3
END_SECS = 0.7
PIECE_SECS = 12.0
Speech = list[tuple[float, float]]


def _state(tracker: TurnTracker, state: State, at_secs: float) -> None:
    tracker.apply(SpeechState(state=state, timestamp=0), at_secs)


@dataclass
class Server:
    """A server that hears ``speech``, cuts it as ours does, and takes ``turn_secs`` of the clock for each turn."""

    speech: Speech
    turn_secs: float
    tracker: TurnTracker

    def __post_init__(self) -> None:
        self.state: State = "silent"
        self.piece_start: float | None = None
        self.waiting: deque[tuple[float, float]] = deque()
        self.answering_until: float | None = None
        self.in_output = False
        self.turns: list[tuple[float, float]] = []

    def hear(self, position: float) -> None:
        """The audio up to ``position`` has come."""
        last = max((end for start, end in self.speech if start <= position), default=None)
        voice = last is not None and position < last + HANGOVER_SECS
        if voice and self.piece_start is None:
            self.piece_start = position
        if self.piece_start is not None and last is not None:
            ended = position >= last + END_SECS
            if ended or position - self.piece_start >= PIECE_SECS:
                self.waiting.append((self.piece_start, position))
                self.piece_start = None if ended else position
        if self.state == "speaking" and not voice:
            self._show("silent", position)
        self._show("speaking" if voice else "processing" if self._awaiting else "silent", position)

    def interpret(self, now: float, position: float) -> None:
        """Time passes: one turn at a time, its output in the second half of it."""
        if self.answering_until is None and self.waiting:
            self.answering_until, self.in_output = now + self.turn_secs, False
        elif self.answering_until is not None and now >= self.answering_until:
            self.turns.append(self.waiting.popleft())
            self.answering_until, self.in_output = None, False
            self.tracker.apply(TurnComplete(input_text="a", output_text="b"), position)
        elif self.answering_until is not None and not self.in_output and now >= self._output_at:
            self.in_output = True
            self._show("speaking" if self.state == "speaking" else self._quiet, position)
            self.tracker.apply(Sound(b"\0\0"), position)

    @property
    def backlog_secs(self) -> float:
        """Speech that was heard and has no complete turn."""
        return sum(end - start for start, end in self.waiting)

    @property
    def _output_at(self) -> float:
        return (self.answering_until or 0.0) - self.turn_secs / 2

    @property
    def _awaiting(self) -> int:
        return len(self.waiting) - self.in_output

    @property
    def _quiet(self) -> State:
        return "processing" if self._awaiting else "silent"

    def _show(self, state: State, position: float) -> None:
        if state != self.state:
            self.state = state
            _state(self.tracker, state, position)


def _send(speech: Speech, turn_secs: float, fast_rate: float) -> tuple[float, float, Speech]:
    """Sends a recording; gives how long that took, the largest backlog, and the turns' stretches."""
    tracker = TurnTracker()
    server = Server(speech, turn_secs, tracker)
    pace = FastPace(fast_rate, tracker)
    now = position = backlog = 0.0
    length = speech[-1][1] + 2.0
    while position < length or server.waiting:
        if position < length:
            rate = pace.rate(now, position)
            assert rate in (1.0, fast_rate)
            now += TICK_SECS / rate
            position = round(position + TICK_SECS, 6)
            server.hear(position)
            sent_at = now
        else:
            now += TICK_SECS
        server.interpret(now, position)
        backlog = max(backlog, server.backlog_secs)
    return sent_at, backlog, server.turns


TALK: Speech = [(2.0 + 5 * n, 5.0 + 5 * n) for n in range(20)]
PAUSES: Speech = [(30.0 * n + 10, 30.0 * n + 14) for n in range(6)]
LECTURE: Speech = [(8.0 * n, 8.0 * n + 7.6) for n in range(40)]
MONOLOGUE: Speech = [(0.5, 300.0)]


@pytest.mark.parametrize(
    "speech", [TALK, PAUSES, LECTURE, MONOLOGUE], ids=["talk", "pauses", "lecture", "monologue"]
)
@pytest.mark.parametrize("turn_secs", [0.5, 2.0, 6.0, 11.0])
def test_little_more_waits_at_the_server_than_in_real_time(speech: Speech, turn_secs: float) -> None:
    """Nothing is dropped there that would not be in real time, and the stretches of speech are the same."""
    real_secs, real_backlog, real_turns = _send(speech, turn_secs, 1.0)
    fast_secs, fast_backlog, fast_turns = _send(speech, turn_secs, 4.0)
    assert fast_turns == real_turns
    assert fast_backlog <= real_backlog + LEAD_SECS
    assert fast_secs <= real_secs


@pytest.mark.parametrize(("speech", "least"), [(TALK, 1.3), (PAUSES, 3.0), (LECTURE, 1.3)])
def test_it_is_faster_where_the_interpreter_is(speech: Speech, least: float) -> None:
    """Pauses go at the full rate, and speech for as long as nothing is awaited."""
    assert _send(speech, 1.0, 1.0)[0] / _send(speech, 1.0, 4.0)[0] > least


def _pace() -> tuple[FastPace, TurnTracker]:
    tracker = TurnTracker()
    return FastPace(4.0, tracker), tracker


def test_real_time_while_a_turn_is_outstanding() -> None:
    """From ``processing`` until the turn is complete and silence is settled."""
    pace, tracker = _pace()
    rates = [pace.rate(0.0, 0.0)]
    _state(tracker, "speaking", 1.0)
    rates.append(pace.rate(0.25, 1.0))
    _state(tracker, "silent", 2.0)
    _state(tracker, "processing", 2.4)
    rates.append(pace.rate(0.6, 2.4))
    _state(tracker, "silent", 2.6)
    tracker.apply(Sound(b"\0\0"), 2.6)
    rates.append(pace.rate(0.8, 2.6))
    rates.append(pace.rate(0.8 + SETTLED_SECS, 2.7))
    tracker.apply(TurnComplete(input_text="a", output_text="b"), 3.0)
    pace.rate(1.2, 3.0)
    rates.append(pace.rate(1.2 + SETTLED_SECS, 3.1))
    assert rates == [4.0, 4.0, 1.0, 1.0, 1.0, 4.0]


def test_source_text_alone_holds_nothing_back() -> None:
    """It comes while the speaker speaks, before anything is owed."""
    pace, tracker = _pace()
    pace.rate(0.0, 0.0)
    _state(tracker, "speaking", 1.0)
    tracker.apply(Transcription(type="input_transcription", text="a", is_final=False), 1.5)
    assert pace.rate(0.4, 1.5) == 4.0


def test_speech_without_end_is_held_back() -> None:
    """After ``LEAD_SECS`` ahead of real time it goes in real time, and stays there."""
    pace, tracker = _pace()
    now = position = 0.0
    pace.rate(now, position)
    _state(tracker, "speaking", 0.1)
    while position < 120.0:
        now += 0.1 / pace.rate(now, position)
        position += 0.1
    assert position - now == pytest.approx(LEAD_SECS, abs=0.2)


def test_silence_that_processing_follows_at_once_settles_nothing() -> None:
    """The server says ``silent`` whenever voice ends, also while an earlier utterance waits."""
    pace, tracker = _pace()
    pace.rate(0.0, 0.0)
    _state(tracker, "speaking", 1.0)
    pace.rate(0.3, 1.0)
    for at_secs in (20.0, 40.0):
        _state(tracker, "silent", at_secs)
        assert pace.rate(at_secs / 4, at_secs) == 1.0
        _state(tracker, "processing", at_secs)
        assert pace.rate(at_secs / 4 + 1.0, at_secs) == 1.0
        _state(tracker, "speaking", at_secs + 1)
        assert pace.rate(at_secs / 4 + 1.1, at_secs + 1) == 1.0
