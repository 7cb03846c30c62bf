"""How long a client will still be playing."""

from hypothesis import given
from hypothesis import strategies as st

from processors.playout import Playout


class Clock:
    """Seconds, as a test sets them."""

    now = 1000.0

    def __call__(self) -> float:
        """The seconds."""
        return self.now


def test_nothing_was_sent() -> None:
    """So nothing is left to play."""
    assert Playout(Clock()).left_secs == 0.0


def test_pieces_are_played_one_after_the_other() -> None:
    """What comes faster than it plays adds up, and time takes it away."""
    clock = Clock()
    playout = Playout(clock)
    playout.add(1.0)
    playout.add(0.5)
    assert playout.left_secs == 1.5
    clock.now += 1.0
    assert playout.left_secs == 0.5
    playout.add(1.0)
    assert playout.left_secs == 1.5


def test_a_pause_is_not_made_up_for() -> None:
    """What comes after the client ran out of sound is played from when it comes."""
    clock = Clock()
    playout = Playout(clock)
    playout.add(1.0)
    clock.now += 60.0
    assert playout.left_secs == 0.0
    playout.add(1.0)
    assert playout.left_secs == 1.0


def test_what_is_dropped_is_not_played() -> None:
    """The client has nothing more, and what comes then counts from there."""
    clock = Clock()
    playout = Playout(clock)
    playout.add(10.0)
    playout.drop()
    assert playout.left_secs == 0.0
    playout.add(1.0)
    assert playout.left_secs == 1.0


@given(st.lists(st.tuples(st.sampled_from(["add", "wait", "drop"]), st.sampled_from([0.0, 0.25, 1.0, 8.0]))))
def test_it_is_what_a_player_would_have_left(steps: list[tuple[str, float]]) -> None:
    """The estimate is the queue of a client that plays in real time, whatever comes when."""
    clock = Clock()
    playout = Playout(clock)
    queued_secs = 0.0
    for what, secs in steps:
        match what:
            case "add":
                playout.add(secs)
                queued_secs += secs
            case "wait":
                clock.now += secs
                queued_secs = max(0.0, queued_secs - secs)
            case "drop":
                playout.drop()
                queued_secs = 0.0
        assert playout.left_secs == queued_secs
