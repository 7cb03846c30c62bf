"""Several processes behind one port: all serve, all drain, and one that dies is replaced."""

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from emulator import Emulator, EmulatorOptions
from tests.support.client import ProtocolClient, protocol_client
from tests.support.processes import ServerProcess, server_process
from tests.support.speech import silence, spoken, texts

GONE = 1001
_MOST_CLIENTS = 40
"""The kernel draws a worker for each connection: that of 40 all get the same of two happens once in 10^11 times."""
_INTERPRETER = Path(__file__).parents[2] / "pipelines" / "interpreter.toml"
_SETTINGS = {
    "GEMINI_API_KEY": "test-key",
    "LOG_FORMAT": "%(name)s %(levelname)s %(message)s process=%(process)d",
    "CONNECT_TIMEOUT_SECS": "60",
    "TURN_TIMEOUT_SECS": "120",
    "MAX_LOOP_LAG_MS": "0",
}


@dataclass
class Workers:
    """A server with two workers.

    Attributes:
        server: The process that supervises.
        pids: Of the workers, by number.
    """

    server: ServerProcess
    pids: dict[int, int]

    def worker_of(self, client: ProtocolClient) -> int:
        """The process that serves a client."""
        line = next(
            line for line in self.server.lines if f"session started session_id={client_id(client)} " in line
        )
        return int(line.rpartition("process=")[2])


def client_id(client: ProtocolClient) -> str:
    """The id of a client's session."""
    found = client.of("connected")[0]["sessionId"]
    assert isinstance(found, str)
    return found


async def ready_workers(server: ServerProcess) -> dict[int, int]:
    """The workers' processes by number, once both are ready."""
    lines = [await server.said(f" worker={number} pid=") for number in (1, 2)]
    found = [re.search(r" worker=(\d+) pid=(\d+) ", line) for line in lines]
    return {int(match[1]): int(match[2]) for match in found if match is not None}


@contextlib.asynccontextmanager
async def two_workers(folder: Path, **settings: str) -> AsyncIterator[Workers]:
    """A server with two workers, which are ready, in front of an emulator."""
    async with Emulator(EmulatorOptions()) as upstream:
        chosen = {**_SETTINGS, "GEMINI_BASE_URL": upstream.base_url, "GEMINI_CA_FILE": str(upstream.ca_file)}
        async with server_process(folder, "--workers", "2", **chosen, **settings) as server:
            yield Workers(server, await ready_workers(server))


@contextlib.asynccontextmanager
async def one_client_each(workers: Workers) -> AsyncIterator[list[ProtocolClient]]:
    """A client with a session in each worker."""
    async with contextlib.AsyncExitStack() as stack:
        found: dict[int, ProtocolClient] = {}
        for _ in range(_MOST_CLIENTS):
            client = await stack.enter_async_context(protocol_client(workers.server.url))
            await client.init()
            await workers.server.said(f"session started session_id={client_id(client)} ")
            pid = workers.worker_of(client)
            if pid in found:
                await client.close()
            found.setdefault(pid, client)
            if len(found) == 2:
                break
        assert set(found) == set(workers.pids.values())
        yield list(found.values())


def _number(workers: Workers, pid: int) -> int:
    return next(number for number, of in workers.pids.items() if of == pid)


async def metrics_of(workers: Workers) -> dict[str, float]:
    """What one of the workers answers to a scrape."""
    async with httpx.AsyncClient(trust_env=False) as http:
        lines = (await http.get(f"{workers.server.http_url}/metrics")).text.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


async def say_something(client: ProtocolClient) -> "asyncio.Task[None]":
    """A task that says a phrase and falls silent; the server has begun to hear it."""
    task = asyncio.create_task(client.stream(spoken("harvard-1") + silence(2000), speed=1.0))
    await client.wait_for("speech_state")
    return task


async def test_every_worker_finishes_what_is_being_said(tmp_path: Path) -> None:
    """Both serve, SIGTERM for the supervisor drains both, and the exit code is 0; who may not come back is told."""
    async with two_workers(tmp_path) as workers, one_client_each(workers) as clients:
        talks = [await say_something(client) for client in clients]
        workers.server.signal(signal.SIGTERM)
        assert [await client.wait_closed() for client in clients] == [GONE, GONE]
        assert [client.turns for client in clients] == [[texts("harvard-1")]] * 2
        assert await workers.server.exit_code() == 0
        for talk in talks:
            talk.cancel()
    drained = [line for line in workers.server.lines if "drained sessions=1 cut=0 " in line]
    assert {int(line.rpartition("=")[2]) for line in drained} == set(workers.pids.values())
    warnings = [line for line in workers.server.lines if " WARNING " in line]
    assert len(warnings) == 1
    assert "a client that comes back may reach another worker" in warnings[0]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_for_every_process_counts_once(tmp_path: Path, number: signal.Signals) -> None:
    """As systemd stops a service, and a terminal sends Ctrl-C: to supervisor and workers; all drain."""
    async with two_workers(tmp_path) as workers, one_client_each(workers) as clients:
        talks = [await say_something(client) for client in clients]
        for pid in workers.pids.values():
            os.kill(pid, number)
        workers.server.signal(number)
        assert [await client.wait_closed() for client in clients] == [GONE, GONE]
        assert [client.turns for client in clients] == [[texts("harvard-1")]] * 2
        assert await workers.server.exit_code() == 0
        for talk in talks:
            talk.cancel()
    assert not [line for line in workers.server.lines if "stopping at once" in line or "Traceback" in line]


