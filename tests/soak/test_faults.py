"""The mix of faults: all that can be repaired, and never more than a server is to repair."""

import random
from collections import Counter

import pytest

from emulator.faults import KINDS, FaultStrike
from tests.soak.faults import LEFT_OUT, SEATS, Mischief, lane_of, mix


def test_every_fault_is_played_that_ends_no_session() -> None:
    """None is forgotten, and none is played that may end a session."""
    assert {name for name, _ in mix()} == set(KINDS) - LEFT_OUT
    assert ("close_1007", "setup") not in mix()
    assert ("close_1007", "during") in mix()


def lanes(mischief: Mischief) -> Counter[str]:
    """Seats that are taken."""
    return Counter(seat.lane for seat in mischief._seats)


def test_no_more_faults_at_a_time_than_there_are_seats() -> None:
    """However many are drawn; then no more are given."""
    mischief = Mischief(random.Random(1))
    drawn = []
    while (fault := mischief.draw()) is not None:
        drawn.append(fault)
    assert lanes(mischief) == SEATS
    assert sum(mischief.injected.values()) == sum(SEATS.values()) == sum(fault.times for fault in drawn)


def one_fault() -> tuple[Mischief, FaultStrike]:
    """A fault that spoils answers, and one of its strikes, on connection 5."""
    mischief = Mischief(random.Random(2))
    while (fault := mischief.draw()) is not None:
        if lane_of(fault.name, fault.moment) == "spoils":
            return mischief, FaultStrike(fault.name, fault.moment, 5, 1, 0.0)
    pytest.fail("no fault that spoils an answer was drawn")


@pytest.mark.parametrize("owner", [1, None])
def test_a_seat_is_free_when_whoever_was_struck_was_answered_again(owner: int | None) -> None:
    """Up to the utterance after the one that was being spoken; where it is not known who it was, everybody."""
    mischief, strike = one_fault()
    taken = lanes(mischief)["spoils"]
    mischief.note([strike], lambda _: owner, {0: 4, 1: 6}, {0: 0, 1: 6})
    assert lanes(mischief)["spoils"] == taken
    mischief.note([strike], lambda _: owner, {0: 9, 1: 9}, {0: 4, 1: 7})
    assert lanes(mischief)["spoils"] == (taken - 1 if owner == 1 else taken)
    mischief.note([strike], lambda _: owner, {0: 9, 1: 9}, {0: 5, 1: 7})
    assert lanes(mischief)["spoils"] == taken - 1


def test_a_fault_that_has_not_struck_keeps_its_seat() -> None:
    """It may strike at any time."""
    mischief, _ = one_fault()
    taken = lanes(mischief)
    mischief.note([], lambda _: 0, {0: 9}, {0: 99})
    assert lanes(mischief) == taken
