"""The table of results, for a terminal and for ``docs/faults.md``."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from statistics import median

from tests.faults.judge import Verdict

BEGIN, FINISH = "<!-- generated: faults -->", "<!-- end -->"
_SAME_TO_MS = 50


@dataclass(frozen=True, slots=True)
class Result:
    """One case and its verdict.

    Attributes:
        name: The case's.
        fault: What struck.
        moment: When.
        times: How often.
        utterances: How many were said.
        verdict: What was found.
        took_secs: How long it took.
        told: What happened, line by line, for who looks into a failure.
    """

    name: str
    fault: str
    moment: str
    times: int
    utterances: int
    verdict: Verdict
    took_secs: float
    told: list[str] = field(default_factory=list, repr=False)


def usual_delay_secs(results: Sequence[Result]) -> float | None:
    """From an utterance's end to its first sound where no fault struck; ``None``: no such case was played."""
    delays = [delay for result in results if result.fault == "none" for delay in result.verdict.delays_secs]
    return median(delays) if delays else None


def lines(results: Sequence[Result]) -> list[str]:
    """The whole table for a terminal, one case a line, and a summary."""
    usual = usual_delay_secs(results)
    rows = [_HEAD, *(_row(result, usual) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [*table, summary(results)]


_HEAD = (
    "fault",
    "moment",
    "times",
    "said",
    "answered",
    "replayed",
    "interrupted",
    "dropped",
    "added delay",
    "took",
    "ended",
    "verdict",
)


def _row(result: Result, usual: float | None) -> tuple[str, ...]:
    verdict = result.verdict
    return (
        result.fault,
        result.moment,
        str(result.times),
        str(result.utterances),
        str(verdict.answered),
        str(verdict.replayed),
        str(verdict.interrupted),
        str(verdict.dropped),
        _added_delay(verdict, usual),
        f"{result.took_secs:.1f} s",
        verdict.ended,
        "pass" if verdict.passed else "FAIL",
    )


def _added_delay(verdict: Verdict, usual: float | None) -> str:
    if usual is None or not verdict.delays_secs:
        return "-"
    added_ms = (max(verdict.delays_secs) - usual) * 1000
    return f"{max(0, round(added_ms / _SAME_TO_MS)) * _SAME_TO_MS} ms"


def summary(results: Sequence[Result]) -> str:
    """All results in one line."""
    failed = sum(not result.verdict.passed for result in results)
    said, answered, dropped = (
        sum(values)
        for values in zip(
            *((result.utterances, result.verdict.answered, result.verdict.dropped) for result in results),
            strict=True,
        )
    )
    lives = sum(result.verdict.ended == "lives" for result in results)
    return (
        f"{len(results)} cases, {failed} failed; {said} utterances said, {answered} answered, {dropped} dropped "
        f"and named; {lives} sessions lived on, {len(results) - lives} were ended"
    )


def document_table(results: Sequence[Result]) -> str:
    """The table for the document: what another machine finds as well; cases with one outcome share a line."""
    head = ["fault", "moment", "times", "said", "answered", "dropped", "ended", "verdict"]
    rows = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for (fault, moment), group in groupby(results, key=lambda result: (result.fault, result.moment)):
        rows += _document_rows(fault, moment, list(group))
    return "\n".join([*rows, "", f"{summary(results)}."])


def _document_rows(fault: str, moment: str, results: list[Result]) -> list[str]:
    rows = []
    for outcome, same in groupby(results, key=_outcome):
        times = ", ".join(str(result.times) for result in same)
        rows.append("| " + " | ".join([f"`{fault}`", moment, times, *outcome]) + " |")
    return rows


def _outcome(result: Result) -> tuple[str, ...]:
    verdict = result.verdict
    return (
        str(result.utterances),
        str(verdict.answered),
        str(verdict.dropped),
        verdict.ended if verdict.ended == "lives" else f"`{verdict.ended}`",
        "pass" if verdict.passed else "FAIL",
    )


def write_document(page: Path, table: str) -> None:
    """Put the table between the markers of a page.

    Raises:
        ValueError: The page has no markers.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(FINISH)
    if not begin or not end:
        raise ValueError(f"{page}: expected the markers '{BEGIN}' and '{FINISH}'")
    page.write_text(f"{before}{BEGIN}\n\n{table}\n\n{FINISH}{after}", encoding="utf-8")
