"""A server under attack: it stays up, answers as documented, writes little, and nothing is left of it."""

import asyncio
import gc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipelines.client_socket import ClientSocket
from pipelines.session import InterpreterSession
from protocol.serializer import ProtocolSerializer
from tests.hostile.oracle import Limits
from tests.hostile.run import CLASSES, Run
from tests.hostile.target import Target, own_server
from tests.support.servers import running_server
from tests.support.waiting import until

_PATIENT: dict[str, Any] = {
    "init_timeout_secs": 2,
    "connect_timeout_secs": 30,
    "ws_ping_timeout": 60,
    "max_loop_lag_ms": 0,
    "max_ingest_rate": 4,
}
_OF_A_SESSION = (InterpreterSession, ClientSocket, ProtocolSerializer)


async def attacked(messages: int, *, rounds: int, at_once: int, init_timeout_secs: int) -> Run:
    """A run against a server of its own."""
    async with own_server(init_timeout_secs=init_timeout_secs, max_sessions=40, max_pending=40) as target:
        run = Run(target, seed=1, at_once=at_once)
        await run.attack(messages, rounds=rounds, normal_clients=1)
    return run


async def test_a_server_survives_clients_of_every_class() -> None:
    """One client of each class at least, in front of a process that is watched: its log and its descriptors too."""
    run = await attacked(1500, rounds=2, at_once=12, init_timeout_secs=4)
    assert run.passed, run.report()
    assert all(run.tallies[name].connections for name in (*CLASSES, "normal clients"))


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_server_survives_a_hundred_thousand_messages() -> None:
    """The same for long enough that a server which keeps anything of its clients would grow."""
    run = await attacked(100_000, rounds=10, at_once=24, init_timeout_secs=10)
    assert run.passed, run.report()
    assert run.counted >= 100_000


async def test_no_object_of_a_session_is_left() -> None:
    """In a process that can be looked into: no session, no socket, no task is left of the clients."""
    before = _of_a_session()
    async with running_server(**_PATIENT) as server:
        tasks = asyncio.all_tasks()
        run = Run(Target(server.url, Limits(init_timeout_secs=2)), seed=2, at_once=8)
        await run.attack(1000, rounds=1, normal_clients=0)
        await until(lambda: (server.sessions.active, server.sessions.pending) == (0, 0))
        await until(lambda: asyncio.all_tasks() <= tasks)
        left = _of_a_session() - before
    assert run.passed, run.report()
    assert not left


def _of_a_session() -> Counter[str]:
    """How many objects there are of each type that a session is made of, those of other tests included."""
    gc.collect()
    return Counter(type(item).__name__ for item in gc.get_objects() if isinstance(item, _OF_A_SESSION))


def test_the_corpus_of_classes_is_documented() -> None:
    """``docs/fuzzing.md`` names every class."""
    text = (Path(__file__).parents[2] / "docs" / "fuzzing.md").read_text(encoding="utf-8")
    for name in CLASSES:
        assert f"| {name} |" in text
