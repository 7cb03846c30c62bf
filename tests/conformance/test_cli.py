"""``python -m tests.conformance``: what its user reads, its exit codes, and the page about it."""

import asyncio
import json
import os
import re
import signal
import ssl
import sys
from pathlib import Path

import pytest
import trustme
from typer.testing import CliRunner

from tests.conformance.cli import app
from tests.conformance.registry import all_checks, plain
from tests.conformance.wrong.cases import sends_with
from tests.conformance.wrong.server import Misbehaviour, wrong_server
from tests.support.servers import running_server

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")


def told(*arguments: str) -> tuple[int, str, str]:
    """Exit code, output and error output, within this process."""
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout, result.stderr


async def started(*arguments: str) -> asyncio.subprocess.Process:
    """The real command, from the root of the clone."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "utf8", "-m", "tests.conformance", *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "NO_PROXY": "*", "PYTHONUNBUFFERED": "1"},
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("--url", "http://localhost/ws"),
            "--url: expected a URL like ws://localhost:8000/ws, got http://localhost/ws",
        ),
        (
            ("--url", "ws://127.0.0.1:1/ws?token=secret"),
            "cannot connect to ws://127.0.0.1:1/ws: nothing listens there",
        ),
        (("--only", "unknwn-type"), "--only: there is no check 'unknwn-type'; did you mean 'unknown-type'?"),
        (("--only", "rate-9*"), "--only: there is no check 'rate-9*'"),
        (("--languages", "ko"), "--languages: expected two languages like ko,en, got 'ko'"),
        (("--speech", "nowhere.wav"), "--speech: expected a WAV file, but there is none at nowhere.wav"),
        (("--speech", str(ROOT / "README.md")), "cannot be read as one"),
        (("--speech-text", "hello"), "--speech-text: expected --speech with it"),
        (
            ("--url", "wss://127.0.0.1:1/", "--ca-file", str(ROOT / "README.md")),
            "--ca-file: expected certificates in PEM",
        ),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(arguments: tuple[str, ...], expected: str) -> None:
    """Nothing is tried; the line says what was expected, and shows no token."""
    code, output, errors = told(*arguments)
    assert (code, output) == (2, "")
    assert len(errors.splitlines()) == 1
    assert errors.startswith("error: ")
    assert expected in errors
    assert "secret" not in errors


def test_the_list_names_every_check_with_its_promise_and_rule() -> None:
    """``--list`` needs no server."""
    code, output, _ = told("--list")
    assert code == 0
    lines = [" ".join(line.split()) for line in output.splitlines()]
    for item in all_checks():
        assert f"{item.name} {plain(item.promise)} [{item.rule}]" in lines


def test_the_list_obeys_the_choice() -> None:
    """``--only`` and ``--no-additions`` choose what would be run."""
    assert "rate-48000" in told("--list", "--only", "rate-*")[1]
    assert "law-audio" not in told("--list", "--only", "rate-*")[1]
    additions = [item for item in all_checks() if item.rule.startswith("part 2")]
    assert additions
    assert not any(item.name in told("--list", "--no-additions")[1] for item in additions)


async def test_a_right_server_is_exit_code_0(tmp_path: Path) -> None:
    """A line for each check under its section's heading, a summary, and the same as JSON."""
    report = tmp_path / "report.json"
    chosen = ("--only", "order-*", "--only", "unknown-type", "--only", "http-health")
    async with running_server() as server:
        process = await started("--url", f"{server.url}?token=secret", *chosen, "--json", str(report))
        output, errors = (text.decode() for text in await process.communicate())
    assert (process.returncode, errors) == (0, "")
    lines = output.splitlines()
    assert lines[0] == "Handshake"
    assert lines[1].split()[:2] == ["SKIP", "http-health"]
    assert sum(line.startswith("  PASS ") for line in lines) == 6
    assert re.match(r"6 passed, 0 failed, 1 skipped in \d+ s$", lines[-2])
    assert re.match(r"sent \d+ s of audio, 0 s of it speech, on 6 connections$", lines[-1])
    content = json.loads(report.read_text(encoding="utf-8"))
    assert (content["passed"], content["failed"], content["skipped"]) == (6, 0, 1)
    assert "secret" not in json.dumps(content)
    skipped = content["checks"][0]
    assert (skipped["name"], skipped["status"], skipped["detail"]) == ("http-health", "skipped", "no --http-url")


async def test_a_wrong_server_is_exit_code_1() -> None:
    """The line of the check that failed says what was expected, what came, and which rule says so."""
    async with running_server() as server, wrong_server(server.url, sends_with("connected", sessionId="7")) as url:
        process = await started("--url", url, "--only", "session-id", "--only", "token-in-url")
        output, _ = await process.communicate()
    assert process.returncode == 1
    lines = output.decode().splitlines()
    assert lines[2].split(maxsplit=2)[:2] == ["PASS", "token-in-url"]
    failed = "expected a UUID as 'sessionId'; got '7' [part 1, connected]"
    assert lines[1].split(maxsplit=2) == ["FAIL", "session-id", failed]
    assert lines[-2].startswith("1 passed, 1 failed, 0 skipped in ")


async def test_ctrl_c_leaves_what_came_so_far() -> None:
    """Results that are there are printed, and the exit code is the shell's for it."""
    async with running_server() as server:
        process = await started("--url", server.url, "--only", "unknown-type", "--only", "*-timeout")
        assert process.stdout is not None
        heading = await process.stdout.readline()
        first = await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, errors = (text.decode() for text in await process.communicate())
    assert heading.decode().startswith("Errors that leave the connection open")
    assert first.decode().split()[:2] == ["PASS", "unknown-type"]
    assert (process.returncode, errors) == (130, "")
    assert "interrupted: 1 of 3 checks have no result" in rest
    assert "SKIP idle-timeout" in rest
    assert "1 passed, 0 failed, 1 skipped in " in rest


async def test_wss_with_a_ca_of_ones_own(tmp_path: Path) -> None:
    """``--ca-file`` makes a private certificate trusted; without it one line says what to do."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    async with running_server() as server, wrong_server(server.url, Misbehaviour, tls=tls) as url:
        codes = []
        for extra in ((), ("--ca-file", str(tmp_path / "ca.pem"))):
            process = await started("--url", url, "--only", "token-in-url", *extra)
            output, errors = await process.communicate()
            codes.append((process.returncode, output.decode(), errors.decode()))
    assert codes[0][:2] == (2, "")
    assert "name the certificate of its CA with --ca-file" in codes[0][2]
    assert codes[1][0] == 0, codes[1]


def test_the_page_lists_every_check() -> None:
    """The page's tables say what the kit says: name, promise, rule, under the section's heading."""
    found: list[tuple[str, ...]] = []
    section = ""
    for line in PAGE.partition("\n## What it checks\n")[2].splitlines():
        if line.startswith("### "):
            section = line.removeprefix("### ")
        if line.startswith("| `"):
            name, promise, rule = (cell.strip() for cell in line.strip("|").split(" | "))
            found.append((section, name.strip("`"), promise, rule))
    assert found == [(str(item.section), item.name, item.promise, item.rule) for item in all_checks()]


def test_the_page_names_every_option() -> None:
    """Each option of ``--help`` is explained, and no other."""
    wide = CliRunner(env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"})
    offered = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", wide.invoke(app, ["--help"]).stdout)) - {"--help"}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE))
    assert offered - named == set()
    assert named - offered <= {"--emulator"}
