"""Connections that are lost at random moments cost no message, no sample and no word."""

import asyncio

import pytest

from tests.resume.losses import LOSSES
from tests.resume.relay import relay_before
from tests.resume.run import run
from tests.support.waiting import until


async def test_sessions_survive_losses_at_random_moments() -> None:
    """A short run: one session, and the claims that every run refuses."""
    result = await run(10, seed=7, at_once=1)
    assert result.wrong == [], result.report()
    assert result.disconnections >= 10
    assert result.impostors["too late"] == 1
    assert result.impostors["session is over"] == result.sessions


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_sessions_survive_a_thousand_losses() -> None:
    """Of every kind, and claims of every kind."""
    result = await run(1000, seed=1, at_once=4)
    assert result.wrong == [], result.report()
    assert result.disconnections >= 1000
    assert result.sent_again > 0
    assert set(result.losses) == set(LOSSES)
    assert set(result.impostors) == {
        "wrong token",
        "foreign token",
        "unknown session",
        "session is over",
        "too late",
    }


async def test_the_relay_loses_what_it_is_told_to() -> None:
    """All bytes pass, then as many as it is told, then none; a cut reaches both ends."""
    heard = bytearray()
    ended = asyncio.Event()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(100):
                heard.extend(data)
                writer.write(data)
        except ConnectionResetError:
            pass
        finally:
            writer.close()
            ended.set()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, relay_before(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws") as relay:
        assert relay.url.endswith("/ws")
        reader, writer = await asyncio.open_connection("127.0.0.1", int(relay.url.split(":")[2].split("/")[0]))
        writer.write(b"abc")
        assert await reader.readexactly(3) == b"abc"
        relay.lines[0].stall(uplink_bytes=2, downlink_bytes=1)
        writer.write(b"defg")
        assert await reader.readexactly(1) == b"d"
        await until(lambda: heard == b"abcde")
        writer.write(b"h")
        await asyncio.sleep(0)
        relay.lines[0].cut()
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        await ended.wait()
        assert heard == b"abcde"
        writer.close()
