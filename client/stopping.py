"""Ctrl-C: the first one ends what runs in an orderly way, the second one the program."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

_T = TypeVar("_T")

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""What asks a program to end; the former is Ctrl-C."""

_SHOW_CURSOR = b"\x1b[?25h"


class StoppedError(Exception):
    """The user wants no more."""


class Stop:
    """Whether the user wants no more.

    Attributes:
        signal_number: What asked for it; ``None``: nothing did.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._asked = asyncio.Event()

    @property
    def exit_code(self) -> int:
        """128 and the signal, as shells have it: 130 for Ctrl-C."""
        return 128 + (self.signal_number or 0)

    def ask(self, signal_number: int = signal.SIGINT) -> None:
        """The user wants no more."""
        self.signal_number = signal_number
        self._asked.set()

    async def unless_asked(self, work: Coroutine[Any, Any, _T]) -> _T:
        """What ``work`` returns.

        Raises:
            StoppedError: The user wanted no more before it was done; it was cancelled.
        """
        working, asked = asyncio.create_task(work), asyncio.create_task(self._asked.wait())
        try:
            await asyncio.wait((working, asked), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise StoppedError
        finally:
            working.cancel()
            asked.cancel()
            await asyncio.gather(working, asked, return_exceptions=True)


@contextmanager
def stopped_by_signals() -> Iterator[Stop]:
    """Yields what SIGINT and SIGTERM ask once; a second one ends the program at once. Needs the event loop.

    Outside of the main thread, where Python hears no signals, nothing asks.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    loop = asyncio.get_running_loop()

    def handle(number: int, _: FrameType | None) -> None:
        if stop.signal_number is not None:
            _end_at_once(number)
        stop.signal_number = number
        loop.call_soon_threadsafe(stop.ask, number)

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_at_once(number: int) -> None:
    if sys.__stdout__ is not None and sys.__stdout__.isatty():
        os.write(sys.__stdout__.fileno(), _SHOW_CURSOR)  # the live view hides it
    os._exit(128 + number)
