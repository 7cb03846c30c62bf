"""A session that outlives its connection, over real sockets."""

import asyncio
from typing import Any

import pytest

from tests.support.client import ProtocolClient, protocol_client
from tests.support.conversation import SLOW_OUTPUT
from tests.support.laws import lawful_turns
from tests.support.resuming_client import ResumingClient
from tests.support.servers import running_server
from tests.support.speech import entry, samples_scenario, silence, spoken, texts, told
from tests.support.waiting import until

PHRASE = "kennedy-1"
SPEED = 40.0


async def resumed(client: ProtocolClient, connected: dict[str, Any], last_seq: int) -> dict[str, Any]:
    """Go on with the session of ``connected``; what the server says to it."""
    return await client.init(
        resume={
            "sessionId": connected["sessionId"],
            "resumeToken": connected["resumeToken"],
            "lastSeq": last_seq,
            "firstSample": 0,
        }
    )


@pytest.mark.parametrize("encoding", ["base64", "binary"])
async def test_an_interpretation_goes_on_on_another_connection(encoding: str) -> None:
    """Cut off in the middle of output, without a close: the rest comes, nothing twice, nothing missing."""
    async with running_server(SLOW_OUTPUT, scenario=samples_scenario()) as server:
        client = ResumingClient(server.url, spoken(PHRASE) + silence(1500), audioEncoding=encoding)
        await client.open()
        await client.stream(speed=SPEED)
        await client.until(lambda: any(message["type"] == "audio_response" for message in client.messages))
        before = client.last_seq
        await client.abort()
        (session,) = server.sessions.live
        await until(lambda: session.detached)
        await until(lambda: server.emulator.sessions[-1].utterances[0].complete)
        await client.open()
        await client.until(lambda: bool(client.turns))
        assert client.wrong == []
        assert client.last_seq > before
        assert client.turns == [texts(PHRASE)]
        (turn,) = lawful_turns([{"type": "connected"}, *client.messages])
        assert len(turn.audio) == server.emulator.sessions[-1].utterances[0].sent_audio_bytes
        await client.close()


async def test_the_server_knows_at_once_that_a_client_took_its_session_elsewhere() -> None:
    """The old connection hangs open: the resume works at once, and the old one gets 1008 without an error."""
    async with running_server() as server, protocol_client(server.url) as old:
        connected = await old.init(resume={})
        async with protocol_client(server.url) as back:
            assert (await resumed(back, connected, 0))["resumed"] is True
            assert await old.wait_closed() == 1008
            assert [message["type"] for message in old.messages] == ["connected"]
            assert server.sessions.active == 1
            await back.send({"type": "close"})
            assert await back.wait_closed() == 1000


async def test_a_client_that_does_not_read_resumes_from_where_it_stopped() -> None:
    """It is closed with 1013, resumes as often as it takes, and has everything in the end, once and in order."""
    long_answer = told(kennedy_1={"audio": entry(PHRASE).audio * 60})
    bounds: dict[str, Any] = {"max_send_backlog_bytes": 256 * 1024, "resume_buffer_bytes": 64 * 2**20}
    async with asyncio.timeout(60), running_server(scenario=long_answer, **bounds) as server:
        client = ResumingClient(server.url, spoken(PHRASE) + silence(1500), receive_buffer_bytes=4096)
        await client.open()
        await client.stop_reading()
        await client.stream(speed=SPEED)
        (session,) = server.sessions.live
        await until(lambda: session.detached)
        client.read_on()
        codes = set()
        while not client.turns:
            await client.until(lambda: client.close_code is not None or bool(client.turns))
            if not client.turns:
                codes.add(client.close_code)
                await client.leave()
                await client.open()
        assert codes == {1013}
        assert client.wrong == []
        (turn,) = lawful_turns([{"type": "connected"}, *client.messages])
        (utterance,) = server.emulator.sessions[-1].utterances
        assert len(turn.audio) == utterance.sent_audio_bytes
        await client.close()


async def test_nobody_else_gets_in() -> None:
    """A wrong secret gets a fresh session, while the right client goes on undisturbed."""
    async with running_server() as server, protocol_client(server.url) as client:
        connected = await client.init(resume={})
        async with protocol_client(server.url) as thief:
            fresh = await resumed(thief, {**connected, "resumeToken": "x" * 43}, 0)
            assert (fresh["resumed"], fresh["sessionId"] == connected["sessionId"]) == (False, False)
            await client.send({"type": "interrupt"})
            assert (await client.wait_for("interrupted"))["seq"] == 1
            assert len(thief.messages) == 1


async def test_a_server_that_stops_lets_no_session_outlive_it() -> None:
    """One whose client is away has its connection upstream closed like any other."""
    async with running_server() as server:
        async with protocol_client(server.url) as client:
            await client.init(resume={})
        await until(lambda: all(session.detached for session in server.sessions.live))
        assert server.sessions.active == 1
    assert server.sessions.active == 0
    await asyncio.sleep(0)
    assert server.emulator.sessions[-1].closed
