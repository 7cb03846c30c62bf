"""The command line says what it is, and mistakes are one clear line."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emulator.cli import app

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--variant", "audio_sped=8"], "unknown key 'audio_sped'; did you mean 'audio_speed'?"),
        (["--variant", "audio_speed"], "expected KEY=VALUE, got 'audio_speed'"),
        (["--variant", "audio_speed=fast"], "audio_speed: "),
        (["--refuse", "quotas"], "did you mean 'quota'?"),
        (["--scenario", "sample"], "did you mean 'samples'?"),
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
    ]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        greeting = [process.stdout.readline() for _ in range(6)]
        process.send_signal(stop)
        rest = process.stdout.read()
    assert process.returncode == 0
    assert greeting[0].startswith("Gemini Live emulator on https://127.0.0.1:")
    assert "recognises nothing" in greeting[1]
    assert greeting[4].strip() == f"GEMINI_BASE_URL={greeting[0].split()[-1]}"
    assert greeting[5].strip() == f"GEMINI_CA_FILE={ca_file}"
    assert rest.strip() == "stopped"
    assert ca_file.exists()
