"""Percentiles and medians: what the definitions say, to a step of 0.1 ms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.histogram import Delays, Histogram, median
from tests.support import hypothesis_profile

__all__ = ["hypothesis_profile"]


def summary(*delays_ms: float) -> Delays:
    """Of these delays."""
    histogram = Histogram()
    for delay_ms in delays_ms:
        histogram.add(delay_ms / 1000)
    return histogram.summary()


@given(st.lists(st.floats(0, 1900), min_size=1, max_size=300))
def test_percentiles_are_the_nearest_ranks(delays_ms: list[float]) -> None:
    """The smallest delay that so many of them do not exceed, rounded up to a step."""
    ordered = sorted(delays_ms)
    found = summary(*delays_ms)
    for percent, value in ((50, found.p50), (95, found.p95), (99, found.p99)):
        exact = ordered[-(-percent * len(ordered) // 100) - 1]
        assert exact - 1e-6 <= value <= exact + 0.1 + 1e-6


def test_nothing_has_no_delays() -> None:
    """Zero everywhere."""
    assert summary() == Delays()


def test_the_longest_is_told_exactly_even_beyond_the_last_step() -> None:
    """And stands for the percentiles that lie there."""
    assert summary(1, 2500.0).longest == 2500.0
    assert summary(2500.0).p50 == 2500.0


def test_held_are_those_over_100_ms() -> None:
    """A delay below counts as none of them."""
    assert summary(99.9, 100.2, 150, 3000).held == 3


def test_a_clock_that_steps_back_costs_nothing() -> None:
    """A delay below zero counts as none."""
    assert summary(-1.0).p50 <= 0.1


@pytest.mark.parametrize(("values", "middle"), [([3.0], 3.0), ([5.0, 1.0, 3.0], 3.0), ([4.0, 1.0, 3.0, 2.0], 2.5)])
def test_median(values: list[float], middle: float) -> None:
    """The middle one, or the mean of the two in the middle."""
    assert median(values) == middle


def test_the_median_of_nothing_is_an_error() -> None:
    """It says what to do."""
    with pytest.raises(ValueError, match="at least one value"):
        median([])
