"""How often something may happen."""

from pipelines.allowance import Allowance


class Clock:
    """Seconds that a test lets pass."""

    now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def test_so_many_at_once_then_at_a_steady_rate() -> None:
    """Three, then one every two seconds."""
    clock = Clock()
    allowance = Allowance(3, 2.0, clock=clock)
    assert [allowance.take() for _ in range(5)] == [True, True, True, False, False]
    clock.now += 1.9
    assert not allowance.take()
    clock.now += 0.2
    assert [allowance.take(), allowance.take()] == [True, False]


def test_what_is_not_used_does_not_add_up() -> None:
    """After any time it is as at the beginning, and knows it."""
    clock = Clock()
    allowance = Allowance(2, 1.0, clock=clock)
    assert allowance.full
    assert allowance.take()
    assert not allowance.full
    clock.now += 1000
    assert allowance.full
    assert [allowance.take() for _ in range(3)] == [True, True, False]
    assert allowance.used_up
