"""How much of a client's stream waits in the kernel before the event loop hears of it.

Two chunks of 20 ms enter the pipeline as one (:mod:`pipelines.joiner`), so being told of the first one alone is
work for nothing: a turn of the event loop, a system call, a task that wakes up. The kernel can wait for the second
one itself (``SO_RCVLOWAT``, socket(7)). Since Linux 4.18 it tells at once what is there when the mark goes down.
"""

import asyncio
import socket
import sys
from collections.abc import Callable

SCOPE_EXTENSION = "live_interpreter.low_water"
"""Under this name of an ASGI scope's extensions is, as ``follow``, :meth:`ReceiveLowWater.follow`."""

PATIENCE_SECS = 0.1


class ReceiveLowWater:
    """The low-water mark of one connection's receive buffer.

    Whatever the mark is, nothing waits for longer than ``patience_secs`` behind the last byte that was read: where
    a stream stops, the mark is taken away. The end of a connection is told at once.

    Attributes:
        patience_secs: That long.
    """

    patience_secs = PATIENCE_SECS

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop):
        """Leave the mark at one byte, as the kernel has it, until somebody says how much it may be."""
        self._loop = loop
        self._socket: socket.socket | None = None
        if sys.platform == "linux" and transport.get_extra_info("ssl_object") is None:
            self._socket = transport.get_extra_info("socket")
        self._needed_bytes: Callable[[], int] | None = None
        self._mark_bytes = 1
        self._read_at = 0.0
        self._check: asyncio.TimerHandle | None = None

    def follow(self, needed_bytes: Callable[[], int]) -> None:
        """From here on, have the mark where ``needed_bytes`` says; it is asked whenever the reader has to wait."""
        self._needed_bytes = needed_bytes

    def read(self, *, whole: bool) -> None:
        """Bytes were read.

        Args:
            whole: They end with a message; else its rest is waited for without a mark, until :meth:`settle`.
        """
        self._read_at = self._loop.time()
        if not whole:
            self._set(1)

    def settle(self) -> None:
        """The reader has taken all there is: set the mark for what it waits for."""
        if self._needed_bytes is not None:
            self._set(self._needed_bytes())

    def unfollow(self) -> None:
        """Nobody says any more how much it may be: take the mark away."""
        self._needed_bytes = None
        self._set(1)

    def close(self) -> None:
        """The connection is gone."""
        self._socket = self._needed_bytes = None
        if self._check is not None:
            self._check.cancel()

    def _set(self, mark_bytes: int) -> None:
        if mark_bytes == self._mark_bytes or self._socket is None:
            return
        self._mark_bytes = mark_bytes
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, mark_bytes)
        if mark_bytes > 1 and self._check is None:
            self._check = self._loop.call_later(self.patience_secs, self._check_stream)

    def _check_stream(self) -> None:
        self._check = None
        if self._mark_bytes == 1 or self._socket is None:
            return
        if (left_secs := self._read_at + self.patience_secs - self._loop.time()) > 0:
            self._check = self._loop.call_later(left_secs, self._check_stream)
            return
        self._set(1)
