"""The server under abuse: a process of its own, and what can be seen of it from outside."""

import asyncio
import contextlib
import re
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.abuse.child import FIRST, ROOT, end, environment, set_priority
from tests.hostile.frames import Address

_MIB = 2**20
_TCP_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_REASON = re.compile(r'session ended .*?reason=(?:([^\s\'"]+)|[\'"](.+?)[\'"]).* close_code=(\d+)')


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Attributes:
        url: Of its WebSocket.
        process: It.
        log: The file that it writes to.
    """

    url: str
    process: psutil.Process
    log: Path

    @property
    def address(self) -> Address:
        """Where it listens."""
        return Address.of(self.url)

    def memory_mib(self) -> float:
        """Resident memory."""
        return float(self.process.memory_info().rss / _MIB)

    def cpu_secs(self) -> float:
        """Processor time used so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def descriptors(self) -> int:
        """Open files and sockets."""
        return int(self.process.num_fds())

    def kernel_mib(self) -> float:
        """What the kernel holds for its clients: bytes sent and not acknowledged, and bytes received and not read.

        From ``/proc/net/tcp`` (``tx_queue:rx_queue``, proc_net_tcp.txt of the kernel); 0 on other systems.
        """
        local = f":{self.address.port:04X}"
        held = 0
        for table in _TCP_TABLES:
            if not table.exists():
                continue
            for line in table.read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[1].endswith(local) and fields[3] != "0A":  # a listener counts connections there
                    held += sum(int(queue, 16) for queue in fields[4].split(":"))
        return held / _MIB

    def log_bytes(self) -> int:
        """How much it has written."""
        return self.log.stat().st_size

    def ends_since(self, offset_bytes: int) -> Counter[str]:
        """How sessions ended, by reason and close code, from a place of the log on."""
        with self.log.open("rb") as file:
            file.seek(offset_bytes)
            found = _REASON.findall(file.read().decode())
        return Counter(f"{bare or quoted} {code}" for bare, quoted, code in found)

    def faults(self) -> list[str]:
        """Lines of the log that should not be: faults of the server's own."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if " - ERROR - " in line or "Traceback" in line]


@contextlib.asynccontextmanager
async def server(upstream: dict[str, str], **settings: str) -> AsyncIterator[Server]:
    """``server.py`` with its default settings but for ``settings``, on a free port of the loopback interface."""
    with tempfile.TemporaryDirectory(prefix="abuse-") as folder:
        log = Path(folder) / "server.log"
        given = {
            "GEMINI_API_KEY": "none-is-needed",
            "GEMINI_BASE_URL": upstream["base_url"],
            "GEMINI_CA_FILE": upstream["ca_file"],
            "HOST": "127.0.0.1",
            "PORT": "0",
            **settings,
        }
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(ROOT / "server.py"),
                cwd=folder,
                env=environment(**given),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the parent, which ends it
            )
        set_priority(process.pid, FIRST)
        try:
            yield Server(await _ready(process, log), psutil.Process(process.pid), log)
        finally:
            await end(process)


async def _ready(process: asyncio.subprocess.Process, log: Path) -> str:
    while True:
        ended = process.returncode is not None
        text = await asyncio.to_thread(log.read_text, encoding="utf-8")
        if found := re.search(r"ready url=(ws://\S+)\s", text):
            return found[1]
        if ended:
            raise RuntimeError(f"the server ended by itself: {text}")
        await asyncio.sleep(0.05)
