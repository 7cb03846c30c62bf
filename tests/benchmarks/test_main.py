"""The command line: wrong arguments are one clear line, and a small comparison works from end to end."""

import ast
import contextlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.figures import Measured
from benchmarks.knee import Knee
from benchmarks.report import Results
from benchmarks.subjects import Subject
from tests.benchmarks.steps import measured

_ROOT = Path(__file__).parents[2]
_OURS = {"server", "metrics", "pipelines", "processors", "gemini", "protocol", "reference", "emulator", "client"}


def said(*arguments: str) -> tuple[int, str]:
    """Exit code, and what was written to standard error, without frames and line breaks."""
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, " ".join(re.sub("[│╭╮╰╯─]", " ", result.stderr).split())


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("compare", "--sessions", "ten"), "expected whole numbers of 1 or more with commas between, got 'ten'"),
        (("compare", "--sessions", "0,10"), "expected whole numbers of 1 or more with commas between, got '0,10'"),
        (("compare", "--speech", "90"), "expected percents of 10 to 70 with commas between, got '90'"),
        (("compare", "--subject", "them"), "expected genai, lean, relay or stock, got 'them'"),
        (("compare", "--server-dir", "docs"), "expected a folder with a server.py, got"),
        (("hold", "--server-dir", ".", "--server-dir", "tests/.."), "expected one server, got ours, genai"),
    ],
)
def test_wrong_arguments_are_told(arguments: tuple[str, ...], text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was expected, and what came; nothing is started."""
    monkeypatch.chdir(_ROOT)
    code, error = said(*arguments)
    assert code == 2
    assert text in error


def test_a_server_that_does_not_start_is_told(tmp_path: Path) -> None:
    """With the end of its log."""
    (tmp_path / "server.py").write_text("raise SystemExit('no luck')\n", encoding="utf-8")
    (tmp_path / ".env.example").write_text("", encoding="utf-8")
    code, error = said("compare", "--subject", "genai", "--server-dir", str(tmp_path), "--no-pin")
    assert code == 1
    assert error.endswith("error: the server ended by itself; the end of its log: no luck")


class _FakeBench:
    """Measures a step of the relay at once."""

    async def compare(self, *_: object) -> list[Measured]:
        """One step."""
        return [measured("relay")]


def test_a_search_for_knees_that_fails_loses_no_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are in the file before it begins, and shown; so are the knees that were found before."""
    figures = tmp_path / "figures.json"
    kept: list[bool] = []

    @contextlib.asynccontextmanager
    async def fake_bench(*_: object) -> AsyncIterator[_FakeBench]:
        yield _FakeBench()

    async def find_one_knee(_bench: object, subject: Subject, *_: object) -> Knee:
        kept.append(bool(json.loads(figures.read_text(encoding="utf-8"))["measured"]))
        if len(kept) > 1:
            raise RuntimeError("the load process ended by itself")
        return Knee(subject.name, 40, 80, None, "", limited=False)

    monkeypatch.setattr("benchmarks.__main__.bench", fake_bench)
    monkeypatch.setattr("benchmarks.__main__.find_knee", find_one_knee)
    result = CliRunner().invoke(app, ["full", "--json", str(figures)])
    assert result.exit_code == 1
    assert result.stderr.endswith("error: the load process ended by itself\n")
    assert kept == [True, True]
    found = Results.of_json(json.loads(figures.read_text(encoding="utf-8")))
    assert (len(found.measured), len(found.knees)) == (1, 1)
    assert "| relay | 40 % | 100 |" in result.stdout


@pytest.mark.slow
def test_a_small_comparison(tmp_path: Path) -> None:
    """Ours and the relay, four clients, six seconds: a row for each, nothing lost, figures in a file."""
    figures = tmp_path / "figures.json"
    arguments = ["compare", "--subject", "genai,relay", "--sessions", "4", "--speech", "60", "--rounds", "1"]
    arguments += ["--window-secs", "6", "--settle-secs", "0.5", "--json", str(figures)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    assert len([line for line in result.stdout.splitlines() if "| 60 % |" in line]) == 2
    found = Results.of_json(json.loads(figures.read_text(encoding="utf-8")))
    assert {item.subject for item in found.measured} == {"ours, genai", "relay"}
    for item in found.measured:
        assert item.step.sessions == 4
        assert item.step.up.count > 0
        assert item.step.cpu_ms > 0
        assert (item.step.loop_lag_ms is None) == (item.subject == "relay")
        assert (item.step.lost, item.step.ended, item.step.told_errors) == (0, {}, {})


def test_nothing_of_ours_takes_part() -> None:
    """What is measured and what measures share no code."""
    for path in (_ROOT / "benchmarks").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not {name.split(".")[0] for name in names} & _OURS, path.name
