"""The table of results: what it says, and how it gets into a document."""

from pathlib import Path

import pytest

from tests.faults.judge import Verdict
from tests.faults.table import BEGIN, FINISH, Result, document_table, lines, summary, write_document


def result(fault: str, times: int, **verdict: object) -> Result:
    """A result of a case at 'during'."""
    made = Verdict(answered=4)
    for name, value in verdict.items():
        setattr(made, name, value)
    return Result(f"{fault}:during:{times}", fault, "during", times, 4, made, 2.0)


RESULTS = [
    result("none", 0, delays_secs=[0.2, 0.1, 0.3]),
    result("reset", 1, delays_secs=[0.2, 1.21], replayed=1),
    result("reset", 2, delays_secs=[0.2, 1.31], replayed=2),
    result("reset", 3, answered=3, failures=["content: utterance 2 (x) was lost"]),
    result("quota_close", 1, answered=1, ended="UPSTREAM_QUOTA 1013"),
]


def test_the_terminal_gets_every_case_and_the_delay_that_the_fault_added() -> None:
    """Compared with the case in which nothing struck, rounded to 50 ms."""
    table = lines(RESULTS)
    assert len(table) == 1 + len(RESULTS) + 1
    assert table[1].split() == [
        "none",
        "during",
        "0",
        "4",
        "4",
        "0",
        "0",
        "0",
        "100",
        "ms",
        "2.0",
        "s",
        "lives",
        "pass",
    ]
    assert table[2].split()[5:] == ["1", "0", "0", "1000", "ms", "2.0", "s", "lives", "pass"]
    assert table[4].split()[-5:] == ["-", "2.0", "s", "lives", "FAIL"]
    assert table[5].endswith("UPSTREAM_QUOTA 1013  pass")


def test_the_summary_counts() -> None:
    """Cases, utterances and ends."""
    assert summary(RESULTS) == (
        "5 cases, 1 failed; 20 utterances said, 16 answered, 0 dropped and named; 4 sessions lived on, 1 were ended"
    )


def test_the_document_joins_cases_with_one_outcome_and_has_no_figure_of_this_machine() -> None:
    """Twice and three times the same is one line, where the outcome is the same."""
    rows = document_table(RESULTS).splitlines()
    assert rows[3:6] == [
        "| `reset` | during | 1, 2 | 4 | 4 | 0 | lives | pass |",
        "| `reset` | during | 3 | 4 | 3 | 0 | lives | FAIL |",
        "| `quota_close` | during | 1 | 4 | 1 | 0 | `UPSTREAM_QUOTA 1013` | pass |",
    ]
    assert not any(" ms" in row for row in rows)


def test_a_page_gets_the_table_between_its_markers(tmp_path: Path) -> None:
    """Whatever stood there goes; the rest stays."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{BEGIN}\n\nold\n\n{FINISH}\n\nafter\n", encoding="utf-8")
    write_document(page, "| table |")
    assert page.read_text(encoding="utf-8") == f"before\n\n{BEGIN}\n\n| table |\n\n{FINISH}\n\nafter\n"


@pytest.mark.parametrize("text", ["nothing", BEGIN, f"{FINISH} and {BEGIN}"])
def test_a_page_without_markers_is_left_alone(tmp_path: Path, text: str) -> None:
    """It is said what was expected."""
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="expected the markers"):
        write_document(page, "| table |")
    assert page.read_text(encoding="utf-8") == text
