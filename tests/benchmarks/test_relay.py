"""The yardstick relays: everything, both ways, at once."""

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator

import pytest
import uvicorn

from benchmarks.ledger import Ledger
from benchmarks.load import Run
from benchmarks.relay import application
from benchmarks.upstream import Upstream
from tests.support.waiting import until


@contextlib.asynccontextmanager
async def relayed() -> AsyncIterator[Run]:
    """A run against the relay, in this process."""
    upstream = Upstream(Ledger())
    base_url = await upstream.start()
    tls = ssl.create_default_context(cadata=upstream.ca_pem.decode())
    config = uvicorn.Config(application(base_url, tls), port=0, log_config=None, ws="websockets-sansio")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    run = Run(upstream, f"ws://127.0.0.1:{port}/ws", os.getpid(), speech_percent=60, seed=3)
    yield run
    await run.end()
    await upstream.stop()
    server.should_exit = True
    await serving


@pytest.mark.slow
async def test_speech_goes_up_and_answers_come_down() -> None:
    """Nothing is lost, nothing comes twice, and the ends of turns are told."""
    async with relayed() as run:
        await run.arrive(10, arrivals_a_sec=500)
        went_up = sent = turns = 0
        while not (went_up and sent and turns):
            step = await run.measure(1.0, grace_secs=10.0)
            assert (step.lost, step.ended, step.told_errors) == (0, {}, {})
            went_up += step.up.count
            sent, turns = sent + step.down_losses.sent, turns + step.turns
