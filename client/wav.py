"""Recordings in files: any WAV in, as mono 16 bit at a rate that the protocol takes; 16 bit mono WAV out."""

import wave
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile  # the package has no type information
import soxr

from client.errors import ClientError, InputError

Samples = npt.NDArray[np.int16]

MIN_RATE_HZ = 8000
"""Lowest sample rate that the protocol takes."""

MAX_RATE_HZ = 48000
"""Highest sample rate that the protocol takes."""

_READABLE_RATES_HZ = range(1000, 768_001)
"""Outside of these a header is broken rather than unusual."""

_BLOCK_FRAMES = 65536
_FULL_SCALE = 32768


@dataclass(frozen=True, slots=True)
class Recording:
    """Mono speech.

    Attributes:
        samples: One dimension, int16.
        rate_hz: 8000 to 48000.
    """

    samples: Samples
    rate_hz: int

    @property
    def duration_secs(self) -> float:
        """Length of the recording."""
        return len(self.samples) / self.rate_hz


def read_wav(path: Path, rate_hz: int | None = None) -> Recording:
    """Reads a WAV file of any rate, sample format and number of channels.

    Args:
        path: The file. Channels are averaged.
        rate_hz: To what it is resampled, 8000 to 48000; default: its own rate, or where the protocol does not take
            that, the nearest that it does.

    Raises:
        InputError: The file is missing, no readable audio file, or holds no audio.
    """
    try:
        if not path.exists():
            raise InputError(f"expected a WAV file, but {path} does not exist; check the path")
        if path.is_dir():
            raise InputError(f"expected a WAV file, but {path} is a directory; name a file in it")
        if not path.is_file():  # reading a pipe might wait without end
            raise InputError(f"expected a WAV file, but {path} is a pipe or a device; write it to a file first")
        samples, file_rate_hz = _read_mono(path)
    except (soundfile.SoundFileError, OSError) as error:
        raise InputError(f"expected a WAV file, but {path} cannot be read as one: {_reason(error)}") from error
    if not len(samples):
        raise InputError(f"expected speech, but {path} holds no audio; record it again")
    return _resampled(samples, file_rate_hz, rate_hz)


def write_wav(path: Path, blocks: Iterable[Samples], rate_hz: int) -> None:
    """Writes mono 16 bit PCM, one block after the other, replacing the file.

    Raises:
        ClientError: The file cannot be written.
    """
    try:
        with path.open("wb") as file, wave.open(file, "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(rate_hz)
            for samples in blocks:
                wav.writeframes(samples.astype("<i2").tobytes())
    except OSError as error:
        raise ClientError(f"cannot write {path}: {error.strerror or error}") from error


def _read_mono(path: Path) -> tuple[Samples, int]:
    # Opened here rather than by the library, so that the system's own words ("Permission denied") reach the user.
    with path.open("rb") as raw, soundfile.SoundFile(raw) as file:
        blocks = file.blocks(blocksize=_BLOCK_FRAMES, dtype="float32", always_2d=True)
        mono = [_to_int16(block.mean(axis=1)) for block in blocks]
        return np.concatenate(mono) if mono else np.zeros(0, np.int16), int(file.samplerate)


def _to_int16(samples: npt.NDArray[np.float32]) -> Samples:
    scaled = np.nan_to_num(samples, nan=0.0) * np.float32(_FULL_SCALE)
    return np.asarray(np.clip(np.rint(scaled), -_FULL_SCALE, _FULL_SCALE - 1), np.int16)


def _resampled(samples: Samples, from_hz: int, to_hz: int | None) -> Recording:
    if from_hz not in _READABLE_RATES_HZ:
        raise InputError(
            f"expected a sample rate of {_READABLE_RATES_HZ[0]} to {_READABLE_RATES_HZ[-1]} Hz, got {from_hz} Hz; "
            f"convert the file, for example to 16000 Hz"
        )
    to_hz = to_hz or min(max(from_hz, MIN_RATE_HZ), MAX_RATE_HZ)
    if to_hz == from_hz:
        return Recording(samples, from_hz)
    return Recording(np.asarray(soxr.resample(samples, from_hz, to_hz), np.int16), to_hz)


def _reason(error: Exception) -> str:
    if isinstance(error, soundfile.LibsndfileError):
        return str(error.error_string).rstrip(".")
    return getattr(error, "strerror", None) or str(error)
