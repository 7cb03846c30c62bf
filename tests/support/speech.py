"""Speech that the emulator knows, phrase by phrase, and scenarios that differ from its default one."""

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import soxr

from emulator import Scenario
from emulator.scenario import Clip, Entry, Heard

PIPELINE_RATE_HZ = 16_000


@functools.cache
def samples_scenario() -> Scenario:
    """The emulator's default scenario, read once."""
    return Scenario.load("samples")


def entry(entry_id: str, scenario: Scenario | None = None) -> Entry:
    """An entry of the scenario (missing: the default one)."""
    return next(item for item in (scenario or samples_scenario()).entries if item.id == entry_id)


def told(**changes: Mapping[str, Any]) -> Scenario:
    """The default scenario with entries that say something else, or are answered otherwise.

    Args:
        changes: Fields of the entry by its id, with ``_`` for ``-``.
    """
    base = samples_scenario()
    by_id = {name.replace("_", "-"): dict(fields) for name, fields in changes.items()}
    entries = tuple(replace(item, **by_id.pop(item.id, {})) for item in base.entries)
    assert not by_id, f"no such entries: {by_id}"
    return replace(base, entries=entries)


def spoken(*entry_ids: str, rate_hz: int = PIPELINE_RATE_HZ) -> bytes:
    """The phrases with the pauses around them, one after the other: PCM."""
    return b"".join(_cut(item, rate_hz, item.from_secs, item.to_secs) for item in map(_heard, entry_ids))


def words_only(*entry_ids: str, rate_hz: int = PIPELINE_RATE_HZ) -> bytes:
    """The phrases without the pauses around them, one after the other: PCM."""
    return b"".join(_cut(item, rate_hz, item.onset_secs, item.end_secs) for item in map(_heard, entry_ids))


def silence(duration_ms: int, rate_hz: int = PIPELINE_RATE_HZ) -> bytes:
    """Zeros."""
    return bytes(2 * (duration_ms * rate_hz // 1000))


def texts(*entry_ids: str) -> tuple[str, str]:
    """What the phrases say, and their interpretation."""
    found = [entry(entry_id) for entry_id in entry_ids]
    return " ".join(item.source for item in found), " ".join(item.target for item in found)


def _heard(entry_id: str) -> Heard:
    heard = entry(entry_id).heard
    assert heard is not None, f"{entry_id} is spoken in no clip"
    return heard


def _cut(heard: Heard, rate_hz: int, from_secs: float, to_secs: float) -> bytes:
    clip = samples_scenario().clips[heard.clip]
    samples = _at_rate(clip.name, rate_hz)
    return samples[round(from_secs * rate_hz) * 2 : round(to_secs * rate_hz) * 2]


@functools.cache
def _at_rate(clip_name: str, rate_hz: int) -> bytes:
    clip: Clip = samples_scenario().clips[clip_name]
    samples = clip.samples
    if clip.rate_hz != rate_hz:
        samples = soxr.resample(samples, clip.rate_hz, rate_hz)
    return bytes((np.clip(samples, -1.0, 32767 / 32768) * 32768).round().astype("<i2").tobytes())
