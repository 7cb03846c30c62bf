"""Which of the phrases that the emulator knows are in a recording, for fakes of other services: by their sound."""

import functools

import numpy as np
import soxr
from numpy.typing import NDArray

from emulator.scenario import Entry
from tests.support.pcm import samples_of
from tests.support.speech import samples_scenario, words_only

_ALIKE = 0.95
"""Of 1: the correlation from which on a phrase counts as heard."""


def recognised(pcm: bytes, rate_hz: int) -> list[Entry]:
    """The phrases that are in a recording, in order."""
    heard = samples_of(pcm).astype(np.float64)
    size = 1 << (2 * len(heard)).bit_length()
    spectrum = np.fft.rfft(heard, size)
    energy = np.concatenate(([0.0], np.cumsum(heard**2)))
    found = []
    for entry in samples_scenario().entries:
        if entry.heard is None:
            continue
        probe = _probe(entry.id, rate_hz)
        if len(probe) >= len(heard):
            continue
        likeness = np.fft.irfft(spectrum * np.conj(np.fft.rfft(probe, size)), size)[: len(heard) - len(probe)]
        loud = (energy[len(probe) :] - energy[: -len(probe)])[: len(likeness)] * float(np.dot(probe, probe))
        scores = likeness / np.maximum(np.sqrt(loud), 1.0)
        if scores.max() >= _ALIKE:
            found.append((int(scores.argmax()), entry))
    return [entry for _, entry in sorted(found, key=lambda pair: pair[0])]


@functools.cache
def _probe(entry_id: str, rate_hz: int) -> NDArray[np.float64]:
    """The middle of a phrase."""
    words = samples_of(words_only(entry_id)).astype(np.float64)
    part = words[int(len(words) * 0.2) : int(len(words) * 0.6)]
    resampled: NDArray[np.float64] = soxr.resample(part, 16_000, rate_hz)
    return resampled
