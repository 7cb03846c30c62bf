"""The commands: exit codes, and one line for an error."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import client.batch
import client.demo
import client.microphone
from client.batch import Outcome
from client.cli import app
from client.errors import ServerError
from client.interpret import InterpretJob
from client.microphone import MicInput
from client.outputs import Outputs
from client.pacing import Clock
from client.sources import WavInput
from client.stopping import Stop
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


class Sessions:
    """Stands for all sessions: notes the jobs, shows one turn each, and ends as it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.jobs: list[InterpretJob] = []
        self.failing: dict[str, ServerError] = {}
        self.stops_by: int | None = None
        monkeypatch.setattr(client.batch, "interpret", self._interpret)

    async def _interpret(self, job: InterpretJob, view: View, clock: Clock | None, stop: Stop) -> Summary:
        self.jobs.append(job)
        if job.input.name in self.failing:
            raise self.failing[job.input.name]
        view.finished(KO_EN)
        if self.stops_by is not None:
            stop.ask(self.stops_by)
        return Summary((KO_EN,), 10.0, 5.0, stopped=self.stops_by is not None)


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sessions:
    """No server is needed, and results would go into an empty directory."""
    monkeypatch.chdir(tmp_path)
    return Sessions(monkeypatch)


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


def test_an_error_is_one_line_whatever_a_file_is_called(sessions: Sessions) -> None:
    """No name and no message of a server breaks the line or steers the terminal."""
    sessions.failing["b\n\x1b[31m.wav"] = ServerError("broken\nerror: twice")
    result = _invoke("interpret", "a.wav", "b\n\x1b[31m.wav")
    assert result.stderr == "error: b  [31m.wav: broken error: twice\n"
    assert _invoke("interpret", "a\n.wav", "A\n.wav").stderr.count("\n") == 1


@pytest.mark.parametrize(
    "option",
    [["--chunk-ms", "0"], ["--rate", "7999"], ["--fast", "--fast-rate", "0.5"], ["--nope"]],
)
def test_wrong_options_are_refused(tmp_path: Path, option: list[str]) -> None:
    """By the command line itself."""
    result = _invoke("interpret", str(make_wav(tmp_path / "a.wav")), *option)
    assert result.exit_code == 2
    assert _no_trace(result)


def test_interpret_passes_its_options_on_and_ends_with_the_summary(sessions: Sessions) -> None:
    """Every option reaches the job."""
    options = ["--url", "ws://x/ws", "--out", "o.wav", "--transcript", "t.jsonl", "--language", "en"]
    options += ["--chunk-ms", "40", "--rate", "8000", "--fast", "--fast-rate", "2"]
    options += ["--target", "ja", "--engine", "simultaneous"]
    result = _invoke("interpret", "a.wav", *options)
    outputs = Outputs(Path("o.wav"), Path("t.jsonl"))
    recordings = (Path("a.wav"),)
    assert sessions.jobs == [
        InterpretJob(
            WavInput(Path("a.wav"), 8000),
            "ws://x/ws",
            outputs,
            recordings,
            "en",
            40,
            2.0,
            target_language="ja",
            engine="simultaneous",
        )
    ]
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "1. [ko] 안녕 → [en] Hi (500 ms)",
        *Summary((KO_EN,), 10.0, 5.0).lines(),
        "written to: o.wav, t.jsonl, t.{source,target}.{vtt,srt}",
    ]


def test_a_microphone_and_its_options(sessions: Sessions) -> None:
    """Ctrl-C is how it is meant to end, so that is no failure."""
    sessions.stops_by = 2
    result = _invoke("interpret", "--mic", "--device", "USB", "--duration", "60", "--out-dir", "d")
    (job,) = sessions.jobs
    assert job.input == MicInput("USB", 16000, 60.0)
    assert job.outputs.wav.parent == Path("d")
    assert result.exit_code == 0
    assert "stopped: this is what came so far" in result.stdout


@pytest.mark.parametrize(("number", "exit_code"), [(2, 130), (15, 143)])
def test_ctrl_c_with_recordings(sessions: Sessions, number: int, exit_code: int) -> None:
    """The exit code says what ended it, and no further recording is begun."""
    sessions.stops_by = number
    result = _invoke("interpret", "a.wav", "b.wav")
    assert result.exit_code == exit_code
    assert _no_trace(result)
    assert len(sessions.jobs) == 1
    assert "recordings: 1 of 2" in result.stdout


