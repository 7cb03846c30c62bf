"""The load process against a tiny server: it finds what is wrong with it, and only that."""

import os

import pytest

from benchmarks.figures import Step
from benchmarks.ledger import Ledger, Losses
from benchmarks.load import Load, Run
from benchmarks.upstream import Upstream
from tests.benchmarks.tiny_server import Wrongs, run_against
from tests.support.waiting import until

_CLIENTS = 12
_PIECES = 60


async def measured(run: Run, *, grace_secs: float) -> Step:
    """A second with some clients."""
    await run.arrive(_CLIENTS, arrivals_a_sec=500)
    return await run.measure(1.0, grace_secs=grace_secs)


async def test_a_server_without_faults_has_none() -> None:
    """Every chunk of speech and every piece arrives once, and soon."""
    async with run_against(Wrongs()) as run:
        await run.warm_up(1)
        step = await measured(run, grace_secs=10.0)
    assert step.sessions == _CLIENTS
    chunks = _CLIENTS * step.window_secs / 0.02
    assert 0 < step.up_losses.sent < 0.8 * chunks  # pauses need not arrive
    assert (step.lost, step.ended, step.told_errors) == (0, {}, {})
    assert 0.5 * step.up_losses.sent < step.up.count < 0.8 * chunks  # nor are they timed
    assert step.onset.count == step.told.count == 0  # such a server tells neither
    assert 0 < step.up.p50 <= step.up.p95 <= step.up.p99 <= step.up.longest
    assert step.cpu_ms > 0


async def test_lost_and_repeated_chunks_are_counted() -> None:
    """A tenth of the chunks is missing and a seventh comes twice: of those that are speech, the same shares."""
    async with run_against(Wrongs(lose_up=10, repeat_up=7)) as run:
        step = await measured(run, grace_secs=0.5)
    assert step.up_losses.lost / step.up_losses.sent == pytest.approx(1 / 10, abs=0.04)
    assert step.up_losses.repeated / step.up_losses.sent == pytest.approx(9 / 10 / 7, abs=0.04)
    assert step.strangers == 0


@pytest.mark.slow
async def test_answers_come_and_their_losses_are_counted() -> None:
    """Pieces that are missing, and pieces that come twice."""
    found, delays = Losses(), 0
    async with run_against(Wrongs(lose_down=5, repeat_down=3)) as run:
        await run.arrive(_CLIENTS, arrivals_a_sec=500)
        while found.sent < _PIECES:
            step = await run.measure(1.0, grace_secs=0.5)
            delays += step.down.count
            found.sent += step.down_losses.sent
            found.lost += step.down_losses.lost
            found.repeated += step.down_losses.repeated
    assert delays > 0
    assert found.lost / found.sent == pytest.approx(1 / 5, abs=0.1)
    assert found.repeated / found.sent == pytest.approx(4 / 15, abs=0.1)


async def test_errors_are_told_by_their_code() -> None:
    """Also those that came before the measurement; and each once."""
    async with run_against(Wrongs(error="INTERNAL")) as run:
        await run.arrive(2, arrivals_a_sec=500)
        assert (await run.measure(0.1, grace_secs=0)).told_errors == {"INTERNAL": 2}
        assert (await run.measure(0.1, grace_secs=0)).told_errors == {}


async def test_sessions_that_end_by_themselves_are_told() -> None:
    """With the code of their end."""
    async with run_against(Wrongs(leave=True)) as run:
        await run.arrive(2, arrivals_a_sec=500)
        assert (await run.measure(0.3, grace_secs=0)).ended == {"closed with 1000": 2}


async def test_who_knocks_is_counted_by_the_answer() -> None:
    """A server that lets everybody in is known by that."""
    async with run_against(Wrongs()) as run:
        await run.knock(5)
        await until(lambda: run.knocked > 0)
        assert set(await run.knock(0)) == {"let in"}


async def test_an_order_that_fails_is_told() -> None:
    """A server that is not there is a line, and no end of the load process."""
    upstream = Upstream(Ledger())
    load = Load(upstream)
    order = {"pid": os.getpid(), "speech_percent": 40, "seed": 1, "warm_up": 1}
    with pytest.raises(OSError, match=r"refused|111"):
        await load.handle({"do": "begin", "url": "ws://127.0.0.1:1/ws", **order})
