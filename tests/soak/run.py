"""A soak: sessions that talk, an upstream that fails, clients that come and go, and a server that must not care."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from emulator import Emulator, EmulatorOptions, Variant
from emulator.faults import FaultName, FaultStrike
from gemini.connectors import ConnectorName
from tests.abuse.server_process import Server, server
from tests.soak.faults import Mischief
from tests.soak.listening import joined
from tests.soak.memory import Memory
from tests.soak.speaker import Session
from tests.soak.upstream import Upstream, audited
from tests.support.speech import samples_scenario

GO_AWAYS = 20
"""How many each session sees, at least."""
_MEASURED_GO_AWAY_SECS = 540.0
"""When the service sends goAway (docs/emulator.md)."""
_SHARE_OF_A_CONNECTION = 0.35
"""When goAway comes, as a share of the time in which each session must see one: faults end connections, too, and a
renewal waits for the end of a turn."""
_TIME_LEFT_SECS = 10.0
_BETWEEN_FAULTS_SECS = 3.0
_BETWEEN_LOSSES_SECS = 25.0
_LEAST_LOSSES = 4
_SHORTEST_SHARE_OF_GO_AWAYS_SECS = 6.0
_SWEEP_SECS = 1.0
_TOLD_LINES = 120
SETTINGS = {
    "MAX_LOOP_LAG_MS": "0",
    "AUDIO_GAP_MS": "60000",
    "WS_PING_INTERVAL": "60",
    "WS_PING_TIMEOUT": "60",
    "MAX_SEND_BACKLOG_BYTES": str(512 * 2**10),
    "RESUME_BUFFER_BYTES": str(2**20),
}
"""The server's environment, where it is not the default. A machine that is short of time is no failure; a client
that is away does not pause in its speech, but goes on where it was; what is kept for a resume fills up in a
minute."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run.

    Attributes:
        minutes: How long the sessions talk.
        sessions: How many.
        seed: Of everything that is random.
        connector: The server's.
    """

    minutes: float
    sessions: int
    seed: int = 1
    connector: ConnectorName = "genai"

    @property
    def go_aways(self) -> int:
        """How many each session has to see: fewer in a run that is too short for twenty."""
        return min(GO_AWAYS, int(self.minutes * 60 / _SHORTEST_SHARE_OF_GO_AWAYS_SECS))

    @property
    def go_away_after_secs(self) -> float:
        """The age at which a connection is told to go away."""
        return _SHARE_OF_A_CONNECTION * self.minutes * 60 / max(1, self.go_aways)

    @property
    def between_losses_secs(self) -> float:
        """How long a client's connection lives, on the average."""
        return min(_BETWEEN_LOSSES_SECS, self.minutes * 60 / _LEAST_LOSSES)

    @property
    def factor(self) -> float:
        """The service's schedule is shortened to this."""
        return self.go_away_after_secs / _MEASURED_GO_AWAY_SECS

    def options(self) -> EmulatorOptions:
        """The upstream: answers at their usual pace, and connections that end soon."""
        return EmulatorOptions(
            go_away_after_secs=self.go_away_after_secs,
            go_away_time_left_secs=_TIME_LEFT_SECS,
            variant=Variant.model_validate({"playback_factor": 0.25}),
        )


@dataclass
class Result:
    """What came of a run.

    Attributes:
        plan: What was run.
        took_secs: How long that took.
        sessions: The sessions.
        upstream: The audit of what was heard.
        strikes: The faults that struck.
        memory: The server's, while the sessions talked.
        cpu_secs: The server's processor time.
        replays: Utterances that were sent again, whole or in part.
        unmarked: Answers whose end was lost with the connection, so that they were asked for again.
        wrong: Everything that is wrong, a line each.
        told: What is known of the sessions in which something is wrong.
        evidence: The lines of each session from just before something was found to be wrong.
    """

    plan: Plan
    took_secs: float = 0.0
    sessions: list[Session] = field(default_factory=list)
    upstream: Upstream | None = None
    strikes: list[FaultStrike] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)
    cpu_secs: float = 0.0
    replays: int = 0
    unmarked: int = 0
    wrong: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    evidence: dict[int, list[str]] = field(default_factory=dict)

    @property
    def said(self) -> int:
        """Utterances that were said."""
        return sum(len(session.speech.said) for session in self.sessions)

    @property
    def answered(self) -> int:
        """Utterances that were answered to the end."""
        return sum(len({item.number for item in session.listening.answered}) for session in self.sessions)

    @property
    def doubled(self) -> int:
        """Utterances that were answered again."""
        return sum(len(session.listening.doubled) for session in self.sessions)

    @property
    def counts(self) -> Counter[str]:
        """Messages to all sessions, by kind."""
        return sum((session.listening.counts for session in self.sessions), Counter())

    @property
    def losses(self) -> Counter[str]:
        """Connections that clients lost, by the way in which."""
        return sum((session.losses for session in self.sessions), Counter())

    @property
    def go_aways(self) -> list[int]:
        """What each session saw."""
        seen = self.upstream.go_aways if self.upstream is not None else Counter[int]()
        return [seen[session.number] for session in self.sessions]


