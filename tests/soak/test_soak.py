"""Sessions that talk for a while, with an upstream that fails and clients that come and go, lose nothing."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gemini.connectors import ConnectorName
from tests.soak.__main__ import app
from tests.soak.report import BEGIN, FINISH, lines, write_document
from tests.soak.run import GO_AWAYS, Plan, Result, soak


def report(result: Result) -> str:
    """All that is known of it."""
    return "\n".join([*result.told, *lines(result)])


@pytest.mark.timeout(300)
async def test_half_a_minute(tmp_path: Path) -> None:
    """A short run with few sessions; what it shows can be written into a document."""
    result = await soak(Plan(minutes=0.5, sessions=4))
    assert result.wrong == [], report(result)
    assert result.answered == result.said > 0
    assert result.strikes
    assert result.losses.total() >= 4
    assert min(result.go_aways) >= 5
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{FINISH}\nafter\n", encoding="utf-8")
    write_document(page, result)
    written = page.read_text(encoding="utf-8")
    assert "| talk | 4 sessions, 0.5 minutes each, seed 1 |" in written
    assert (written.startswith("before\n"), written.endswith("after\n"), "old" in written) == (True, True, False)
    page.write_text("no markers", encoding="utf-8")
    with pytest.raises(ValueError, match="expected the markers"):
        write_document(page, result)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("connector", ["genai", "lean"])
async def test_two_minutes(connector: ConnectorName) -> None:
    """Twenty sessions, each of which sees twenty go-aways."""
    result = await soak(Plan(minutes=2, sessions=20, connector=connector))
    assert result.wrong == [], report(result)
    assert min(result.go_aways) >= GO_AWAYS


def test_the_schedule_of_go_aways_follows_the_time() -> None:
    """Twenty for each session, but in a run that is too short for that."""
    assert [Plan(minutes, 20).go_aways for minutes in (30, 2, 0.5)] == [20, 20, 5]
    assert Plan(30, 20).go_away_after_secs == pytest.approx(31.5)
    assert Plan(30, 20).factor == pytest.approx(31.5 / 540)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--minutes", "0"), "'--minutes': Input should be greater than or equal to 0.25"),
        (("--sessions", "0"), "'--sessions': Input should be greater than or equal to 1"),
        (("--connector", "fat"), "'fat' is not one of 'genai', 'lean'"),
        (("--minute", "2"), "No such option"),
    ],
)
def test_wrong_use_is_told_in_a_line(arguments: tuple[str, ...], said: str) -> None:
    """What was expected and what came."""
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"})
    assert result.exit_code == 2
    assert said in result.output
