"""What many clients at once, or one that sends too much, may cost the others."""

import asyncio
import contextlib
import logging

import pytest

from pipelines.sessions import Sessions
from tests.support.interpreted import client
from tests.support.virtual_time import settle

_SPACING_SECS = 0.04


async def test_sessions_start_one_after_the_other() -> None:
    """Each a moment after the one before, in the order of their ``init``; one that comes alone does not wait."""
    sessions = Sessions(max_sessions=9, max_pending=9, max_loop_lag_ms=0)
    async with contextlib.AsyncExitStack() as stack:
        users = [await stack.enter_async_context(client(sessions=sessions)) for _ in range(4)]
        began = users[0].secs
        for user in users:
            user.network.say({"type": "init"})
        times = []
        for user in users:
            await user.network.wait_for("connected")
            times.append(user.secs - began)
        assert times == pytest.approx([number * _SPACING_SECS for number in range(4)])
        await sessions.stop()


async def test_who_waits_for_its_turn_to_start_may_leave() -> None:
    """Its place among the pending is free in the end, and nothing that was started for it stays."""
    sessions = Sessions(max_sessions=9, max_pending=9, max_loop_lag_ms=0)
    async with client(sessions=sessions) as first, client(sessions=sessions) as second:
        await first.init()
        second.network.say({"type": "init"})
        await settle(_SPACING_SECS / 4)
        assert (sessions.pending, sessions.active) == (1, 1)
        second.network.leave()
        await second.serving
        assert (sessions.pending, sessions.active) == (0, 1)
        assert all(connection.closed for connection in second.upstream.connections)
        await sessions.stop()


async def test_the_last_seat_goes_to_the_first_in_line() -> None:
    """A server that is full when a turn comes refuses, and starts nothing."""
    sessions = Sessions(max_sessions=1, max_pending=9, max_loop_lag_ms=0)
    async with client(sessions=sessions) as first, client(sessions=sessions) as second:
        for user in (first, second):
            user.network.say({"type": "init"})
        await first.network.wait_for("connected")
        assert await second.ended() == ("SERVER_BUSY", 1013)
        assert second.upstream.configs == []
        await sessions.stop()


async def test_refusals_come_one_after_the_other() -> None:
    """Those whom a full server refuses come back, and must cost those who talk no more than a start does."""
    sessions = Sessions(max_sessions=1, max_pending=9, max_loop_lag_ms=0)
    async with contextlib.AsyncExitStack() as stack:
        talking, *users = [await stack.enter_async_context(client(sessions=sessions)) for _ in range(4)]
        await talking.init()
        await asyncio.sleep(1)
        began = talking.secs
        for user in users:
            user.network.say({"type": "init"})
        times = []
        for user in users:
            assert await user.ended() == ("SERVER_BUSY", 1013)
            times.append(user.secs - began)
        assert times == pytest.approx([number * _SPACING_SECS for number in range(3)])
        await sessions.stop()


async def test_a_seat_that_gets_free_goes_to_who_waits() -> None:
    """Whether a server is full is decided when one's turn comes."""
    sessions = Sessions(max_sessions=1, max_pending=9, max_loop_lag_ms=0)
    async with contextlib.AsyncExitStack() as stack:
        talking, refused, waiting = [await stack.enter_async_context(client(sessions=sessions)) for _ in range(3)]
        await talking.init()
        await asyncio.sleep(1)
        for user in (refused, waiting):
            user.network.say({"type": "init"})
        assert await refused.ended() == ("SERVER_BUSY", 1013)
        talking.network.say({"type": "close"})
        await waiting.network.wait_for("connected")
        await sessions.stop()


async def test_waiting_for_a_turn_is_no_missing_init() -> None:
    """The time for ``init`` ends with ``init``."""
    sessions = Sessions(max_sessions=99, max_pending=99, max_loop_lag_ms=0)
    async with contextlib.AsyncExitStack() as stack:
        users = [
            await stack.enter_async_context(client(sessions=sessions, init_timeout_secs=0.1)) for _ in range(6)
        ]
        for user in users:
            user.network.say({"type": "init"})
        for user in users:
            await user.network.wait_for("connected")
        await sessions.stop()


async def test_a_rejected_key_starts_nothing() -> None:
    """While the upstream is known to refuse every session, ``init`` is refused before a pipeline is made."""
    async with client(upstream_refuses=True) as user:
        user.network.say({"type": "init"})
        assert await user.ended() == ("UPSTREAM_AUTH", 1011)
        assert user.upstream.configs == []
        assert user.sessions.active == 0


@pytest.mark.parametrize(("pause_secs", "most"), [(0.0, 150), (0.04, 760)])
async def test_a_flood_of_interrupts_ends_the_session(pause_secs: float, most: int) -> None:
    """150 at once may come, and 20 a second for good; more are ``RATE_LIMITED``."""
    async with client() as user:
        await user.init()
        for _ in range(most):
            user.network.say({"type": "interrupt"})
            await asyncio.sleep(pause_secs)
        user.network.say({"type": "interrupt"})
        assert await user.ended() == ("RATE_LIMITED", 1008)


async def test_interrupts_of_a_person_end_nothing() -> None:
    """Ten a second, for a minute."""
    async with client() as user:
        await user.init()
        for _ in range(600):
            user.network.say({"type": "interrupt"})
            await settle(0.1)
        assert len(user.network.of("interrupted")) == 600
        assert not user.serving.done()


async def test_who_is_not_let_in_is_not_logged_without_end(caplog: pytest.LogCaptureFixture) -> None:
    """A hundred get a line of their own, and the rest are counted."""
    caplog.set_level(logging.INFO)
    sessions = Sessions(max_sessions=1, max_pending=9, max_loop_lag_ms=0)
    async with client(sessions=sessions) as first:
        await first.init()
        for _ in range(130):
            async with client(sessions=sessions) as user:
                user.network.say({"type": "init"})
                assert await user.ended() == ("SERVER_BUSY", 1013)
        await sessions.stop()
    fields = [record.__dict__["fields"] for record in caplog.records if record.message == "ends not logged"]
    logged = [record for record in caplog.records if record.message == "session ended"]
    busy = [record for record in logged if record.__dict__["fields"]["reason"] == "SERVER_BUSY"]
    assert len(busy) + sum(item["count"] for item in fields if item["reason"] == "SERVER_BUSY") == 130
    assert 100 <= len(busy) <= 110
