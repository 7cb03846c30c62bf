"""Which second of the audio it is."""

import pytest

from client.timeline import AudioTimeline


def test_in_real_time_it_is_the_clock() -> None:
    """Between the chunks as well as at their ends."""
    line = AudioTimeline(100.0, 0.5)
    assert line.position_secs(100.2) == pytest.approx(0.2)
    line.sent(0.5, 100.5, 0.5)
    line.sent(1.0, 101.0, 0.5)
    assert [line.position_secs(at) for at in (100.5, 101.0, 101.3)] == pytest.approx([0.5, 1.0, 1.3])


def test_it_goes_no_further_than_the_next_chunk() -> None:
    """Audio that is late stands still, and so does what is timed by it."""
    line = AudioTimeline(0.0, 0.1)
    line.sent(0.1, 0.1, 0.1)
    assert line.position_secs(5.0) == pytest.approx(0.2)


def test_before_the_first_chunk_it_is_the_beginning() -> None:
    """A moment before the start has no audio."""
    assert AudioTimeline(10.0, 0.1).position_secs(9.0) == 0.0


def test_longer_ago_than_is_remembered_it_is_the_oldest_place_that_is() -> None:
    """Which is nearer to the truth than the beginning."""
    line = AudioTimeline(0.0, 0.02)
    for chunk in range(1, 10_001):
        line.sent(chunk * 0.02, chunk * 0.02, 0.02)
    assert 100.0 < line.position_secs(1.0) < 150.0


def test_sent_faster_it_runs_faster() -> None:
    """The place in the audio is what counts, also for a moment that is past."""
    line = AudioTimeline(0.0, 0.02)
    for chunk in range(1, 101):
        line.sent(chunk * 0.02, chunk * 0.005, 0.02)
    assert line.position_secs(0.5) == pytest.approx(2.0)
    assert line.position_secs(0.25) == pytest.approx(1.0)


def test_after_the_end_the_clock_counts() -> None:
    """The last turns come after the last chunk, as late as a listener hears them."""
    line = AudioTimeline(0.0, 0.02)
    line.sent(0.02, 0.005, 0.0)
    line.finished(0.006)
    assert line.position_secs(3.006) == pytest.approx(3.02)


def test_it_never_goes_back() -> None:
    """Also where a chunk is shorter than announced."""
    line = AudioTimeline(0.0, 0.02)
    seen = []
    for chunk in range(50):
        now = chunk * 0.013
        line.sent(min(chunk * 0.02, 0.5), now, 0.0 if chunk >= 25 else 0.02)
        seen += [line.position_secs(now), line.position_secs(now + 0.012)]
    assert seen == sorted(seen)
