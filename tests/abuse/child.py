"""Processes of the benchmark that take orders: a line of JSON in, a line of JSON out."""

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

ROOT = Path(__file__).absolute().parents[2]
_KEPT_ENVIRONMENT = ("PATH", "SYSTEMROOT", "HOME")
_LONGEST_ANSWER_BYTES = 64 * 2**20
FIRST, LAST = -10, 19
"""Priorities of processes."""

Answer = dict[str, Any]
Handler = Callable[[dict[str, Any]], Awaitable[Answer]]


def environment(**settings: str) -> dict[str, str]:
    """What a process of the benchmark sees: no setting of whoever runs it."""
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **settings}


def set_priority(pid: int, nice: int) -> None:
    """Let a process and its session go before others or after them, as far as that is allowed.

    Others who use the machine are no part of what is measured. Linux shares processor time among sessions first
    (sched(7), "The autogroup feature").
    """
    with contextlib.suppress(psutil.AccessDenied):
        psutil.Process(pid).nice(nice)
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(nice), encoding="ascii")


class Child:
    """A process that answers orders.

    Attributes:
        greeting: What it said when it was ready.
    """

    def __init__(self, process: asyncio.subprocess.Process, greeting: Answer):
        """Talk to a running process."""
        self._process = process
        self.greeting = greeting

    async def ask(self, **order: Any) -> Answer:
        """Give an order; its answer.

        Raises:
            RuntimeError: The process is gone.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return await _next_answer(self._process)


@contextlib.asynccontextmanager
async def child(module: str, nice: int) -> AsyncIterator[Child]:
    """``python -m module``, ended with the block; what it writes to standard error is shown."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", module),
        cwd=ROOT,
        env=environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_ANSWER_BYTES,
        start_new_session=True,  # Ctrl-C is for the parent, which ends it
    )
    set_priority(process.pid, nice)
    try:
        yield Child(process, await _next_answer(process))
    finally:
        await end(process)


async def end(process: asyncio.subprocess.Process, *, patience_secs: float = 30.0) -> None:
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
        raise RuntimeError("a process of the benchmark ended by itself; what it said is above")
    answer: Answer = json.loads(line)
    return answer


async def serve_orders(greeting: Answer, handle: Handler) -> None:
    """The child's side: greet, then answer each line of standard input until it ends."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    _say(greeting)
    while line := await reader.readline():
        _say(await handle(json.loads(line)))


def _say(answer: Answer) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
