"""What clients say: as much speech as was asked for, and pauses that are not silent."""

import numpy as np
import pytest

from benchmarks.marks import MarkFinder
from benchmarks.speech import CHUNK_SECS, Cycle, course, cycle

_HEADER_BYTES = 8


def samples_of(said: Cycle, place: int) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    """The samples of a chunk."""
    return np.frombuffer(said.frame(place, 0, 0)[_HEADER_BYTES:], "<i2")


@pytest.mark.parametrize("percent", [40, 60])
def test_the_share_of_speech_is_what_was_asked_for(percent: int) -> None:
    """To a percent; chunks that are speech only in part do not count."""
    said = cycle(percent)
    assert sum(said.spoken) / len(said) == pytest.approx(percent / 100, abs=0.01)


def test_pauses_carry_room_noise() -> None:
    """At -50 dBFS, so that no detector hears digital silence."""
    said = cycle(40)
    pause = np.concatenate([samples_of(said, said.turns[0].last + 10 + index) for index in range(100)])
    level_dbfs = 20 * np.log10(np.sqrt(np.mean((pause / 32768.0) ** 2)))
    assert level_dbfs == pytest.approx(-50, abs=0.5)


def test_turns_are_followed_by_pauses_that_hold_their_answers() -> None:
    """Whoever plays an answer as it comes is done before the next turn."""
    said = cycle(60)
    for turn, following in zip(said.turns, said.turns[1:], strict=False):
        pause_secs = (following.first - turn.last) * CHUNK_SECS
        assert 0 < turn.answer_secs < pause_secs
        assert said.spoken[turn.last - 1]
        assert not any(said.spoken[turn.last + 1 : following.first])


def test_a_chunk_carries_its_mark() -> None:
    """Whose it is, and the how manieth."""
    assert MarkFinder().feed(cycle(40).frame(7, 12, 345)[_HEADER_BYTES:]) == [(12, 345)]


def test_who_begins_in_the_middle_of_a_turn_need_not_be_heard_until_its_end() -> None:
    """What a detector makes of half a word is no loss."""
    said = cycle(40)
    turn = said.turns[2]
    assert course(said, turn.first + 50).exempt == turn.last + 1 - (turn.first + 50)
    assert course(said, turn.first).exempt == 0
    assert course(said, turn.last + 5).exempt == 0


def test_a_course_goes_round() -> None:
    """After the last chunk comes the first one."""
    said = cycle(40)
    way = course(said, len(said) - 1)
    assert way.place(1) == 0
    assert way.turn(1) == said.turns[0]
    assert not way.speaks(0)


def test_what_flows_is_speech_well_behind_the_beginning_of_its_turn() -> None:
    """By what is said alone: neither pauses, nor the first 400 ms, nor a turn of which the client says the end."""
    said = cycle(40)
    first, last = said.turns[1].first, said.turns[1].last
    way = course(said, said.turns[0].first + 30)
    numbers = range(len(said))
    flowing = [number for number in numbers if way.flows(number)]
    begun = first - way.start
    assert flowing[0] == begun + 20
    in_turn = range(begun + 20, last - way.start + 1)
    assert [number for number in flowing if number in in_turn] == [n for n in in_turn if way.speaks(n)]
    assert way.onset(begun + 100) == begun
    assert way.onset(0) == -30
