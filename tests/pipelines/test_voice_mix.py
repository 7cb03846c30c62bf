"""Voices are heard as they are, put together, quietly under an interpretation."""

import numpy as np
import pytest

from pipelines.speaker_track import piece_bytes
from pipelines.voice_mix import VoiceMix

RATE_HZ = 16_000
PIECE = piece_bytes(RATE_HZ)


def level(value: int, ms: int = 20) -> bytes:
    """A constant sound."""
    return np.full(RATE_HZ * ms // 1000, value, "<i2").tobytes()


def values(piece: bytes | None) -> set[int]:
    """What samples a piece has."""
    assert piece is not None
    assert len(piece) == PIECE
    return set(np.frombuffer(piece, "<i2").tolist())


def test_a_voice_begins_when_a_little_of_it_is_there() -> None:
    """So that a chunk which comes late leaves no hole; then it is whole."""
    mix = VoiceMix(RATE_HZ, None)
    mix.add("a", level(100, 60), original=False)
    assert not mix.speaking
    assert mix.mixed(None) is None
    mix.add("a", level(100, 20), original=False)
    assert [values(mix.mixed(None)) for _ in range(4)] == [{100}] * 4
    assert mix.mixed(None) is None


def test_voices_add_up_and_do_not_overflow() -> None:
    """Two who speak at once are both heard."""
    mix = VoiceMix(RATE_HZ, None)
    for speaker in ("a", "b"):
        mix.add(speaker, level(20_000, 80), original=False)
    assert values(mix.mixed(level(-10_000))) == {30_000}
    assert values(mix.mixed(None)) == {32_767}


def test_an_original_is_not_heard_unless_asked_for() -> None:
    """The interpretation is."""
    mix = VoiceMix(RATE_HZ, None)
    mix.add("a", level(100, 100), original=True)
    assert mix.mixed(None) is None


def test_an_original_is_quiet_and_quieter_under_an_interpretation() -> None:
    """It changes from one to the other without a step."""
    mix = VoiceMix(RATE_HZ, -20.0)
    mix.add("a", level(10_000, 200), original=True)
    mix.mixed(None)
    assert values(mix.mixed(None)) == {1000}
    ramp = np.frombuffer(mix.mixed(bytes(PIECE)) or b"", "<i2")
    assert ramp[0] == 1000
    assert np.abs(np.diff(ramp.astype(int))).max() <= 4
    assert values(mix.mixed(bytes(PIECE))) == {251}


def test_a_voice_that_comes_too_fast_loses_its_oldest() -> None:
    """Live is live: it does not lag by more than a second."""
    mix = VoiceMix(RATE_HZ, None)
    mix.add("a", level(1, 500) + level(2, 1000), original=False)
    heard = [values(mix.mixed(None)) for _ in range(50)]
    assert heard == [{2}] * 50
    assert mix.mixed(None) is None


@pytest.mark.parametrize("chunk_ms", [20, 240])
def test_a_voice_that_lags_catches_up_in_its_pauses(chunk_ms: int) -> None:
    """Something stood still for 0.8 s: no speech behind it is missing, and of the silence what made it late."""
    mix = VoiceMix(RATE_HZ, None)
    mix.add("a", level(1000, 800), original=False)
    for second in range(6):
        loud = second % 2 == 0
        for _ in range(960 // chunk_ms):
            mix.add("a", level(1000 if loud else 0, chunk_ms), original=False)
            for _ in range(chunk_ms // 20):
                mix.mixed(None)
    left = heard = 0
    while (piece := mix.mixed(None)) is not None:
        left, heard = left + 20, heard + (values(piece) == {1000})
    assert left <= 80 + chunk_ms
    assert heard == 0


def test_a_voice_on_time_loses_no_pause() -> None:
    """However long its chunks are."""
    mix = VoiceMix(RATE_HZ, None)
    pieces = 0
    for number in range(40):
        mix.add("a", level(1000 if number % 8 < 4 else 0, 240), original=False)
        pieces += sum(mix.mixed(None) is not None for _ in range(12))
    while mix.mixed(None) is not None:
        pieces += 1
    assert pieces == 40 * 12


def test_who_left_is_not_heard() -> None:
    """From the next piece on."""
    mix = VoiceMix(RATE_HZ, None)
    mix.add("a", level(5, 100), original=False)
    mix.forget("a")
    assert mix.mixed(None) is None


@pytest.mark.parametrize("rate_hz", [8_000, 24_000])
def test_a_voice_has_the_rate_of_its_listener(rate_hz: int) -> None:
    """A sine stays one, however it is cut."""
    mix = VoiceMix(rate_hz, None)
    sine = (8000 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ)).astype("<i2").tobytes()
    pieces = []
    for start in range(0, len(sine), PIECE):
        mix.add("a", sine[start : start + PIECE], original=False)
        pieces.append(mix.mixed(None) or b"")
    samples = np.frombuffer(b"".join(pieces), "<i2").astype(float)[rate_hz // 50 :]  # behind the onset's ringing
    step = 8000 * 2 * np.pi * 440 / rate_hz
    assert len(samples) > 0.8 * rate_hz
    assert np.abs(np.diff(samples)).max() < 1.1 * step
