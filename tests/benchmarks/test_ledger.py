"""The ledger: losses and duplicates are found when they are made."""

from benchmarks.ledger import Ledger, Losses, Sent


def test_losses_and_repetitions_are_counted_apart() -> None:
    """Of five: one lost, two that came more than once."""
    losses = Losses()
    losses.count(bytes([1, 0, 2, 1, 3]))
    assert losses == Losses(sent=5, lost=1, repeated=2)


def test_an_arrival_tells_when_it_was_sent() -> None:
    """And is noted with its number."""
    sent = Sent()
    sent.add(10.0)
    sent.add(10.02)
    assert sent.arrived(1) == 10.02
    assert sent.arrivals == bytearray([0, 1])


def test_what_was_never_sent_cannot_arrive() -> None:
    """A number beyond the last one is no arrival."""
    assert Sent().arrived(0) is None


def test_many_arrivals_of_one_number_stay_countable() -> None:
    """They stop at 255, which is repeated enough."""
    sent = Sent()
    sent.add(0.0)
    for _ in range(300):
        sent.arrived(0)
    assert sent.arrivals == bytearray([255])


def test_a_stretch_of_time_begins_without_delays() -> None:
    """What was sent stays, for it may still arrive."""
    ledger = Ledger()
    ledger.chunks[1] = Sent()
    ledger.chunks[1].add(0.0)
    histograms = ("up", "down", "late", "onset", "told")
    for name in histograms:
        getattr(ledger, name).add(0.5)
    ledger.strangers = 2
    ledger.forget_delays()
    assert [getattr(ledger, name).summary().count for name in histograms] == [0] * 5
    assert ledger.strangers == 0
    assert len(ledger.chunks[1]) == 1
