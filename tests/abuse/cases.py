"""What is asked of the server in each case: bounds that hold on any machine, and a ratio of delays."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from tests.abuse.phases import Observation, Phase

MOST_RATIO = 2.0
"""How much later the latest hundredth of other sessions' chunks may be under abuse than in quiet."""
_ON_THEIR_WAY = 5
_MOST_LOG_BYTES = 100_000
"""Of a phase: a hundred lines for each of a few reasons, and those that come once a second."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What has to hold in a case.

    Attributes:
        upstream: How many connections the upstream may see in a phase; given the phase.
        ends: With which reasons and codes the server's log may say that it ends connections.
        memory_mib: How much more memory the server may hold at its peak than before.
        kernel_mib: How much the kernel may hold for its clients at the peak.
        sessions: What the abusers get are sessions, up to the bound on starts: these take time, and are logged.
        refuse: How the emulator refuses connections meanwhile.
    """

    upstream: Callable[[Phase], float]
    ends: frozenset[str]
    memory_mib: float = 40.0
    kernel_mib: float = 4.0
    sessions: bool = False
    refuse: str | None = None


_GONE = frozenset({"client disconnected 1005", "client disconnected 1006"})
_BUSY, _NO_INIT, _TOO_FAST = "SERVER_BUSY 1013", "INIT_TIMEOUT 1008", "RATE_LIMITED 1008"


def _one_a_connection(phase: Phase) -> float:
    return phase.abuser_connections


def _one_each_40_ms(phase: Phase) -> float:
    return 1 + (phase.ended_at - phase.started_at) / 0.04


def _few_each_30_secs(phase: Phase) -> float:
    """One, and those that are on their way, 40 ms apart, until the first is refused."""
    return _ON_THEIR_WAY * (1 + (phase.ended_at - phase.started_at) // 30)


def _none(_phase: Phase) -> float:
    return 0


EXPECTATIONS: dict[str, Expectation] = {
    "unread-speech": Expectation(_one_a_connection, frozenset({"client does not read 1013"})),
    "unread-answers": Expectation(_one_a_connection, frozenset({"client does not read 1013", _TOO_FAST})),
    "gigabyte": Expectation(_one_a_connection, frozenset({_TOO_FAST})),
    "small-frames": Expectation(_none, frozenset({_NO_INIT})),
    "small-messages": Expectation(_one_a_connection, frozenset({_TOO_FAST})),
    "no-init": Expectation(_none, frozenset({_BUSY, _NO_INIT})),
    "hoarded": Expectation(_none, frozenset({_BUSY, _NO_INIT})),
    "half-handshakes": Expectation(_none, frozenset()),
    "rejected-key": Expectation(_few_each_30_secs, frozenset({"UPSTREAM_AUTH 1011"}), refuse="bad_key"),
    "init-loop": Expectation(_one_each_40_ms, frozenset({_TOO_FAST}), sessions=True),
    "churn": Expectation(_one_each_40_ms, frozenset({_BUSY}), sessions=True),
}
"""By the names of the abusers."""


@dataclass(frozen=True, slots=True)
class Delays:
    """Delays of one kind of phase, in ms.

    Attributes:
        p50: Half of the chunks took no longer.
        p99: All but one in a hundred took no longer.
        answers_p99: The same for what an answer took beyond the fastest of the run.
        count: Of chunks.
    """

    p50: float
    p99: float
    answers_p99: float
    count: int


@dataclass
class Verdict:
    """What came of a case.

    Attributes:
        seen: What was observed.
        quiet: Delays without abuse.
        abused: Delays under abuse.
        failures: What did not hold, on any machine.
        most_ratio: How much later others' chunks may be; infinite where that has no bound.
    """

    seen: Observation
    quiet: Delays
    abused: Delays
    failures: list[str] = field(default_factory=list)
    most_ratio: float = MOST_RATIO

    @property
    def ratio(self) -> float:
        """How many times as late the latest hundredth of the chunks is under abuse."""
        return self.abused.p99 / self.quiet.p99

    @property
    def passed(self) -> bool:
        """Whether all held."""
        return not self.failures and self.is_quick

    @property
    def is_quick(self) -> bool:
        """Whether others' delays did not double, where that is asked."""
        return self.ratio <= self.most_ratio


def judge(seen: Observation) -> Verdict:
    """Compare what was seen with what is expected."""
    expected = EXPECTATIONS[seen.case]
    verdict = Verdict(seen, delays(seen, abused=False), delays(seen, abused=True))
    verdict.most_ratio = float("inf") if expected.sessions else MOST_RATIO
    verdict.failures += _wrong_with_others(seen)
    peak_mib = max(phase.memory_mib for phase in seen.phases)
    if peak_mib > seen.memory_before_mib + expected.memory_mib:
        verdict.failures.append(f"memory rose from {seen.memory_before_mib:.0f} to {peak_mib:.0f} MiB")
    for phase in seen.of(abused=True):
        verdict.failures += _wrong_with(phase, expected)
    return verdict


def delays(seen: Observation, *, abused: bool) -> Delays:
    """Delays of all phases of a kind together."""
    phases = seen.of(abused=abused)
    chunks = [secs for sent_at, secs in seen.delays if any(phase.covers(sent_at) for phase in phases)]
    answers = [secs for spoken_at, secs in seen.journal.answers if any(phase.covers(spoken_at) for phase in phases)]
    fastest = min((secs for _, secs in seen.journal.answers), default=0.0)
    p50, p99 = _percentiles_ms(chunks)
    return Delays(p50, p99, _percentiles_ms(answers)[1] - 1000 * fastest, len(chunks))


def _percentiles_ms(secs: list[float]) -> tuple[float, float]:
    if not secs:
        return float("nan"), float("nan")
    p50, p99 = np.percentile(secs, [50, 99])
    return float(1000 * p50), float(1000 * p99)


def _wrong_with_others(seen: Observation) -> Iterator[str]:
    yield from seen.journal.lost[:3]
    yield from (f"the log has: {fault[:200]}" for fault in seen.faults[:3])
    if not seen.journal.turns:
        yield "no normal session had a turn"


def _wrong_with(phase: Phase, expected: Expectation) -> Iterator[str]:
    if phase.kernel_mib > expected.kernel_mib:
        yield f"the kernel held {phase.kernel_mib:.1f} MiB for clients"
    if phase.upstream_connections > expected.upstream(phase):
        yield f"the upstream saw {phase.upstream_connections} connections"
    if not expected.sessions and phase.log_bytes > _MOST_LOG_BYTES:
        yield f"the log grew by {phase.log_bytes / 1000:.0f} KB"
    if not phase.abuser_connections:
        yield "nobody abused the server"
    for end in phase.logged_ends.keys() - expected.ends - _GONE:
        yield f"{phase.logged_ends[end]} sessions ended with: {end}"
