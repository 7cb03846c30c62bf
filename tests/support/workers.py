"""What a worker may run instead of a server, for tests of who supervises it; each signals its supervisor itself."""

import os
import signal
import sys
from pathlib import Path

from pipelines.worker import READY, Worker


def fail(worker: Worker) -> None:
    """End before it is ready, as a server does whose application does not start."""
    sys.exit(3)


def end_when_told(worker: Worker) -> None:
    """Be ready, and end at the first signal."""
    worker.supervisor.send_bytes(READY)
    os.kill(os.getppid(), signal.SIGTERM)
    assert int(worker.supervisor.recv_bytes()) == signal.SIGTERM


def die_when_told(worker: Worker) -> None:
    """Be ready, and die of the first signal."""
    end_when_told(worker)
    sys.exit(5)


def serve_twice(worker: Worker) -> None:
    """Be ready and end at the first and the fifth start, and fail at others; the eighth ends it all."""
    start = _starts_of(worker)
    for kind in ("counter", "histogram", "gauge_livesum"):
        (worker.metrics_folder / f"{kind}_{os.getpid()}.db").touch()
    if start == 8:
        end_when_told(worker)
    elif start in (1, 5):
        worker.supervisor.send_bytes(READY)
        (worker.metrics_folder / f"served-{os.getpid()}").touch()
    else:
        sys.exit(4)


def end_at_once_then_when_told(worker: Worker) -> None:
    """Be ready at every start; end by itself at the first one, and at the first signal at the second one."""
    if _starts_of(worker) == 1:
        worker.supervisor.send_bytes(READY)
    else:
        end_when_told(worker)


def _starts_of(worker: Worker) -> int:
    """How many processes were this worker, with this one."""
    starts: Path = worker.metrics_folder / f"starts-{worker.number}"
    with starts.open("a") as file:
        file.write(".")
    return starts.stat().st_size


def never_end(worker: Worker) -> None:
    """Be ready, and answer what is handed on by another signal."""
    worker.supervisor.send_bytes(READY)
    os.kill(os.getppid(), signal.SIGTERM)
    worker.supervisor.recv_bytes()
    os.kill(os.getppid(), signal.SIGTERM)
    worker.supervisor.recv_bytes()
    os.kill(os.getppid(), signal.SIGINT)
    signal.pause()
