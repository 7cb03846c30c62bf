"""Renewing the connection is not heard: what is measured, and a few renewals measured."""

import random

import pytest

from tests.faults.judge import Verdict
from tests.faults.renewals import GOAL_MS, Figures, Piece, Schedule, added_ms, measure, measure_pair, touched_turns


def test_sound_is_compared_with_the_same_sound_of_the_other_run() -> None:
    """Whatever the pieces: each is compared with the piece that completes it in the other run."""
    plain = [Piece(100, 1.0), Piece(200, 1.1), Piece(300, 1.2)]
    late = [Piece(150, 1.3), Piece(300, 1.25), Piece(310, 9.0)]
    assert list(added_ms(late, plain)) == pytest.approx([200.0, 50.0])
    assert list(added_ms(plain, plain)) == [0.0, 0.0, 0.0]


def test_the_worst_gap_has_a_goal() -> None:
    """One piece that comes too late is a failure; so is whatever a client's judge found."""
    assert Figures(renewals=1, added_ms=[0.0, GOAL_MS]).failures == []
    assert Figures(renewals=1, added_ms=[0.0, GOAL_MS + 1]).failures == [
        "the worst gap that renewal adds is 301 ms, expected 300"
    ]
    wrong = Figures(renewals=1, verdicts=[Verdict(failures=["lost"])], plain_verdicts=[Verdict(failures=["x"])])
    assert wrong.failures == ["with renewals: lost", "without: x"]


def test_turns_that_a_renewal_touched() -> None:
    """A connection was opened during the turn, or the turn is the first on it; the others are the comparison."""
    ends = [10.0, 20.0, 30.0, 40.0, 50.0]
    assert touched_turns(ends, [1, 1, 2, 2, 2], [15.0]) == [False, True, True, False, False]
    assert touched_turns(ends, [1, 1, 1, 2, 3], [15.0, 45.0]) == [False, True, False, True, True]
    assert touched_turns(ends, [1, 1, 1], []) == [False, False, False]


def test_figures_without_sound_have_lines_too() -> None:
    """Where nothing came, that is told."""
    assert Figures().lines()[-1] == "  in all other turns, for comparison: nothing came"


async def test_a_few_renewals_are_not_heard() -> None:
    """No sample is lost, and nothing comes later than it may."""
    figures = await measure_pair(3, Schedule(speed=4.0), random.Random(1))
    assert figures.failures == []
    assert figures.renewals >= 3


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_hundred_renewals_are_not_heard() -> None:
    """The same in real time, with several clients."""
    figures = measure(renewals=100, pairs=4, schedule=Schedule())
    assert figures.failures == []
    assert figures.renewals >= 100
