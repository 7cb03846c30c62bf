"""A process that takes orders: a line of JSON in, a line of JSON out."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).absolute().parent.parent
_KEPT_ENVIRONMENT = ("PATH", "SYSTEMROOT", "HOME", "TMPDIR")
_LONGEST_ANSWER_BYTES = 64 * 2**20

Answer = dict[str, Any]
Handler = Callable[[Answer], Awaitable[Answer]]


def environment(root: Path, **settings: str) -> dict[str, str]:
    """What a process of the benchmark sees: no setting of whoever runs it.

    Args:
        root: The folder whose packages it imports.
        settings: What it is to see beside.
    """
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    return {**kept, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", **settings}


def pin(pid: int, core: int | None) -> None:
    """Keep a process that has just started on one core, where the system can do that; ``None``: leave it free."""
    if core is not None and sys.platform == "linux":
        psutil.Process(pid).cpu_affinity([core])


class OrderFailedError(RuntimeError):
    """A process could not do what it was asked for, and waits for its next order."""


class Child:
    """A process that answers orders.

    Attributes:
        greeting: What it said when it was ready.
    """

    def __init__(self, process: asyncio.subprocess.Process, greeting: Answer):
        """Talk to a running process."""
        self._process = process
        self.greeting = greeting

    async def ask(self, do: str, **order: Any) -> Answer:
        """Give an order; its answer.

        Raises:
            OrderFailedError: The order failed.
            RuntimeError: The process is gone.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **order}).encode() + b"\n")
        answer = await _next_answer(self._process)
        if "failed" in answer:
            raise OrderFailedError(answer["failed"])
        return answer


@contextlib.asynccontextmanager
async def child(module: str, core: int | None) -> AsyncIterator[Child]:
    """``python -m module`` on a core, ended with the block; what it writes to standard error is shown."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", module),
        cwd=ROOT,
        env=environment(ROOT),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_ANSWER_BYTES,
        start_new_session=True,  # Ctrl-C is for the parent, which ends it
    )
    pin(process.pid, core)
    try:
        yield Child(process, await _next_answer(process))
    finally:
        await end(process)


async def end(process: asyncio.subprocess.Process, *, patience_secs: float = 5.0) -> None:
    """Tell a process to end, and see that it does."""
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_secs):
                await process.wait()
                return
        process.kill()
    await process.wait()


async def _next_answer(process: asyncio.subprocess.Process) -> Answer:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise RuntimeError("the load process ended by itself; what it said is above")
    answer: Answer = json.loads(line)
    return answer


async def serve_orders(greeting: Answer, handle: Handler) -> None:
    """The child's side: greet, then answer each line of standard input until it ends."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    _say(greeting)
    while line := await reader.readline():
        try:
            answer = await handle(json.loads(line))
        except* (OSError, RuntimeError, psutil.Error) as errors:
            answer = {"failed": f"{type(errors.exceptions[0]).__name__}: {errors.exceptions[0]}"}
        _say(answer)


def _say(answer: Answer) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
