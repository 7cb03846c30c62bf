"""What a listener hears."""

import itertools

import numpy as np

from client.playback import PLAYBACK_RATE_HZ, Playback
from client.wav import Samples


def _piece(secs: float, value: int) -> bytes:
    return np.full(round(secs * PLAYBACK_RATE_HZ), value, "<i2").tobytes()


def _line(playback: Playback, min_secs: float = 0.0) -> Samples:
    return np.concatenate([np.zeros(0, np.int16), *playback.rendered(min_secs)])


def _heard(playback: Playback, min_secs: float = 0.0) -> list[tuple[int, float]]:
    """The time line as runs of equal samples: value and seconds."""
    line = _line(playback, min_secs)
    edges = [0, *(np.flatnonzero(np.diff(line)) + 1).tolist(), len(line)]
    return [
        (int(line[first]), round((end - first) / PLAYBACK_RATE_HZ, 3))
        for first, end in itertools.pairwise(edges)
        if end > first
    ]


def test_a_piece_plays_from_its_arrival() -> None:
    """Silence lies before it, and after it up to the wanted length."""
    playback = Playback()
    playback.queue(_piece(0.5, 7), at_secs=2.0)
    assert _heard(playback, min_secs=4.0) == [(0, 2.0), (7, 0.5), (0, 1.5)]
    assert (playback.heard_secs, playback.ends_secs) == (0.5, 2.5)


def test_pieces_play_one_after_another() -> None:
    """A piece that arrives while another plays waits; one that arrives later leaves a gap."""
    playback = Playback()
    playback.queue(_piece(1.0, 1), at_secs=1.0)
    playback.queue(_piece(1.0, 2), at_secs=1.1)
    playback.queue(_piece(1.0, 3), at_secs=5.0)
    assert _heard(playback) == [(0, 1.0), (1, 1.0), (2, 1.0), (0, 2.0), (3, 1.0)]


def test_the_time_line_is_as_long_as_what_plays() -> None:
    """Speech that outlasts the recording is not cut."""
    playback = Playback()
    playback.queue(_piece(2.0, 1), at_secs=1.0)
    assert len(_line(playback, min_secs=1.5)) == 3 * PLAYBACK_RATE_HZ


def test_interrupted_drops_what_has_not_played() -> None:
    """The playing piece breaks off, the waiting ones are gone, and the next starts at its arrival."""
    playback = Playback()
    playback.queue(_piece(1.0, 1), at_secs=1.0)
    playback.queue(_piece(1.0, 2), at_secs=1.1)
    playback.queue(_piece(1.0, 3), at_secs=1.2)
    playback.interrupt(at_secs=2.25)
    playback.queue(_piece(0.5, 4), at_secs=2.5)
    assert _heard(playback) == [(0, 1.0), (1, 1.0), (2, 0.25), (0, 0.25), (4, 0.5)]
    assert playback.heard_secs == 1.75


def test_interrupted_with_nothing_queued_is_harmless() -> None:
    """What has been heard stays heard."""
    playback = Playback()
    playback.interrupt(at_secs=1.0)
    playback.queue(_piece(0.5, 1), at_secs=1.0)
    playback.interrupt(at_secs=3.0)
    assert _heard(playback) == [(0, 1.0), (1, 0.5)]


def test_nothing_heard_is_silence() -> None:
    """An empty piece counts for nothing, and audio before the start plays from the start."""
    playback = Playback()
    playback.queue(b"", at_secs=1.0)
    assert (playback.ends_secs, _heard(playback, min_secs=1.0)) == (0.0, [(0, 1.0)])
    playback.queue(_piece(0.5, 1), at_secs=-0.2)
    assert _heard(playback) == [(1, 0.5)]


def test_a_turn_plays_from_its_first_piece_to_its_last() -> None:
    """Whatever waits for another turn's pieces, or lies between its own."""
    playback = Playback()
    playback.queue(_piece(2.0, 1), at_secs=1.0, turn=1)
    playback.queue(_piece(0.5, 2), at_secs=1.5, turn=2)
    playback.queue(_piece(0.5, 2), at_secs=4.0, turn=2)
    assert [playback.span(turn) for turn in (1, 2, 3)] == [(1.0, 3.0), (3.0, 4.5), None]


def test_interrupted_shortens_the_turn_that_plays() -> None:
    """A turn of which nothing was heard plays nowhere, and may yet begin."""
    playback = Playback()
    playback.queue(_piece(2.0, 1), at_secs=1.0, turn=1)
    playback.queue(_piece(0.5, 2), at_secs=1.5, turn=2)
    playback.interrupt(at_secs=2.5)
    assert [playback.span(turn) for turn in (1, 2)] == [(1.0, 2.5), None]
    playback.queue(_piece(0.5, 2), at_secs=3.0, turn=2)
    assert playback.span(2) == (3.0, 3.5)


def test_a_long_time_line_comes_in_blocks() -> None:
    """Hours of silence need no memory."""
    playback = Playback()
    playback.queue(_piece(0.5, 1), at_secs=60.0)
    lengths = [len(block) for block in playback.rendered(min_secs=120.0)]
    assert sum(lengths) == 120 * PLAYBACK_RATE_HZ
    assert max(lengths) <= 1 << 16
