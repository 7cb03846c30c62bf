"""What the real server writes while it serves: never a key, a token or a word, unless words were asked for."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.client import protocol_client
from tests.support.speech import silence, spoken, texts

ROOT = Path(__file__).parents[2]
KEY = "AIza-very-secret-key"
TOKEN = "very-secret-token"


@dataclass
class Process:
    """A server in a process of its own.

    Attributes:
        url: Of its WebSocket.
        output: What it wrote so far, both streams.
    """

    url: str
    output: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All that it wrote."""
        return "".join(self.output)


@contextlib.asynccontextmanager
async def server_process(folder: Path, **environment: str) -> AsyncIterator[Process]:
    """Start ``server.py --emulator`` in ``folder``; it is stopped with SIGTERM at the end of the block."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "server.py"),
        "--emulator",
        cwd=folder,
        env={**inherited, "PORT": str(port), "HOST": "127.0.0.1", "PYTHONPATH": str(ROOT), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    process = Process(f"ws://127.0.0.1:{port}/ws")
    assert child.stdout is not None
    reading = asyncio.create_task(_collect(child.stdout, process.output))
    try:
        while not await _listens(port):
            assert child.returncode is None, process.text
            await asyncio.sleep(0.05)
        yield process
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
        await child.wait()
        await reading


async def _collect(stream: asyncio.StreamReader, output: list[str]) -> None:
    while data := await stream.read(65536):
        output.append(data.decode())


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def one_turn(process: Process) -> str:
    """Have a phrase interpreted, with a token in the URL, and end the session; its id."""
    async with protocol_client(f"{process.url}?token={TOKEN}") as client:
        connected = await client.init()
        await client.send({"type": "mistake", "data": KEY})
        await client.stream(spoken("kennedy-1") + silence(1200), speed=20)
        await client.wait_for("turn_complete")
        assert client.turns == [texts("kennedy-1")]
        await client.send({"type": "close"})
        await client.wait_closed()
    session_id: str = connected["sessionId"]
    return session_id


def words_of_the_turn() -> list[str]:
    """Every word of both sides that would not stand in a log by chance."""
    return [word for side in texts("kennedy-1") for word in re.findall(r"\w{3,}", side) if word != "and"]


@pytest.mark.parametrize("log_format", ["%(levelname)s %(name)s %(message)s", "json"])
async def test_a_debug_log_holds_no_secret_and_no_word(tmp_path: Path, log_format: str) -> None:
    """``LOG_LEVEL=DEBUG``: no key, no token, no word of either side; a line for each session's start and end."""
    settings = {"LOG_LEVEL": "DEBUG", "LOG_FORMAT": log_format, "GEMINI_API_KEY": KEY}
    async with server_process(tmp_path, **settings) as process:
        session_id = await one_turn(process)
    for secret in (KEY, TOKEN, "token", *words_of_the_turn()):
        assert secret not in process.text
    lines = [line for line in process.text.splitlines() if session_id in line]
    assert sum("session started" in line for line in lines) == 1
    assert sum("session ended" in line for line in lines) == 1
    assert "Traceback" not in process.text


async def test_transcripts_are_logged_for_who_asks_for_them(tmp_path: Path) -> None:
    """``LOG_TRANSCRIPTS=true``: both sides of the turn stand in the log, keys and tokens still do not."""
    async with server_process(tmp_path, LOG_TRANSCRIPTS="true", GEMINI_API_KEY=KEY) as process:
        await one_turn(process)
    for side in texts("kennedy-1"):
        assert side in process.text
    assert KEY not in process.text
    assert TOKEN not in process.text
