"""Two promises, kept or not: a server holds its sessions, and those who knock in vain do not disturb them."""

from dataclasses import dataclass, replace

from benchmarks.figures import Step
from benchmarks.running import Bench, Plan
from benchmarks.subjects import Subject

_P99_MS = 20.0
_UNDISTURBED = 1.5
"""By so much the p99 of those who talk may grow, or up to the limit above, when others knock."""
_MOST_MB = 1.0
_FLAT_MB = 0.1
"""How much a session's memory may grow while it is held."""
_BUSY = "SERVER_BUSY"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found.

    Attributes:
        told: What was measured, in lines.
        faults: What was not as promised.
        limited: The load process was at its own limit: delays say nothing about the server.
    """

    told: list[str]
    faults: list[str]
    limited: bool

    @property
    def passed(self) -> bool:
        """Whether the promise was kept."""
        return not self.faults


async def hold(bench: Bench, subject: Subject, plan: Plan) -> Verdict:
    """Let all sessions of a plan's last step talk at once for its time."""
    (measured,) = await bench.measure(subject, replace(plan, sessions=plan.sessions[-1:]))
    return judge_hold(measured.step)


def judge_hold(step: Step) -> Verdict:
    """Nothing lost, nothing held, no delay, and memory that does not grow."""
    minutes = step.window_secs / 60
    growth_mb = max(0.0, step.memory_slope_mb * minutes / step.sessions)
    faults = [
        *_broken(step),
        *_unless(step.down.held == 0, f"{step.down.held} pieces of answers were held for more than 100 ms"),
        *_unless(step.down.p99 < _P99_MS, f"p99 down was {step.down.p99:.1f} ms, expected less than {_P99_MS:g}"),
        *_unless(step.memory_mb <= _MOST_MB, f"{step.memory_mb:.2f} MB a session, expected {_MOST_MB:g} at most"),
        *_unless(
            growth_mb <= _FLAT_MB, f"memory grew by {growth_mb:.2f} MB a session, expected {_FLAT_MB:g} at most"
        ),
    ]
    told = [
        step.line(),
        f"{step.window_secs:.0f} s, {step.turns} turns, {step.up_losses.sent} chunks of speech up,"
        f" {step.down_losses.sent} pieces of answers down",
        f"memory: {step.memory_mb:.2f} MB a session,"
        f" {1000 * step.memory_slope_mb / step.sessions:+.1f} kB a minute each",
        _load(step),
    ]
    return Verdict(told, faults, step.limited)


async def overload(bench: Bench, subject: Subject, plan: Plan) -> Verdict:
    """Let as many sessions talk as are let in, first alone, then while as many again knock."""
    sessions = plan.sessions[-1]
    async with bench.session(subject, plan.speech_percent, plan.seed):
        alone = await bench.step(subject, sessions, plan)
        await bench.knock(sessions)
        disturbed = await bench.step(subject, sessions, plan)
        answers = await bench.knock(0)
    return judge_overload(alone, disturbed, answers)


def judge_overload(alone: Step, disturbed: Step, answers: dict[str, int]) -> Verdict:
    """Who talks keeps talking, at the delay that there was; who knocks is refused as busy.

    What goes wrong without anybody who knocks is a fault as well: it leaves nothing to compare with.
    """
    others = {what: count for what, count in answers.items() if what != _BUSY}
    limit_ms = max(_P99_MS, _UNDISTURBED * alone.down.p99)
    up_limit_ms = max(_P99_MS, _UNDISTURBED * alone.up.p99)
    faults = [
        *[f"alone: {fault}" for fault in _broken(alone)],
        *_broken(disturbed),
        *_unless(
            not others,
            "knocking was answered otherwise: " + ", ".join(f"{n} x {what}" for what, n in others.items()),
        ),
        *_unless(_BUSY in answers, f"nobody was refused with {_BUSY}"),
        *_unless(
            disturbed.down.p99 < limit_ms,
            f"p99 down was {disturbed.down.p99:.1f} ms, expected less than {limit_ms:.1f}",
        ),
        *_unless(
            disturbed.up.p99 < up_limit_ms,
            f"p99 up was {disturbed.up.p99:.1f} ms, expected less than {up_limit_ms:.1f}",
        ),
    ]
    told = [
        f"alone: {alone.line()}",
        f"with as many that knock: {disturbed.line()}",
        f"refused with {_BUSY}: {answers.get(_BUSY, 0)}",
        _load(disturbed),
    ]
    return Verdict(told, faults, alone.limited or disturbed.limited)


def _broken(step: Step) -> list[str]:
    ends = {**step.ended, **step.told_errors}
    return [
        *_unless(step.lost == 0, f"lost or doubled: {step.lost} (up {step.up_losses}, down {step.down_losses})"),
        *[f"{count} sessions: {what}" for what, count in ends.items()],
    ]


def _unless(good: bool, text: str) -> list[str]:
    return [] if good else [text]


def _load(step: Step) -> str:
    limit = ": it was the limit, so delays say nothing about the server" if step.limited else ""
    share = f"{100 * step.load_cpu_share:.0f} % of a core"
    return f"load process: {share}, chunks late by {step.late.p99:.1f} ms at p99{limit}"
