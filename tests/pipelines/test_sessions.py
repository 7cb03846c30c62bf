"""Who may come in."""

import asyncio
import contextlib

from pipelines.sessions import Sessions
from protocol.errors import ErrorCode
from tests.support.virtual_time import VirtualTimeLoop, settle


def sessions(*, max_sessions: int = 2, max_pending: int = 2, max_loop_lag_ms: float = 250) -> Sessions:
    """An empty server."""
    return Sessions(max_sessions=max_sessions, max_pending=max_pending, max_loop_lag_ms=max_loop_lag_ms)


def test_a_connection_counts_as_pending_then_as_active_then_not_at_all() -> None:
    """One place at a time, from accept to close."""
    house = sessions()
    counts = [(house.pending, house.active)]
    with house.waiting_for_init() as seat:
        counts.append((house.pending, house.active))
        assert seat.take() is None
        counts.append((house.pending, house.active))
    counts.append((house.pending, house.active))
    assert counts == [(0, 0), (1, 0), (0, 1), (0, 0)]


def test_a_connection_that_fails_gives_its_place_back() -> None:
    """Whatever ends a connection, nothing stays counted."""
    house = sessions()
    for take in (False, True):
        with contextlib.suppress(RuntimeError), house.waiting_for_init() as seat:
            if take:
                seat.take()
            raise RuntimeError("broken")
    assert (house.pending, house.active) == (0, 0)


def test_a_full_house_refuses_and_keeps_the_connection_pending() -> None:
    """At the limit ``init`` is answered ``SERVER_BUSY``; who leaves makes room."""
    house = sessions(max_sessions=1)
    with house.waiting_for_init() as late:
        with house.waiting_for_init() as first:
            assert first.take() is None
            fault = late.take()
            assert fault is not None
            assert (fault.code, fault.message) == (
                ErrorCode.SERVER_BUSY,
                "all 1 sessions are taken; try again later",
            )
            assert (late.taken, house.pending, house.active) == (False, 1, 1)
            assert house.busy() == fault
        assert late.take() is None
    assert (house.pending, house.active) == (0, 0)


def test_connections_without_init_have_a_bound_of_their_own() -> None:
    """Idle connections neither use up sessions nor come without end."""
    house = sessions(max_pending=1)
    assert house.too_many_pending() is None
    with house.waiting_for_init() as seat:
        fault = house.too_many_pending()
        assert fault is not None
        assert fault.code is ErrorCode.SERVER_BUSY
        assert seat.take() is None
        assert house.too_many_pending() is None


def test_a_late_event_loop_refuses_new_sessions_only() -> None:
    """While the process does not keep up, who is in stays in and nobody comes in."""
    house = sessions(max_loop_lag_ms=250)
    house.loop_lag_ms = 251
    fault = house.busy()
    assert fault is not None
    assert (fault.code, fault.message) == (ErrorCode.SERVER_BUSY, "the server is overloaded; try again later")
    house.loop_lag_ms = 250
    assert house.busy() is None


def test_the_lag_can_be_ignored() -> None:
    """A limit of 0 is no limit."""
    house = sessions(max_loop_lag_ms=0)
    house.loop_lag_ms = 10_000
    assert house.busy() is None


async def test_the_lag_is_measured_and_forgotten() -> None:
    """A loop that was held up shows as late, and after a while as punctual again."""
    house = sessions()
    watch = asyncio.create_task(house.watch_loop_lag())
    await settle(1)
    assert house.loop_lag_ms < 1
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    loop.call_later(0.2, loop.hold_up, 0.3)
    await settle(0.5)
    late_ms = house.loop_lag_ms
    await settle(5)
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    assert late_ms > 50
    assert house.loop_lag_ms < 1
