"""Ctrl-C: first in an orderly way, then at once."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from client.stopping import Stop, StoppedError, stopped_by_signals

ROOT = Path(__file__).parents[2]


async def test_work_that_is_not_stopped_gives_its_result() -> None:
    """Or what went wrong with it."""

    async def work(fails: bool) -> int:
        if fails:
            raise ValueError("x")
        return 7

    assert await Stop().unless_asked(work(False)) == 7
    with pytest.raises(ValueError, match="x"):
        await Stop().unless_asked(work(True))


async def test_work_that_is_stopped_is_cancelled() -> None:
    """And has cleaned up by the time its caller goes on."""
    stop = Stop()
    cleaned = asyncio.Event()

    async def work() -> None:
        try:
            stop.ask()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    with pytest.raises(StoppedError):
        await stop.unless_asked(work())
    assert cleaned.is_set()
    assert stop.exit_code == 130


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_asks(number: signal.Signals, exit_code: int) -> None:
    """While the block runs; then signals mean what they did before."""
    before = signal.getsignal(number)
    with stopped_by_signals() as stop, pytest.raises(StoppedError):
        await stop.unless_asked(_signalled(number))
    assert (stop.signal_number, stop.exit_code) == (number, exit_code)
    assert signal.getsignal(number) is before


async def _signalled(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    await asyncio.Event().wait()


def test_outside_of_the_main_thread_nothing_asks() -> None:
    """Python hears signals in the main thread only; elsewhere the work runs to its end."""
    results: list[int] = []

    async def work() -> int:
        return 7

    async def run() -> None:
        with stopped_by_signals() as stop:
            results.append(await stop.unless_asked(work()))

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    thread.join()
    assert results == [7]


SECOND_SIGNAL = """
import asyncio, os, signal
from client.stopping import stopped_by_signals

async def main():
    with stopped_by_signals() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0)
        assert stop.signal_number == signal.SIGINT
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            print("cleaned up")

asyncio.run(main())
"""


def test_a_second_signal_ends_the_program_at_once() -> None:
    """Whatever hangs while it ends in an orderly way."""
    ended = subprocess.run([sys.executable, "-c", SECOND_SIGNAL], cwd=ROOT, capture_output=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, b"", b"")


@pytest.mark.skipif(sys.platform == "win32", reason="has no pseudo terminals")
def test_a_second_signal_gives_the_terminal_its_cursor_back() -> None:
    """The live view had hidden it."""
    terminal, program_side = os.openpty()
    ended = subprocess.run([sys.executable, "-c", SECOND_SIGNAL], cwd=ROOT, stdout=program_side, check=False)
    os.close(program_side)
    assert (ended.returncode, os.read(terminal, 100)) == (130, b"\x1b[?25h")
    os.close(terminal)
