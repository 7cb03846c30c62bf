"""When silence stands for audio that does not come, in virtual time."""

import asyncio
from collections.abc import Awaitable

import pytest

from pipelines.gap import GapClock
from tests.support.virtual_time import settle


def gap_clock(gap_secs: float = 0.5) -> GapClock:
    """A clock on the event loop's time."""
    return GapClock(gap_secs, clock=asyncio.get_running_loop().time)


async def secs_of(waiting: Awaitable[int]) -> float:
    """How long something takes."""
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    await waiting
    return loop.time() - started_at


async def test_nothing_is_due_before_the_first_audio() -> None:
    """A client that connects and says nothing is not filled with silence."""
    waiting = asyncio.create_task(gap_clock().next_silence(lambda: 10))
    await settle(3600)
    assert not waiting.done()
    waiting.cancel()


@pytest.mark.parametrize("chunk_secs", [0.02, 0.256, 5.0])
async def test_silence_is_due_once_the_last_audio_ran_out(chunk_secs: float) -> None:
    """The gap counts from the end of the last chunk: its arrival plus its length."""
    gap = gap_clock(0.5)
    gap.audio_arrived(chunk_secs)
    assert await secs_of(gap.next_silence(lambda: 10)) == pytest.approx(chunk_secs + 0.5, abs=0.005)


async def test_silence_comes_in_real_time() -> None:
    """After the gap each piece is due when the one before ran out: no faster than somebody would be silent."""
    gap = gap_clock(0.5)
    gap.audio_arrived(0.02)
    assert await gap.next_silence(lambda: 10) == 100
    for _ in range(20):
        assert await secs_of(gap.next_silence(lambda: 10)) == pytest.approx(0.1, abs=0.005)


async def test_audio_that_comes_in_time_puts_silence_off() -> None:
    """A client that keeps sending, even in late and large chunks, is never filled."""
    gap = gap_clock(0.5)
    waiting = asyncio.create_task(gap.next_silence(lambda: 10))
    for _ in range(20):
        gap.audio_arrived(0.256)
        await settle(0.7)
    assert not waiting.done()
    await settle(0.1)
    assert waiting.done()


async def test_one_gap_gets_only_so_much_silence() -> None:
    """A muted client costs nothing once its utterance is over, until it talks and stops again."""
    gap = gap_clock(0.5)
    for _ in range(2):
        gap.audio_arrived(0.02)
        filled_ms = [await gap.next_silence(lambda: 1.0) for _ in range(10)]
        assert sum(filled_ms) == 1000
        waiting = asyncio.create_task(gap.next_silence(lambda: 1.0))
        await settle(3600)
        assert not waiting.done()
        waiting.cancel()


async def test_audio_wakes_a_clock_that_had_given_up() -> None:
    """The next chunk starts a new gap for a waiter that was there all along."""
    gap = gap_clock(0.5)
    gap.audio_arrived(0.02)
    await gap.next_silence(lambda: 0.1)
    waiting = asyncio.create_task(gap.next_silence(lambda: 0.1))
    await settle(60)
    gap.audio_arrived(0.02)
    await settle(0.5)
    assert not waiting.done()
    await settle(0.1)
    assert waiting.done()


async def test_silence_without_end_where_the_upstream_needs_a_stream() -> None:
    """With no limit silence goes on in real time for as long as nobody talks."""
    gap = gap_clock(0.5)
    gap.audio_arrived(0.0)
    assert await secs_of(gap.next_silence(lambda: float("inf"))) == pytest.approx(0.5, abs=0.005)
    for _ in range(600):
        last = await secs_of(gap.next_silence(lambda: float("inf")))
    assert last == pytest.approx(0.1, abs=0.005)


async def test_how_much_silence_is_needed_may_change_while_nothing_comes() -> None:
    """What counts is what is needed when it is due: a room where somebody has come meanwhile."""
    gap, needed_secs = gap_clock(), [0.0]
    waiting = asyncio.create_task(gap.next_silence(lambda: needed_secs[0]))
    await settle(1)
    needed_secs[0] = 0.1
    gap.audio_arrived(0.02)
    await settle(1)
    assert waiting.done()
