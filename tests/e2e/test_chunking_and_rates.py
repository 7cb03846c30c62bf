"""How a client cuts, samples and encodes its audio decides nothing about what is heard: thirty clients compared."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Literal

import numpy as np
import pytest
import pytest_asyncio
import soxr

from emulator import UtteranceRecord
from tests.support.audit import (
    PATIENT,
    STREAM_HZ,
    Span,
    assert_in_order_and_once,
    spans_of,
    stream_of,
    until_done,
)
from tests.support.client import ProtocolClient, protocol_client
from tests.support.pcm import read_sample, samples_of
from tests.support.servers import RunningServer, running_server

Encoding = Literal["base64", "binary"]
_RATES_HZ = (8_000, 16_000, 24_000, 44_100, 48_000)
_CHUNKS_MS = (20, 100, 256)
_ENCODINGS: tuple[Encoding, ...] = ("base64", "binary")
_EXCERPTS = (("en-35s-8k.wav", 4.315, 14.59), ("ko-30s-16k.wav", 18.12, 20.98))
_PAUSE_SECS = 1.5
_SPEED = 4.0
_WINDOW_SAMPLES = 512
_ACROSS_RATES_SAMPLES = STREAM_HZ // 10
_TURNS = [
    ("The long journey home took a year.", "집으로 돌아오는 긴 여정은 일 년이 걸렸습니다."),
    ("She saw a cat in the neighbor's house.", "그녀는 이웃집에서 고양이를 보았습니다."),
    ("A pink shell was found on the sandy beach.", "분홍색 조개껍데기가 모래사장에서 발견되었습니다."),
    ("이 도구를 사용하면 모든 오디오 데이터를", "With this tool, and without all of the audio data"),
]


@dataclass(frozen=True, slots=True)
class Way:
    """How a client sends."""

    rate_hz: int
    chunk_ms: int
    encoding: Encoding

    def __str__(self) -> str:
        return f"{self.rate_hz} Hz, {self.chunk_ms} ms, {self.encoding}"


@dataclass(frozen=True)
class Outcome:
    """What a client got, and what the upstream heard of it.

    Attributes:
        way: How the client sent.
        pcm: What it sent.
        turns: Source and target text of each turn.
        utterances: What the upstream recorded.
    """

    way: Way
    pcm: bytes
    turns: list[tuple[str, str]]
    utterances: list[UtteranceRecord]

    @cached_property
    def spans(self) -> list[Span]:
        """Where the utterances lie on the time line of what the client sent.

        Raises:
            AssertionError: One is not, sample by sample, a part of it.
        """
        stream = stream_of(self.pcm, self.way.rate_hz)
        return spans_of(self.utterances, stream, tolerance_lsb=0 if self.way.rate_hz == STREAM_HZ else 1)


def speech_at(rate_hz: int) -> bytes:
    """Three English sentences, a pause, a Korean phrase and silence, as a client with this rate records them."""
    parts = []
    for name, from_secs, to_secs in _EXCERPTS:
        pcm, file_hz = read_sample(name)
        part = samples_of(pcm)[round(from_secs * file_hz) : round(to_secs * file_hz)] / 32768
        parts += [soxr.resample(part, file_hz, rate_hz), np.zeros(round(_PAUSE_SECS * rate_hz))]
    samples = np.clip(np.round(np.concatenate(parts) * 32767), -32768, 32767)
    return samples.astype("<i2").tobytes()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outcomes() -> list[Outcome]:
    """Thirty clients at once at one server, which say the same in all ways."""
    ways = [Way(*way) for way in product(_RATES_HZ, _CHUNKS_MS, _ENCODINGS)]
    speech = {rate_hz: speech_at(rate_hz) for rate_hz in _RATES_HZ}
    async with running_server(**PATIENT) as server:
        connecting = asyncio.Lock()
        return await asyncio.gather(*(_say(server, way, speech[way.rate_hz], connecting) for way in ways))


async def _say(server: RunningServer, way: Way, pcm: bytes, connecting: asyncio.Lock) -> Outcome:
    async with protocol_client(server.url) as client:
        async with connecting:
            await client.init(sampleRate=way.rate_hz, audioEncoding=way.encoding)
            session = server.emulator.sessions[-1]
        await client.stream(pcm, chunk_ms=way.chunk_ms, speed=_SPEED)
        await until_done(client, session, _last_turn_came(client))
        return Outcome(way, pcm, client.turns, session.utterances)


def _last_turn_came(client: ProtocolClient) -> Callable[[], bool]:
    """The Korean phrase is answered, after which there is only digital silence."""
    last_word = _TURNS[-1][0].split()[-1]
    return lambda: any(source.endswith(last_word) for source, _ in client.turns)


def _boundaries(outcome: Outcome) -> list[int]:
    return [edge for span in outcome.spans for edge in (span.start, span.end)]


def _spread(outcomes: list[Outcome]) -> int:
    """How far apart the same boundary lies at most, in samples at 16 kHz."""
    assert len({len(outcome.spans) for outcome in outcomes}) == 1
    return int(np.ptp(np.array([_boundaries(outcome) for outcome in outcomes]), axis=0).max())


def test_every_client_gets_the_same_turns(outcomes: list[Outcome]) -> None:
    """Every client gets one turn for each of the four phrases, with its own words on both sides, and no other."""
    assert len(outcomes) == 30
    for outcome in outcomes:
        assert outcome.turns == _TURNS, str(outcome.way)


def test_no_sample_is_lost_or_doubled_in_any_way_of_sending(outcomes: list[Outcome]) -> None:
    """The upstream hears four utterances of every client, each a whole part of what that client sent.

    The comparison is sample by sample: bit for bit at 16 kHz, else to the 1 LSB of the resampler's dither.
    """
    for outcome in outcomes:
        assert len(outcome.spans) == len(_TURNS), str(outcome.way)
        assert_in_order_and_once(outcome.spans)


@pytest.mark.parametrize("rate_hz", _RATES_HZ)
def test_chunks_and_encoding_do_not_move_boundaries(outcomes: list[Outcome], rate_hz: int) -> None:
    """At one rate, utterances start and end within one window of voice detection, 32 ms, whatever the chunks."""
    same_rate = [outcome for outcome in outcomes if outcome.way.rate_hz == rate_hz]

    assert len(same_rate) == len(_CHUNKS_MS) * len(_ENCODINGS)
    assert _spread(same_rate) <= _WINDOW_SAMPLES


def test_sample_rates_do_not_move_boundaries(outcomes: list[Outcome]) -> None:
    """Utterances start and end within 100 ms of each other at all rates."""
    assert _spread(outcomes) <= _ACROSS_RATES_SAMPLES
