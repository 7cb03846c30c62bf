"""What can be seen of a server's process from outside."""

import asyncio
import contextlib
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import psutil

_LAG = re.compile(r"^interpreter_event_loop_lag_seconds (\S+)$", re.MULTILINE)
_MB = 1e6


class ServerWatch:
    """A server's processes, its workers included."""

    def __init__(self, pid: int, url: str):
        """Watch a process that is ready.

        Args:
            pid: Of the process that was started.
            url: Of its WebSocket.
        """
        parent = psutil.Process(pid)
        self._processes = [parent, *parent.children(recursive=True)]
        self._url = urlsplit(url)
        self._empty_mb = 0.0

    def note_empty(self) -> None:
        """Take the memory of this moment as that without sessions: none is open, though some may have been."""
        self._empty_mb = self.resident_mb()

    def resident_mb(self) -> float:
        """Resident memory, in 10**6 bytes."""
        return float(sum(process.memory_info().rss for process in self._processes) / _MB)

    def grown_mb(self) -> float:
        """Resident memory beyond that without sessions, in 10**6 bytes."""
        return self.resident_mb() - self._empty_mb

    def cpu_secs(self) -> float:
        """Processor time used so far; differences are right to a fraction of a ms where the system tells that."""
        return sum(_cpu_secs(process) for process in self._processes)

    async def loop_lag_ms(self) -> float | None:
        """What the server says of its event loop, or ``None``."""
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(self._url.hostname, self._url.port)
            try:
                writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                found = _LAG.search((await reader.read(-1)).decode(errors="replace"))
                return 1000 * float(found[1]) if found else None
            finally:
                writer.close()
        return None


def _cpu_secs(process: psutil.Process) -> float:
    """Of all threads, from ``/proc`` in nanoseconds (sched-stats.rst of the kernel), else in the system's ticks."""
    try:
        tasks = list(Path(f"/proc/{process.pid}/task").iterdir())
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    except OSError:
        times = process.cpu_times()
        return float(times.user + times.system)


def slope_a_minute(values: Sequence[tuple[float, float]]) -> float:
    """How fast a value grows in a minute, by least squares; 0 for fewer than three values.

    Args:
        values: Moments in seconds, each with the value.
    """
    if len(values) < 3:
        return 0.0
    middle = sum(at for at, _ in values) / len(values)
    mean = sum(value for _, value in values) / len(values)
    above = sum((at - middle) * (value - mean) for at, value in values)
    return 60 * above / sum((at - middle) ** 2 for at, _ in values)
