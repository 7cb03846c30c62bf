"""One connection: when it is to be left, and how the work on it ends."""

import asyncio
from contextlib import suppress

import pytest

from gemini.errors import FailureKind, UpstreamError
from gemini.link import Link
from gemini.turns import TurnTracker
from tests.support.fake_upstream import FakeConnection
from tests.support.turns import TIMES
from tests.support.virtual_time import settle


def link(connection: FakeConnection | None = None) -> Link[TurnTracker]:
    """A connection that was opened at second 100, and is to be renewed at second 3000."""
    tracker = TurnTracker(TIMES, manual_activity=True)
    return Link(connection or FakeConnection(), tracker, model="m", opened_at=100.0, renew_at=3000.0)


# When it is left


async def test_a_connection_is_renewed_for_its_age_first() -> None:
    """Nothing was announced: it does not end, nor is it to be left before its turns are over."""
    connected = link()
    assert (connected.renew_at, connected.renewal_reason) == (3000.0, "max_age")
    assert connected.ends_at is None
    assert connected.leave_at is None


@pytest.mark.parametrize(
    ("now", "time_left_secs", "renew_at", "ends_at"),
    [
        (500.0, 300.0, 740.0, 800.0),
        (500.0, 60.0, 500.0, 560.0),
        (500.0, 50.0, 500.0, 550.0),
        (500.0, 0.0, 500.0, 502.0),
        (2990.0, 300.0, 3000.0, 3290.0),
    ],
    ids=["long before", "a minute", "Google's 50 s", "at once, or unreadable", "at the end of its age"],
)
async def test_an_announced_end_is_prepared_for(
    now: float, time_left_secs: float, renew_at: float, ends_at: float
) -> None:
    """The next connection is opened a minute ahead, or at once, and never later than planned before.

    Two seconds are left at the least: what is said to end at once may live longer.
    """
    connected = link()
    connected.note_go_away(time_left_secs, now)
    assert connected.ends_at == ends_at
    assert connected.renew_at == renew_at
    assert connected.renewal_reason == "go_away"
    assert connected.leave_at == ends_at - 1.0


async def test_the_end_that_was_announced_last_counts() -> None:
    """An upstream may repeat itself, with less time, or with more."""
    connected = link()
    connected.note_go_away(300.0, 500.0)
    connected.note_go_away(10.0, 600.0)
    assert (connected.ends_at, connected.renew_at) == (610.0, 600.0)
    connected.note_go_away(50.0, 605.0)
    assert (connected.ends_at, connected.renew_at) == (655.0, 600.0)


# The work on it


class Work:
    """Something that goes on until it is stopped, or fails.

    Attributes:
        ended: How each piece of it ended, as its link tells.
    """

    def __init__(self) -> None:
        """Nothing goes on."""
        self.ended: list[tuple[Link[TurnTracker], BaseException | None]] = []
        self.fail = asyncio.Event()

    async def go_on(self) -> None:
        """Until it fails."""
        await self.fail.wait()
        raise UpstreamError(FailureKind.UNAVAILABLE, "lost")

    async def wind_up_slowly(self) -> None:
        """Take a second to stop."""
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1.0)

    async def nothing(self) -> None:
        """End at once."""

    def note(self, connected: Link[TurnTracker], task: asyncio.Task[None]) -> None:
        """A piece of work ended."""
        error: BaseException | None = asyncio.CancelledError() if task.cancelled() else task.exception()
        self.ended.append((connected, error))


async def test_the_end_of_work_is_told() -> None:
    """With how it ended; the other work goes on."""
    work, connected = Work(), link()
    connected.run(work.nothing(), on_end=work.note)
    connected.run(work.go_on(), on_end=work.note)
    connected.run(work.wind_up_slowly(), on_end=work.note)
    await settle()
    assert work.ended == [(connected, None)]
    work.fail.set()
    await settle()
    told, error = work.ended[-1]
    assert told is connected
    assert isinstance(error, UpstreamError)
    assert len(work.ended) == 2
    await connected.close()


async def test_closing_stops_the_work_first() -> None:
    """Nothing is sent over a connection that is being closed; closing again does no harm."""
    work, connection = Work(), FakeConnection()
    connected = link(connection)
    connected.run(work.go_on(), on_end=work.note)
    connected.run(work.wind_up_slowly(), on_end=work.note)
    await settle()
    closing = asyncio.create_task(connected.close())
    await settle(0.5)
    assert not connection.closed
    await closing
    assert connection.closed
    assert [type(error) for _, error in work.ended] == [asyncio.CancelledError] * 2
    await connected.close()


async def test_work_that_failed_does_not_keep_it_open() -> None:
    """Its error was told; the close has none."""
    work, connection = Work(), FakeConnection()
    connected = link(connection)
    connected.run(work.go_on(), on_end=work.note)
    work.fail.set()
    await settle()
    await connected.close()
    assert connection.closed


async def test_stopping_alone_leaves_it_open() -> None:
    """What was about to be sent goes elsewhere, at once; the close follows."""
    work, connection = Work(), FakeConnection()
    connected = link(connection)
    connected.run(work.go_on(), on_end=work.note)
    await settle()
    connected.stop()
    await settle()
    assert len(work.ended) == 1
    assert not connection.closed
    await connected.close()


async def test_a_close_that_is_cancelled_closes_all_the_same() -> None:
    """Whoever closes may be cancelled while the work winds up; the connection is not left open."""
    work, connection = Work(), FakeConnection()
    connected = link(connection)
    connected.run(work.wind_up_slowly(), on_end=work.note)
    await settle()
    closing = asyncio.create_task(connected.close())
    await settle(0.5)
    closing.cancel()
    with suppress(asyncio.CancelledError):
        await closing
    assert connection.closed
    await settle(1.0)
