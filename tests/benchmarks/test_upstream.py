"""The light upstream is Gemini enough for our connectors: they set up, speak, and are answered."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from benchmarks.ledger import Ledger, Sent
from benchmarks.marks import MarkFinder
from benchmarks.speech import CHUNK_SECS, course, cycle
from benchmarks.upstream import Upstream
from gemini.connector import LiveConfig, LiveConnection
from gemini.endpoint import Endpoint
from gemini.events import (
    GenerationComplete,
    SourceText,
    TargetAudio,
    TargetText,
    TurnComplete,
    UpstreamEvent,
    Usage,
)
from gemini.genai_connector import GenaiConnector
from tests.support.waiting import until

_CLIENT = 3
_HEADER_BYTES = 8


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """A listening one, with one client that begins with the first turn."""
    found = Upstream(Ledger())
    found.courses[_CLIENT] = course(cycle(40), 0)
    found.ledger.chunks[_CLIENT] = Sent()
    yield found
    await found.stop()


async def connected(upstream: Upstream, folder: Path, *, manual: bool) -> LiveConnection:
    """A session by google-genai."""
    ca_file = folder / "ca.pem"
    ca_file.write_bytes(upstream.ca_pem)
    connector = GenaiConnector(Endpoint(api_key="any", base_url=await upstream.start(), ca_file=ca_file))
    return await connector.connect(LiveConfig("gemini-3.8-live", "Interpret.", manual_activity=manual))


async def say_a_turn(upstream: Upstream, connection: LiveConnection, *, silence_chunks: int) -> int:
    """Send the first turn and some of the pause after it; how many chunks of speech it has."""
    way, sent = upstream.courses[_CLIENT], upstream.ledger.chunks[_CLIENT]
    count = way.turn(0).last + 1 + silence_chunks
    for number in range(count):
        sent.add(0.0)
        await connection.send_audio(way.frame(_CLIENT, number)[_HEADER_BYTES:])
    return sum(way.speaks(number) for number in range(count))


async def answer(connection: LiveConnection) -> list[UpstreamEvent]:
    """All events up to the end of the turn."""
    events: list[UpstreamEvent] = []
    async for found in connection.receive():
        events += found
        if any(isinstance(event, TurnComplete) for event in found):
            break
    return events


@pytest.mark.slow
@pytest.mark.parametrize("manual", [True, False], ids=["told", "detected"])
async def test_a_turn_is_answered_whole(upstream: Upstream, tmp_path: Path, manual: bool) -> None:
    """Texts, then as much sound as the turn is to have, then its ends; every chunk was heard once."""
    connection = await connected(upstream, tmp_path, manual=manual)
    if manual:
        await connection.send_activity_start()
    await say_a_turn(upstream, connection, silence_chunks=5 if manual else 40)
    if manual:
        await connection.send_activity_end()
    events = await answer(connection)
    await connection.close()
    kinds = list(dict.fromkeys(type(event) for event in events))
    assert kinds == [SourceText, TargetText, TargetAudio, GenerationComplete, TurnComplete, Usage]
    finder = MarkFinder()
    pieces = [mark for event in events if isinstance(event, TargetAudio) for mark in finder.feed(event.pcm)]
    assert pieces == [(0, number) for number in range(len(pieces))]
    assert len(pieces) * 0.04 == pytest.approx(upstream.courses[_CLIENT].turn(0).answer_secs, abs=0.05)
    arrivals = upstream.ledger.chunks[_CLIENT].arrivals
    assert arrivals == bytes([1]) * len(arrivals)
    assert upstream.ledger.strangers == 0


async def test_sound_of_somebody_else_is_noticed(upstream: Upstream, tmp_path: Path) -> None:
    """A session that carries two clients' sound mixes them up."""
    other = upstream.ledger.chunks[_CLIENT + 1] = Sent()
    other.add(0.0)
    connection = await connected(upstream, tmp_path, manual=True)
    await connection.send_activity_start()
    await say_a_turn(upstream, connection, silence_chunks=0)
    await connection.send_audio(cycle(40).frame(0, _CLIENT + 1, 0)[_HEADER_BYTES:])
    await connection.send_activity_end()
    await answer_begins(connection)
    assert upstream.ledger.strangers == 1
    await connection.close()


async def answer_begins(connection: LiveConnection) -> None:
    """Wait for the first event of an answer."""
    async for found in connection.receive():
        if found:
            return


async def sound_is_heard(upstream: Upstream, connection: LiveConnection, numbers: range) -> None:
    """Send chunks of the first turn that are noted as sent already, and wait until the last one has arrived."""
    way, sent = upstream.courses[_CLIENT], upstream.ledger.chunks[_CLIENT]
    for number in numbers:
        await connection.send_audio(way.frame(_CLIENT, number)[_HEADER_BYTES:])
    await until(lambda: sent.arrivals[numbers[-1]] > 0)


async def test_a_stall_around_an_onset_is_no_secret(upstream: Upstream, tmp_path: Path) -> None:
    """Chunks that had to wait for a late ``activityStart`` count as late, but for the first 400 ms of a turn."""
    connection = await connected(upstream, tmp_path, manual=True)
    sent = upstream.ledger.chunks[_CLIENT]
    began_secs = time.monotonic() - 1.0
    for number in range(50):
        sent.add(began_secs + number * CHUNK_SECS)
    await connection.send_activity_start()
    await sound_is_heard(upstream, connection, range(50))
    way = upstream.courses[_CLIENT]
    up = upstream.ledger.up.summary()
    assert up.count == sum(way.speaks(number) for number in range(20, 50))
    assert up.longest >= 1000 * (1.0 - 21 * CHUNK_SECS)
    await connection.close()


async def test_onset_and_end_of_a_turn_are_timed_once(upstream: Upstream, tmp_path: Path) -> None:
    """From its first chunk and from its last one; a second start in the same turn is no onset."""
    connection = await connected(upstream, tmp_path, manual=True)
    sent = upstream.ledger.chunks[_CLIENT]
    began_secs = time.monotonic() - 1.0
    for number in range(50):
        sent.add(began_secs + number * CHUNK_SECS)
    await connection.send_activity_start()
    await sound_is_heard(upstream, connection, range(30))
    await connection.send_activity_end()
    await connection.send_activity_start()
    await sound_is_heard(upstream, connection, range(30, 50))
    onset, told = upstream.ledger.onset.summary(), upstream.ledger.told.summary()
    assert (onset.count, told.count) == (1, 1)
    assert onset.longest >= 1000
    assert 1000 * (1.0 - 30 * CHUNK_SECS) <= told.longest < onset.longest
    await connection.close()
