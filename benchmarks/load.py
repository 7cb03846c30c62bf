"""``python -m benchmarks.load``: the load process. It holds the clients and the upstream, and watches the server.

It takes orders, a line of JSON on standard input for each, and answers each with a line of JSON.
"""

import asyncio
import gc
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.clients import Client, Faults, Pacer, open_client
from benchmarks.figures import Step
from benchmarks.ledger import Ledger, Losses, Sent
from benchmarks.orders import serve_orders
from benchmarks.speech import cycle
from benchmarks.upstream import Upstream
from benchmarks.watching import ServerWatch, slope_a_minute

_QUIET_OPENINGS = 10
_BETWEEN_QUIET_OPENINGS_SECS = 0.06
"""More than what ours leaves between two starts of sessions, so that none waits for the one before."""
_CALM_SECS = 0.5
_RETURN_SECS = 1.0
"""After which a client that was refused knocks again."""
_SAMPLE_SECS = 1.0
_POLL_SECS = 0.1


class Run:
    """A server, and the clients that talk to it.

    Attributes:
        upstream: Where the server connects to.
    """

    def __init__(self, upstream: Upstream, url: str, pid: int, speech_percent: int, seed: int):
        """Nobody is there yet.

        Args:
            upstream: Where the server connects to.
            url: Of the server's WebSocket.
            pid: Of the server.
            speech_percent: How much of the time is speech.
            seed: Decides phases, and where clients begin.
        """
        self._url = url
        self.upstream, self._ledger = upstream, upstream.ledger
        self._ledger.chunks.clear()
        self._ledger.pieces.clear()
        upstream.courses.clear()
        self._pacer = Pacer(cycle(speech_percent), self._ledger, upstream.courses, seed)
        self._watch = ServerWatch(pid, url)
        self._faults = Faults()
        self._clients: list[Client] = []
        self._opened = 0
        self._knocking: list[asyncio.Task[None]] = []
        self._answers: Counter[str] = Counter()

    async def warm_up(self, sessions: int) -> None:
        """Open sessions and close them, so that what a process does once is done; then read the memory.

        Args:
            sessions: How many: one, or for several processes so many that each of them will get one.
        """
        for _ in range(sessions):
            client, _ = await self._open()
            client.close()
        await asyncio.sleep(_CALM_SECS)
        self._watch.note_empty()

    async def arrive(self, sessions: int, arrivals_a_sec: float) -> tuple[float, list[float]]:
        """Open sessions until there are so many.

        The first ten of a run come one after the other and stay silent until all of them are there.

        Returns:
            CPU of a silent opening in ms, and how many ms each opening took.
        """
        quiet = min(sessions, _QUIET_OPENINGS) if not self._clients else 0
        took_ms: list[float] = []
        cpu_secs = self._watch.cpu_secs()
        for _ in range(quiet):
            took_ms.append(await self._admit(speaks=False))
            await asyncio.sleep(_BETWEEN_QUIET_OPENINGS_SECS)
        if quiet:
            await asyncio.sleep(_CALM_SECS)
        cpu_ms = 1000 * (self._watch.cpu_secs() - cpu_secs) / (quiet or 1)
        for client in self._clients[:quiet]:
            self._pacer.add(client)
        async with asyncio.TaskGroup() as group:
            arriving = []
            for _ in range(sessions - len(self._clients)):
                arriving.append(group.create_task(self._admit(speaks=True)))
                await asyncio.sleep(1 / arrivals_a_sec)
        return (cpu_ms if quiet else 0.0), sorted(took_ms + [task.result() for task in arriving])

    async def measure(self, window_secs: float, grace_secs: float) -> Step:
        """Look on for a while.

        Args:
            window_secs: How long.
            grace_secs: How long after it to wait for what is still on its way, before it counts as lost.
        """
        ledger, watch = self._ledger, self._watch
        ledger.forget_delays()
        chunks_before, pieces_before = _lengths(ledger.chunks), _lengths(ledger.pieces)
        began_at, cpu_secs, own_secs = time.monotonic(), watch.cpu_secs(), time.process_time()
        memory = []
        while (left_secs := began_at + window_secs - time.monotonic()) > 0:
            memory.append((time.monotonic(), watch.resident_mb()))
            await asyncio.sleep(min(_SAMPLE_SECS, left_secs))
        took_secs = time.monotonic() - began_at
        living = sum(not client.gone for client in self._clients)
        session_secs = took_secs * max(1, living)
        step = Step(
            sessions=len(self._clients),
            window_secs=took_secs,
            cpu_ms=1000 * (watch.cpu_secs() - cpu_secs) / session_secs,
            memory_mb=watch.grown_mb() / max(1, living),
            memory_slope_mb=slope_a_minute(memory[len(memory) // 5 :]),
            up=ledger.up.summary(),
            down=ledger.down.summary(),
            onset=ledger.onset.summary(),
            told=ledger.told.summary(),
            load_cpu_share=(time.process_time() - own_secs) / took_secs,
            late=ledger.late.summary(),
            turns=ledger.turns,
        )
        chunks_after, pieces_after = _lengths(ledger.chunks), _lengths(ledger.pieces)
        step.loop_lag_ms = await watch.loop_lag_ms()
        latest_at = time.monotonic() + grace_secs
        while True:
            step.up_losses = self._lost_chunks(chunks_before, chunks_after)
            step.down_losses = self._lost_pieces(pieces_before, pieces_after)
            if not step.up_losses.lost + step.down_losses.lost or time.monotonic() > latest_at:
                break
            await asyncio.sleep(_POLL_SECS)
        step.strangers = ledger.strangers
        step.ended, step.told_errors = dict(self._faults.ended), dict(self._faults.told)
        self._faults.ended.clear()
        self._faults.told.clear()
        return step

    async def knock(self, clients: int) -> dict[str, int]:
        """Let so many more clients ask for a session, again and again; 0: let them stop.

        Returns:
            What those who knocked before were answered, and how often.
        """
        for task in self._knocking:
            task.cancel()
        await asyncio.gather(*self._knocking, return_exceptions=True)
        answers, self._answers = self._answers, Counter()
        self._knocking = [asyncio.create_task(self._keep_knocking()) for _ in range(clients)]
        return dict(answers)

    @property
    def knocked(self) -> int:
        """How many answers those who knock have had since they were asked last."""
        return self._answers.total()

    async def end(self) -> None:
        """Close every session."""
        await self.knock(0)
        self._pacer.stop()
        for client in self._clients:
            client.close()
        await asyncio.sleep(_CALM_SECS)

    async def _open(self, faults: Faults | None = None) -> tuple[Client, float]:
        number, self._opened = self._opened, self._opened + 1
        return await open_client(self._url, number, self._ledger, faults or self._faults)

    async def _admit(self, *, speaks: bool) -> float:
        client, secs = await self._open()
        self._clients.append(client)
        if speaks:
            self._pacer.add(client)
        return 1000 * secs

    def _lost_chunks(self, before: dict[int, int], after: dict[int, int]) -> Losses:
        """Of the chunks that are speech; the rest need not arrive."""
        losses = Losses()
        for number, course in self.upstream.courses.items():
            arrivals = self._ledger.chunks[number].arrivals
            had_to = range(max(before.get(number, 0), course.exempt), after[number])
            losses.count(bytes(arrivals[index] for index in had_to if course.speaks(index)))
        return losses

    def _lost_pieces(self, before: dict[int, int], after: dict[int, int]) -> Losses:
        losses = Losses()
        for number, sent in self._ledger.pieces.items():
            losses.count(sent.arrivals[before.get(number, 0) : after.get(number, 0)])
        return losses

    async def _keep_knocking(self) -> None:
        while True:
            await asyncio.sleep(random.uniform(0, 2 * _RETURN_SECS))
            try:
                client, _ = await self._open(Faults())
            except OSError as error:
                self._answers[str(error)] += 1
            else:
                self._answers["let in"] += 1
                client.close()


def _lengths(sent: dict[int, Sent]) -> dict[int, int]:
    return {number: len(of_one) for number, of_one in sent.items()}


class Load:
    """Carries orders out."""

    def __init__(self, upstream: Upstream):
        """No run is on."""
        self._upstream = upstream
        self._run: Run | None = None

    async def handle(self, order: dict[str, Any]) -> dict[str, Any]:
        """One order: ``begin``, ``step``, ``knock`` or ``end``, with the arguments of what they call."""
        match order.pop("do"):
            case "begin":
                warm_up = order.pop("warm_up")
                self._run = Run(self._upstream, **order)
                await self._run.warm_up(warm_up)
                gc.collect()
                gc.freeze()
            case "step":
                return await self._step(**order)
            case "knock":
                assert self._run is not None
                return {"answers": await self._run.knock(**order)}
            case "end":
                assert self._run is not None
                await self._run.end()
        return {}

    async def _step(
        self, sessions: int, arrivals_a_sec: float, settle_secs: float, window_secs: float, grace_secs: float
    ) -> dict[str, Any]:
        assert self._run is not None
        opening_cpu_ms, opening_ms = await self._run.arrive(sessions, arrivals_a_sec)
        await asyncio.sleep(settle_secs)
        step = await self._run.measure(window_secs, grace_secs)
        step.opening_cpu_ms, step.opening_ms = opening_cpu_ms, opening_ms
        return step.as_json()


async def main() -> None:
    """Serve until standard input ends."""
    upstream = Upstream(Ledger())
    base_url = await upstream.start()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        ca_file = Path(folder) / "ca.pem"
        ca_file.write_bytes(upstream.ca_pem)
        await serve_orders({"base_url": base_url, "ca_file": str(ca_file)}, Load(upstream).handle)


if __name__ == "__main__":
    uvloop.run(main())
