"""A run from start to end: the processes, the normal sessions, the cases."""

import contextlib
import os

from tests.abuse.cases import EXPECTATIONS
from tests.abuse.child import FIRST, LAST, child, set_priority
from tests.abuse.phases import Observation, Scene
from tests.abuse.server_process import server
from tests.abuse.speakers import speaking


async def observe(*cases: str, rounds: int, phase_secs: float, sessions: int, **settings: str) -> list[Observation]:
    """Abuse a server of its own in one way after the other, and look on.

    Args:
        cases: Names of abuses.
        rounds: How many quiet and how many abused phases each has, by turns.
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
        scene = Scene(running, upstream, abuser, journal)
        return [
            await scene.observe(case, rounds=rounds, phase_secs=phase_secs, refuse=EXPECTATIONS[case].refuse)
            for case in cases
        ]
