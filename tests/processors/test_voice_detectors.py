"""Is there voice in a window: the model, on real speech, and loudness."""

import asyncio
import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import soxr

from processors.silero import SileroModel, SileroStream, load_model
from processors.silero_file import silero_file
from processors.voice_detectors import RATE_HZ, EnergyDetector, Samples, SileroDetector
from tests.support.pcm import SAMPLES, read_sample

FILES: dict[str, Any] = json.loads((SAMPLES / "marks.json").read_text(encoding="utf-8"))["files"]
MODEL = load_model(silero_file())


def sample_at_16_khz(name: str) -> Samples:
    """A sample file as the detectors take it."""
    pcm, rate_hz = read_sample(name)
    speech = np.frombuffer(pcm, "<i2").astype(np.float32) / 32768
    return np.asarray(soxr.resample(speech, rate_hz, RATE_HZ), dtype=np.float32)


def at_level(speech: Samples, level_db: float) -> Samples:
    """``speech`` with its loudest 5 % of 20 ms frames at ``level_db`` full scale."""
    frames = speech[: len(speech) // 320 * 320].reshape(-1, 320)
    loud = np.percentile(np.sqrt((frames**2).mean(axis=1)), 95)
    return np.asarray(speech * np.float32(10 ** (level_db / 20) / loud), dtype=np.float32)


def judged(speech: Samples) -> list[bool]:
    """What the model says of each window."""
    detector = SileroDetector(MODEL, 0.5)
    size = detector.window_samples
    return [
        detector.is_voice(speech[start : start + size], quiet=True) for start in range(0, len(speech) - size, size)
    ]


def voiced_share(voiced: list[bool], start_secs: float, end_secs: float) -> float:
    """The share of windows between two times that hold voice."""
    windows = voiced[int(start_secs * RATE_HZ / 512) : int(end_secs * RATE_HZ / 512)]
    return sum(windows) / len(windows)


@pytest.mark.parametrize(
    ("name", "level_db", "share"),
    [
        ("en-35s-8k.wav", -20, 0.7),
        ("en-35s-8k.wav", -45, 0.65),
        ("ko-30s-16k.wav", -20, 0.95),
        ("ko-30s-16k.wav", -45, 0.95),
        ("en-11s-16k.wav", -20, 0.5),
    ],
)
def test_the_model_hears_speech_loud_and_faint(name: str, level_db: float, share: float) -> None:
    """Each sentence that a person marked is mostly voice, at −45 dBFS too; what lies between two is none.

    The old recording with its noise is heard at its own level only: at −45 dBFS the model misses words of it.
    """
    voiced = judged(at_level(sample_at_16_khz(name), level_db))
    sentences = FILES[name]["sentences"]
    for sentence in sentences:
        assert voiced_share(voiced, sentence["onset_secs"], sentence["end_secs"]) > share, sentence["text"]
    for before, after in pairwise(sentences):
        assert voiced_share(voiced, before["end_secs"] + 0.2, after["onset_secs"] - 0.05) < 0.05


def test_the_model_hears_no_voice_in_noise() -> None:
    """Neither silence nor white noise, soft or loud, is speech."""
    noise = np.random.default_rng(1).standard_normal(5 * RATE_HZ).astype(np.float32)
    for level in (0.0, 0.001, 0.1):
        assert sum(judged(noise * np.float32(level))) <= 2


def test_streams_do_not_mix() -> None:
    """Detectors share the model and no state: two streams in turns give what each gives alone."""
    first, second = sample_at_16_khz("en-11s-16k.wav"), sample_at_16_khz("ko-30s-16k.wav")
    size = SileroDetector.window_samples
    detectors = [SileroDetector(MODEL, 0.5), SileroDetector(MODEL, 0.5)]
    mixed: list[list[bool]] = [[], []]
    for start in range(0, len(first) - size, size):
        for voiced, detector, stream in zip(mixed, detectors, (first, second), strict=True):
            voiced.append(detector.is_voice(stream[start : start + size], quiet=True))
    assert mixed == [judged(first), judged(second)[: len(mixed[0])]]


def test_speech_after_long_silence_is_heard() -> None:
    """A minute without speech does not make the model deaf."""
    speech = sample_at_16_khz("ko-30s-16k.wav")[: 5 * RATE_HZ]
    noise = np.random.default_rng(1).standard_normal(60 * RATE_HZ).astype(np.float32) * np.float32(0.001)
    voiced = judged(np.concatenate((noise, speech)))
    assert voiced_share(voiced, 60.1, 64.9) > 0.8


@pytest.mark.parametrize(("quiet", "forgotten"), [(True, True), (False, False)])
def test_clear_silence_is_forgotten(quiet: bool, forgotten: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """After two seconds of clear non-speech the model starts afresh, unless voice is active."""
    forgets: list[SileroStream] = []
    monkeypatch.setattr(SileroStream, "forget", lambda stream: forgets.append(stream))
    monkeypatch.setattr(SileroModel, "score", lambda model, streams, windows: [0.09])
    detector = SileroDetector(MODEL, 0.5)
    forgets.clear()
    window = np.zeros(512, np.float32)
    for _ in range(62):
        detector.is_voice(window, quiet=quiet)
    assert not forgets
    detector.is_voice(window, quiet=quiet)
    assert bool(forgets) == forgotten
    assert not (forgotten and (detector.is_voice(window, quiet=quiet) or len(forgets) > 1))


async def test_windows_of_many_sessions_are_judged_as_alone() -> None:
    """What a detector hears together with others is what it hears by itself."""
    speech = sample_at_16_khz("en-11s-16k.wav")
    size, detectors = SileroDetector.window_samples, [SileroDetector(MODEL, 0.5) for _ in range(5)]
    heard: list[bool] = []
    for start in range(0, len(speech) - size, size):
        windows = [
            speech[start : start + size],
            *(speech[place : place + size] for place in (0, 7000, 9000, 50_000)),
        ]
        together = [
            detector.hear(window, quiet=True, hurry=False)
            for detector, window in zip(detectors, windows, strict=True)
        ]
        heard.append((await asyncio.gather(*together))[0])
    assert heard == judged(speech)


@pytest.mark.parametrize(("amplitude", "voice"), [(499, False), (500, True), (20000, True), (0, False)])
def test_loudness_is_the_mean_absolute_amplitude(amplitude: int, voice: bool) -> None:
    """From the threshold on, on the scale of 16 bit samples, a window is voice; its sign does not matter."""
    detector = EnergyDetector(500)
    window = np.full(detector.window_samples, amplitude / 32768, dtype=np.float32)
    window[::2] *= -1
    assert detector.is_voice(window, quiet=True) == voice
    assert detector.is_voice(window, quiet=False) == voice
