"""The server as a process of its own, for tests that signal it."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

_SERVER = Path(__file__).parents[2] / "server.py"
_READY = re.compile(r"server INFO ready url=ws://127\.0\.0\.1:(\d+)/ws ")


class ServerProcess:
    """``python server.py`` while it runs.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        lines: What it wrote to standard error so far, as ``logger LEVEL text fields``.
    """

    def __init__(self, process: asyncio.subprocess.Process):
        """Read what ``process`` says."""
        self._process = process
        self._changed = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())
        self.port = 0
        self.lines: list[str] = []

    @property
    def url(self) -> str:
        """Of its WebSocket."""
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def http_url(self) -> str:
        """Of its HTTP routes, without a path."""
        return f"http://127.0.0.1:{self.port}"

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    async def said(self, text: str, nth: int = 1) -> str:
        """The first line that holds ``text``, or the ``nth`` one, once it is there.

        Raises:
            AssertionError: The process ended without it.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._found(text)) >= nth or self._reader.done())
        assert len(self._found(text)) >= nth, f"the process said: {self.lines}"
        return self._found(text)[nth - 1]

    async def exit_code(self) -> int:
        """How it ended, once it has; negative: by a signal. Everything that it said is read then."""
        await self._reader
        return await self._process.wait()

    async def kill(self) -> None:
        """End it, if it has not ended."""
        if self._process.returncode is None:
            self._process.kill()
        await self.exit_code()

    def _found(self, text: str) -> list[str]:
        return [line for line in self.lines if text in line]

    async def _read(self) -> None:
        assert self._process.stderr is not None
        while line := await self._process.stderr.readline():
            async with self._changed:
                self.lines.append(line.decode().rstrip())
                self._changed.notify_all()
        asyncio.get_running_loop().call_soon(asyncio.ensure_future, self._tell())

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


@contextlib.asynccontextmanager
async def server_process(folder: Path, *arguments: str, **settings: str) -> AsyncIterator[ServerProcess]:
    """Start ``python server.py`` with ``arguments`` in ``folder``, and nothing but ``settings`` in its environment.

    It is killed at the end of the block, where it still runs.
    """
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "HOME") if name in os.environ}
    chosen = {
        "HOST": "127.0.0.1",
        "PORT": "0",
        "LOG_FORMAT": "%(name)s %(levelname)s %(message)s",
        "MAX_LOOP_LAG_MS": "0",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(_SERVER),
        *arguments,
        cwd=folder,
        env={**kept, "PYTHONDONTWRITEBYTECODE": "1", **chosen, **settings},
        stderr=asyncio.subprocess.PIPE,
    )
    server = ServerProcess(process)
    try:
        ready = _READY.match(await server.said("server INFO ready"))
        assert ready is not None
        server.port = int(ready[1])
        yield server
    finally:
        await server.kill()
