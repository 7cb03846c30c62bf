"""Resumption handles: when they resume a session, and how they are refused."""

import time
from collections.abc import Callable

import pytest

from emulator import Emulator, Fault
from tests.emulator.talker import Talker, talking, until

Start = Callable[..., Emulator]
UNKNOWN = (1007, "Request contains an invalid argument.")
STILL_OPEN = (1011, "Internal error encountered.")


async def given(talker: Talker) -> str:
    """The handle that a session is given."""
    await talker.until(lambda: talker.count("sessionResumptionUpdate") > 0)
    update = next(message for message in talker.messages if "sessionResumptionUpdate" in message)
    return str(update["sessionResumptionUpdate"]["newHandle"])


async def ended(emulator: Emulator) -> str:
    """The handle of a session that has ended."""
    async with talking(emulator) as talker:
        handle = await given(talker)
    record = emulator.sessions[-1]
    await talker.until(lambda: record.ended_at_secs is not None)
    return handle


async def resumed(emulator: Emulator, handle: str) -> bool:
    """Whether a handle resumes."""
    async with talking(emulator, handle=handle) as talker:
        await talker.until(lambda: talker.reader.done() or talker.count("setupComplete") > 0)
        return talker.count("setupComplete") > 0


async def refused(emulator: Emulator, handle: str) -> tuple[int | None, str | None]:
    """How a handle is refused."""
    async with talking(emulator, handle=handle) as talker:
        return await talker.closed()


async def test_a_handle_resumes(start: Start) -> None:
    """After its session ended, more than once; the record says which session was resumed."""
    async with start() as emulator:
        handle = await ended(emulator)
        assert await resumed(emulator, handle)
        await until(lambda: emulator.sessions[1].ended_at_secs is not None)
        assert await resumed(emulator, handle)
    assert [record.resumed_from for record in emulator.sessions] == [None, 1, 2]


async def test_while_the_old_socket_is_open(start: Start) -> None:
    """Refused with 1011; also while the session that resumed it is open."""
    async with start() as emulator:
        async with talking(emulator) as talker:
            handle = await given(talker)
            assert await refused(emulator, handle) == STILL_OPEN
        await talker.until(lambda: emulator.sessions[0].ended_at_secs is not None)
        async with talking(emulator, handle=handle) as talker:
            await given(talker)
            assert await refused(emulator, handle) == STILL_OPEN


async def test_while_the_old_connection_is_half_open(start: Start) -> None:
    """A client that gave up a frozen connection cannot resume it: the service does not know."""
    async with start() as emulator:
        async with talking(emulator) as talker:
            handle = await given(talker)
            emulator.inject(Fault(name="half_open", moment="before"))
            await talker.start()
            await talker.until(lambda: bool(emulator.struck))
        async with talking(emulator) as other:
            await given(other)
        assert await refused(emulator, handle) == STILL_OPEN


async def test_unknown_handles(start: Start) -> None:
    """Refused with 1007."""
    async with start() as emulator:
        assert await refused(emulator, "no-handle-of-ours") == UNKNOWN


async def test_expired_handles(start: Start) -> None:
    """A handle is good for two hours, by the schedule factor, after its session ended; then it is unknown."""
    async with start(schedule_factor=0.2 / 7200) as emulator:
        handle = await ended(emulator)
        assert await resumed(emulator, handle)
        record = emulator.sessions[-1]
        await until(lambda: record.ended_at_secs is not None)
        end = record.began_at_secs + (record.ended_at_secs or 0)
        await until(lambda: time.monotonic() > end + 0.25)
        assert await refused(emulator, handle) == UNKNOWN


async def test_one_refusal(start: Start) -> None:
    """The fault refuses a good handle once with 1007; a fresh session is none of its business."""
    async with start() as emulator:
        handle = await ended(emulator)
        emulator.inject(Fault(name="resume_1007", moment="setup"))
        async with talking(emulator) as talker:
            await given(talker)
        assert await refused(emulator, handle) == UNKNOWN
        assert await resumed(emulator, handle)


@pytest.mark.parametrize("handling", ["taken", "refused"])
async def test_client_content_on_a_resumed_session(start: Start, handling: str) -> None:
    """Closes 1007 where the option says so; a fresh session may be seeded."""
    async with start(client_content=handling) as emulator:
        content = {"clientContent": {"turns": [], "turnComplete": True}}
        async with talking(emulator) as talker:
            handle = await given(talker)
            await talker.send(content)
            await talker.until(lambda: "clientContent" in emulator.sessions[0].kinds("in"))
        await talker.until(lambda: emulator.sessions[0].ended_at_secs is not None)
        assert emulator.sessions[0].close_code == 1000
        async with talking(emulator, handle=handle) as talker:
            await talker.send(content)
            await talker.until(lambda: "clientContent" in emulator.sessions[1].kinds("in"))
            if handling == "refused":
                assert await talker.closed() == UNKNOWN
        await talker.until(lambda: emulator.sessions[1].ended_at_secs is not None)
    assert emulator.sessions[1].close_code == {"taken": 1000, "refused": 1007}[handling]
