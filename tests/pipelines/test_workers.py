"""Who supervises the workers; real ones are in ``tests/e2e/test_workers.py``."""

import errno
import os
import signal
import socket
import sys
from multiprocessing import Pipe
from multiprocessing.context import SpawnProcess
from pathlib import Path

import pytest

from pipelines.worker import SignalCount, Worker
from pipelines.workers import Workers, WorkersError, sockets_of_workers
from server import serve_as_worker
from tests.support.servers import test_settings
from tests.support.workers import (
    die_when_told,
    end_at_once_then_when_told,
    end_when_told,
    fail,
    never_end,
    serve_twice,
)

_SPACING_SECS = (0.01, 0.02)


def told(caplog: pytest.LogCaptureFixture, text: str) -> list[dict[str, object]]:
    """The fields of each line of the log with that text."""
    return [vars(record)["fields"] for record in caplog.records if record.message == text]


def let_starts_fail(monkeypatch: pytest.MonkeyPatch, *numbers: int) -> None:
    """Let the system have no process to spare at some starts, counted from 1."""
    starts = 0
    start = SpawnProcess.start

    def _start(self: SpawnProcess) -> None:
        nonlocal starts
        starts += 1
        if starts in numbers:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        start(self)

    monkeypatch.setattr(SpawnProcess, "start", _start)


def test_workers_that_do_not_start_end_the_server(tmp_path: Path) -> None:
    """What kept one from serving keeps the next one, too: nothing is started again and again."""
    why = r"worker \d ended before it was ready \(exit code 3\); its log says why"
    with pytest.raises(WorkersError, match=why):
        Workers(fail, [[], []], tmp_path).run()


def test_a_signal_is_handed_on(tmp_path: Path) -> None:
    """A worker that took none itself ends by it, and so does the supervisor."""
    assert Workers(end_when_told, [[]], tmp_path).run() == 0


def test_a_worker_that_cannot_start_again_is_tried_ever_less(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The wait doubles up to its limit, and begins anew after one that served; only who served leaves counts."""
    assert Workers(serve_twice, [[]], tmp_path, spacing_secs=_SPACING_SECS).run() == 0
    waits = [(fields["exit_code"], fields["restart_secs"]) for fields in told(caplog, "worker ended")]
    assert waits[1:4] + waits[5:] == [(4, 0.01), (4, 0.02), (4, 0.02), (4, 0.01), (4, 0.02)]
    served = {file.name.removeprefix("served-") for file in tmp_path.glob("served-*")}
    left = {file.name for file in tmp_path.glob("*.db")}
    assert {f"{kind}_{pid}.db" for kind in ("counter", "histogram") for pid in served} <= left
    assert len(left) == 2 * 3  # the two, and the one that the signal ended


def test_a_start_for_which_there_is_no_process_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As long as some worker served once: else its share of the clients would wait for nobody."""
    let_starts_fail(monkeypatch, 2, 3)
    assert Workers(end_at_once_then_when_told, [[]], tmp_path, spacing_secs=_SPACING_SECS).run() == 0
    failures = told(caplog, "worker not started")
    assert [(fields["worker"], fields["restart_secs"]) for fields in failures] == [(1, 0.01), (1, 0.02)]
    assert all(os.strerror(errno.EAGAIN) in str(fields["error"]) for fields in failures)


def test_no_process_for_the_first_workers_ends_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were started end, too."""
    let_starts_fail(monkeypatch, 2)
    with pytest.raises(WorkersError, match=f"worker 2 can't be started: .*{os.strerror(errno.EAGAIN)}"):
        Workers(end_when_told, [[], []], tmp_path).run()


def test_a_worker_that_dies_instead_of_draining_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The exit code says that something was lost."""
    assert Workers(die_when_told, [[]], tmp_path).run() == 1
    (fields,) = told(caplog, "worker ended")
    assert (fields["worker"], fields["exit_code"]) == (1, 5)
    assert "restart_secs" not in fields


def test_a_worker_tells_in_a_line_what_is_wrong_with_its_pipeline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the command line does: the file may have changed since the server was started."""
    file = tmp_path / "pipeline.toml"
    file.write_text("name = 1 1\n")
    _, link = Pipe()
    with link, pytest.raises(SystemExit) as ended:
        serve_as_worker(test_settings(pipeline=str(file)), Worker(2, [], link, tmp_path))
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {file}")


def test_a_third_signal_kills_what_is_left(tmp_path: Path) -> None:
    """Whatever a worker hangs in; the process is to end as the last signal ends one."""
    assert Workers(never_end, [[]], tmp_path).run() == -signal.SIGINT


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
