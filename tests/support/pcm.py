"""Audio for tests: PCM s16le mono."""

import math
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SAMPLES = Path(__file__).parents[2] / "samples"


def counting_pcm(start: int, end: int) -> bytes:
    """Samples that tell their position in the stream (modulo 65536)."""
    return np.arange(start, end).astype("<u2").tobytes()


def tone(duration_secs: float, rate_hz: int, *, hz: float = 440.0, amplitude: float = 0.5) -> bytes:
    """A sine."""
    count = round(duration_secs * rate_hz)
    samples = amplitude * 32767 * np.sin(2 * math.pi * hz * np.arange(count) / rate_hz)
    return samples.round().astype("<i2").tobytes()


def read_sample(name: str) -> tuple[bytes, int]:
    """PCM and rate of a file in ``samples/``."""
    with wave.open(str(SAMPLES / name)) as file:
        return file.readframes(file.getnframes()), file.getframerate()


def samples_of(pcm: bytes) -> NDArray[np.int32]:
    """The samples as numbers that may be subtracted."""
    return np.frombuffer(pcm, "<i2").astype(np.int32)


def chunks_of(pcm: bytes, chunk_ms: float, rate_hz: int) -> Iterator[bytes]:
    """``pcm`` in pieces as a client sends them; the last one may be shorter."""
    size = 2 * round(chunk_ms * rate_hz / 1000)
    for start in range(0, len(pcm), size):
        yield pcm[start : start + size]
