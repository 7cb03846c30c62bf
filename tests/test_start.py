"""How ``python server.py`` starts, and how it says that it does not: the real process, in an empty directory."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

SERVER = Path(__file__).parents[1] / "server.py"
KEY = "AIza-not-for-anyones-eyes"
WRONG = 2
slow = pytest.mark.slow
"""Every start takes about two seconds: of many cases of a kind one or two run with the quick tests."""


def command(*arguments: str) -> list[str]:
    """The command line of the server."""
    return [sys.executable, str(SERVER), *arguments]


def environment(**settings: str) -> dict[str, str]:
    """Nothing but ``settings`` and what a process needs to run at all."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "HOME") if name in os.environ}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **settings}


def refusal(folder: Path, *arguments: str, **settings: str) -> str:
    """The one line with which the server refuses to start in ``folder``."""
    done = subprocess.run(
        command(*arguments), cwd=folder, env=environment(**settings), capture_output=True, text=True, check=False
    )
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert (done.returncode, done.stdout) == (WRONG, "")
    assert lines[0].startswith("error: ")
    assert KEY not in lines[0]
    return lines[0].removeprefix("error: ")


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port of this machine that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


# Settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PIPELINE", "interpretr"),
        pytest.param("DEBUG", "perhaps", marks=slow),
        pytest.param("LOG_LEVEL", "loud", marks=slow),
        pytest.param("LOG_FORMAT", "%(asctime)d", marks=slow),
        pytest.param("LANGUAGES", "ko,xx", marks=slow),
        pytest.param("CORS_ORIGINS", "example.org", marks=slow),
        pytest.param("GEMINI_BASE_URL", "http://localhost:9", marks=slow),
        pytest.param("GEMINI_CA_FILE", "missing.pem", marks=slow),
        pytest.param("INTERPRETER_INSTRUCTIONS", "@missing.txt", marks=slow),
        pytest.param("VAD_THRESHOLD", "40000", marks=slow),
        pytest.param("VAD_PROVIDER", "webrtc", marks=slow),
        pytest.param("SOFT_UTTERANCE_SECS", "20", marks=slow),
        pytest.param("MAX_SESSIONS", "none", marks=slow),
        pytest.param("WORKERS", "0", marks=slow),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(tmp_path: Path, name: str, value: str) -> None:
    """The operator reads which setting it is, and no stack trace; the key, which was right, is not shown."""
    assert name in refusal(tmp_path, GEMINI_API_KEY=KEY, **{name: value})


def test_a_missing_key_is_named_in_one_line(tmp_path: Path) -> None:
    """The first start of everybody."""
    assert refusal(tmp_path).startswith("GEMINI_API_KEY is not set")


def test_what_prometheus_client_reads_itself_has_no_effect(tmp_path: Path) -> None:
    """A folder of another service's workers, which need not even exist."""
    missing = str(tmp_path / "missing")
    told = refusal(tmp_path, PROMETHEUS_MULTIPROC_DIR=missing, prometheus_multiproc_dir=missing)
    assert told.startswith("GEMINI_API_KEY is not set")


@pytest.mark.slow
def test_a_blank_key_is_a_missing_one(tmp_path: Path) -> None:
    """A copy of ``.env.example`` that nobody filled in."""
    (tmp_path / ".env").write_text("GEMINI_API_KEY=\n")
    assert refusal(tmp_path, GEMINI_API_KEY="").startswith("GEMINI_API_KEY is not set")


@pytest.mark.slow
def test_a_wrong_setting_in_the_file_is_named(tmp_path: Path) -> None:
    """``.env`` of the working directory counts, and its key is not shown either."""
    (tmp_path / ".env").write_text(f"GEMINI_API_KEY={KEY}\nPORT=eighty\n")
    assert refusal(tmp_path).startswith("PORT: ")


def test_a_key_that_cannot_be_decoded_is_not_shown(tmp_path: Path) -> None:
    """A ``.env`` in another encoding is told as such."""
    (tmp_path / ".env").write_bytes(f"GEMINI_API_KEY={KEY}\n".encode("utf-16"))
    assert refusal(tmp_path).startswith(".env: 'utf-8' codec can't decode")


