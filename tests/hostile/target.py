"""The server under test: a process of its own, its memory and descriptors, and its log."""

import asyncio
import contextlib
import os
import re
import signal
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.hostile.frames import Address
from tests.hostile.oracle import Limits

ROOT = Path(__file__).parents[2]
_KEPT_ENVIRONMENT = ("PATH", "SYSTEMROOT", "HOME")
_MIB = 2**20
_PATIENT = {"WS_PING_TIMEOUT": "60", "CONNECT_TIMEOUT_SECS": "30", "MAX_LOOP_LAG_MS": "0"}
"""Both sides share one machine, and may be late when others use it, too."""
_GIVES_MEMORY_BACK = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "65536",
}
"""For the GNU C library, so that a reserve of free memory is not taken for a leak; others ignore it."""


@dataclass(frozen=True, slots=True)
class Level:
    """What a process holds.

    Attributes:
        memory_mib: Resident.
        descriptors: Open files and sockets.
        threads: Native ones included.
    """

    memory_mib: float
    descriptors: int
    threads: int


@dataclass(frozen=True, slots=True)
class Target:
    """A server to attack.

    Attributes:
        url: Of its WebSocket.
        limits: What it allows.
        pid: Its process, where it is ours.
        log: The file that it writes to, where it is ours.
        max_sessions: How many sessions it admits, where it is ours.
        max_pending: How many connections may wait without ``init``, where it is ours.
    """

    url: str
    limits: Limits
    pid: int | None = None
    log: Path | None = None
    max_sessions: int = 0
    max_pending: int = 0

    @property
    def address(self) -> Address:
        """Where it listens."""
        return Address.of(self.url)

    def level(self) -> Level:
        """What its process holds.

        Raises:
            AssertionError: The process is gone, or was never ours.
        """
        assert self.pid is not None, "the server is not ours"
        assert psutil.pid_exists(self.pid), "the server is gone"
        process = psutil.Process(self.pid)
        assert process.status() != psutil.STATUS_ZOMBIE, "the server is gone"
        memory_mib = process.memory_info().rss / _MIB
        return Level(round(memory_mib, 1), process.num_fds(), process.num_threads())

    async def answers(self, path: str) -> bool:
        """Whether a GET of ``path`` gives status 200."""
        url = f"http://{self.address.host}:{self.address.port}{path}"
        return await asyncio.to_thread(_gives_200, url)

    def log_text(self) -> str:
        """All that the server wrote so far."""
        assert self.log is not None, "the server is not ours"
        return self.log.read_bytes().decode()


def _gives_200(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextlib.asynccontextmanager
async def own_server(*, init_timeout_secs: int, max_sessions: int, max_pending: int) -> AsyncIterator[Target]:
    """``server.py`` on a free port of this machine, in front of an emulator in a process of its own.

    The emulator stands alone so that what it remembers does not count as the server's, and answers at once.
    Sessions are refused by their number alone, not because the machine is slow.
    """
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        async with _process("-m", "emulator", "--port", "0", "--time-factor", "0", folder=folder) as emulator:
            settings = {
                name: found[1]
                for name in ("GEMINI_BASE_URL", "GEMINI_CA_FILE")
                if (found := await _line(emulator, rf"{name}=(\S+)"))
            }
            settings |= {
                "GEMINI_API_KEY": "none-is-needed",
                "HOST": "127.0.0.1",
                "PORT": "0",
                "INIT_TIMEOUT_SECS": str(init_timeout_secs),
                "MAX_SESSIONS": str(max_sessions),
                "MAX_PENDING_CONNECTIONS": str(max_pending),
                **_PATIENT,
                **_GIVES_MEMORY_BACK,
            }
            async with _process(str(ROOT / "server.py"), folder=folder, **settings) as server:
                ready = await _line(server, r"url=(ws://\S+)")
                limits = Limits(init_timeout_secs=init_timeout_secs)
                yield Target(ready[1], limits, server.pid, server.log, max_sessions, max_pending)


@dataclass(frozen=True, slots=True)
class _Child:
    pid: int
    log: Path
    process: asyncio.subprocess.Process


@contextlib.asynccontextmanager
async def _process(*arguments: str, folder: str, **settings: str) -> AsyncIterator[_Child]:
    """A Python process in ``folder`` that writes to a file; it is told to end with the block."""
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    handle, name = tempfile.mkstemp(dir=folder, suffix=".log")
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-u", *arguments),
            cwd=folder,
            env={**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **settings},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
        )
    finally:
        os.close(handle)
    try:
        yield _Child(process.pid, Path(name), process)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def _line(child: _Child, pattern: str) -> re.Match[str]:
    """What ``pattern`` finds in what the process writes, once it does.

    Raises:
        AssertionError: The process ended first.
    """
    while True:
        ended = child.process.returncode is not None
        text = child.log.read_text(encoding="utf-8")
        if found := re.search(pattern + r"\s", text):
            return found
        assert not ended, f"the process ended: {text}"
        await asyncio.sleep(0.05)
