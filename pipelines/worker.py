"""A worker: one of several processes that serve; :mod:`pipelines.workers` starts and ends it."""

import asyncio
import signal
import socket
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

import uvicorn

from pipelines.drain import DrainingServer

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""What ends a server, and is blocked where a worker begins, until its server can take it."""
READY = b"ready"
"""What a worker tells its supervisor once it accepts connections."""


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker is told when it starts.

    Attributes:
        number: Counted from 1; a worker that takes another's place has its number.
        sockets: Where it listens.
        supervisor: Brings the number of every signal that the supervisor got, and ends with the supervisor.
        metrics_folder: Where all workers keep what they count.
    """

    number: int
    sockets: list[socket.socket]
    supervisor: Connection
    metrics_folder: Path


class SignalCount:
    """Counts signals that may come twice: directly, and handed on by the supervisor, in any order.

    Ctrl-C in a terminal, and systemd by default, signal every process of the server; ``kill`` signals one.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._direct = self._handed_on = self._taken = 0

    def is_one_more(self, *, handed_on: bool) -> bool:
        """Whether a signal that came is none of those that came the other way before."""
        if handed_on:
            self._handed_on += 1
        else:
            self._direct += 1
        one_more = max(self._direct, self._handed_on) > self._taken
        self._taken += one_more
        return one_more


class WorkerServer(DrainingServer):
    """Drains at the first signal, ends at the second, whether they come directly or from the supervisor."""

    def __init__(self, config: uvicorn.Config, supervisor: Connection):
        """Serve with ``config``; ``supervisor`` is as :class:`Worker` has it."""
        super().__init__(config)
        self._supervisor = supervisor
        self._signals = SignalCount()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, and to take signals."""
        asyncio.get_running_loop().add_reader(self._supervisor.fileno(), self._hear)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        await super().startup(sockets)
        self._supervisor.send_bytes(READY)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal that came directly."""
        if self._signals.is_one_more(handed_on=False):
            super().handle_exit(sig, frame)

    def _hear(self) -> None:
        try:
            sig = int(self._supervisor.recv_bytes())
        except (EOFError, OSError):  # nobody is there who would end this process later
            asyncio.get_running_loop().remove_reader(self._supervisor.fileno())
            sig = signal.SIGTERM
        if self._signals.is_one_more(handed_on=True):
            super().handle_exit(sig, None)
