"""Real sentences, as they were spoken, and with pauses inside: where each begins and ends is known."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from tests.support.pcm import SAMPLES, read_sample

RATE_HZ = 16_000
Samples = NDArray[np.float32]

_ONE_SENTENCE = "en-11s-16k.wav"
"""What is marked in it are the phrases of a single sentence, parted by its speaker's own pauses."""
_SHORTEST_SECS = 1.5
"""Of a sentence that gets a pause inside."""
_SHORTEST_PAUSE_SECS, _LONGEST_PAUSE_SECS = 0.5, 1.2
_MIDDLE = (0.3, 0.7)
_AROUND_SECS = 0.3
_FADE_SECS = 0.005
_SILENCE_AT_END_SECS = 4.0


@dataclass(frozen=True, slots=True)
class Sentence:
    """Where a sentence lies, in seconds."""

    onset_secs: float
    end_secs: float


@dataclass(frozen=True, slots=True)
class Recording:
    """What somebody says.

    Attributes:
        language: In which.
        samples: Mono at :data:`RATE_HZ`, -1.0 to 1.0.
        sentences: In order.
    """

    language: str
    samples: Samples
    sentences: tuple[Sentence, ...]


def recordings() -> list[Recording]:
    """Those of ``samples/``, with silence behind them."""
    files = json.loads((SAMPLES / "marks.json").read_text(encoding="utf-8"))["files"]
    return [_recording(name, marks) for name, marks in files.items()]


def _recording(name: str, marks: dict[str, Any]) -> Recording:
    pcm, rate_hz = read_sample(name)
    speech = np.asarray(soxr.resample(np.frombuffer(pcm, "<i2").astype(np.float32) / 32768, rate_hz, RATE_HZ))
    sentences = [Sentence(item["onset_secs"], item["end_secs"]) for item in marks["sentences"]]
    if name == _ONE_SENTENCE:
        sentences = [Sentence(sentences[0].onset_secs, sentences[-1].end_secs)]
    silence = np.zeros(int(_SILENCE_AT_END_SECS * RATE_HZ), np.float32)
    return Recording(marks["language"], np.concatenate((speech, silence)).astype(np.float32), tuple(sentences))


def with_pauses(recording: Recording, seed: int) -> Recording:
    """The same with a pause of 0.5 to 1.2 s inside each sentence that is not very short.

    It lies in the quietest place near a random one of the sentence's middle, and sounds like the longest pause
    between two marked stretches of the recording; ``seed`` decides where and how long.
    """
    random = np.random.default_rng(seed)
    room = _room(recording)
    parts: list[Samples] = []
    sentences: list[Sentence] = []
    taken, added_secs = 0, 0.0
    for sentence in recording.sentences:
        inserted_secs = 0.0
        if sentence.end_secs - sentence.onset_secs >= _SHORTEST_SECS:
            inserted_secs = float(random.uniform(_SHORTEST_PAUSE_SECS, _LONGEST_PAUSE_SECS))
            place = _quiet_place(recording.samples, sentence, float(random.uniform(*_MIDDLE)))
            pause = np.resize(room, int(inserted_secs * RATE_HZ))
            parts += [_faded_out(recording.samples[taken:place]), pause]
            taken = place
        sentences.append(Sentence(sentence.onset_secs + added_secs, sentence.end_secs + added_secs + inserted_secs))
        added_secs += inserted_secs
    parts.append(recording.samples[taken:])
    return Recording(recording.language, np.concatenate(parts), tuple(sentences))


def _room(recording: Recording) -> Samples:
    """The sound of nobody speaking: before the first sentence, between two, or of the added silence."""
    edges = [0.0, *(edge for item in recording.sentences for edge in (item.onset_secs, item.end_secs))]
    gaps = [(end - start, start) for start, end in zip(edges[::2], edges[1::2], strict=False)]
    length_secs, start_secs = max(gaps)
    quarter = length_secs / 4  # away from what is left of speech at both ends
    start, end = int((start_secs + quarter) * RATE_HZ), int((start_secs + length_secs - quarter) * RATE_HZ)
    stretch = recording.samples[start:end]
    return np.concatenate((stretch, stretch[::-1]))  # no step where it is repeated


def _quiet_place(samples: Samples, sentence: Sentence, share: float) -> int:
    """The sample around which 20 ms are quietest, not far from ``share`` of the sentence."""
    centre = sentence.onset_secs + share * (sentence.end_secs - sentence.onset_secs)
    places = range(int((centre - _AROUND_SECS) * RATE_HZ), int((centre + _AROUND_SECS) * RATE_HZ), RATE_HZ // 100)
    return min(places, key=lambda place: float(np.square(samples[place - 160 : place + 160]).mean()))


def _faded_out(samples: Samples) -> Samples:
    """``samples``, the last 5 ms of them fading out."""
    faded, count = samples.copy(), int(_FADE_SECS * RATE_HZ)
    faded[-count:] *= np.linspace(1, 0, count, dtype=np.float32)
    return faded
