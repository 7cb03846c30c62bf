"""Who supervises the workers; real ones are in ``tests/e2e/test_workers.py``."""

import socket
import sys
from pathlib import Path

import pytest

from pipelines.worker import SignalCount
from pipelines.workers import Workers, WorkersError, sockets_of_workers
from tests.support.workers import end_when_told, fail, never_end


def test_workers_that_do_not_start_end_the_server(tmp_path: Path) -> None:
    """What kept one from serving keeps the next one, too: nothing is started again and again."""
    told = r"worker \d ended before it was ready \(exit code 3\); its log says why"
    with pytest.raises(WorkersError, match=told):
        Workers(fail, [[], []], tmp_path).run()


def test_a_signal_is_handed_on(tmp_path: Path) -> None:
    """A worker that took none itself ends by it, and so does the supervisor."""
    Workers(end_when_told, [[]], tmp_path).run()


def test_a_third_signal_kills_what_is_left(tmp_path: Path) -> None:
    """Whatever a worker hangs in; the supervisor ends as the last signal ends a process."""
    with pytest.raises(KeyboardInterrupt):
        Workers(never_end, [[]], tmp_path).run()


@pytest.mark.skipif(sys.platform != "linux", reason="others do not spread connections over sockets of one port")
def test_each_worker_listens_on_a_socket_of_its_own() -> None:
    """On the same address; whoever comes later and does not belong to them finds it taken."""
    first = socket.create_server(("127.0.0.1", 0))
    address = first.getsockname()
    each = sockets_of_workers(3, [first])
    try:
        assert [listening.getsockname() for (listening,) in each] == [address] * 3
        with pytest.raises(OSError, match="Address already in use"):
            socket.create_server(address)
    finally:
        for (listening,) in each:
            listening.close()


@pytest.mark.parametrize(
    ("came", "taken"),
    [
        ("d", "1"),
        ("h", "1"),
        ("dh", "10"),
        ("hd", "10"),
        ("hh", "11"),
        ("dhdh", "1010"),
        ("ddhh", "1100"),
        ("dhh", "101"),
        ("hddd", "1011"),
    ],
)
def test_what_came_the_other_way_before_is_not_taken_again(came: str, taken: str) -> None:
    """A signal that every process of the server gets comes twice to a worker, and is one."""
    count = SignalCount()
    assert "".join(str(int(count.is_one_more(handed_on=way == "h"))) for way in came) == taken
