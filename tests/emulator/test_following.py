"""Speech that is asked for bit by bit gives the words of the whole, each once."""

from collections.abc import Sequence

import numpy as np
import pytest

from emulator import Scenario
from emulator.answering import Answerer
from emulator.audio import Samples, resample, to_pcm
from emulator.following import Follower
from emulator.hearing import ClipIndex, Expected, Hearing
from emulator.words import HeardPiece, Words

JFK, TEN, KO = "en-11s-16k", "en-35s-8k", "ko-30s-16k"


class CountingEar:
    """Notes what it was told to expect."""

    def __init__(self, index: ClipIndex) -> None:
        self._index = index
        self.expected: list[str | None] = []

    def hear(self, pcm: bytes, rate_hz: int, expected: Expected | None = None) -> Hearing:
        """What the index hears."""
        self.expected.append(expected.clip if expected else None)
        return self._index.hear(pcm, rate_hz, expected)


def sound_of(
    samples: Scenario, clips: Sequence[str], *, level: float = 1.0, through_hz: int | None = None
) -> Samples:
    """Clips one after the other at 16 kHz, with 0.4 s of silence behind each."""
    parts = []
    for name in clips:
        sound, rate_hz = samples.clips[name].samples, samples.clips[name].rate_hz
        if through_hz is not None:
            sound, rate_hz = resample(sound, rate_hz, through_hz), through_hz
        parts += [resample(sound, rate_hz, 16_000) * np.float32(level), np.zeros(6400, np.float32)]
    return np.concatenate(parts)


async def followed(follower: Follower, samples: Scenario, sound: Samples, every_secs: float) -> list[HeardPiece]:
    """The pieces that come of asking every so often."""
    pcm, words = to_pcm(sound), Words(Answerer(samples))
    found: list[HeardPiece] = []
    step = round(every_secs * 16_000) * 2
    for at in range(0, len(pcm), step):
        follower.add(pcm[at : at + step])
        for stretch in (await follower.hear()).stretches:
            found += words.pieces(found[-1].piece.entry if found else None, stretch)
    return found


@pytest.mark.parametrize("every_secs", [0.4, 1.0, 1.3])
@pytest.mark.parametrize("clips", [(JFK, JFK), (KO, JFK), (TEN,)])
async def test_every_word_once(
    samples: Scenario, index: ClipIndex, clips: Sequence[str], every_secs: float
) -> None:
    """However often one asks; a clip that is said twice, too."""
    found = await followed(Follower(index, 16_000), samples, sound_of(samples, clips), every_secs)
    entries = [item for name in clips for item in samples.entries if item.heard and item.heard.clip == name]
    assert " ".join(item.piece.source for item in found if item.piece.source) == " ".join(
        entry.source for entry in entries
    )
    assert b"".join(item.piece.audio for item in found) == b"".join(entry.audio for entry in entries)


@pytest.mark.parametrize("bent", [{"level": 0.05}, {"through_hz": 8000}])
async def test_bent(samples: Scenario, index: ClipIndex, bent: dict[str, float]) -> None:
    """Level and telephone band change no word."""
    sound = sound_of(samples, (JFK,), level=bent.get("level", 1.0), through_hz=int(bent.get("through_hz", 16_000)))
    found = await followed(Follower(index, 16_000), samples, sound, 1.0)
    entries = [item for item in samples.entries if item.heard and item.heard.clip == JFK]
    assert " ".join(item.piece.source for item in found if item.piece.source) == " ".join(
        entry.source for entry in entries
    )


async def test_what_goes_on_is_expected(samples: Scenario, index: ClipIndex) -> None:
    """After the first words the ear is told what will follow; it hears another clip all the same."""
    ear = CountingEar(index)
    await followed(Follower(ear, 16_000), samples, sound_of(samples, (JFK, KO)), 1.0)
    assert ear.expected[:2] == [None, JFK]
    assert set(ear.expected[-10:]) == {KO}


async def test_times(samples: Scenario, index: ClipIndex) -> None:
    """Each piece says when it was spoken, and its sound is that of the speaker, as long as it is kept."""
    sound = sound_of(samples, (JFK,))
    follower = Follower(index, 16_000)
    found = await followed(follower, samples, sound, 1.0)
    for item in found:
        heard = item.piece.entry.heard
        assert heard is not None
        assert heard.from_secs - 0.01 <= item.from_secs <= item.to_secs <= heard.to_secs + 0.4
    assert len(follower.sound(0.0, 60.0)) == 6 * 16_000
    assert np.allclose(follower.sound(10.0, 11.0), sound[160_000:176_000], atol=1e-3)


async def test_before_the_speech(samples: Scenario, index: ClipIndex) -> None:
    """What lies before the begin of a speech is no part of it."""
    follower = Follower(index, 16_000)
    follower.add(to_pcm(sound_of(samples, (JFK,))[: 4 * 16_000]))
    follower.begin(2.8)
    (stretch,) = (await follower.hear()).stretches
    assert stretch.from_secs == pytest.approx(2.8)
    assert stretch.at_secs == pytest.approx(2.8)
