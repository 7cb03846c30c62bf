"""Several processes that serve one port: who starts them, replaces one that ends, and ends them all.

uvicorn's own supervisor makes plain servers, which do not drain, and does not hand a second signal on.
"""

import asyncio
import contextlib
import logging
import multiprocessing
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

from metrics import forget_worker
from pipelines.logs import log_event
from pipelines.worker import READY, SIGNALS, Worker

logger = logging.getLogger(__name__)

_SPACING_SECS = 1.0
"""Between two starts of one worker, where it ends again and again."""
_CUT_AT_SIGNALS = 3


class WorkersError(Exception):
    """No worker can serve."""


@dataclass(slots=True)
class _Running:
    process: SpawnProcess
    link: Connection
    started_at: float


class Workers:
    """Runs a process for each of several sets of sockets until a signal ends them.

    The first signal drains every worker, the second ends them at once (:mod:`pipelines.drain`), the third kills
    what is left. A worker that ends before is replaced; its sockets stay open meanwhile: who connects waits.
    """

    def __init__(
        self,
        serve: Callable[[Worker], None],
        sockets: Sequence[list[socket.socket]],
        metrics_folder: Path,
    ):
        """Start nothing yet.

        Args:
            serve: Serves in a worker until it ends; a function of a module, for a fresh process imports it.
            sockets: Where each worker listens; a worker that is gone for good has its set closed.
            metrics_folder: Where all workers keep what they count.
        """
        self._serve = serve
        self._sockets = sockets
        self._metrics_folder = metrics_folder
        self._running: dict[int, _Running] = {}
        self._restarts: dict[int, asyncio.TimerHandle] = {}
        self._signals: list[int] = []
        self._anybody_was_ready = False
        self._failure: str | None = None
        self._over = asyncio.Event()

    def run(self) -> None:
        """Serve; ends as a single server does: with a signal where that ended it at once.

        Raises:
            WorkersError: The first workers did not start.
        """
        asyncio.run(self._run())
        if self._failure is not None:
            raise WorkersError(self._failure)
        if len(self._signals) > 1:
            signal.raise_signal(self._signals[-1])

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        resource_tracker.ensure_running()  # else the first start would do so, and unblock signals
        for sig in SIGNALS:
            self._loop.add_signal_handler(sig, self._take, sig)
        for number, _ in enumerate(self._sockets, 1):
            self._start(number)
        await self._over.wait()
        for sig in SIGNALS:
            self._loop.remove_signal_handler(sig)

    # One worker

    def _start(self, number: int) -> None:
        self._restarts.pop(number, None)
        ours, theirs = _spawning.Pipe()
        worker = Worker(number, self._sockets[number - 1], theirs, self._metrics_folder)
        process = _spawning.Process(target=self._serve, args=(worker,), name=f"worker-{number}", daemon=True)
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            theirs.close()
        self._running[number] = _Running(process, ours, self._loop.time())
        self._loop.add_reader(ours.fileno(), self._hear, number)
        self._loop.add_reader(process.sentinel, self._bury, number)

    def _hear(self, number: int) -> None:
        link = self._running[number].link
        try:
            self._anybody_was_ready |= link.recv_bytes() == READY
        except (EOFError, OSError):  # it ends, which its sentinel tells
            self._loop.remove_reader(link.fileno())

    def _bury(self, number: int) -> None:
        gone = self._running.pop(number)
        self._loop.remove_reader(gone.process.sentinel)
        self._loop.remove_reader(gone.link.fileno())
        gone.link.close()
        gone.process.join()
        pid, exit_code = gone.process.pid or 0, gone.process.exitcode
        forget_worker(pid, self._metrics_folder)
        if not self._signals and self._failure is None:
            if self._anybody_was_ready:
                log_event(logger, logging.WARNING, "worker ended", worker=number, pid=pid, exit_code=exit_code)
                wait_secs = max(0.0, gone.started_at + _SPACING_SECS - self._loop.time())
                self._restarts[number] = self._loop.call_later(wait_secs, self._start, number)
                return
            self._failure = f"worker {number} ended before it was ready (exit code {exit_code}); its log says why"
            self._tell(signal.SIGTERM)
        for listening in self._sockets[number - 1]:
            listening.close()  # who connects goes to the others
        self._end_when_empty()

    # All of them

    def _take(self, sig: int) -> None:
        self._signals.append(sig)
        for restart in self._restarts.values():
            restart.cancel()
        self._restarts.clear()
        self._tell(sig)
        if len(self._signals) >= _CUT_AT_SIGNALS:
            for running in self._running.values():
                running.process.kill()
        self._end_when_empty()

    def _tell(self, sig: int) -> None:
        for running in self._running.values():
            with contextlib.suppress(OSError):  # it ends already
                running.link.send_bytes(b"%d" % sig)

    def _end_when_empty(self) -> None:
        if not self._running and not self._restarts:
            self._over.set()


def sockets_of_workers(workers: int, sockets: list[socket.socket]) -> list[list[socket.socket]]:
    """A set of sockets for each worker, all on the addresses of ``sockets``.

    Linux spreads connections evenly over sockets that share a port (``SO_REUSEPORT``, socket(7)); where several
    processes accept from one socket, it prefers one of them. Other systems do not spread: there all have the same.

    Raises:
        OSError: Somebody took the port meanwhile.
    """
    if sys.platform != "linux":
        return [sockets] * workers
    addresses = [(listening.family, listening.getsockname()) for listening in sockets]
    for listening in sockets:  # had they shared the port from the start, a second server would not find it taken
        listening.close()
    return [
        [socket.create_server(address, family=family, reuse_port=True) for family, address in addresses]
        for _ in range(workers)
    ]


_spawning = multiprocessing.get_context("spawn")