def test_a_directory_in_the_place_of_the_file_is_told(tmp_path: Path) -> None:
    """What Docker leaves where a mounted ``.env`` is missing."""
    (tmp_path / ".env").mkdir()
    assert refusal(tmp_path, GEMINI_API_KEY=KEY) == ".env: expected a file, got a directory"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    """A ``.env`` of somebody else's."""
    (tmp_path / ".env").touch(mode=0o000)
    assert refusal(tmp_path, GEMINI_API_KEY=KEY).startswith(".env: [Errno 13]")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# mine\n\nGEMINI_API_KEY {key}\n", 3),
        pytest.param("GEMINI_API_KEY={key}\nPORT\n", 2, marks=slow),
        pytest.param('HOST=localhost\n\n  \nGEMINI_API_KEY="{key}\nPORT=1\n', 4, marks=slow),
    ],
)
def test_a_line_that_says_nothing_is_told(tmp_path: Path, text: str, line: int) -> None:
    """A setting without ``=`` or with half its quotes would be ignored in silence; its content is not shown."""
    (tmp_path / ".env").write_text(text.format(key=KEY))
    told = refusal(tmp_path, GEMINI_API_KEY=KEY)
    assert told == f".env:{line}: expected NAME=value, or # and a comment"


@pytest.mark.slow
def test_the_demo_is_refused_in_one_line_too(tmp_path: Path) -> None:
    """It needs no key, but it reads the settings."""
    assert refusal(tmp_path, "demo", LANGUAGES="ko").startswith("LANGUAGES: ")


# The command line


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--log-level", "loud"), "LOG_LEVEL: Input should be 'DEBUG', 'INFO', "),
        pytest.param(("--port", "70000"), "PORT: ", marks=slow),
        (("--workers", "2", "--emulator"), "WORKERS (2): --emulator serves one process; set WORKERS=1, or start"),
        pytest.param(("--workers", "65"), "WORKERS: Input should be less than or equal to 64", marks=slow),
        pytest.param(("--workers", "2", "demo"), "--workers is for serving, not for 'demo'", marks=slow),
        pytest.param(("--host", "192.0.2.1"), "HOST, PORT: can't listen on 192.0.2.1", marks=slow),
        pytest.param(("--port", "80", "demo"), "--port is for serving, not for 'demo'", marks=slow),
        pytest.param(("--log-level", "DEBUG", "demo"), "--log-level is for serving, not for 'demo'", marks=slow),
        pytest.param(("--emulator", "demo"), "--emulator is for serving, not for 'demo'", marks=slow),
    ],
)
def test_a_wrong_option_is_told_in_one_line(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    """As a wrong setting is; and an option that would have no effect is refused."""
    assert refusal(tmp_path, *arguments, GEMINI_API_KEY=KEY).startswith(told)


@pytest.mark.slow
def test_several_workers_do_not_reload(tmp_path: Path) -> None:
    """``DEBUG`` serves from one process that it starts again and again."""
    told = refusal(tmp_path, GEMINI_API_KEY=KEY, WORKERS="2", DEBUG="true")
    assert told == "WORKERS (2): with DEBUG one process serves; set WORKERS=1 or DEBUG=false"


@pytest.mark.slow
def test_a_taken_port_is_told_with_several_workers_too(tmp_path: Path, taken_port: int) -> None:
    """They share a port among themselves and with nobody else."""
    told = refusal(tmp_path, GEMINI_API_KEY=KEY, HOST="127.0.0.1", PORT=str(taken_port), WORKERS="2")
    assert told.startswith(f"HOST, PORT: can't listen on 127.0.0.1, port {taken_port}: ")


# Pipeline files


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[step]]\n\nuse = "vda"\n', "mine.toml:3: unknown step 'vda'; did you mean 'vad'?"),
        ('[[step]]\nuse = "no_such:Step"\n', "mine.toml:2: step 'no_such:Step': can't import 'no_such': "),
    ],
)
def test_a_broken_pipeline_file_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    """File, line and what would have been right, before any client comes."""
    (tmp_path / "mine.toml").write_text(text)
    assert refusal(tmp_path, GEMINI_API_KEY=KEY, PIPELINE="mine.toml").startswith(told)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[step]]\nuse = "vad\n', "mine.toml:2: not valid TOML: Illegal character '\\n', column 11"),
        ('[[step]]\nuse = "vad"\nthresold = 3\n', "mine.toml:3: step 'vad' has no parameter 'thresold';"),
        ('[[step]]\nuse = "gemini_live"\nmodel = "${MODEL}"\n', "mine.toml:3: unknown setting '${MODEL}';"),
        ('[[step]]\nuse = ":Step"\n', "mine.toml:2: step ':Step': can't import '': "),
        ('[[step]]\nuse = "json:JSONDecoder"\n', "mine.toml:2: step 'json:JSONDecoder': expected a pipecat"),
        ("", "mine.toml:1: expected at least one [[step]]"),
    ],
)
def test_other_broken_pipeline_files_are_told_too(tmp_path: Path, text: str, told: str) -> None:
    """The same for every kind of mistake."""
    (tmp_path / "mine.toml").write_text(text)
    assert refusal(tmp_path, GEMINI_API_KEY=KEY, PIPELINE="mine.toml").startswith(told)


