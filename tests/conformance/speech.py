"""What the kit says: recorded speech, as single utterances."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from tests.conformance.outcome import UsageError

_SAMPLES = Path(__file__).parents[2] / "samples"
_MARGIN_SECS = 0.1
_MIN_SECS, _MAX_SECS = 0.5, 9.0
"""A longer utterance may be cut by the server, by its right."""


@dataclass(frozen=True, slots=True, eq=False)
class Utterance:
    """One sentence without a long pause in it.

    Attributes:
        samples: Mono, -1 to 1.
        rate_hz: Of the recording.
        words: What is said; ``None`` where it is not known.
    """

    samples: npt.NDArray[np.float32]
    rate_hz: int
    words: str | None

    @property
    def secs(self) -> float:
        """Length."""
        return len(self.samples) / self.rate_hz

    def pcm(self, rate_hz: int) -> bytes:
        """Signed 16 bit little endian, at ``rate_hz``."""
        return _pcm(self, rate_hz)


@dataclass(frozen=True, slots=True)
class Speech:
    """The utterances of a run.

    Attributes:
        first: The usual one.
        second: Another one; with one's own recording it is the same.
        korean: In the other language of the protocol's pair; ``None`` with one's own recording.
    """

    first: Utterance
    second: Utterance
    korean: Utterance | None

    @property
    def two_differ(self) -> bool:
        """Whether first and second can be told apart."""
        return self.first is not self.second


def from_samples() -> Speech:
    """Two English phrases and the beginning of a Korean sentence, from ``samples/``."""
    phrases = _marks("en-11s-16k.wav")
    korean = _read(_SAMPLES / "ko-30s-16k.wav")
    return Speech(
        first=_phrase("en-11s-16k.wav", phrases[3]),
        second=_phrase("en-11s-16k.wav", phrases[0]),
        # The whole sentence takes nine seconds; here lies one of its few inner dips.
        korean=Utterance(korean[0][: round(3.35 * korean[1])], korean[1], None),
    )


def from_file(path: Path, words: str | None) -> Speech:
    """One's own recording, said again and again.

    Args:
        path: A WAV file with one sentence.
        words: What is said in it.

    Raises:
        UsageError: It cannot be read, or has not the length of a sentence.
    """
    if not path.is_file():
        raise UsageError(f"--speech: expected a WAV file, but there is none at {path}; check the path")
    try:
        samples, rate_hz = _read(path)
    except (soundfile.SoundFileError, OSError) as error:
        raise UsageError(f"--speech: expected a WAV file, but {path} cannot be read as one: {error}") from error
    secs = len(samples) / rate_hz
    if not _MIN_SECS <= secs <= _MAX_SECS:
        wanted = f"one sentence of {_MIN_SECS:g} to {_MAX_SECS:g} s"
        raise UsageError(f"--speech: expected {wanted}, but {path} has {secs:.1f} s; cut it")
    utterance = Utterance(samples, rate_hz, words)
    return Speech(utterance, utterance, None)


def silence(secs: float, rate_hz: int) -> bytes:
    """Zeros."""
    return bytes(2 * round(secs * rate_hz))


@functools.cache
def _pcm(utterance: Utterance, rate_hz: int) -> bytes:
    samples = utterance.samples
    if utterance.rate_hz != rate_hz:
        samples = soxr.resample(samples, utterance.rate_hz, rate_hz)
    return bytes((np.clip(samples, -1.0, 32767 / 32768) * 32768).round().astype("<i2").tobytes())


def _marks(name: str) -> list[dict[str, object]]:
    marks = json.loads((_SAMPLES / "marks.json").read_text(encoding="utf-8"))
    sentences: list[dict[str, object]] = marks["files"][name]["sentences"]
    return sentences


def _phrase(name: str, mark: dict[str, object]) -> Utterance:
    samples, rate_hz = _read(_SAMPLES / name)
    first, last = (float(str(mark[key])) for key in ("onset_secs", "end_secs"))
    cut = samples[round((first - _MARGIN_SECS) * rate_hz) : round((last + _MARGIN_SECS) * rate_hz)]
    return Utterance(cut, rate_hz, str(mark["text"]))


def _read(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    return np.asarray(samples.mean(axis=1), np.float32), int(rate_hz)
