"""The command line says what it is, and mistakes are one clear line."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emulator import Fault, Translation
from emulator.cli import app
from emulator.cli_values import read_options

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--variant", "audio_sped=8"], "unknown key 'audio_sped'; did you mean 'audio_speed'?"),
        (["--variant", "audio_speed"], "expected KEY=VALUE, got 'audio_speed'"),
        (["--variant", "audio_speed=fast"], "audio_speed: "),
        (["--translation", "lag=5"], "--translation: unknown key 'lag'; did you mean 'lag_ms'?"),
        (["--translation", "lag_ms=-1"], "--translation: lag_ms: Input should be greater than or equal to 0"),
        (["--refuse", "quotas"], "did you mean 'quota'?"),
        (["--scenario", "sample"], "did you mean 'samples'?"),
        (["--fault", "rest@during"], "--fault: unknown name 'rest'; did you mean 'reset'?"),
        (["--fault", "reset"], "--fault: expected NAME@MOMENT, like reset@during,times=2, got 'reset'"),
        (["--fault", "reset@during,2"], "--fault: expected KEY=VALUE after a comma, got '2'"),
        (
            ["--fault", "zero_audio@during"],
            "--fault: zero_audio cannot strike at 'during'; it can at: after, output",
        ),
        (["--fault", "reset@during,times=x"], "--fault: times: Input should be a valid integer"),
        (["--fault", "reset@during,delay_ms=5"], "--fault: reset takes no 'delay_ms'; it takes: none"),
        (
            ["--go-away-close-code", "3"],
            "--go-away-close-code: Input should be greater than or equal to 1000, got 3",
        ),
        (["--schedule-factor", "0"], "--schedule-factor: Input should be greater than 0, got 0.0"),
        (["--age-limit", "0"], "--age-limit: Input should be greater than 0, got 0.0"),
    ],
)
def test_mistakes(arguments: list[str], expected: str) -> None:
    """A wrong argument ends with status 2 and one line."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert expected in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_busy_port() -> None:
    """A port that is taken gives one line, no stack trace."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["--port", str(port)])
    assert result.exit_code == 2
    assert f"cannot serve on 127.0.0.1 port {port}" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_busy_control_port() -> None:
    """The control endpoint's port has its own line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["--port", "0", "--control-port", str(port)])
    assert result.exit_code == 2
    told = f"error: cannot serve the control endpoint on port {port}: Address already in use"
    assert result.stderr.strip() == f"{told}; try another --control-port"


def test_options() -> None:
    """What is written becomes options: faults with their fields, the schedule, and a bounded memory."""
    options = read_options(
        refuse=None,
        variant=["audio_speed=8", "break_after_audio_ms=none"],
        faults=["reset@during,times=2,at_ms=500", "quota_close@setup", "leak@during,lasting_ms=500,target=en"],
        translation=["lag_ms=1500", "usage=no"],
        schedule_factor=0.5,
        go_away_after_secs=None,
    )
    assert options.faults == (
        Fault(name="reset", moment="during", times=2, at_ms=500),
        Fault(name="quota_close", moment="setup"),
        Fault(name="leak", moment="during", lasting_ms=500, target="en"),
    )
    assert options.translation == Translation(lag_ms=1500, usage=False)
    assert (options.schedule_factor, options.go_away_after_secs) == (0.5, None)
    assert options.variant.audio_speed == 8


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_start_and_stop(stop: signal.Signals, tmp_path: Path) -> None:
    """It prints where it is and what it is not, and a signal ends it cleanly."""
    ca_file = tmp_path / "ca.pem"
    command = [
        sys.executable,
        "-m",
        "emulator",
        "--port",
        "0",
        "--ca-file",
        str(ca_file),
        "--variant",
        "silent=yes",
        "--go-away-after",
        "540",
        "--control-port",
        "0",
    ]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        greeting = [process.stdout.readline() for _ in range(7)]
        process.send_signal(stop)
        rest = process.stdout.read()
    assert process.returncode == 0
    assert greeting[0].startswith("Gemini Live emulator on https://127.0.0.1:")
    assert "recognises nothing" in greeting[1]
    assert greeting[4].strip() == f"GEMINI_BASE_URL={greeting[0].split()[-1]}"
    assert greeting[5].strip() == f"GEMINI_CA_FILE={ca_file}"
    assert greeting[6].startswith("Control endpoint: http://127.0.0.1:")
    assert rest.strip() == "stopped"
    assert ca_file.exists()
