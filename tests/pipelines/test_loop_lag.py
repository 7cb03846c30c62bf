"""How late the event loop is, and from when to when that keeps new sessions out."""

import pytest

from pipelines.loop_lag import LoopLag


def probes_until(lag: LoopLag, late_ms: float, *, too_late: bool) -> int:
    """How many probes, each so late, it takes until the loop counts as too late, or no more."""
    count = 0
    while lag.is_too_late is not too_late:
        lag.observe(late_ms)
        count += 1
        assert count < 1000
    return count


@pytest.mark.parametrize(("late_ms", "probes"), [(60, 7), (100, 3), (150, 2), (1000, 1)])
def test_the_later_the_sooner_it_is_told(late_ms: float, probes: int) -> None:
    """A loop far beyond the limit is told at once, one just beyond it within a second."""
    assert probes_until(LoopLag(50), late_ms, too_late=True) == probes


def test_a_loop_at_its_limit_is_in_time() -> None:
    """However long."""
    lag = LoopLag(50)
    for _ in range(1000):
        lag.observe(50)
    assert not lag.is_too_late


def test_who_was_kept_out_comes_in_at_half_the_limit() -> None:
    """Not where the lag falls just below the limit: there the next client would bring it back."""
    lag = LoopLag(50)
    probes_until(lag, 200, too_late=True)
    for _ in range(1000):
        lag.observe(30)
    assert lag.is_too_late
    probes_until(lag, 20, too_late=False)
    assert lag.ms <= 25
    for _ in range(1000):
        lag.observe(45)
    assert not lag.is_too_late


@pytest.mark.parametrize("pause_ms", [50, 190])
def test_one_pause_is_no_overload(pause_ms: float) -> None:
    """Up to nearly four times the limit."""
    lag = LoopLag(50)
    lag.observe(pause_ms)
    assert not lag.is_too_late


def test_no_limit_is_never_too_late() -> None:
    """0 switches it off, and the lag is measured all the same."""
    lag = LoopLag(0)
    lag.observe(400)
    assert (lag.ms, lag.is_too_late) == (100, False)
