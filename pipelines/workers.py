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

_SPACING_SECS = (1.0, 60.0)
_CUT_AT_SIGNALS = 3


class WorkersError(Exception):
    """No worker can serve."""


@dataclass(slots=True)
class _Running:
    process: SpawnProcess
    link: Connection
    started_at: float
    ready: bool = False


class Workers:
    """Runs a process for each of several sets of sockets until a signal ends them.

    The first signal drains every worker, the second ends them at once (:mod:`pipelines.drain`), the third kills
    what is left. A worker that ends before is replaced; its sockets stay open meanwhile: who connects waits. Where
    the next one does not become ready either, the time until another try doubles, up to a minute.
    """

    def __init__(
        self,
        serve: Callable[[Worker], None],
        sockets: Sequence[list[socket.socket]],
        metrics_folder: Path,
        *,
        spacing_secs: tuple[float, float] = _SPACING_SECS,
    ):
        """Start nothing yet.

        Args:
            serve: Serves in a worker until it ends; a function of a module, for a fresh process imports it.
            sockets: Where each worker listens; a worker that is gone for good has its set closed.
            metrics_folder: Where all workers keep what they count.
            spacing_secs: Before a start that follows one in vain: the first time, and at most.
        """
        self._serve = serve
        self._sockets = sockets
        self._metrics_folder = metrics_folder
        self._first_spacing_secs, self._longest_spacing_secs = spacing_secs
        self._spacings_secs: dict[int, float] = {}
        self._running: dict[int, _Running] = {}
        self._restarts: dict[int, asyncio.TimerHandle] = {}
        self._signals: list[int] = []
        self._anybody_was_ready = False
        self._failure: str | None = None
        self._died_while_ending = False
        self._over = asyncio.Event()

    def run(self) -> int:
        """Serve until a signal ends it.

        Returns:
            How the process is to end, as :mod:`subprocess` has it: 0; 1 where a worker died instead of draining;
            negative: by that signal, which ended the workers at once.

        Raises:
            WorkersError: The first workers did not start.
        """
        asyncio.run(self._run())
        if self._failure is not None:
            raise WorkersError(self._failure)
        return -self._signals[-1] if len(self._signals) > 1 else int(self._died_while_ending)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        resource_tracker.ensure_running()  # else the first start would do so, and unblock signals
        for sig in SIGNALS:
            self._loop.add_signal_handler(sig, self._take, sig)
        for number, _ in enumerate(self._sockets, 1):
            if self._failure is None:
                self._start(number)
        await self._over.wait()
        for sig in SIGNALS:
            self._loop.remove_signal_handler(sig)

    # One worker

    def _start(self, number: int) -> None:
        self._restarts.pop(number, None)
        try:
            process, link = self._spawn(number)
        except OSError as error:  # no memory, no process, no descriptor is left
            if not self._anybody_was_ready:
                self._give_up(f"worker {number} can't be started: {error}")
                return
            wait_secs = self._restart_later(number)
            log_event(
                logger,
                logging.WARNING,
                "worker not started",
                worker=number,
                error=str(error),
                restart_secs=wait_secs,
            )
            return
        self._running[number] = _Running(process, link, self._loop.time())
        self._loop.add_reader(link.fileno(), self._hear, number)
        self._loop.add_reader(process.sentinel, self._bury, number)

    def _spawn(self, number: int) -> tuple[SpawnProcess, Connection]:
        ours, theirs = _spawning.Pipe()
        worker = Worker(number, self._sockets[number - 1], theirs, self._metrics_folder)
        process = _spawning.Process(target=self._serve, args=(worker,), name=f"worker-{number}", daemon=True)
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            process.start()
        except OSError:
            ours.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            theirs.close()
        return process, ours

    def _hear(self, number: int) -> None:
        running = self._running[number]
        try:
            running.ready |= running.link.recv_bytes() == READY
        except (EOFError, OSError):  # it ends, which its sentinel tells
            self._loop.remove_reader(running.link.fileno())
        if running.ready:
            self._anybody_was_ready = True
            self._spacings_secs.pop(number, None)

    def _bury(self, number: int) -> None:
        if self._running[number].link.poll():  # what it said last
            self._hear(number)
        gone = self._running.pop(number)
        self._loop.remove_reader(gone.process.sentinel)
        self._loop.remove_reader(gone.link.fileno())
        gone.link.close()
        gone.process.join()
        pid, exit_code = gone.process.pid or 0, gone.process.exitcode
        forget_worker(pid, self._metrics_folder, counted=gone.ready)
        serving = not self._signals and self._failure is None
        if serving and not self._anybody_was_ready:
            self._give_up(f"worker {number} ended before it was ready (exit code {exit_code}); its log says why")
        elif serving or self._dies_while_ending(exit_code):
            wait_secs = self._restart_later(number, gone) if serving else None
            log_event(
                logger,
                logging.WARNING,
                "worker ended",
                worker=number,
                pid=pid,
                exit_code=exit_code,
                restart_secs=wait_secs,
            )
        if number not in self._restarts:
            self._close_sockets(number)
        self._end_when_empty()

    def _dies_while_ending(self, exit_code: int | None) -> bool:
        """Whether a worker that ends was to drain, and did not; one that still starts ends by the signal itself."""
        dies = len(self._signals) == 1 and exit_code not in (0, -self._signals[0])
        self._died_while_ending |= dies
        return dies

    def _restart_later(self, number: int, gone: _Running | None = None) -> float:
        """Start a worker again; in how many seconds. One that served is replaced at once, but for its spacing."""
        wait_secs = self._spacings_secs.get(number, self._first_spacing_secs)
        if gone is not None and gone.ready:
            wait_secs = max(0.0, gone.started_at + wait_secs - self._loop.time())
        else:
            self._spacings_secs[number] = min(2 * wait_secs, self._longest_spacing_secs)
        self._restarts[number] = self._loop.call_later(wait_secs, self._start, number)
        return round(wait_secs, 2)

    def _close_sockets(self, number: int) -> None:
        for listening in self._sockets[number - 1]:
            listening.close()  # who connects goes to the others

    def _give_up(self, why: str) -> None:
        self._failure = why
        self._tell(signal.SIGTERM)
        self._end_when_empty()

    # All of them

    def _take(self, sig: int) -> None:
        self._signals.append(sig)
        for number, restart in self._restarts.items():
            restart.cancel()
            self._close_sockets(number)
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
