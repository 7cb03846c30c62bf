"""The servers that are compared, each a process of its own, started and found the same way."""

import asyncio
import contextlib
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.orders import ROOT, end, environment, pin

_READY = re.compile(r"(?:ready url=ws://|running on http://)([\w.\[\]:]+)", re.IGNORECASE)
_CONNECTOR = "GEMINI_CONNECTOR"
_POLL_SECS = 0.02
_LONGEST_START_SECS = 90.0
_LINES_TOLD = 12
MOST_SESSIONS = 2000
"""What ours admits where admission is not what is measured."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A server to be measured.

    Attributes:
        name: What its row is called.
        command: What is run with Python.
        root: The folder whose packages it imports.
        settings: Of its environment.
        paces_output: It sends answers in real time, however fast they come: their delay is its doing.
        most_sessions: With how many it is tried at all.
        workers: How many processes it serves with.
        knee_from: With how many sessions the search for its knee begins.
    """

    name: str
    command: tuple[str, ...]
    root: Path = ROOT
    settings: Mapping[str, str] = field(default_factory=dict)
    paces_output: bool = False
    most_sessions: int = MOST_SESSIONS
    workers: int = 1
    knee_from: int = 20


@dataclass(frozen=True, slots=True)
class Running:
    """A subject that is ready.

    Attributes:
        url: Of its WebSocket.
        pid: Of its process.
        start_secs: How long it took to be ready.
        log: What it writes to.
    """

    url: str
    pid: int
    start_secs: float
    log: Path


def chosen_subjects(
    names: Sequence[str] | None, server_dirs: Sequence[Path], workers: Sequence[int] = (1,)
) -> list[Subject]:
    """The subjects by their names: ``genai`` and ``lean`` are ours with either connector, once for each folder.

    Args:
        names: Which ones; ``None``: all that there are.
        server_dirs: Folders with a ``server.py``, each run by its ``.venv`` where it has one; none: the one that
            this file belongs to.
        workers: Numbers of processes with which each of ours is measured.

    Raises:
        ValueError: There is no such subject, or no such server.
    """
    folders = [folder.resolve() for folder in server_dirs] or [ROOT]
    for folder in folders:
        if not (folder / "server.py").is_file():
            raise ValueError(f"expected a folder with a server.py, got {folder}")
    if names is None:
        names = ["genai", *(["lean"] if all(map(_has_lean, folders)) else []), "relay", "stock"]
    found: list[Subject] = []
    for name in names:
        if name == "relay":
            found.append(Subject("relay", ("-m", "benchmarks.relay"), knee_from=100))
        elif name == "stock":
            found.append(
                Subject(
                    "stock pipecat", ("-m", "benchmarks.stock"), paces_output=True, most_sessions=20, knee_from=5
                )
            )
        elif name in ("genai", "lean"):
            found += [_ours(name, folder, len(folders) > 1, count) for folder in folders for count in workers]
        else:
            raise ValueError(f"expected genai, lean, relay or stock, got {name!r}")
    return found


def _has_lean(folder: Path) -> bool:
    """Whether the server in a folder lets its connector be chosen."""
    return _CONNECTOR in (folder / ".env.example").read_text(encoding="utf-8")


def _ours(connector: str, folder: Path, told_apart: bool, workers: int) -> Subject:
    if connector == "lean" and not _has_lean(folder):
        raise ValueError(f"the server in {folder.name} has no setting {_CONNECTOR}; leave the subject lean out")
    name = f"ours, {connector}"
    name += f" ({folder.name})" if told_apart else ""
    name += f", {workers} workers" if workers > 1 else ""
    settings = {
        "GEMINI_API_KEY": "none-is-needed",
        _CONNECTOR: connector,
        "HOST": "127.0.0.1",
        "MAX_SESSIONS": str(MOST_SESSIONS),
        "MAX_LOOP_LAG_MS": "0",
    }
    options = ("--workers", str(workers)) if workers > 1 else ()
    return Subject(name, (str(folder / "server.py"), *options), folder, settings, workers=workers)


def limited_to(subject: Subject, sessions: int) -> Subject:
    """One of ours with its own admission, for so many sessions; others have none, and stay as they are."""
    settings = {name: value for name, value in subject.settings.items() if name != "MAX_LOOP_LAG_MS"}
    if "MAX_SESSIONS" in settings:
        settings["MAX_SESSIONS"] = str(sessions)
    return replace(subject, settings=settings)


@contextlib.asynccontextmanager
async def running(subject: Subject, upstream: Mapping[str, str], core: int | None) -> AsyncIterator[Running]:
    """A subject's process on a free port of the loopback interface, ended with the block.

    Args:
        subject: Which.
        upstream: ``base_url`` and ``ca_file`` of the upstream.
        core: Which core it has for itself, if it has one worker; ``None``: any.

    Raises:
        RuntimeError: It did not start.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        log = Path(folder) / "server.log"
        given = {
            "GEMINI_BASE_URL": upstream["base_url"],
            "GEMINI_CA_FILE": upstream["ca_file"],
            "PORT": "0",
            **subject.settings,
        }
        began_at = time.monotonic()
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                _python_of(subject),
                *subject.command,
                cwd=folder,
                env=environment(subject.root, **given),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the parent, which ends it
            )
        pin(process.pid, core if subject.workers == 1 else None)
        try:
            async with asyncio.timeout(_LONGEST_START_SECS):
                address = await _ready(process, log, subject.workers)
            yield Running(f"ws://{address}/ws", process.pid, time.monotonic() - began_at, log)
        except TimeoutError:
            raise RuntimeError(f"{subject.name} was not ready after {_LONGEST_START_SECS:g} s") from None
        finally:
            await end(process)


def _python_of(subject: Subject) -> str:
    """The one that the folder's own set-up made, where there is one: it has its own versions of what it needs."""
    own = subject.root / ".venv" / "bin" / "python"
    return str(own) if own.is_file() else sys.executable


async def _ready(process: asyncio.subprocess.Process, log: Path, workers: int) -> str:
    """Where it listens, once as many workers as there are to be say so."""
    while True:
        ended = process.returncode is not None
        text = await asyncio.to_thread(log.read_text, encoding="utf-8", errors="replace")
        found = _READY.findall(text)
        if len(found) >= workers:
            return str(found[0])
        if ended:
            last = "\n".join(text.splitlines()[-_LINES_TOLD:])
            raise RuntimeError(f"the server ended by itself; the end of its log:\n{last}")
        await asyncio.sleep(_POLL_SECS)
