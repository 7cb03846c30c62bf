"""Plays one case over real sockets: an emulator, a server before it, a client that speaks; and writes it down."""

import asyncio
import contextlib

from websockets.exceptions import ConnectionClosed

from emulator import Emulator
from tests.faults.case import Case
from tests.faults.recording import Recording
from tests.faults.saying import phrase
from tests.faults.talk import Talk
from tests.support.client import protocol_client
from tests.support.servers import running_server
from tests.support.speech import samples_scenario

SPEED = 8.0
"""How fast the client speaks, in times real time; the emulator's times are shortened as much."""
_SETTLE_SECS = 0.6
"""After the last answer, for what must not come."""
_STOP_SECS = 20.0


async def play(case: Case) -> Recording:
    """Play a case; ends by itself, whatever the server does.

    Raises:
        TimeoutError: The server, or the emulator, did not stop when it was told to.
    """
    async with (
        asyncio.timeout(case.bound_secs + _STOP_SECS),
        running_server(case.options, scenario=samples_scenario(), **case.settings) as server,
        protocol_client(server.url, ping_interval=None) as client,
    ):
        talk = Talk(client, server.emulator, speed=SPEED, chunk_ms=case.chunk_ms)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(case.bound_secs):
                await _play(case, talk, server.emulator)
        return talk.recording()


async def _play(case: Case, talk: Talk, emulator: Emulator) -> None:
    """From ``init`` to a while after the last answer."""
    await talk.open()
    for fault in case.injected:
        emulator.inject(fault)
    emulator.options = case.options.model_copy(update={"refuse": case.refuse})
    with contextlib.suppress(ConnectionClosed):
        for number, (name, pause_ms) in enumerate(zip(case.phrases, case.pauses_ms, strict=True), 1):
            await talk.say(phrase(name, pause_ms))
            if case.waits:
                await talk.until_settled(number)
    if case.comes_back:
        emulator.options = case.options
    # While the upstream is away, what is sent decides what the ring holds: then there is nothing after the speech.
    async with contextlib.nullcontext() if case.comes_back else talk.quiet():
        await talk.until_settled(len(case.phrases))
        await talk.until_still(_SETTLE_SECS)
