"""Who may come in, who is there, and who may come back."""

import asyncio
import contextlib

import pytest

from pipelines.sessions import Sessions
from protocol.errors import ErrorCode
from tests.support.fake_session import FakeSession
from tests.support.virtual_time import VirtualTimeLoop, settle


def sessions(*, max_sessions: int = 2, max_pending: int = 2, max_loop_lag_ms: float = 50) -> Sessions:
    """An empty server."""
    return Sessions(max_sessions=max_sessions, max_pending=max_pending, max_loop_lag_ms=max_loop_lag_ms)


def test_a_connection_counts_as_pending_until_it_belongs_to_a_session() -> None:
    """One place at a time; the session counts for itself, from its start to its end."""
    house = sessions()
    counts = [(house.pending, house.active)]
    with house.waiting_for_init() as seat:
        counts.append((house.pending, house.active))
        seat.leave()
        session = FakeSession(house)
        house.add(session)
        counts.append((house.pending, house.active))
    counts.append((house.pending, house.active))
    house.remove(session)
    house.remove(session)
    counts.append((house.pending, house.active))
    assert counts == [(0, 0), (1, 0), (0, 1), (0, 1), (0, 0)]


def test_a_connection_that_fails_gives_its_place_back() -> None:
    """Whatever ends a connection, nothing stays counted."""
    house = sessions()
    for leave in (False, True):
        with contextlib.suppress(RuntimeError), house.waiting_for_init() as seat:
            if leave:
                seat.leave()
            raise RuntimeError("broken")
    assert (house.pending, house.active) == (0, 0)


def test_a_full_house_refuses() -> None:
    """At the limit ``init`` is answered ``SERVER_BUSY``; a session that ends makes room."""
    house = sessions(max_sessions=1)
    assert house.busy() is None
    session = FakeSession(house, detached=True)
    house.add(session)
    fault = house.busy()
    assert fault is not None
    assert (fault.code, fault.message) == (ErrorCode.SERVER_BUSY, "all 1 sessions are taken; try again later")
    house.remove(session)
    assert house.busy() is None


def test_connections_without_init_have_a_bound_of_their_own() -> None:
    """Idle connections neither use up sessions nor come without end."""
    house = sessions(max_pending=1)
    assert house.too_many_pending() is None
    with house.waiting_for_init() as seat:
        fault = house.too_many_pending()
        assert fault is not None
        assert fault.code is ErrorCode.SERVER_BUSY
        seat.leave()
        assert house.too_many_pending() is None


def test_sessions_are_found_by_their_id_while_they_run() -> None:
    """An id leads to its session and to no other, and to nothing when that is over."""
    house = sessions()
    first, second = FakeSession(house, "a"), FakeSession(house, "b")
    house.add(first)
    house.add(second)
    assert list(house.live) == [first, second]
    assert (house.resumable("a"), house.resumable("b"), house.resumable("c")) == (first, second, None)
    house.remove(first)
    assert (house.resumable("a"), list(house.live)) == (None, [second])


async def test_what_a_session_leaves_over_is_found_for_a_while() -> None:
    """Instead of the session, and until the time is up; it counts as no session."""
    house = sessions()
    session, rest = FakeSession(house, "a"), FakeSession(house, "a")
    house.add(session)
    house.leave_over("a", rest, 30)
    assert house.resumable("a") is rest
    house.remove(session)
    await settle(29)
    assert (house.resumable("a"), house.active) == (rest, 0)
    await settle(2)
    assert house.resumable("a") is None


async def test_what_is_left_over_is_bounded() -> None:
    """No more of it than there may be sessions: the oldest goes first."""
    house = sessions(max_sessions=2)
    for name in ("a", "b", "c"):
        house.leave_over(name, FakeSession(house, name), 30)
    assert [house.resumable(name) is not None for name in ("a", "b", "c")] == [False, True, True]
    await settle(31)
    assert [house.resumable(name) for name in ("b", "c")] == [None, None]


async def test_a_server_that_stops_ends_every_session() -> None:
    """Those without a connection too; nothing is left to come back to."""
    house = sessions()
    here, away = FakeSession(house, "a"), FakeSession(house, "b", detached=True)
    house.add(here)
    house.add(away)
    house.leave_over("c", FakeSession(house, "c"), 30)
    await house.stop()
    assert (here.stopped, away.stopped, house.active, house.resumable("c")) == (True, True, 0, None)


def test_a_late_event_loop_refuses_new_sessions_only() -> None:
    """While the process does not keep up, who is in stays in and nobody comes in."""
    house = sessions(max_loop_lag_ms=50)
    house.loop_lag.observe(1000)
    fault = house.busy()
    assert fault is not None
    assert (fault.code, fault.message) == (ErrorCode.SERVER_BUSY, "the server is overloaded; try again later")
    for _ in range(20):
        house.loop_lag.observe(0)
    assert house.busy() is None


def test_the_lag_can_be_ignored() -> None:
    """A limit of 0 is no limit."""
    house = sessions(max_loop_lag_ms=0)
    house.loop_lag.observe(10_000)
    assert house.busy() is None


@pytest.mark.parametrize("turn_secs", [0.1, 0.3, 0.9])
async def test_an_overload_is_noticed_within_a_second(turn_secs: float) -> None:
    """Where each turn of the loop takes twice the limit or longer; or after three turns, if they take that long."""
    house = sessions(max_loop_lag_ms=50)
    watch = asyncio.create_task(house.watch_loop_lag())
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    await settle(5)
    began_at = loop.time()
    while house.busy() is None:
        loop.hold_up(turn_secs)
        await asyncio.sleep(0)
        assert loop.time() <= began_at + max(1, 3 * turn_secs) + 0.001
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)


async def test_a_pause_refuses_nobody() -> None:
    """The garbage collector, or a page of the documents: 50 ms now and then, or 150 ms once."""
    house = sessions(max_loop_lag_ms=50)
    watch = asyncio.create_task(house.watch_loop_lag())
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    for pause_secs in (0.05, 0.05, 0.05, 0.15):
        await settle(1)
        loop.hold_up(pause_secs)
        for _ in range(10):
            await settle(0.05)
            assert house.busy() is None
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)


async def test_the_lag_is_measured_and_forgotten() -> None:
    """A loop that was held up shows as late, and after a while as punctual again."""
    house = sessions()
    watch = asyncio.create_task(house.watch_loop_lag())
    await settle(1)
    assert house.loop_lag.ms < 1
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    loop.call_later(0.2, loop.hold_up, 0.3)
    await settle(0.5)
    late_ms = house.loop_lag.ms
    await settle(5)
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    assert late_ms > 50
    assert house.loop_lag.ms < 1
