"""Runs: a subject from its start to its end, under more and more sessions."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass

import psutil

from benchmarks.figures import Measured, Step
from benchmarks.orders import Child, child
from benchmarks.subjects import Running, Subject, running

_GRACE_SECS = 4.0
_PACED_GRACE_SECS = 8.0
"""A subject that plays answers in real time is late by the length of one."""
_ARRIVALS_A_SEC = 20.0
_WARM_UP_EACH = 10
"""Sessions for each of several workers: the system spreads them by chance."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Who has which core for itself; ``None``: any."""

    server: int | None = None
    load: int | None = None


def separate_cores(*, pin: bool) -> Cores:
    """The last core for servers and the first one for the load process, if there are two, and if that is wanted."""
    count = psutil.cpu_count() or 1
    return Cores(count - 1, 0) if pin and count > 1 else Cores()


@dataclass(frozen=True, slots=True)
class Plan:
    """How a subject is measured.

    Attributes:
        sessions: How many there are in each step, growing.
        speech_percent: How much of the time clients speak.
        window_secs: How long each step is measured.
        settle_secs: Between the last arrival and the measurement.
        seed: Decides phases, and where clients begin.
    """

    sessions: Sequence[int]
    speech_percent: int = 40
    window_secs: float = 8.0
    settle_secs: float = 4.0
    seed: int = 1


Say = Callable[[str], None]


class Bench:
    """The load process, and what to do with subjects."""

    def __init__(self, load: Child, cores: Cores, say: Say):
        """Take a load process that is ready.

        Args:
            load: It.
            cores: Who has which core.
            say: Told what goes on, a line at a time.
        """
        self._load, self._cores, self._say = load, cores, say

    @contextlib.asynccontextmanager
    async def session(self, subject: Subject, speech_percent: int, seed: int) -> AsyncIterator[Running]:
        """A subject that runs, and that the load process knows."""
        async with running(subject, self._load.greeting, self._cores.server) as server:
            await self._load.ask(
                "begin",
                url=server.url,
                pid=server.pid,
                speech_percent=speech_percent,
                seed=seed,
                warm_up=1 if subject.workers == 1 else _WARM_UP_EACH * subject.workers,
            )
            try:
                yield server
            finally:
                await self._load.ask("end")

    async def step(self, subject: Subject, sessions: int, plan: Plan) -> Step:
        """Let sessions arrive until there are so many, and measure."""
        answer = await self._load.ask(
            "step",
            sessions=sessions,
            arrivals_a_sec=_ARRIVALS_A_SEC,
            settle_secs=plan.settle_secs,
            window_secs=plan.window_secs,
            grace_secs=_PACED_GRACE_SECS if subject.paces_output else _GRACE_SECS,
        )
        step = Step.of_json(answer)
        self._say(f"{subject.name}, {plan.speech_percent} % speech: {step.line()}")
        return step

    async def knock(self, clients: int) -> dict[str, int]:
        """Let so many more clients knock; 0: let them stop. What those before were answered."""
        answers: dict[str, int] = (await self._load.ask("knock", clients=clients))["answers"]
        return answers

    async def measure(self, subject: Subject, plan: Plan, round_number: int = 1) -> list[Measured]:
        """One process of a subject, through all steps of a plan that it is tried with."""
        found: list[Measured] = []
        tried = [sessions for sessions in plan.sessions if sessions <= subject.most_sessions]
        if not tried:
            return found
        async with self.session(subject, plan.speech_percent, plan.seed + round_number) as server:
            for sessions in tried:
                step = await self.step(subject, sessions, plan)
                found.append(Measured(subject.name, plan.speech_percent, round_number, server.start_secs, step))
        return found

    async def compare(self, subjects: Iterable[Subject], plans: Sequence[Plan], rounds: int) -> list[Measured]:
        """Every subject under every plan, one after the other, and all of it again in each round."""
        chosen = list(subjects)
        found: list[Measured] = []
        for number in range(1, rounds + 1):
            self._say(f"round {number} of {rounds}")
            for plan in plans:
                # In turn from another one on, so that nobody always follows the same.
                shift = (number - 1) % len(chosen)
                for subject in chosen[shift:] + chosen[:shift]:
                    found += await self.measure(subject, plan, number)
        return found


@contextlib.asynccontextmanager
async def bench(cores: Cores, say: Say) -> AsyncIterator[Bench]:
    """A load process that is ready for measurements, ended with the block."""
    async with child("benchmarks.load", cores.load) as load:
        yield Bench(load, cores, say)
