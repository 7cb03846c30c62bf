"""What a worker may run instead of a server, for tests of who supervises it; each signals its supervisor itself."""

import os
import signal
import sys

from pipelines.worker import READY, Worker


def fail(worker: Worker) -> None:
    """End before it is ready, as a server does whose application does not start."""
    sys.exit(3)


def end_when_told(worker: Worker) -> None:
    """Be ready, and end at the first signal."""
    worker.supervisor.send_bytes(READY)
    os.kill(os.getppid(), signal.SIGTERM)
    assert int(worker.supervisor.recv_bytes()) == signal.SIGTERM


def never_end(worker: Worker) -> None:
    """Be ready, and answer what is handed on by another signal."""
    worker.supervisor.send_bytes(READY)
    os.kill(os.getppid(), signal.SIGTERM)
    worker.supervisor.recv_bytes()
    os.kill(os.getppid(), signal.SIGTERM)
    worker.supervisor.recv_bytes()
    os.kill(os.getppid(), signal.SIGINT)
    signal.pause()