async def soak(plan: Plan) -> Result:
    """Run it; ends by itself."""
    result = Result(plan, sessions=[Session.of(number, plan.seed) for number in range(plan.sessions)])
    began_at = time.monotonic()
    async with Emulator(plan.options(), scenario=samples_scenario()) as emulator:
        upstream = result.upstream = Upstream(emulator, [session.speech for session in result.sessions])
        reached = {"base_url": emulator.base_url, "ca_file": str(emulator.ca_file)}
        chosen = {"MAX_SESSIONS": str(plan.sessions), "GEMINI_CONNECTOR": plan.connector}
        async with server(reached, **SETTINGS, **chosen) as running:
            try:
                await _run(plan, result, emulator, upstream, running)
            finally:
                result.cpu_secs = running.cpu_secs()
            result.wrong += [f"the server's log: {line}" for line in running.faults()]
            log = running.log.read_text(encoding="utf-8").splitlines()
    upstream.sweep()
    for session in result.sessions:
        result.evidence.setdefault(session.number, list(_evidence(session, emulator, upstream)))
    result.took_secs = time.monotonic() - began_at
    result.strikes = list(emulator.struck)
    _judge(result, upstream)
    result.told = list(_told(result, log))
    return result


async def _run(plan: Plan, result: Result, emulator: Emulator, upstream: Upstream, running: Server) -> None:
    """While the sessions talk, faults strike, what was heard is judged, and memory is watched."""
    secs = plan.minutes * 60
    talking = [
        asyncio.create_task(
            session.run(running.url, secs=secs, between_losses_secs=plan.between_losses_secs, seed=plan.seed)
        )
        for session in result.sessions
    ]
    beside = [
        asyncio.create_task(_mischief(plan, result, emulator, upstream)),
        asyncio.create_task(result.memory.watch(running.process)),
    ]
    sweeping = asyncio.create_task(_sweep(result, emulator, upstream))
    ends_at = time.monotonic() + secs
    try:
        await asyncio.wait([*talking, *beside, sweeping], timeout=secs, return_when=asyncio.FIRST_EXCEPTION)
        for task in beside:
            await _end(task)
        emulator.clear_faults()
        await asyncio.gather(*talking)
    finally:
        for task in (*talking, *beside, sweeping):
            await _end(task)
    if time.monotonic() < ends_at:
        result.wrong.append("the run ended before its time")


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel a task; a fault in it is raised."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _mischief(plan: Plan, result: Result, emulator: Emulator, upstream: Upstream) -> None:
    """Switch faults on, one after the other, once every session is there."""
    chance = random.Random(f"{plan.seed}:faults")
    mischief = Mischief(chance)
    for session in result.sessions:
        await session.connected.wait()
    while True:
        await asyncio.sleep(chance.expovariate(1 / _BETWEEN_FAULTS_SECS))
        mischief.note(
            emulator.struck,
            upstream.owner,
            {session.number: len(session.speech.said) for session in result.sessions},
            {session.number: session.listening.settled for session in result.sessions},
        )
        fault = mischief.draw()
        if fault is not None:
            emulator.inject(fault)


async def _sweep(result: Result, emulator: Emulator, upstream: Upstream) -> None:
    """Judge what was heard, and keep what happened around the first thing that is wrong with a session."""
    suspected: set[int] = set()
    while True:
        upstream.sweep()
        for session in result.sessions:
            if session.number in suspected and session.number not in result.evidence:
                result.evidence[session.number] = list(_evidence(session, emulator, upstream))
            if session.listening.wrong:
                suspected.add(session.number)  # what happens in the next second belongs to it
        await asyncio.sleep(_SWEEP_SECS)


def _judge(result: Result, upstream: Upstream) -> None:
    strikes: dict[int, set[FaultName]] = {}
    for strike in result.strikes:
        if strike.utterance is not None:
            strikes.setdefault(strike.utterance, set()).add(strike.name)
    for session in result.sessions:
        number = session.number
        heard = audited(session.speech, session.listening.answered, upstream.activities[number], strikes)
        result.replays += heard.replays
        result.unmarked += heard.unmarked
        session.wrong += [*session.listening.wrong, *heard.wrong]
        session.wrong += [text for owner, text in upstream.wrong if owner == number]
        result.wrong += [f"session {number}: {text}" for text in session.wrong]
    result.wrong += [
        f"upstream: {text}" for owner, text in upstream.wrong if owner not in range(len(result.sessions))
    ]
    fewest = min(result.go_aways)
    if fewest < result.plan.go_aways:
        result.wrong.append(f"a session saw {fewest} go-aways, expected at least {result.plan.go_aways}")
    result.wrong += _memory_failures(result.memory)


def _memory_failures(memory: Memory) -> Iterator[str]:
    with contextlib.suppress(ValueError):
        trend = memory.last_third()
        if trend.judged and not trend.flat:
            yield f"memory grows by {trend.mb_per_min:.3f} MB a minute in the last third"


def _evidence(session: Session, emulator: Emulator, upstream: Upstream) -> Iterator[str]:
    """What the client was told, what went over its upstream connections, and which faults struck them, by time."""
    lines = [(at, f"client    {text}") for at, text in joined(session.listening.log)]
    lines += [(at, f"upstream  {text}") for at, text in upstream.log[session.number]]
    lines += [
        (strike.at_secs, f"fault     {strike.name} at {strike.moment} on connection {strike.session}")
        for strike in emulator.struck
        if upstream.owner(strike.session) == session.number
    ]
    since = time.time() - time.monotonic()
    for at, text in sorted(lines)[-_TOLD_LINES:]:
        moment = at + since
        yield f"{time.strftime('%H:%M:%S', time.localtime(moment))},{int(moment % 1 * 1000):03}  {text}"


def _told(result: Result, log: list[str]) -> Iterator[str]:
    """What is known of each session in which something is wrong, with what the server's log says of it."""
    for session in result.sessions:
        if session.wrong:
            yield f"--- session {session.number}, {session.session_id}: {session.wrong[0]}"
            yield from result.evidence.get(session.number, [])
            yield from [line for line in log if session.session_id in line]
