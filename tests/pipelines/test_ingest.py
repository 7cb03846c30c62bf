"""How far ahead of real time a client may send, on a clock of the test."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest import INTERRUPT_SECS, LEAST_SECS, IngestMeter
from protocol.errors import ErrorCode, Fault


class Clock:
    """Time that stands until the test moves it."""

    def __init__(self) -> None:
        """Start at an hour, as any monotonic clock may."""
        self.now_secs = 3600.0

    def __call__(self) -> float:
        """The time."""
        return self.now_secs


def meter(clock: Clock, *, max_ahead_secs: float = 30, max_rate: float = 4) -> IngestMeter:
    """A meter on ``clock``, with the protocol's bounds."""
    return IngestMeter(max_ahead_secs=max_ahead_secs, max_rate=max_rate, clock=clock)


def test_a_burst_may_fill_the_bucket() -> None:
    """All of ``max_ahead_secs`` may come at once, and not one sample more."""
    metered = meter(Clock())
    assert [metered.take(5) for _ in range(6)] == [None] * 6
    fault = metered.take(1 / 48_000)
    assert isinstance(fault, Fault)
    assert fault.code is ErrorCode.RATE_LIMITED
    assert fault.message == ("expected audio at most 4 times as fast as it is spoken, and at most 30 s beyond that")


def test_what_time_took_away_may_come_again() -> None:
    """A full bucket takes ``max_rate`` seconds of audio a second."""
    clock = Clock()
    metered = meter(clock)
    assert metered.take(30) is None
    for _ in range(100):
        clock.now_secs += 0.5
        assert metered.take(2) is None
    clock.now_secs += 0.5
    assert metered.take(2.1) is not None


def test_many_messages_fill_the_bucket_however_short_they_are() -> None:
    """A message of one sample costs as much as half of the shortest chunk; so does one of no sample."""
    for audio_secs in (0.0, 1 / 48_000, LEAST_SECS):
        metered = meter(Clock())
        assert [metered.take(audio_secs) for _ in range(2999)] == [None] * 2999
        assert [metered.take(audio_secs) for _ in range(3)][-1] is not None


def test_the_shortest_chunks_that_clients_send_cost_what_they_last() -> None:
    """A recording in chunks of 20 ms comes as far ahead as one in chunks of 5 s."""
    metered = meter(Clock())
    assert [metered.take(0.02) for _ in range(1499)] == [None] * 1499


def test_an_interrupt_costs_more_than_any_chunk_of_a_microphone() -> None:
    """A hundred and fifty at once are the most."""
    metered = meter(Clock())
    assert [metered.take(INTERRUPT_SECS) for _ in range(149)] == [None] * 149
    assert [metered.take(INTERRUPT_SECS) for _ in range(3)][-1] is not None


def test_an_hour_of_silence_saves_nothing_up() -> None:
    """The bucket is never emptier than empty."""
    clock = Clock()
    metered = meter(clock)
    clock.now_secs += 3600
    assert metered.take(30.1) is not None


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=50))
def test_nobody_within_the_rate_is_refused(chunks: list[tuple[float, float]]) -> None:
    """Whoever never sends faster than ``max_rate`` is never refused, whatever the chunks."""
    clock = Clock()
    metered = meter(clock, max_ahead_secs=4.5)
    for waited_secs, share in chunks:
        clock.now_secs += waited_secs
        assert metered.take(4 * waited_secs * share) is None


@pytest.mark.parametrize("rate", [4.5, 8, 100])
def test_who_stays_above_the_rate_is_refused_in_the_end(rate: float) -> None:
    """The bucket fills at the difference between the rates."""
    clock = Clock()
    metered = meter(clock)
    taken_secs = 0.0
    while metered.take(rate * 0.02) is None:
        clock.now_secs += 0.02
        taken_secs += rate * 0.02
    assert taken_secs == pytest.approx(30 * rate / (rate - 4), rel=0.02, abs=2)


def test_who_was_away_may_send_what_was_spoken_meanwhile() -> None:
    """Beside everything that is allowed anyway, at whatever pace, and not a second more."""
    clock = Clock()
    metered = meter(clock)
    assert metered.take(1) is None
    clock.now_secs += 40
    metered.allow_absence(45)
    assert metered.take(40) is None
    clock.now_secs += 100
    assert metered.take(30) is None
    assert metered.take(0.1) is not None


def test_each_second_of_absence_counts_once() -> None:
    """Who reconnects again and again gains nothing by it, and audio that came is no absence."""
    clock = Clock()
    metered = meter(clock)
    clock.now_secs += 10
    for _ in range(5):
        metered.allow_absence(45)
    assert metered.take(10) is None
    metered.allow_absence(45)
    assert metered.take(30) is None
    assert metered.take(0.1) is not None


def test_a_long_absence_counts_for_as_long_as_a_session_waits() -> None:
    """However often: a client that was mute for hours does not save up a flood."""
    clock = Clock()
    metered = meter(clock)
    for _ in range(100):
        clock.now_secs += 3600
        metered.allow_absence(45)
    assert metered.take(45 + 30) is None
    assert metered.take(0.1) is not None


def test_an_absence_pays_no_debt_twice() -> None:
    """A bucket that is nearly full drains while the client is away, and the absence is counted beside it."""
    clock = Clock()
    metered = meter(clock)
    assert metered.take(30) is None
    clock.now_secs += 1
    metered.allow_absence(45)
    assert metered.take(4 + 1) is None
    assert metered.take(0.1) is not None
