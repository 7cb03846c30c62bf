"""What a case says: real phrases of both languages in one stream, and what must come of each."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tests.faults.recording import Answer
from tests.support.audit import STREAM_HZ, Span
from tests.support.pcm import samples_of
from tests.support.speech import entry, silence, spoken

ENGLISH = ("kennedy-3", "kennedy-4", "harvard-2", "harvard-3", "harvard-9")
KOREAN = ("speech-1b", "speech-2b", "speech-3a", "speech-3c")
"""Phrases of at least 2 s whose interpretation takes at least 2 s; each is recognised whole."""
LEAST_VOICE_MS = 1900
"""Of each phrase, and of its interpretation."""
_END_OF_SPEECH_MS = 1000


@dataclass(frozen=True, slots=True)
class Phrase:
    """An utterance, ready to be sent.

    Attributes:
        name: The emulator's entry.
        pcm: The phrase and the silence that ends it: PCM s16le mono 16 kHz.
        voice: From its first to its last voiced sample, in ``pcm``.
        answer: What must come of it.
    """

    name: str
    pcm: bytes
    voice: Span
    answer: Answer


def phrase(name: str, pause_ms: int, *, noise: tuple[int, int] | None = None) -> Phrase:
    """An entry of the emulator as it is said.

    Args:
        name: The entry.
        pause_ms: Silence behind what ends the utterance.
        noise: Seed and loudest sample of a noise over all of it.
    """
    told = entry(name)
    assert told.heard is not None, f"{name} is spoken in no clip"
    onset, end = (
        round((secs - told.heard.from_secs) * STREAM_HZ) for secs in (told.heard.onset_secs, told.heard.end_secs)
    )
    pcm = spoken(name) + silence(_END_OF_SPEECH_MS + pause_ms)
    if noise is not None:
        pcm = _noisy(pcm, *noise)
    return Phrase(name, pcm, Span(onset, end), Answer(told.source, told.target, told.audio))


def _noisy(pcm: bytes, seed: int, loudest: int) -> bytes:
    samples = samples_of(pcm)
    noise = np.random.default_rng(seed).integers(-loudest, loudest, len(samples), endpoint=True)
    return bytes(np.clip(samples + noise, -32768, 32767).astype("<i2").tobytes())


def draw_names(rng: random.Random, count: int) -> tuple[str, ...]:
    """Names of phrases, none twice, English and Korean in turn."""
    languages = [list(ENGLISH), list(KOREAN)]
    for names in languages:
        rng.shuffle(names)
    return tuple(_alternating(languages, rng.randrange(2), count))


def _alternating(languages: list[list[str]], first: int, count: int) -> Iterator[str]:
    for number in range(count):
        yield languages[(first + number) % 2].pop()
