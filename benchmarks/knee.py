"""The knee: with how many sessions on one core delays and losses are still what they should be."""

from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.figures import Step
from benchmarks.orders import OrderFailedError
from benchmarks.running import Bench, Plan
from benchmarks.subjects import Subject

DOWN_LIMIT_MS = 20.0
UP_LIMIT_MS = 40.0
"""The same, and the 20 ms that a chunk may wait for the next one to go up with."""
_COARSE_GROWTH = 1.5
_FINE_STEPS = 5
_ROUND_TO = 5


@dataclass(frozen=True, slots=True)
class Knee:
    """Where a server stops keeping up.

    Attributes:
        subject: Its name.
        speech_percent: How much of the time clients spoke.
        sessions: The largest number with which everything was well; 0: not even the first.
        failed_at: The smallest number with which it was not; ``None``: none was tried.
        why: What was wrong then; empty where none was tried.
        limited: The load process was at its own limit then, so that the server may carry more.
    """

    subject: str
    speech_percent: int
    sessions: int
    failed_at: int | None
    why: str
    limited: bool

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)

    def line(self) -> str:
        """The most of it, in a line."""
        if self.failed_at is None:
            return (
                f"{self.subject}, {self.speech_percent} % speech: {self.sessions} sessions, and no more were tried"
            )
        limit = "; the load process was the limit" if self.limited else ""
        return (
            f"{self.subject}, {self.speech_percent} % speech: {self.sessions} sessions;"
            f" with {self.failed_at} {self.why}{limit}"
        )


def fault(step: Step, *, paces_output: bool) -> str:
    """What is wrong with a step; empty: nothing.

    Args:
        step: What was measured.
        paces_output: The delay of answers is the server's intention, and says nothing.
    """
    if step.ended or step.told_errors:
        return "sessions ended: " + ", ".join(f"{what}" for what in {**step.ended, **step.told_errors})
    lost = step.up_losses.lost + step.up_losses.repeated if paces_output else step.lost
    if lost:
        return f"{lost} lost"
    if step.up.p99 > UP_LIMIT_MS:
        return f"p99 up was {step.up.p99:.0f} ms"
    if step.down.p99 > DOWN_LIMIT_MS and not paces_output:
        return f"p99 down was {step.down.p99:.0f} ms"
    return ""


async def find_knee(bench: Bench, subject: Subject, plan: Plan, most: int) -> Knee:
    """Step up until something is wrong, in wide steps and then, with a process of its own, in narrow ones.

    Args:
        bench: Measures.
        subject: The server.
        plan: How; its numbers of sessions are not used.
        most: Where to end.
    """
    coarse = [subject.knee_from]
    while coarse[-1] < most:
        coarse.append(min(most, _rounded(coarse[-1] * _COARSE_GROWTH)))
    good, bad, why, limited = await _climb(bench, subject, plan, coarse)
    if good and bad is not None:
        fine = sorted({_rounded(good + (bad - good) * step / _FINE_STEPS) for step in range(1, _FINE_STEPS)})
        better, worse, fine_why, fine_limited = await _climb(
            bench, subject, plan, [count for count in fine if good < count < bad]
        )
        good = max(good, better)
        if worse is not None:
            bad, why, limited = worse, fine_why, fine_limited
    return Knee(subject.name, plan.speech_percent, good, bad, why, limited)


async def _climb(
    bench: Bench, subject: Subject, plan: Plan, counts: list[int]
) -> tuple[int, int | None, str, bool]:
    """The last number that was well, the first that was not, and why."""
    good = 0
    if not counts:
        return good, None, "", False
    async with bench.session(subject, plan.speech_percent, plan.seed):
        for count in counts:
            try:
                step = await bench.step(subject, count, plan)
            except OrderFailedError as error:  # an opening that was refused or took too long, a server that is gone
                return good, count, str(error), False
            if why := fault(step, paces_output=subject.paces_output):
                return good, count, why, step.limited
            good = count
    return good, None, "", False


def _rounded(count: float) -> int:
    return max(1, round(count / _ROUND_TO) * _ROUND_TO)
