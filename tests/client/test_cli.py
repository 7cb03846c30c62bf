"""The commands: exit codes, and one line for an error."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import client.demo
import client.interpret
from client.cli import app
from client.demo import Outcome
from client.errors import ServerError
from client.interpret import InterpretJob
from client.summary import Summary
from client.turns import Side, Turn
from client.view import View
from tests.client.fakes import closed_port_url, make_wav

KO_EN = Turn(1, Side("안녕", "ko"), Side("Hi", "en"), 1.0, 1.1, 1.5, 2.0)
EN_KO = Turn(2, Side("Hi", "en"), Side("안녕", "ko"), 1.0, 1.1, 1.7, 2.0)


def _invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def _no_trace(result: Result) -> bool:
    return "Traceback" not in result.output and (
        result.exception is None or isinstance(result.exception, SystemExit)
    )


def test_a_refused_connection_is_one_line(tmp_path: Path) -> None:
    """The URL, what to do, exit code 1."""
    url = closed_port_url()
    result = _invoke("interpret", str(make_wav(tmp_path / "a.wav")), "--url", url)
    assert result.exit_code == 1
    assert _no_trace(result)
    assert result.stderr.startswith(f"error: cannot reach {url}")
    assert result.stderr.count("\n") == 1


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    """Exit code 2: the user's to mend."""
    result = _invoke("interpret", str(tmp_path / "no.wav"))
    assert result.exit_code == 2
    assert _no_trace(result)
    assert "does not exist" in result.stderr


@pytest.mark.parametrize("option", [["--language", "fr"], ["--chunk-ms", "0"], ["--nope"]])
def test_wrong_options_are_refused(tmp_path: Path, option: list[str]) -> None:
    """By the command line itself."""
    result = _invoke("interpret", str(make_wav(tmp_path / "a.wav")), *option)
    assert result.exit_code == 2
    assert _no_trace(result)


def test_interpret_passes_its_options_on_and_ends_with_the_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every option reaches the job."""
    jobs: list[InterpretJob] = []

    async def interpret(job: InterpretJob, view: View) -> Summary:
        jobs.append(job)
        view.finished(KO_EN)
        return Summary((KO_EN,), 10.0, 5.0)

    monkeypatch.setattr(client.interpret, "interpret", interpret)
    options = ["--url", "ws://x/ws", "--out", "o.wav", "--transcript", "t.jsonl", "--language", "en"]
    result = _invoke("interpret", "a.wav", *options, "--chunk-ms", "40")
    assert jobs == [InterpretJob(Path("a.wav"), "ws://x/ws", Path("o.wav"), Path("t.jsonl"), "en", 40)]
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == ["1. [ko] 안녕 → [en] Hi (500 ms)", "turns: 1"]


def test_interpret_writes_both_results_unless_told_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interpretation and transcript go into ``out/``, or beside each other where only the first is named."""
    jobs: list[InterpretJob] = []

    async def interpret(job: InterpretJob, view: View) -> Summary:
        jobs.append(job)
        return Summary((KO_EN,), 10.0, 5.0)

    monkeypatch.setattr(client.interpret, "interpret", interpret)
    monkeypatch.chdir(tmp_path)
    result = _invoke("interpret", "talks/a.wav")
    _invoke("interpret", "talks/a.wav", "--out", "b/c.wav")
    written = [(job.out_path, job.transcript_path) for job in jobs]
    assert written == [(Path("out/a.wav"), Path("out/a.jsonl")), (Path("b/c.wav"), Path("b/c.jsonl"))]
    assert result.stdout.splitlines()[-1] == f"written to: {Path('out/a.wav')}, {Path('out/a.jsonl')}"
    assert (tmp_path / "out").is_dir()


@pytest.mark.parametrize(
    ("outcomes", "exit_code", "error"),
    [
        ([Outcome("a.wav", Summary((KO_EN, EN_KO) * 3, 10.0, 5.0))], 0, ""),
        (
            [Outcome("a.wav", Summary((KO_EN,), 10.0, 5.0))],
            1,
            "error: expected at least 6 interpreted turns, got 1",
        ),
        ([Outcome("a.wav", error=ServerError("broken"))], 1, "error: a.wav: broken"),
    ],
)
def test_the_demo_fails_where_too_little_came_out(
    monkeypatch: pytest.MonkeyPatch, outcomes: Sequence[Outcome], exit_code: int, error: str
) -> None:
    """Its exit code is what ``make demo`` goes by."""

    async def demo(*_: object) -> Sequence[Outcome]:
        return outcomes

    monkeypatch.setattr(client.demo, "demo", demo)
    result = _invoke("demo", "--out-dir", "somewhere")
    assert result.exit_code == exit_code
    assert error in result.stderr
    assert "written to: somewhere" in result.stdout
    assert ("안녕" in result.stdout) == any(outcome.turns for outcome in outcomes)
