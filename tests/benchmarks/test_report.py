"""Reports: a fixed result gives a fixed table, and figures survive their file."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks.histogram import Delays
from benchmarks.knee import Knee
from benchmarks.ledger import Losses
from benchmarks.report import BEGIN, FINISH, Results, markdown, write
from benchmarks.rows import rows, table
from benchmarks.running import Plan
from tests.benchmarks.steps import delays, measured, step

_KNEES = [
    Knee("relay", 40, 400, 450, "p99 down was 31 ms", limited=True),
    Knee("ours, lean", 40, 150, None, "", limited=False),
]
_UNTOLD: dict[str, Any] = {"onset": Delays(), "told": Delays()}


def results() -> Results:
    """Two servers and a yardstick, three rounds."""
    found = Results("2 cores", "2026-11-22 21:00 UTC", 3, [Plan((10, 100), 40), Plan((50,), 60, 5.5)], knees=_KNEES)
    for number, cpu_ms in enumerate((6.0, 5.0, 9.0), 1):
        found.measured += [
            measured("relay", number, cpu_ms=2.5, **_UNTOLD, opening_ms=[3.0, 4.0], opening_cpu_ms=2.8),
            measured("ours, genai", number, cpu_ms=cpu_ms, loop_lag_ms=0.4, up_losses=Losses(100, number - 1, 0)),
        ]
    found.measured.append(measured("stock pipecat", sessions=10, **_UNTOLD, cpu_ms=65.0, down=delays(90.0, held=7)))
    found.measured.append(measured("ours, genai", sessions=10, cpu_ms=13.0, late=delays(6.0)))
    return found


def test_the_table() -> None:
    """Medians, ratios to the yardsticks of the same load, and sums of what was lost."""
    head = (
        "| server | speech | sessions | CPU, ms | to relay | to stock | up, ms: p50 / p95 / p99 "
        "| onset, ms: p50 / p99 | told, ms: p50 / p99 | down, ms: p50 / p95 / p99 / max "
        "| held | lost | MB | opening | loop lag, ms |"
    )
    assert table(rows(results().measured)) == [
        head,
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| ours, genai | 40 % | 10 * | 13.0 |  | 0.20 | 0.4 / 2.0 / 4.0 | 30 / 300 | 80 / 800"
        " | 0.5 / 2.5 / 5.0 / 10.0 | 0 | 0 | 0.50 |  |  |",
        "| stock pipecat | 40 % | 10 | 65.0 |  | 1.00 | 0.4 / 2.0 / 4.0 |  |  | 9.0 / 45.0 / 90.0 / 180.0"
        " | 7 | 0 | 0.50 |  |  |",
        "| relay | 40 % | 100 | 2.5 | 1.00 |  | 0.4 / 2.0 / 4.0 |  |  | 0.5 / 2.5 / 5.0 / 10.0"
        " | 0 | 0 | 0.50 | 4 ms, 2.8 ms CPU |  |",
        "| ours, genai | 40 % | 100 | 6.0 | 2.40 |  | 0.4 / 2.0 / 4.0 | 30 / 300 | 80 / 800"
        " | 0.5 / 2.5 / 5.0 / 10.0 | 0 | 3 | 0.50 |  | 0.4 |",
    ]


def test_sessions_that_ended_are_told() -> None:
    """Beside what was lost."""
    (row,) = rows([measured("relay", ended={"connection lost": 2, "closed with 1011": 1})])
    assert "| 0, 3 sessions ended |" in table([row])[-1]


def test_the_limit_of_the_load_process_is_told() -> None:
    """Below the table, and at the knee."""
    lines = markdown(results())
    assert any("the load process was the limit: delays" in line for line in lines)
    assert "| relay | 40 % | 400 | 450: p99 down was 31 ms (the load process was the limit) |" in lines
    assert "| ours, lean | 40 % | 150 | none was tried |" in lines


def test_what_was_done_stands_above_the_table() -> None:
    """When, where, how often, with how many sessions and for how long."""
    assert markdown(results())[:4] == [
        "2026-11-22 21:00 UTC, 2 cores; medians of 3 rounds:",
        "",
        "- 40 % speech, 10, 100 sessions, each number watched for 8 s after 4 s of settling",
        "- 60 % speech, 50 sessions, each number watched for 5.5 s after 4 s of settling",
    ]


def test_figures_survive_their_file() -> None:
    """JSON there and back."""
    found = results()
    assert Results.of_json(json.loads(json.dumps(found.as_json()))) == found


def test_a_page_gets_table_and_plots(tmp_path: Path) -> None:
    """Between its markers; what stands around them stays, and a second writing changes nothing."""
    page = tmp_path / "performance.md"
    page.write_text(f"# Title\n\n{BEGIN}\nwhat was\n{FINISH}\n\n## Steps\n", encoding="utf-8")
    written = write(results(), page)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Title\n\n")
    assert text.endswith("\n\n## Steps\n")
    assert "what was" not in text
    assert [path.name for path in written] == [
        "performance.md",
        "figures.json",
        "cost.svg",
        "delay-up.svg",
        "delay-down.svg",
    ]
    for path in written[2:]:
        assert f"](performance/{path.name})" in text
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
    before = {path: path.read_bytes() for path in written}
    write(results(), page)
    assert {path: path.read_bytes() for path in written} == before


def test_a_page_without_markers_is_refused(tmp_path: Path) -> None:
    """And left as it is."""
    page = tmp_path / "performance.md"
    page.write_text("# Title\n", encoding="utf-8")
    with pytest.raises(ValueError, match="expected the markers"):
        write(results(), page)
    assert list(tmp_path.iterdir()) == [page]


def test_a_line_tells_the_most_of_a_step() -> None:
    """With what went wrong, where something did."""
    assert step().line() == (
        "100 sessions: 5.0 ms CPU, up 0.4 / 4.0 ms, down 0.5 / 5.0 ms, 0 held, 0 lost, 0.50 MB"
    )
    line = step(load_cpu_share=0.9, ended={"closed with 1011": 2}).line()
    assert line.endswith(", the load process was the limit, 2 x closed with 1011")
