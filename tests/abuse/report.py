"""What came of a run, for people."""

from collections.abc import Sequence

from tests.abuse.cases import Verdict

_HEAD = (
    *("case", "memory MiB: before, peak, after", "kernel MiB", "descriptors", "upstream connections"),
    *("abusers' connections", "they sent", "chunk p50 / p99 ms quiet", "under abuse", "ratio of p99"),
    *(
        "answer p99 ms quiet, under abuse",
        "cores quiet, under abuse",
        "log KB",
        "ends, as the server says",
        "verdict",
    ),
)


def table(verdicts: Sequence[Verdict]) -> str:
    """A table in Markdown, a case a line."""
    rows = [_HEAD, ("---",) * len(_HEAD), *(_row(verdict) for verdict in verdicts)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def failures(verdicts: Sequence[Verdict]) -> str:
    """What did not hold, a line each."""
    lines = [f"{verdict.seen.case}: {failure}" for verdict in verdicts for failure in verdict.failures]
    lines += [
        f"{verdict.seen.case}: delays grew {verdict.ratio:.1f} times, expected at most {verdict.most_ratio:g}"
        for verdict in verdicts
        if not verdict.is_quick
    ]
    return "\n".join(f"FAILED {line}" for line in lines)


def _row(verdict: Verdict) -> tuple[str, ...]:
    seen, quiet, abused = verdict.seen, verdict.quiet, verdict.abused
    abuse, calm = seen.of(abused=True), seen.of(abused=False)
    peak_mib = max(phase.memory_mib for phase in seen.phases)
    ends = sum((phase.logged_ends for phase in abuse), start=type(abuse[0].logged_ends)())
    return (
        seen.case,
        f"{seen.memory_before_mib:.0f}, {peak_mib:.0f}, {seen.memory_after_mib:.0f}",
        f"{max(phase.kernel_mib for phase in abuse):.1f}",
        str(max(phase.descriptors for phase in abuse)),
        ", ".join(str(phase.upstream_connections) for phase in abuse),
        ", ".join(str(phase.abuser_connections) for phase in abuse),
        f"{sum(phase.sent_bytes for phase in abuse) / 1e6:.1f} MB",
        f"{quiet.p50:.1f} / {quiet.p99:.1f}",
        f"{abused.p50:.1f} / {abused.p99:.1f}",
        f"{verdict.ratio:.2f}",
        f"{quiet.answers_p99:.0f}, {abused.answers_p99:.0f}",
        f"{_mean([phase.cpu_share for phase in calm]):.2f}, {_mean([phase.cpu_share for phase in abuse]):.2f}",
        f"{sum(phase.log_bytes for phase in abuse) / 1000:.0f}",
        ", ".join(f"{count} × {end}" for end, count in ends.most_common()) or "none",
        "holds" if verdict.passed else "FAILS",
    )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
