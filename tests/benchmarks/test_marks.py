"""Marks: every piece of sound is found again, whatever happened to the stream on its way."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.marks import MARK_SAMPLES, NUMBERS, SENDERS, MarkFinder, marked, prepared
from tests.support import hypothesis_profile

__all__ = ["hypothesis_profile"]

_PIECES = 40
_PIECE_SAMPLES = 320


def sound(samples: int, seed: int = 1) -> bytes:
    """Noise as loud as speech."""
    noise = np.random.default_rng(seed).normal(0, 3000, samples)
    return noise.astype("<i2").tobytes()


def stream(sender: int = 5, first: int = 0) -> list[bytes]:
    """Marked pieces, one after the other."""
    return [
        marked(prepared(sound(_PIECE_SAMPLES, seed=number)), sender, number)
        for number in range(first, first + _PIECES)
    ]


def found_in(pieces: list[bytes]) -> list[tuple[int, int]]:
    """What one finder finds in all of them."""
    finder = MarkFinder()
    return [mark for piece in pieces for mark in finder.feed(piece)]


@given(st.lists(st.integers(1, 700), min_size=1, max_size=60))
def test_marks_survive_any_cutting_and_joining(lengths: list[int]) -> None:
    """Pieces of one sample and pieces of many chunks give the same numbers, in order."""
    whole, place = b"".join(stream()), 0
    cut: list[bytes] = []
    while place < len(whole):
        length = 2 * lengths[len(cut) % len(lengths)]
        cut.append(whole[place : place + length])
        place += length
    assert found_in(cut) == [(5, number) for number in range(_PIECES)]


@given(st.integers(0, SENDERS - 1), st.integers(0, NUMBERS - 1))
def test_every_number_is_told(sender: int, number: int) -> None:
    """Up to the largest sender and the largest number."""
    assert found_in([marked(prepared(sound(_PIECE_SAMPLES)), sender, number)]) == [(sender, number)]


@given(st.integers(0, _PIECES * _PIECE_SAMPLES), st.integers(1, 3000))
def test_what_is_cut_out_costs_only_the_marks_in_it(start: int, length: int) -> None:
    """A gap at any sample hides no mark that it does not touch, and invents none."""
    whole = b"".join(stream())
    kept = whole[: 2 * start] + whole[2 * (start + length) :]
    untouched = {
        number
        for number in range(_PIECES)
        if number * _PIECE_SAMPLES + MARK_SAMPLES <= start or number * _PIECE_SAMPLES >= start + length
    }
    found = found_in([kept])
    assert found == sorted(set(found))
    assert untouched <= {number for _, number in found} <= set(range(_PIECES))
    assert {sender for sender, _ in found} <= {5}


def test_repeated_sound_is_found_twice() -> None:
    """As often as it is there."""
    pieces = stream()
    assert found_in([*pieces, pieces[3]])[-1] == (5, 3)


def test_sound_without_marks_has_none() -> None:
    """Neither prepared sound nor any other."""
    assert found_in([sound(200_000), prepared(sound(200_000))]) == []


def test_a_mark_changes_only_lowest_bits() -> None:
    """Voice activity can't depend on it."""
    pcm = sound(_PIECE_SAMPLES)
    before, after = np.frombuffer(pcm, "<i2"), np.frombuffer(marked(prepared(pcm), 4095, 2**20 - 1), "<i2")
    assert np.abs(before.astype(int) - after).max() <= 1
