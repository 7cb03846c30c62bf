"""``python server.py check``, as an operator runs it."""

import subprocess
from pathlib import Path

import pytest

from tests.test_start import KEY, command, environment

RUNS, MISSING, WRONG = 0, 1, 2
PIPELINE = """name = "mine"
[[step]]
use = "gemini_live"
model = "${GEMINI_MODEL}"
[[step]]
use = "transcription_forwarder"
"""


def check(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """What the command does in ``folder``."""
    return subprocess.run(
        command("check", *arguments),
        cwd=folder,
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=False,
    )


def faults(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines in which a file or a setting is refused."""
    assert (done.returncode, done.stdout) == (WRONG, "")
    lines = done.stderr.splitlines()
    assert all(line.startswith("error: ") for line in lines)
    return [line.removeprefix("error: ") for line in lines]


def test_a_first_look_names_what_is_missing(tmp_path: Path) -> None:
    """In an empty folder: the shipped pipeline, whose only want is the key; nothing but the report is printed."""
    done = check(tmp_path)
    assert (done.returncode, done.stderr) == (MISSING, "")
    assert done.stdout.startswith("pipeline ")
    assert "default of VAD_PROVIDER" in done.stdout
    assert "   - GEMINI_API_KEY is not set: " in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_pipeline_that_can_run(tmp_path: Path) -> None:
    """A file, a key in ``.env`` and a setting in the environment: where each comes from, and the key not at all."""
    (tmp_path / "mine.toml").write_text(PIPELINE)
    (tmp_path / ".env").write_text(f"GEMINI_API_KEY={KEY}\n")
    done = check(tmp_path, "mine.toml", GEMINI_MODEL="m-2")
    assert (done.returncode, done.stderr) == (RUNS, "")
    assert done.stdout.endswith("\n\nnothing is missing\n")
    assert "environment, GEMINI_MODEL" in done.stdout
    assert "GEMINI_API_KEY, ********" in done.stdout
    assert KEY not in done.stdout


def test_the_diagram_alone(tmp_path: Path) -> None:
    """For Markdown; it needs no key, and what a module prints while it is imported does not get into it."""
    (tmp_path / "noisy.py").write_text(
        "import logging\nfrom pipecat.processors.filters.identity_filter import IdentityFilter as Quiet\n"
        "print('hello from noisy')\nlogging.warning('warned by noisy')\n"
    )
    (tmp_path / "mine.toml").write_text(f'{PIPELINE}[[step]]\nuse = "noisy:Quiet"\n')
    done = check(tmp_path, "mine.toml", "--mermaid", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (RUNS, "hello from noisy\n")
    assert done.stdout.startswith("flowchart LR\n")
    assert "noisy:Quiet" in done.stdout
    assert "hello" not in done.stdout


@pytest.mark.slow
def test_the_emulator_needs_no_key(tmp_path: Path) -> None:
    """The same pipeline as before, for a server that is started with the emulator, by option or setting."""
    assert check(tmp_path, "--emulator").returncode == RUNS
    assert check(tmp_path, "interpreter", EMULATOR="1").returncode == RUNS


def test_every_mistake_of_a_file_is_a_line(tmp_path: Path) -> None:
    """File, line and the nearest right name; nothing else is said."""
    (tmp_path / "mine.toml").write_text(PIPELINE.replace("name", "nmae").replace("model =", "modle ="))
    assert faults(check(tmp_path, PIPELINE="mine.toml")) == [
        "mine.toml:1: unknown key 'nmae'; did you mean 'name'?",
        "mine.toml:4: step 'gemini_live' has no parameter 'modle'; did you mean 'model'?",
    ]


@pytest.mark.slow
def test_the_server_refuses_the_same_file_in_the_same_lines(tmp_path: Path) -> None:
    """Who starts without checking learns as much."""
    (tmp_path / "mine.toml").write_text(PIPELINE.replace("name", "nmae").replace("model =", "modle ="))
    started = subprocess.run(
        command(),
        cwd=tmp_path,
        env=environment(GEMINI_API_KEY=KEY, PIPELINE="mine.toml", HOST="127.0.0.1", PORT="0"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert faults(started) == faults(check(tmp_path, "mine.toml"))


@pytest.mark.slow
def test_a_service_that_is_not_installed_is_missing(tmp_path: Path) -> None:
    """What to install, in pipecat's own words, and no log line of pipecat's; the server refuses it as quietly."""
    (tmp_path / "mine.toml").write_text(
        f'{PIPELINE}[[step]]\nuse = "pipecat.services.azure.tts:AzureTTSService"\napi_key = "sk-1"\n'
    )
    done = check(tmp_path, "mine.toml", "--emulator")
    assert (done.returncode, done.stderr) == (MISSING, "")
    told = " ".join(done.stdout.split())
    assert "the package 'azure' is not installed: pip install 'pipecat-ai[azure]'" in told
    assert "sk-1" not in told
    started = subprocess.run(
        command("--emulator"),
        cwd=tmp_path,
        env=environment(PIPELINE="mine.toml", HOST="127.0.0.1", PORT="0"),
        capture_output=True,
        text=True,
        check=False,
    )
    (fault,) = faults(started)
    assert fault.startswith(
        "mine.toml:7: step 'pipecat.services.azure.tts:AzureTTSService': the package 'azure' is"
    )


@pytest.mark.slow
def test_wrong_settings_are_a_line_each(tmp_path: Path) -> None:
    """All of them."""
    told = faults(check(tmp_path, PORT="http", VAD_CONFIDENCE="2"))
    assert [line.split(":")[0] for line in told] == ["PORT", "VAD_CONFIDENCE"]


@pytest.mark.slow
def test_an_unknown_name_is_told_as_the_argument(tmp_path: Path) -> None:
    """Not as a setting that nobody set."""
    assert faults(check(tmp_path, "interpretr")) == [
        "FILE: unknown pipeline 'interpretr'; did you mean 'interpreter'?"
    ]


def test_engines_are_reported_one_after_the_other(tmp_path: Path) -> None:
    """With a line between them; what is missing for any of them is told by the exit code."""
    (tmp_path / "mine.toml").write_text(PIPELINE)
    done = check(tmp_path, ENGINES="mine.toml", GEMINI_API_KEY=KEY)
    assert (done.returncode, done.stderr) == (RUNS, "")
    first, second = done.stdout.split(f"\n\n{'-' * 100}\n\n")
    assert first.startswith("pipeline ")
    assert second.splitlines()[0].split() == ["pipeline", "mine"]
    (tmp_path / "mine.toml").write_text('[[step]]\nuse = "no_such_package_of_mine:Step"\n')
    told = check(tmp_path, ENGINES="mine.toml", GEMINI_API_KEY=KEY)
    assert told.returncode in (MISSING, WRONG)