@pytest.mark.slow
def test_a_missing_pipeline_file_is_told(tmp_path: Path) -> None:
    """The path as the operator wrote it."""
    assert refusal(tmp_path, GEMINI_API_KEY=KEY, PIPELINE="./mine.toml").startswith("mine.toml: can't read")


# Listening


@pytest.mark.parametrize("debug", ["false", pytest.param("true", marks=slow)])
def test_a_taken_port_is_told(tmp_path: Path, taken_port: int, debug: str) -> None:
    """The commonest fault of all: one line, and nothing that says ready before it."""
    told = refusal(tmp_path, GEMINI_API_KEY=KEY, HOST="127.0.0.1", PORT=str(taken_port), DEBUG=debug)
    assert told.startswith(f"HOST, PORT: can't listen on 127.0.0.1, port {taken_port}: ")
    assert "Address already in use" in told


@pytest.mark.parametrize("host", ["192.0.2.1", pytest.param("a..b", marks=slow)])
def test_a_host_that_is_not_this_machine_is_told(tmp_path: Path, host: str) -> None:
    """Neither somebody else's address nor what is no name at all."""
    assert refusal(tmp_path, GEMINI_API_KEY=KEY, HOST=host).startswith(f"HOST, PORT: can't listen on {host}, port")


# A start that succeeds


