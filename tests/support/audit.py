"""What reached the upstream, put back on the time line of what a client sent: for audits sample by sample.

A *stream* is what the pipeline must see of a client's audio: 16 kHz from the first sample on. A *span* is an
utterance's place in it. Times of ``samples/marks.json`` are times of the stream, since soxr has no group delay.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from emulator import SessionRecord, UtteranceRecord
from tests.support.client import ProtocolClient
from tests.support.pcm import SAMPLES, samples_of

STREAM_HZ = 16_000
PATIENT: dict[str, Any] = {
    "connect_timeout_secs": 60,
    "turn_timeout_secs": 120,
    "late_text_ms": 30_000,
    "audio_gap_ms": 60_000,
    "max_loop_lag_ms": 0,
    "init_timeout_secs": 120,
    "ws_ping_interval": 120,
    "ws_ping_timeout": 120,
}
"""Settings under which a machine that is short of time changes nothing: no stall counts as a pause or a failure."""

_PROBE_SAMPLES = 4000
_STILL_SECS = 20

Samples = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a stream: samples ``start`` up to ``end``."""

    start: int
    end: int

    @property
    def start_secs(self) -> float:
        """Where it starts, in seconds of the stream."""
        return self.start / STREAM_HZ

    @property
    def end_secs(self) -> float:
        """Where it ends, in seconds of the stream."""
        return self.end / STREAM_HZ

    def __contains__(self, other: "Span") -> bool:
        return self.start <= other.start and other.end <= self.end

    def overlaps(self, other: "Span") -> bool:
        """Whether the two share a sample."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Mark:
    """A sentence that somebody found in a recording by eye; ``span`` lies in the stream."""

    text: str
    span: Span


async def until_done(client: ProtocolClient, record: SessionRecord, done: Callable[[], bool]) -> None:
    """Wait until ``done``, which is looked at after each message of ``client``.

    Gives up when nothing at all happens any more, neither at the client nor upstream, so that the test can say what
    is missing instead of waiting for ever; work that is slow is waited for.
    """
    before = None
    while not done() and before != (before := (len(client.messages), record.audio_bytes, len(record.utterances))):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STILL_SECS):
                await client.wait_until(done)


def marks_of(name: str) -> list[Mark]:
    """The marked sentences of a file in ``samples/``."""
    sentences = json.loads((SAMPLES / "marks.json").read_text())["files"][name]["sentences"]
    return [
        Mark(item["text"], Span(round(item["onset_secs"] * STREAM_HZ), round(item["end_secs"] * STREAM_HZ)))
        for item in sentences
    ]


def stream_of(pcm: bytes, rate_hz: int) -> Samples:
    """What the pipeline must see of a client's audio, whatever the chunks.

    At 16 kHz the audio itself. Else the filter that pipecat's resampler uses (soxr, VHQ), run over the whole in one
    call and rounded. That resampler adds soxr's dither of less than 1 LSB, which falls differently for every
    chunking; so what it gives is within 1 LSB of this, and within 2 LSB of itself with other chunks.
    """
    samples = samples_of(pcm)
    if rate_hz == STREAM_HZ:
        return samples
    filtered = soxr.ResampleStream(rate_hz, STREAM_HZ, 1, quality="VHQ", dtype="float64").resample_chunk(
        samples.astype(np.float64)
    )
    rounded: Samples = np.clip(np.round(filtered), -32768, 32767).astype(np.int32)
    return rounded


def spans_of(utterances: Iterable[UtteranceRecord], stream: Samples, *, tolerance_lsb: int) -> list[Span]:
    """Where the utterances lie in ``stream``, each of their samples compared.

    Raises:
        AssertionError: One is not a part of the stream: somewhere in it a sample is missing, doubled or wrong.
    """
    finder = _Finder(stream)
    spans = []
    for number, utterance in enumerate(utterances, 1):
        assert utterance.rate_hz == STREAM_HZ, f"utterance {number} came as {utterance.rate_hz} Hz"
        heard = samples_of(utterance.audio)
        start = finder.place(heard)
        expected = stream[max(0, start) : start + len(heard)]
        assert len(expected) == len(heard), f"utterance {number} of {len(heard)} samples reaches beyond the stream"
        wrong = np.flatnonzero(np.abs(expected - heard) > tolerance_lsb)
        assert not len(wrong), (
            f"utterance {number} is no part of the stream: placed best, at {start}, {len(wrong)} of its "
            f"{len(heard)} samples differ by more than {tolerance_lsb} LSB, between {wrong[0]} and {wrong[-1]}"
        )
        spans.append(Span(start, start + len(heard)))
    return spans


def assert_in_order_and_once(spans: Sequence[Span]) -> None:
    """Fail if a sample is in two spans, or spans are not in the order of the stream."""
    for before, after in pairwise(spans):
        assert before.end <= after.start, f"{after} does not come after {before}"


def missing(wanted: Span, spans: Sequence[Span]) -> list[Span]:
    """The parts of ``wanted`` that are in none of ``spans``, which are in order."""
    left, position = [], wanted.start
    for span in spans:
        if span.start > position:
            left.append(Span(position, min(span.start, wanted.end)))
        position = max(position, span.end)
        if position >= wanted.end:
            return [part for part in left if part.start < part.end]
    return [*(part for part in left if part.start < part.end), Span(position, wanted.end)]


class _Finder:
    """Finds parts of one stream by their loudest moment."""

    def __init__(self, stream: Samples):
        self._size = 1 << len(stream).bit_length()
        self._spectrum = np.fft.rfft(stream, self._size)
        energy = np.concatenate(([0.0], np.cumsum(stream.astype(np.float64) ** 2)))
        self._energy = energy[_PROBE_SAMPLES:] - energy[:-_PROBE_SAMPLES]

    def place(self, part: Samples) -> int:
        """The first sample of ``part``, where the part's loudest moment differs least from the stream."""
        assert len(part) >= _PROBE_SAMPLES, f"an utterance of {len(part)} samples"
        energy = np.concatenate(([0.0], np.cumsum(part.astype(np.float64) ** 2)))
        at = int(np.argmax(energy[_PROBE_SAMPLES:] - energy[:-_PROBE_SAMPLES]))
        probe = part[at : at + _PROBE_SAMPLES]
        correlation = np.fft.irfft(self._spectrum * np.conj(np.fft.rfft(probe, self._size)), self._size)
        return int(np.argmin(self._energy - 2 * correlation[: len(self._energy)])) - at
