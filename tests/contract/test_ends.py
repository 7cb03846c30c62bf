"""The contract: how a connection ends, is cancelled, or is lost; and that nothing of it is left."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from typing import Any

import psutil
import pytest

from gemini.connector import LiveConnection
from gemini.errors import FailureKind, UpstreamError
from gemini.events import TargetAudio, UpstreamEvent
from tests.contract.bench import ENGLISH, KOREAN, STUCK_SECS, Bench, assert_interprets
from tests.support.speech import spoken
from tests.support.waiting import until

Send = Callable[[LiveConnection], Coroutine[Any, Any, None]]
SENDS: dict[str, Send] = {
    "audio": lambda connection: connection.send_audio(bytes(640)),
    "activity start": lambda connection: connection.send_activity_start(),
    "activity end": lambda connection: connection.send_activity_end(),
}


@contextlib.asynccontextmanager
async def nothing_is_left() -> AsyncIterator[None]:
    """What the block opens is closed in the end."""
    process = psutil.Process()
    before = process.num_fds()
    yield
    async with asyncio.timeout(STUCK_SECS):
        await until(lambda: process.num_fds() <= before)


async def receive_all(connection: LiveConnection) -> list[UpstreamEvent]:
    """What comes until it ends, which it does with an :class:`UpstreamError`."""
    received: list[UpstreamEvent] = []
    try:
        async for events in connection.receive():
            received += events
    except UpstreamError:
        return received
    raise AssertionError("receiving ended without an error")


async def test_closing_may_be_repeated(bench: Bench) -> None:
    """The second close, one at the same time and one from another task do nothing, and none raises."""
    async with nothing_is_left():
        connection = await bench.connector.connect(bench.config)
        await asyncio.gather(connection.close(), connection.close())
        await connection.close()
        await asyncio.create_task(connection.close())


async def test_closing_ends_a_receiver_that_waits(bench: Bench) -> None:
    """A task that is receiving gets an :class:`UpstreamError`, and so does the next one: neither waits for ever."""
    connection = await bench.connector.connect(bench.config)
    receiving = asyncio.create_task(receive_all(connection))
    await asyncio.sleep(0)
    await connection.close()
    await receiving
    assert await receive_all(connection) == []


async def test_closing_before_anything_was_received(bench: Bench) -> None:
    """What came before the close may still be received; then it raises."""
    connection = await bench.connector.connect(bench.config)
    await connection.close()
    await receive_all(connection)
    assert await receive_all(connection) == []


@pytest.mark.parametrize("send", SENDS.values(), ids=SENDS.keys())
async def test_sending_after_the_close_is_an_error(bench: Bench, send: Send) -> None:
    """Nothing that is sent after the close passes for sent."""
    connection = await bench.connector.connect(bench.config)
    await connection.close()
    with pytest.raises(UpstreamError) as caught:
        await send(connection)
    assert caught.value.kind is FailureKind.UNAVAILABLE


async def test_closing_in_the_middle_of_an_answer(bench: Bench) -> None:
    """A session can be left at any time, answered or not, read or not."""
    async with nothing_is_left():
        connection = await bench.connector.connect(bench.config)
        await connection.send_activity_start()
        await connection.send_audio(spoken(ENGLISH))
        await connection.send_activity_end()
        async with asyncio.timeout(bench.answer_secs), aclosing(connection.receive()) as messages:
            await anext(messages)
        await connection.close()


async def test_a_close_that_is_cancelled_goes_on(bench: Bench) -> None:
    """A caller that is cancelled while it closes leaves no session behind, which the upstream would keep open.

    Closing waits where more is unread than a client library queues: then the upstream's close is not seen.
    """
    async with nothing_is_left():
        connection = await bench.connector.connect(bench.config)
        await connection.send_activity_start()
        await connection.send_audio(spoken(ENGLISH, KOREAN))
        await connection.send_activity_end()
        async with asyncio.timeout(bench.answer_secs), aclosing(connection.receive()) as messages:
            while not any(isinstance(event, TargetAudio) for event in await anext(messages)):
                pass
        for _ in range(200):  # the rest comes, as far as it is taken
            await asyncio.sleep(0)
        closing = asyncio.create_task(connection.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait([closing])
        await connection.close()


@pytest.mark.parametrize("turns_of_the_loop", [1, 3, 10, 30, 100])
async def test_connecting_can_be_cancelled(bench: Bench, turns_of_the_loop: int) -> None:
    """An attempt that is cancelled at any point leaves neither task nor socket."""
    async with nothing_is_left():
        connecting = asyncio.create_task(bench.connector.connect(bench.config))
        for _ in range(turns_of_the_loop):
            await asyncio.sleep(0)
        connecting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await (await connecting).close()


async def test_a_setup_without_an_answer_can_be_given_up(bench: Bench) -> None:
    """Connecting has no limit of its own, and ends when its caller's is over."""
    connector = bench.stalling()
    async with nothing_is_left():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await connector.connect(bench.config)


async def test_a_receiver_that_is_cancelled_is_followed_by_another(bench: Bench) -> None:
    """Cancelling a receiver costs nothing: another one gets the answer, and the connection can be closed."""
    async with nothing_is_left():
        connection = await bench.connector.connect(bench.config)
        receiving = asyncio.create_task(receive_all(connection))
        await asyncio.sleep(0)
        receiving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await receiving
        async with bench.over(connection) as talk:
            await talk.say(KOREAN)
            assert_interprets(bench, await talk.answer(), KOREAN)


async def test_a_connection_that_is_lost_says_so_to_everybody(bench: Bench) -> None:
    """After what came before the loss, receiving raises, each time; sending does, too; closing does not."""
    connector = bench.breaking()
    async with nothing_is_left(), bench.talk(connector=connector) as talk:
        await talk.say(ENGLISH)
        with pytest.raises(UpstreamError) as lost:
            await talk.answer()
        assert talk.events
        assert lost.value.kind is FailureKind.UNAVAILABLE
        assert await receive_all(talk.connection) == []
        for send in SENDS.values():
            with pytest.raises(UpstreamError) as caught:
                await send(talk.connection)
            assert caught.value.kind is FailureKind.UNAVAILABLE