def test_one_of_several_fails(sessions: Sessions) -> None:
    """The others are interpreted, the summary is over all of them, and the error names its recording."""
    sessions.failing["b.wav"] = ServerError("broken")
    result = _invoke("interpret", "a.wav", "b.wav", "c.wav")
    assert [job.input.name for job in sessions.jobs] == ["a.wav", "b.wav", "c.wav"]
    assert result.exit_code == 1
    assert result.stderr == "error: b.wav: broken\n"
    lines = result.stdout.splitlines()
    assert lines[:4] == [
        "a.wav: 1. [ko] 안녕 → [en] Hi (500 ms)",
        "c.wav: 1. [ko] 안녕 → [en] Hi (500 ms)",
        "recordings: 2 of 3",
        "turns: 2",
    ]
    assert [line.split(",")[0] for line in lines[-2:]] == [
        f"written to: {Path('out/a.wav')}",
        f"written to: {Path('out/c.wav')}",
    ]


def test_json_is_all_that_is_on_standard_output(sessions: Sessions) -> None:
    """Events, and the summary as the last one; errors go elsewhere."""
    sessions.failing["b.wav"] = ServerError("broken")
    result = _invoke("interpret", "a.wav", "b.wav", "--json")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["event"] for event in events] == ["turn", "summary"]
    assert events[0]["source_text"] == "안녕"
    assert events[1] == {
        "event": "summary",
        "turns": 1,
        "speech_secs": 10.0,
        "interpretation_secs": 5.0,
        "warnings": [],
        "failed": ["b.wav"],
        "stopped": False,
    }
    assert result.stderr == "error: b.wav: broken\n"
    assert result.exit_code == 1


def test_json_is_utf_8_whatever_the_locale(sessions: Sessions) -> None:
    """Hangul on a pipe is no matter of the terminal's encoding."""
    result = CliRunner(charset="ascii").invoke(app, ["interpret", "a.wav", "--json"])
    assert json.loads(result.stdout_bytes.decode("utf-8").splitlines()[0])["source_text"] == "안녕"


def test_a_terminal_that_has_no_hangul_shows_question_marks(sessions: Sessions) -> None:
    """Rather than a traceback."""
    result = CliRunner(charset="ascii").invoke(app, ["interpret", "a.wav"])
    assert _no_trace(result)
    assert result.stdout.startswith("1. [ko] ?? ? [en] Hi (500 ms)\n")


def test_a_stop_before_anything_was_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """There are no numbers to show, and no files to name."""

    async def interpret(*_: object) -> Summary:
        return Summary((), 0.0, 0.0, stopped=True)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(client.batch, "interpret", interpret)
    assert _invoke("interpret", "a.wav").stdout == "stopped before anything was sent\n"


def test_a_stop_between_two_recordings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of the one of which nothing was sent no files are named."""

    async def interpret(job: InterpretJob, *_: object) -> Summary:
        return Summary((), 0.0, 0.0, stopped=True) if job.input.name == "b.wav" else Summary((KO_EN,), 10.0, 5.0)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(client.batch, "interpret", interpret)
    lines = _invoke("interpret", "a.wav", "b.wav").stdout.splitlines()
    assert "stopped: this is what came so far" in lines
    assert [line.split(",")[0] for line in lines if "written" in line] == [f"written to: {Path('out/a.wav')}"]


def test_arguments_that_do_not_go_together_are_one_line(sessions: Sessions) -> None:
    """Exit code 2, and no session."""
    result = _invoke("interpret", "a.wav", "--mic")
    assert result.exit_code == 2
    assert result.stderr == "error: expected recordings or --mic, got both; leave one out\n"
    assert sessions.jobs == []


@pytest.mark.parametrize(
    ("devices", "shown"),
    [(["* 0  USB  (ALSA)"], "* 0  USB  (ALSA)\n"), ([], "no input device: plug a microphone in\n")],
)
def test_the_list_of_devices(monkeypatch: pytest.MonkeyPatch, devices: list[str], shown: str) -> None:
    """A line each, and nothing else happens."""

    class Backend:
        def devices(self) -> list[str]:
            return devices

    monkeypatch.setattr(client.microphone, "SounddeviceBackend", Backend)
    result = _invoke("interpret", "--list-devices")
    assert (result.exit_code, result.stdout) == (0, shown)


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
