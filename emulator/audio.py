"""PCM helpers: reading WAV files, changing the sample rate, writing WAV files piece by piece. Owns no state."""

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

Samples = npt.NDArray[np.float32]
"""Mono samples, float32, -1 to 1."""

OUTPUT_RATE_HZ = 24_000
"""Gemini Live's output rate (ai.google.dev, Live API guide)."""
OUTPUT_BYTES_PER_MS = OUTPUT_RATE_HZ * 2 // 1000
INPUT_RATE_HZ = 16_000
"""Gemini Live's native input rate (ai.google.dev, Live API guide)."""


class AudioFileError(ValueError):
    """A WAV file cannot be used. The text names the file and says what was expected."""


def from_pcm(pcm: bytes | bytearray | memoryview) -> Samples:
    """Little-endian signed 16-bit PCM as float32 samples; an odd last byte is dropped."""
    view = memoryview(pcm)
    return np.frombuffer(view[: len(view) // 2 * 2], dtype="<i2").astype(np.float32) / np.float32(32768)


def to_pcm(samples: Samples) -> bytes:
    """Float32 samples as little-endian signed 16-bit PCM, clipped."""
    return bytes(np.clip(np.round(samples * 32767), -32768, 32767).astype("<i2").tobytes())


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """The samples at another rate, by soxr; without a group delay."""
    if from_hz == to_hz:
        return samples
    resampled: Samples = soxr.resample(samples, from_hz, to_hz)
    return resampled


def read_wav(path: Path) -> tuple[Samples, int]:
    """The samples of a mono 16-bit WAV file and its rate in Hz.

    Raises:
        AudioFileError: The file is missing, no WAV file, or not mono 16-bit PCM.
    """
    try:
        with wave.open(str(path), "rb") as reader:
            shape = (reader.getnchannels(), reader.getsampwidth() * 8)
            rate_hz, pcm = reader.getframerate(), reader.readframes(reader.getnframes())
    except FileNotFoundError:
        raise AudioFileError(f"{path}: there is no such file") from None
    except (OSError, EOFError, wave.Error) as error:
        raise AudioFileError(f"{path}: expected a PCM WAV file, but it cannot be read: {error}") from error
    if shape != (1, 16):
        raise AudioFileError(f"{path}: expected mono 16-bit PCM, got {shape[0]} channels of {shape[1]} bits")
    return from_pcm(pcm), rate_hz


def write_wav(path: Path, pcm: bytes | bytearray, rate_hz: int) -> None:
    """Write little-endian signed 16-bit mono PCM as a WAV file.

    Raises:
        OSError: The file cannot be written.
    """
    with open_wav(path, rate_hz) as writer:
        writer.writeframes(pcm)


def open_wav(path: Path, rate_hz: int) -> wave.Wave_write:
    """A WAV file of 16-bit mono PCM to write and to close.

    Raises:
        OSError: The file cannot be written.
    """
    writer = wave.open(str(path), "wb")  # noqa: SIM115 - whoever opens it closes it
    writer.setnchannels(1)
    writer.setsampwidth(2)
    writer.setframerate(rate_hz)
    return writer
