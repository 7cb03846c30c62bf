"""What a run leaves behind: its figures as JSON, its table as Markdown, and plots for ``docs/performance.md``."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks.figures import Measured
from benchmarks.knee import Knee
from benchmarks.orders import ROOT
from benchmarks.rows import rows, table
from benchmarks.running import Plan

PAGE = ROOT / "docs" / "performance.md"
BEGIN, FINISH = "<!-- generated: figures -->", "<!-- end -->"
_CPU_INFO = Path("/proc/cpuinfo")


@dataclass
class Results:
    """All figures of a run.

    Attributes:
        machine: Where they were measured, in words.
        taken_at: When, to the minute.
        rounds: How often everything was measured.
        plans: What was measured in each round.
        measured: Every step of every round.
        knees: Where servers stop keeping up.
    """

    machine: str
    taken_at: str
    rounds: int
    plans: list[Plan]
    measured: list[Measured] = field(default_factory=list)
    knees: list[Knee] = field(default_factory=list)

    @classmethod
    def here(cls, rounds: int, plans: Sequence[Plan]) -> "Results":
        """No figures yet, of this machine, at this time."""
        return cls(_machine(), datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), rounds, list(plans))

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return {
            "machine": self.machine,
            "taken_at": self.taken_at,
            "rounds": self.rounds,
            "plans": [asdict(plan) for plan in self.plans],
            "measured": [item.as_json() for item in self.measured],
            "knees": [knee.as_json() for knee in self.knees],
        }

    @classmethod
    def of_json(cls, values: dict[str, Any]) -> "Results":
        """What :meth:`as_json` made."""
        return cls(
            values["machine"],
            values["taken_at"],
            values["rounds"],
            [Plan(**{**plan, "sessions": tuple(plan["sessions"])}) for plan in values["plans"]],
            [Measured.of_json(item) for item in values["measured"]],
            [Knee(**knee) for knee in values["knees"]],
        )


def _machine() -> str:
    model = platform.processor() or platform.machine()
    if _CPU_INFO.exists():
        for line in _CPU_INFO.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return f"{psutil.cpu_count()} cores ({model}), Python {platform.python_version()}, {platform.system()}"


def markdown(results: Results) -> list[str]:
    """What was done, table and knees."""
    found = rows(results.measured)
    rounds = f"{results.rounds} {'rounds' if results.rounds > 1 else 'round'}"
    lines = [f"{results.taken_at}, {results.machine}; medians of {rounds}:", ""]
    lines += [f"- {_told(plan)}" for plan in results.plans]
    lines += ["", *table(found)]
    if any(row.limited for row in found):
        lines += [
            "",
            "\\* In at least one round the load process was the limit: delays are rather its than the server's.",
        ]
    if results.knees:
        lines += ["", *_knees(results.knees)]
    return lines


def _told(plan: Plan) -> str:
    sessions = ", ".join(map(str, plan.sessions))
    return (
        f"{plan.speech_percent} % speech, {sessions} sessions,"
        f" each number watched for {plan.window_secs:g} s after {plan.settle_secs:g} s of settling"
    )


def _knees(knees: Sequence[Knee]) -> list[str]:
    lines = ["| server | speech | knee | first failure |", "| --- | --- | ---: | --- |"]
    for knee in knees:
        failure = "none was tried" if knee.failed_at is None else f"{knee.failed_at}: {knee.why}"
        limited = " (the load process was the limit)" if knee.limited else ""
        lines.append(f"| {knee.subject} | {knee.speech_percent} % | {knee.sessions} | {failure}{limited} |")
    return lines


def write(results: Results, page: Path = PAGE) -> list[Path]:
    """Write figures, plots and the page's table; the files that were written.

    Args:
        results: What was measured.
        page: Which holds the markers; the rest goes into a folder of its name.

    Raises:
        ValueError: The page has no markers.
    """
    from benchmarks.plots import draw  # matplotlib takes a second to import

    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, finish, after = rest.partition(FINISH)
    if not begin or not finish:
        raise ValueError(f"{page}: expected the markers '{BEGIN}' and '{FINISH}'")
    folder = page.with_suffix("")
    folder.mkdir(exist_ok=True)
    figures = folder / "figures.json"
    figures.write_text(json.dumps(results.as_json(), indent=1) + "\n", encoding="utf-8")
    plots = draw(rows(results.measured), folder)
    body = [*markdown(results), ""]
    body += [f"![{about}]({folder.name}/{path.name})" for path, about in plots]
    page.write_text(before + BEGIN + "\n\n" + "\n".join(body) + "\n\n" + FINISH + after, encoding="utf-8")
    return [page, figures, *(path for path, _ in plots)]
