"""Split, merged, repeated and unknown utterances get the right words, each exactly once."""

import itertools

import pytest

from emulator import ClipStretch, Scenario, Stretch
from emulator.answering import Answer, Answerer
from emulator.hearing import Hearing

JFK = "en-11s-16k"
UNKNOWN = Hearing((), voiced=True)


def answer(answerer: Answerer, *edges: tuple[float, float], clip: str = JFK) -> Answer:
    """The answer to stretches of one clip."""
    return answerer.answer(Hearing(tuple(Stretch(clip, *edge) for edge in edges), voiced=True))


def words(scenario: Scenario, clip: str, field: str) -> list[str]:
    """All words of a clip."""
    return [
        word for entry in scenario.entries if entry.heard and entry.heard.clip == clip
        for word in getattr(entry, field).split()
    ]  # fmt: skip


@pytest.mark.parametrize("clip", ["ko-30s-16k", "en-11s-16k", "en-35s-8k"])
@pytest.mark.parametrize("piece_secs", [0.37, 1.0, 3.3, 60.0])
def test_split_speech_gives_every_word_once(samples: Scenario, clip: str, piece_secs: float) -> None:
    """The pieces of a clip, wherever it was cut, together give the whole text and the whole sound."""
    answerer = Answerer(samples)
    count = int(samples.clips[clip].duration_secs / piece_secs) + 1
    edges = [number * piece_secs for number in range(count + 1)]
    answers = [answer(answerer, edge, clip=clip) for edge in itertools.pairwise(edges)]
    assert " ".join(item.source for item in answers if item.source).split() == words(samples, clip, "source")
    assert " ".join(item.target for item in answers if item.target).split() == words(samples, clip, "target")
    for item in answers:
        answerer.count(item)
    ((_, _, times),) = answerer.stretches()[clip]
    assert times == 1


def test_merged_speech_gives_the_entries_together(samples: Scenario) -> None:
    """One utterance over two entries is answered with both."""
    merged = answer(Answerer(samples), (0.0, 4.9))
    assert [piece.entry.id for piece in merged.pieces] == ["kennedy-1", "kennedy-2"]
    assert merged.audio == samples.entries[0].audio + samples.entries[1].audio


def test_repeated_speech_is_answered_twice(samples: Scenario) -> None:
    """The same stretch twice gives the words twice, and counts twice."""
    answerer = Answerer(samples)
    twice = answer(answerer, (0.0, 2.8), (0.0, 2.8))
    assert twice.source == "And so my fellow Americans, And so my fellow Americans,"
    answerer.count(twice)
    assert answerer.stretches()[JFK] == [ClipStretch(0.0, 2.8, 2), ClipStretch(2.8, 11.0, 0)]


def test_half_an_entry(samples: Scenario) -> None:
    """Half of the speech is half of the words and half of the sound."""
    half = answer(Answerer(samples), (0.0, 1.3225))
    assert half.source == "And so"
    assert len(half.audio) == pytest.approx(len(samples.entries[0].audio) / 2, abs=4)


def test_a_pause_has_no_words(samples: Scenario) -> None:
    """A stretch between two entries' words is answered with nothing."""
    assert answer(Answerer(samples), (2.4, 3.2)).pieces == ()


def test_unknown_speech_gets_everyday_entries_in_turn(samples: Scenario) -> None:
    """Each unknown utterance gets the next sentence; after the last the first again, and it says so."""
    answerer = Answerer(samples)
    answers = [answerer.answer(UNKNOWN) for _ in range(9)]
    ids = [item.pieces[0].entry.id for item in answers]
    assert ids == [f"everyday-{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 1)]
    assert [item.started_over for item in answers] == [False] * 8 + [True]


def test_silence_gets_nothing(samples: Scenario) -> None:
    """No voice, no words."""
    assert Answerer(samples).answer(Hearing((), voiced=False)) == Answer()


def test_a_text_is_read_aloud(samples: Scenario) -> None:
    """With its own sound where it is known, else with some entry's, always the same; nothing counts as heard."""
    answerer = Answerer(samples)
    known = samples.entries[0]
    assert (answerer.aloud(known.target).audio, answerer.aloud(known.target).target) == (known.audio, known.target)
    assert answerer.aloud("Something else.").audio == answerer.aloud("Something else.").audio != b""
    assert answerer.aloud("Something else.").source == ""
    answerer.count(answerer.aloud(known.target))
    assert all(stretch.times == 0 for stretches in answerer.stretches().values() for stretch in stretches)
