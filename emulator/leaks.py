"""What a translate session says when a fault makes it say something that it should not. Pure."""

import math
from collections.abc import Iterator

import numpy as np

from emulator.audio import OUTPUT_RATE_HZ, to_pcm

LEAK_HZ = 440
"""The tone that a leak is, so that nobody takes it for an interpretation."""
_LEVEL = 0.2
_LINE_MS = 1000.0


def leaked(text: str, lasting_ms: float) -> Iterator[tuple[str, bytes]]:
    """The lines of a leak, about a second each: their words, and the sound, PCM s16le mono 24 kHz.

    Args:
        text: All words together.
        lasting_ms: All sound together.
    """
    words, count = text.split(), math.ceil(lasting_ms / _LINE_MS)
    for number in range(count):
        first, last = number * len(words) // count, (number + 1) * len(words) // count
        yield " ".join(words[first:last]), _tone(min(_LINE_MS, lasting_ms - number * _LINE_MS))


def _tone(duration_ms: float) -> bytes:
    times = np.arange(round(duration_ms / 1000 * OUTPUT_RATE_HZ), dtype=np.float32) / OUTPUT_RATE_HZ
    return to_pcm((_LEVEL * np.sin(2 * np.pi * LEAK_HZ * times)).astype(np.float32))
