"""The command line of the fault matrix."""

import pytest
from typer.testing import CliRunner

from tests.faults.__main__ import app
from tests.faults.cases import all_cases


def run(*arguments: str) -> tuple[int, str]:
    """Exit code and output of the command."""
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"})
    return result.exit_code, result.output


def test_the_list_has_every_case() -> None:
    """By name, in the order of the table; a pattern chooses."""
    code, output = run("--list")
    assert code == 0
    assert output.split() == [case.name for case in all_cases()]
    assert run("--list", "--only", "reset:during:*")[1].split() == [f"reset:during:{n}" for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--case", "rset:during:1"), "'rset:during:1'; did you mean 'reset:during:1'?"),
        (("--only", "nothing:*"), "expected a pattern that fits a name of --list, got 'nothing:*'"),
        (("--write", "--only", "reset:*"), "the document has the whole matrix"),
        (("--write", "--case", "none:-:0"), "the document has the whole matrix"),
        (("--write", "--connector", "lean"), "leave --case, --only and --connector out"),
        (("--connector", "fat"), "'fat' is not one of 'genai', 'lean'"),
        (("--renewals", "9", "--write"), "it plays no case; leave the options of cases out"),
        (("--renewals", "0"), "Invalid value for '--renewals'"),
    ],
)
def test_wrong_use_is_told_in_a_line(arguments: tuple[str, ...], said: str) -> None:
    """What was expected and what came."""
    code, output = run(*arguments)
    assert code == 2
    assert said in output


def test_one_case_is_played_and_told() -> None:
    """All that happened, then its line of the table; exit code 0 where it passes."""
    code, output = run("--case", "none:-:0", "--jobs", "1")
    assert code == 0, output
    assert "server    pipelines.session - INFO - session started" in output
    assert "upstream  session 1 out setupComplete" in output
    assert "client    connected" in output
    assert output.splitlines()[-1].startswith("1 cases, 0 failed; 4 utterances said, 4 answered")
