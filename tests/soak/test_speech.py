"""The stream of a session: the same whenever it is asked for, and every stretch of it says where it belongs."""

import random

from tests.soak.speech import Speech, place_of
from tests.support.audit import Span


def speech(number: int = 3, utterances: int = 4) -> Speech:
    """A stream with some utterances."""
    made = Speech(number, random.Random(1))
    for _ in range(utterances):
        made.speak()
    return made


def test_a_stretch_is_the_same_however_it_is_read() -> None:
    """Whole, in pieces of any length, and again after more was said."""
    made = speech()
    whole = made.read(0, made.samples)
    pieces = b"".join(made.read(start, 777) for start in range(0, made.samples, 777))
    assert len(whole) == 2 * made.samples
    assert pieces == whole
    made.speak()
    assert made.read(1000, 5000) == whole[2000:12000]


def test_each_session_says_something_of_its_own() -> None:
    """The same phrases in the same order differ by their marks."""
    assert speech(3).read(0, 4000) != speech(4).read(0, 4000)


def test_every_stretch_says_where_it_belongs() -> None:
    """Wherever it begins; nothing is found in what nobody said."""
    made = speech(7)
    for start in (0, 1, 319, 320, 12_345, 40_001):
        assert place_of(made.read(start, 8000)) == (7, start)
    assert place_of(bytes(16_000)) is None
    assert place_of(b"") is None


def test_utterances_have_their_places() -> None:
    """A span touches those of whose voice it has a sample; between two it touches none."""
    made = speech()
    first, second = made.said[0].voice, made.said[1].voice
    assert made.touched(first) == [0]
    assert made.touched(Span(first.end - 1, second.start + 1)) == [0, 1]
    assert made.touched(Span(first.end, second.start)) == []
    assert [made.begun(first.start), made.begun(first.start - 1), made.begun(made.samples)] == [1, 0, 4]


def test_neighbours_differ() -> None:
    """So a lost answer and a doubled one are told apart."""
    names = [said.name for said in speech(0, 60).said]
    assert all(len(set(names[at : at + 7])) == 7 for at in range(len(names) - 6))
