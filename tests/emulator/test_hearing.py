"""What was heard is found to the millisecond, however the client has bent the sound on its way."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from emulator.audio import Samples, resample, to_pcm
from emulator.hearing import ClipIndex, Hearing

KO, JFK, TEN = "ko-30s-16k", "en-11s-16k", "en-35s-8k"

Cut = Callable[..., Samples]


def hear(index: ClipIndex, *sounds: Samples) -> Hearing:
    """What is heard in sounds one after the other."""
    return index.hear(to_pcm(np.concatenate(sounds)), 16_000)


def parts(hearing: Hearing) -> list[tuple[str, Any, Any]]:
    """Clip, begin and end of each stretch."""
    return [(stretch.clip, stretch.from_secs, stretch.to_secs) for stretch in hearing.stretches]


@pytest.mark.parametrize("through_hz", [8_000, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("gain_db", [0, -30])
@pytest.mark.parametrize(("clip", "from_secs", "to_secs"), [(KO, 5.0, 9.0), (JFK, 0.2, 4.6), (TEN, 4.5, 7.2)])
def test_rates_and_levels(
    index: ClipIndex, cut: Cut, clip: str, from_secs: float, to_secs: float, through_hz: int, gain_db: int
) -> None:
    """Resampling on the way and a level of -30 dB change nothing."""
    heard = hear(index, cut(clip, from_secs, to_secs, through_hz=through_hz, gain_db=gain_db))
    assert parts(heard) == [(clip, pytest.approx(from_secs, abs=0.002), pytest.approx(to_secs, abs=0.002))]


@pytest.mark.parametrize("clip", [KO, JFK, TEN])
def test_whole_clip(index: ClipIndex, cut: Cut, clip: str) -> None:
    """A whole clip is one stretch."""
    assert len(hear(index, cut(clip, 0, 60)).stretches) == 1


def test_neighbours_partition_the_clip(index: ClipIndex, cut: Cut) -> None:
    """Pieces cut in the middle of speech meet again without gap or overlap."""
    edges = [18.2, 19.9, 21.37, 24.03, 27.5, 30.3]
    found = [parts(hear(index, cut(KO, begin, end))) for begin, end in itertools.pairwise(edges)]
    assert [len(pieces) for pieces in found] == [1] * 5
    for (before,), (after,) in itertools.pairwise(found):
        assert before[2] == pytest.approx(after[1], abs=0.0005)


def test_pre_roll_and_trailing_silence(index: ClipIndex, cut: Cut, silence: Callable[[float], Samples]) -> None:
    """Silence around the speech belongs to no other speech."""
    ((_, begin, end),) = parts(hear(index, silence(0.5), cut(TEN, 4.5, 7.2), silence(2)))
    assert 3.9 < begin <= 4.76
    assert 6.86 <= end < 7.95


def test_separated_stretches(index: ClipIndex, cut: Cut, silence: Callable[[float], Samples]) -> None:
    """Two stretches of a clip in one utterance are two."""
    found = parts(hear(index, cut(KO, 1, 3), silence(0.3), cut(KO, 12, 14)))
    assert found == [
        (KO, pytest.approx(1, abs=0.05), pytest.approx(3, abs=0.05)),
        (KO, pytest.approx(12, abs=0.05), pytest.approx(14, abs=0.05)),
    ]


def test_two_clips(index: ClipIndex, cut: Cut) -> None:
    """Stretches of two clips keep the order in which they were spoken."""
    assert [part[0] for part in parts(hear(index, cut(TEN, 12, 13.9), cut(KO, 1, 3)))] == [TEN, KO]


def test_repetition(index: ClipIndex, cut: Cut) -> None:
    """What was said twice was heard twice."""
    first, second = hear(index, cut(TEN, 4.5, 7.2), cut(TEN, 4.5, 7.2)).stretches
    assert first.clip == second.clip == TEN
    assert first.at_secs < 0.1
    assert 2.4 < second.at_secs < 3.0


@pytest.mark.parametrize(("begin", "end"), [(3.3, 3.7), (8.2, 8.45)])
def test_short_pieces(index: ClipIndex, cut: Cut, begin: float, end: float) -> None:
    """A quarter of a second is enough."""
    assert parts(hear(index, cut(JFK, begin, end))) == [
        (JFK, pytest.approx(begin, abs=0.002), pytest.approx(end, abs=0.002))
    ]


def test_the_begin_of_a_clip(index: ClipIndex, cut: Cut, silence: Callable[[float], Samples]) -> None:
    """The first word of a clip is found in a piece that begins long before it, although others sound like it."""
    heard = hear(index, silence(0.6), cut(KO, 0, 0.4))
    assert parts(heard) == [(KO, pytest.approx(0, abs=0.05), pytest.approx(0.4, abs=0.05))]


def test_noise_over_speech(index: ClipIndex, cut: Cut) -> None:
    """Noise 15 dB under the speech does not hide it."""
    noise = np.random.default_rng(1).normal(0, 0.02, 6 * 16_000).astype(np.float32)
    found = parts(hear(index, cut(KO, 3, 9) + noise))
    assert found == [(KO, pytest.approx(3, abs=0.1), pytest.approx(9, abs=0.1))]


def test_unknown_speech(index: ClipIndex, cut: Cut) -> None:
    """Speech that is in no clip is voice without stretches: another pace, or backwards."""
    for strange in (cut(KO, 0, 12)[::-1].copy(), resample(cut(KO, 0, 12), 16_000, 17_000)):
        assert hear(index, strange) == Hearing((), voiced=True)


def test_silence_is_no_voice(index: ClipIndex, silence: Callable[[float], Samples]) -> None:
    """Silence, faint hiss and nothing at all are no voice."""
    hiss = np.random.default_rng(2).normal(0, 0.0003, 32_000).astype(np.float32)
    for quiet in (silence(3), hiss, silence(0)):
        assert hear(index, quiet) == Hearing((), voiced=False)


def test_other_rate(index: ClipIndex, cut: Cut) -> None:
    """Sound that is declared with another rate is compared at that rate."""
    pcm = to_pcm(resample(cut(KO, 3, 9), 16_000, 24_000))
    assert parts(index.hear(pcm, 24_000)) == [(KO, pytest.approx(3, abs=0.01), pytest.approx(9, abs=0.01))]


def test_no_clips() -> None:
    """An emulator without clips hears voice only."""
    noise = np.random.default_rng(3).normal(0, 0.1, 16_000).astype(np.float32)
    assert hear(ClipIndex({}), noise) == Hearing((), voiced=True)
