"""One case: quiet and abuse by turns, in one run, and what was seen of the server in each."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.abuse.child import Child
from tests.abuse.server_process import Server
from tests.abuse.speakers import Journal
from tests.support.waiting import until

_SAMPLE_SECS = 0.25
_SETTLE_SECS = 1.0
_LONGEST_SETTLE_SECS = 60.0
_SPARE_DESCRIPTORS = 2


@dataclass
class Phase:
    """A stretch of time, and what was seen in it.

    Attributes:
        abused: Whether there were abusers.
        started_at: Monotonic seconds.
        ended_at: The same.
        memory_mib: Highest resident memory of the server.
        kernel_mib: Highest sum of what the kernel held for its clients.
        descriptors: Most open files and sockets.
        cpu_share: Processor time used, in cores.
        upstream_connections: How many the emulator got.
        log_bytes: How much the server wrote.
        abuser_connections: How many the abusers opened.
        sent_bytes: How much the abusers sent.
        ends: How their connections ended, as they saw it.
        logged_ends: How sessions ended, as the server's log says.
    """

    abused: bool
    started_at: float
    ended_at: float = 0.0
    memory_mib: float = 0.0
    kernel_mib: float = 0.0
    descriptors: int = 0
    cpu_share: float = 0.0
    upstream_connections: int = 0
    log_bytes: int = 0
    abuser_connections: int = 0
    sent_bytes: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    logged_ends: Counter[str] = field(default_factory=Counter)

    def covers(self, at: float) -> bool:
        """Whether a moment lies in it."""
        return self.started_at <= at < self.ended_at


@dataclass
class Observation:
    """All phases of a case.

    Attributes:
        case: Its name.
        journal: What the normal sessions saw.
        phases: In order.
        delays: For each marked chunk that reached the upstream: when it was sent, and how many seconds it took.
        memory_before_mib: Resident memory of the server with its normal sessions, before any abuse.
        memory_after_mib: The same after the last abuse.
        faults: What the server's log says of faults of its own.
    """

    case: str
    journal: Journal
    phases: list[Phase] = field(default_factory=list)
    delays: list[tuple[float, float]] = field(default_factory=list)
    memory_before_mib: float = 0.0
    memory_after_mib: float = 0.0
    faults: list[str] = field(default_factory=list)

    def of(self, *, abused: bool) -> list[Phase]:
        """The quiet phases, or the others."""
        return [phase for phase in self.phases if phase.abused is abused]


@dataclass(frozen=True, slots=True)
class Scene:
    """Who takes part in a case.

    Attributes:
        server: The server.
        upstream: The emulator's process.
        abuser: The abusers' process.
        journal: Of the normal sessions.
    """

    server: Server
    upstream: Child
    abuser: Child
    journal: Journal

    async def observe(self, case: str, *, rounds: int, phase_secs: float, refuse: str | None) -> Observation:
        """Let quiet and abuse take turns, and look on.

        Args:
            case: Name of the abuse.
            rounds: How many phases of each kind.
            phase_secs: Length of a phase.
            refuse: How the emulator refuses connections during the abuse.
        """
        seen = Observation(case, self.journal)
        seen.memory_before_mib = self.server.memory_mib()
        calm = self.server.descriptors()
        for _ in range(rounds):
            async with self._phase(seen, abused=False):
                await asyncio.sleep(phase_secs)
            await self.upstream.ask(do="refuse", how=refuse)
            async with self._phase(seen, abused=True) as phase:
                await self.abuser.ask(do="start", case=case, url=self.server.url)
                await asyncio.sleep(phase_secs)
            log_bytes = self.server.log_bytes() - phase.log_bytes
            deeds = await self.abuser.ask(do="stop")
            await self.upstream.ask(do="refuse", how=None)
            phase.abuser_connections, phase.sent_bytes = deeds["connections"], deeds["sent_bytes"]
            phase.ends = Counter(deeds["ends"])
            await self._settle(calm)
            phase.logged_ends = self.server.ends_since(log_bytes)
            await self._collect(seen)
        seen.memory_after_mib = self.server.memory_mib()
        seen.faults = self.server.faults()
        return seen

    @contextlib.asynccontextmanager
    async def _phase(self, seen: Observation, *, abused: bool) -> AsyncIterator[Phase]:
        connections = (await self.upstream.ask(do="count"))["connections"]
        cpu_secs, log_bytes = self.server.cpu_secs(), self.server.log_bytes()
        phase = Phase(abused, time.monotonic())
        watch = asyncio.create_task(self._watch(phase))
        try:
            yield phase
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        phase.ended_at = time.monotonic()
        phase.cpu_share = (self.server.cpu_secs() - cpu_secs) / (phase.ended_at - phase.started_at)
        phase.log_bytes = self.server.log_bytes() - log_bytes
        phase.upstream_connections = (await self.upstream.ask(do="count"))["connections"] - connections
        seen.phases.append(phase)

    async def _watch(self, phase: Phase) -> None:
        while True:
            phase.memory_mib = max(phase.memory_mib, self.server.memory_mib())
            phase.kernel_mib = max(phase.kernel_mib, await asyncio.to_thread(self.server.kernel_mib))
            phase.descriptors = max(phase.descriptors, self.server.descriptors())
            await asyncio.sleep(_SAMPLE_SECS)

    async def _settle(self, calm: int) -> None:
        """Wait until nothing of the abusers is left, and a moment more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_SETTLE_SECS):
                await until(lambda: self.server.descriptors() <= calm + _SPARE_DESCRIPTORS)
        await asyncio.sleep(_SETTLE_SECS)

    async def _collect(self, seen: Observation) -> None:
        for client, chunk, at in (await self.upstream.ask(do="report"))["arrivals"]:
            sent_at = self.journal.sent_at.pop((client, chunk), None)
            if sent_at is not None:
                seen.delays.append((sent_at, at - sent_at))