@contextlib.asynccontextmanager
async def started(folder: Path, *arguments: str, **settings: str) -> AsyncIterator[tuple[str, list[str]]]:
    """The server's port by its ready line, and the lines that it wrote; it ends with the block.

    Any free port, unless ``settings`` say otherwise.
    """
    process = await asyncio.create_subprocess_exec(
        *command(*arguments),
        cwd=folder,
        env=environment(
            **{"HOST": "127.0.0.1", "PORT": "0", "LOG_FORMAT": "%(name)s %(levelname)s %(message)s", **settings}
        ),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    lines: list[str] = []
    try:
        while not lines or not lines[-1].startswith("server INFO ready"):
            line = (await process.stderr.readline()).decode()
            assert line, f"the server ended: {lines}"
            lines.append(line.rstrip())
        url = re.search(r"url=ws://127\.0\.0\.1:(\d+)/ws ", lines[-1])
        assert url is not None, lines[-1]
        yield url[1], lines
    finally:
        process.send_signal(signal.SIGTERM)
        rest = (await process.stderr.read()).decode()
        await process.wait()
        lines += rest.splitlines()


async def healthy(port: str) -> bool:
    """Whether ``GET /health`` answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
    writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.startswith(b"HTTP/1.1 200") and b'{"status":"ok"}' in answer


async def test_a_start_says_one_line_and_answers(tmp_path: Path) -> None:
    """Where to connect, with which pipeline and model; and nothing more until somebody comes, nor at the end.

    With ``PORT=0`` the port is the one that it got.
    """
    async with started(tmp_path, GEMINI_API_KEY=KEY) as (port, lines):
        assert await healthy(port)
    assert lines == [
        f"server INFO ready url=ws://127.0.0.1:{port}/ws page=http://127.0.0.1:{port}/"
        f" pipeline=interpreter file={SERVER.parent}/pipelines/interpreter.toml"
        " engine=gemini_live model=gemini-3.8-live"
        " upstream='Gemini Live' connector=genai whisper='off: make whisper, set WHISPER_MODEL'"
    ]


async def test_the_emulator_needs_no_key_and_says_so(tmp_path: Path) -> None:
    """``--emulator`` stands in for Google, and nobody can take it for the real service."""
    async with started(tmp_path, "--emulator") as (port, lines):
        assert await healthy(port)
    assert "upstream='emulator (" in lines[0]


async def test_a_start_with_all_details_shows_no_library(tmp_path: Path) -> None:
    """``LOG_LEVEL=DEBUG`` is about this server: what it is made of says nothing."""
    async with started(tmp_path, "--log-level", "DEBUG", GEMINI_API_KEY=KEY) as (port, lines):
        assert await healthy(port)
    assert len(lines) == 1


async def test_options_win_over_the_environment(tmp_path: Path, taken_port: int) -> None:
    """``--host``, ``--port`` and ``--log-level`` count, whatever the environment and ``.env`` say."""
    (tmp_path / ".env").write_text("LOG_LEVEL=ERROR\n")
    options = ("--host", "127.0.0.1", "--port", "0", "--log-level", "info")
    settings = {"HOST": "192.0.2.1", "PORT": str(taken_port), "LOG_LEVEL": "CRITICAL"}
    async with started(tmp_path, *options, GEMINI_API_KEY=KEY, **settings) as (port, lines):
        assert await healthy(port)
    assert len(lines) == 1


@pytest.mark.slow
async def test_options_reach_the_process_that_reloads(tmp_path: Path) -> None:
    """With ``DEBUG`` the settings are read once more, options included."""
    options = ("--host", "127.0.0.1", "--log-level", "INFO")
    settings = {"HOST": "192.0.2.1", "LOG_LEVEL": "CRITICAL", "DEBUG": "true"}
    async with started(tmp_path, *options, GEMINI_API_KEY=KEY, **settings) as (port, _):
        assert await healthy(port)


async def test_the_ready_line_tells_what_the_pipeline_file_chose(tmp_path: Path) -> None:
    """The model is the one of the pipeline, the upstream is told by its host: no path, no query, no password."""
    (tmp_path / "mine.toml").write_text('[[step]]\nuse = "gemini_live"\nmodel = "mine"\nvoice = "Puck"\n')
    url = "https://user:pass@gateway.example/v1?key=secret"
    settings = {"PIPELINE": "mine.toml", "GEMINI_BASE_URL": url, "GEMINI_CONNECTOR": "lean"}
    async with started(tmp_path, GEMINI_API_KEY=KEY, **settings) as (_, lines):
        pass
    told = " pipeline=mine file=mine.toml engine=gemini_live model=mine voice=Puck upstream="
    assert lines[0].endswith(told + "'Gemini Live at gateway.example' connector=lean")


async def test_a_misspelled_setting_is_told(tmp_path: Path) -> None:
    """A name in ``.env`` that is nearly a setting is ignored, so the log says so; its value is not shown."""
    (tmp_path / ".env").write_text(f"GEMINI_API_KY={KEY}\nCOMPOSE_PROJECT_NAME=x\n")
    async with started(tmp_path, GEMINI_API_KEY=KEY) as (_, lines):
        pass
    warning = "server WARNING unknown setting in .env name=GEMINI_API_KY did_you_mean=GEMINI_API_KEY"
    assert lines[1:] == [warning]


@pytest.mark.slow
async def test_debug_serves_from_a_process_that_reloads(tmp_path: Path) -> None:
    """With ``DEBUG`` the server runs in a child process, on the socket that the parent listens on, and knows it."""
    async with started(tmp_path, GEMINI_API_KEY=KEY, DEBUG="true") as (port, lines):
        assert await healthy(port)
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"VAD_THRESHOLD": "300"}, True),
        pytest.param({"VAD_THRESHOLD": "500"}, False, marks=slow),
        pytest.param({"VAD_THRESHOLD": "0"}, False, marks=slow),
        pytest.param({"VAD_THRESHOLD": "300", "VAD_PROVIDER": "energy"}, False, marks=slow),
    ],
)
async def test_a_threshold_that_silero_ignores_is_told_once(
    tmp_path: Path, settings: dict[str, str], told: bool
) -> None:
    """Who tuned the old detector learns that the value does nothing now; who said nothing or off learns nothing."""
    async with started(tmp_path, GEMINI_API_KEY=KEY, **settings) as (_, lines):
        pass
    warnings = [line for line in lines if line.startswith("server WARNING")]
    assert warnings == (["server WARNING VAD_THRESHOLD is not used with silero vad_threshold=300.0"] * told)


@pytest.mark.slow
async def test_a_glossary_that_no_model_is_told_is_told_of(tmp_path: Path) -> None:
    """An operator who set ``GLOSSARY_FILE`` learns that the pipeline does nothing with it."""
    (tmp_path / "terms.csv").write_text("source,target\n심장,heart\n", encoding="utf-8")
    (tmp_path / "mine.toml").write_text('[[step]]\nuse = "gemini_live"\nmodel = "m"\n')
    async with started(tmp_path, "--emulator", GLOSSARY_FILE="terms.csv", PIPELINE="mine.toml") as (_, lines):
        pass
    warnings = [line for line in lines if line.startswith("server WARNING")]
    assert warnings == ["server WARNING the glossary is told to no model pipeline=mine"]
