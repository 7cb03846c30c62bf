"""One case from start to end: the processes, the normal sessions, the phases."""

import asyncio
import contextlib
import os

from tests.abuse.cases import EXPECTATIONS
from tests.abuse.child import FIRST, LAST, child, set_priority
from tests.abuse.phases import Observation, Scene
from tests.abuse.server_process import server
from tests.abuse.speakers import speaking


async def observe(case: str, *, rounds: int, phase_secs: float, sessions: int, **settings: str) -> Observation:
    """Abuse a server of its own in one way, and look on.

    Args:
        case: Name of the abuse.
        rounds: How many quiet and how many abused phases there are, by turns.
        phase_secs: Length of each.
        sessions: How many normal sessions speak all along.
        settings: Of the server, where they are not to be its defaults.
    """
    set_priority(os.getpid(), FIRST)
    async with contextlib.AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(child("tests.abuse.upstream", FIRST))
        abuser = await stack.enter_async_context(child("tests.abuse.abuser", LAST))
        running = await stack.enter_async_context(server(upstream.greeting, **settings))
        journal = await stack.enter_async_context(speaking(running.url, sessions))
        await asyncio.sleep(1)  # so that the last one's first phrase has begun
        return await Scene(running, upstream, abuser, journal).observe(
            case, rounds=rounds, phase_secs=phase_secs, refuse=EXPECTATIONS[case].refuse
        )