@pytest.mark.slow
async def test_a_second_signal_ends_all_at_once(tmp_path: Path) -> None:
    """It reaches every worker, the exit code is the signal's, and no temporary folder stays."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    async with (
        two_workers(tmp_path, TMPDIR=str(temporary)) as workers,
        one_client_each(workers) as clients,
    ):
        assert list(temporary.glob("live-interpreter-*")) != []
        talks = [await say_something(client) for client in clients]
        workers.server.signal(signal.SIGTERM)
        for pid in workers.pids.values():
            await workers.server.said(f"cause=SIGTERM sessions=1 drain_secs=30.0 process={pid}")
        workers.server.signal(signal.SIGTERM)
        assert await workers.server.exit_code() == -signal.SIGTERM
        assert not any(client.turns for client in clients)
        for talk in talks:
            talk.cancel()
    for pid in workers.pids.values():
        assert f"pipelines.drain WARNING stopping at once cause=SIGTERM process={pid}" in workers.server.lines
    assert list(temporary.glob("live-interpreter-*")) == []


@pytest.mark.slow
async def test_a_worker_that_is_killed_while_it_drains_is_told(tmp_path: Path) -> None:
    """The other one finishes; log and exit code say that one did not."""
    async with two_workers(tmp_path) as workers, one_client_each(workers) as clients:
        talks = [await say_something(client) for client in clients]
        workers.server.signal(signal.SIGTERM)
        victim = workers.worker_of(clients[0])
        await workers.server.said(f"cause=SIGTERM sessions=1 drain_secs=30.0 process={victim}")
        os.kill(victim, signal.SIGKILL)
        assert await workers.server.exit_code() == 1
        assert clients[1].turns == [texts("harvard-1")]
        for talk in talks:
            talk.cancel()
    assert [line for line in workers.server.lines if f"worker ended worker={_number(workers, victim)} " in line]


@pytest.mark.slow
async def test_a_replacement_reads_the_pipeline_anew(tmp_path: Path) -> None:
    """Where the file is wrong meanwhile, a line says so, no traceback; the worker comes once it is mended."""
    pipeline = tmp_path / "mine.toml"
    text = _INTERPRETER.read_text(encoding="utf-8")
    pipeline.write_text(text, encoding="utf-8")
    async with two_workers(tmp_path, PIPELINE=str(pipeline)) as workers:
        pipeline.write_text("name = 1 1\n", encoding="utf-8")
        os.kill(workers.pids[1], signal.SIGKILL)
        await workers.server.said(f"error: {pipeline}")
        assert " exit_code=2 restart_secs=1.0 " in await workers.server.said("worker ended", nth=2)
        pipeline.write_text(text, encoding="utf-8")
        assert " worker=1 pid=" in await workers.server.said("server INFO ready", nth=3)
        shown = await metrics_of(workers)
        assert shown["interpreter_sessions_started_total"] == 0
    assert not [line for line in workers.server.lines if "Traceback" in line]


@pytest.mark.slow
async def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    """The log says how it ended; the next one has its number and its place, and the other one's session goes on."""
    async with two_workers(tmp_path) as workers, one_client_each(workers) as clients:
        victim, other = clients
        pid = workers.worker_of(victim)
        number = _number(workers, pid)
        os.kill(pid, signal.SIGKILL)
        told = await workers.server.said("worker ended")
        assert f"pipelines.workers WARNING worker ended worker={number} pid={pid} exit_code=-9 " in told
        ready = await workers.server.said("server INFO ready", nth=3)
        assert f" worker={number} pid=" in ready
        workers.pids[number] = int(ready.rpartition("=")[2])
        assert workers.pids[number] != pid
        async with one_client_each(workers):
            assert other.close_code is None
        workers.server.signal(signal.SIGTERM)
        assert await other.wait_closed() == GONE
        assert await workers.server.exit_code() == 0


@pytest.mark.slow
async def test_workers_do_not_outlive_their_supervisor(tmp_path: Path) -> None:
    """Where nobody would end them any more they drain, and the port is free again."""
    async with two_workers(tmp_path) as workers, one_client_each(workers) as clients:
        talks = [await say_something(client) for client in clients]
        workers.server.signal(signal.SIGKILL)
        assert [await client.wait_closed() for client in clients] == [GONE, GONE]
        assert [client.turns for client in clients] == [[texts("harvard-1")]] * 2
        await workers.server.exit_code()  # reads until the last process has closed standard error
        for talk in talks:
            talk.cancel()


@pytest.mark.slow
async def test_metrics_are_those_of_all_workers(tmp_path: Path) -> None:
    """Whichever worker answers: counters are summed, and so are the sessions that run, some moments later."""
    async with two_workers(tmp_path) as workers, one_client_each(workers) as clients:
        clients_ever = len([line for line in workers.server.lines if "session started " in line])
        for client in clients[1:]:
            await client.close()
        started, active = "interpreter_sessions_started_total", 'interpreter_sessions{state="active"}'
        shown = await metrics_of(workers)
        while (shown[started], shown[active]) != (clients_ever, 1):  # the other worker tells once in a second
            shown = await metrics_of(workers)
        os.kill(workers.worker_of(clients[0]), signal.SIGKILL)
        await workers.server.said("worker ended")
        shown = await metrics_of(workers)
        assert (shown[started], shown[active]) == (clients_ever, 0)
