"""The error table: what each fault is called, whether the connection goes on, and how it is closed."""

import asyncio
import base64
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from emulator import Scenario
from tests.support.client import ProtocolClient, protocol_client
from tests.support.conversation import SLOW_OUTPUT, Conversation, conversation
from tests.support.endings import LEAKS, fatal
from tests.support.foreign_step import MODULE, with_step
from tests.support.gate import gated_server
from tests.support.laws import lawful_turns
from tests.support.servers import RunningServer, running_server
from tests.support.speech import entry, samples_scenario, silence, spoken, texts, told
from tests.support.waiting import until

Message = dict[str, Any]
ONE_SECOND = base64.b64encode(silence(1000)).decode()


def audio(data: object) -> Message:
    """An ``audio`` message with this content."""
    return {"type": "audio", "data": data, "timestamp": 0}


REFUSED_BEFORE_INIT: dict[str, tuple[str | bytes | Message, str]] = {
    "no JSON": ("{'type': 'init'}", "INVALID_MESSAGE"),
    "empty": ("", "INVALID_MESSAGE"),
    "two objects": ('{"type":"init"}{"type":"init"}', "INVALID_MESSAGE"),
    "not a number": ('{"type":"init","config":{"sampleRate":NaN}}', "INVALID_MESSAGE"),
    "deep nesting": ("[" * 5000 + "]" * 5000, "INVALID_MESSAGE"),
    "lone surrogate": ('{"type":"\\ud800"}', "INVALID_MESSAGE"),
    "array": ('[{"type":"init"}]', "INVALID_MESSAGE"),
    "no type": ({"config": {}}, "INVALID_MESSAGE"),
    "type is a number": ({"type": 1}, "INVALID_MESSAGE"),
    "type is null": ({"type": None}, "INVALID_MESSAGE"),
    "unknown type": ({"type": "initialize", "data": ONE_SECOND}, "UNKNOWN_TYPE"),
    "type in capitals": ({"type": "INIT"}, "UNKNOWN_TYPE"),
    "type of the server": ({"type": "connected"}, "UNKNOWN_TYPE"),
    "audio": (audio(ONE_SECOND), "NOT_READY"),
    "audio with wrong fields": ({"type": "audio", "data": 5}, "NOT_READY"),
    "bad audio": (audio("%%%"), "NOT_READY"),
    "interrupt": ({"type": "interrupt"}, "NOT_READY"),
    "binary": (silence(20), "NOT_READY"),
    "config is no object": ({"type": "init", "config": "auto"}, "INVALID_MESSAGE"),
    "language is a number": ({"type": "init", "config": {"language": 7}}, "INVALID_MESSAGE"),
    "language is null": ({"type": "init", "config": {"language": None}}, "INVALID_MESSAGE"),
    "useWhisper is text": ({"type": "init", "config": {"useWhisper": "true"}}, "INVALID_MESSAGE"),
    "useWhisper is a number": ({"type": "init", "config": {"useWhisper": 1}}, "INVALID_MESSAGE"),
    "sampleRate is text": ({"type": "init", "config": {"sampleRate": "16000"}}, "INVALID_MESSAGE"),
    "sampleRate is a bool": ({"type": "init", "config": {"sampleRate": True}}, "INVALID_MESSAGE"),
    "sampleRate is a fraction": ({"type": "init", "config": {"sampleRate": 16000.5}}, "INVALID_MESSAGE"),
    "sampleRate too low": ({"type": "init", "config": {"sampleRate": 7999}}, "INVALID_MESSAGE"),
    "sampleRate too high": ({"type": "init", "config": {"sampleRate": 48001}}, "INVALID_MESSAGE"),
    "unknown encoding": ({"type": "init", "config": {"audioEncoding": "opus"}}, "INVALID_MESSAGE"),
}

REFUSED_AFTER_INIT: dict[str, tuple[str | bytes | Message, str]] = {
    "no JSON": ("init", "INVALID_MESSAGE"),
    "number": ("17", "INVALID_MESSAGE"),
    "unknown type": ({"type": "Audio"}, "UNKNOWN_TYPE"),
    "second init": ({"type": "init", "config": {}}, "ALREADY_INIT"),
    "second init with wrong fields": ({"type": "init", "config": 5}, "ALREADY_INIT"),
    "binary frame": (silence(20), "INVALID_MESSAGE"),
    "no data": ({"type": "audio"}, "INVALID_MESSAGE"),
    "data is null": (audio(None), "INVALID_MESSAGE"),
    "data is a list": (audio([1, 2]), "INVALID_MESSAGE"),
    "timestamp is text": ({"type": "audio", "data": "AAAA", "timestamp": "now"}, "INVALID_MESSAGE"),
    "no base64": (audio("not base64!"), "INVALID_AUDIO"),
    "base64 without padding": (audio("AAA"), "INVALID_AUDIO"),
    "base64 of the other alphabet": (audio("-_-_"), "INVALID_AUDIO"),
    "base64 with a line break": (audio("AAAA\nAAAA"), "INVALID_AUDIO"),
    "letters outside ASCII": (audio("소리"), "INVALID_AUDIO"),
    "empty audio": (audio(""), "INVALID_AUDIO"),
    "half a sample": (audio(base64.b64encode(bytes(321)).decode()), "INVALID_AUDIO"),
    "longer than MAX_CHUNK_SECS": (audio(base64.b64encode(silence(5000) + bytes(2)).decode()), "INVALID_AUDIO"),
}


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    """A server as it comes."""
    async with running_server(scenario=samples_scenario()) as running:
        yield running


async def refused(client: ProtocolClient, message: str | bytes | Message) -> str:
    """Send something that is wrong; the code of the error that answers it."""
    count = len(client.of("error"))
    await client.send(message)
    error = await client.wait_for("error", count + 1)
    assert set(error) == {"type", "message", "code"}
    assert not LEAKS.search(error["message"]), error["message"]
    assert "\n" not in error["message"]
    assert error["message"].isprintable()
    code: str = error["code"]
    return code


# Recoverable


async def test_bad_input_before_init_is_answered_and_the_connection_goes_on(server: RunningServer) -> None:
    """Each fault has its code, in the order JSON, type, state, fields; after them all ``init`` still works."""
    async with protocol_client(server.url) as client:
        codes = {name: await refused(client, message) for name, (message, _) in REFUSED_BEFORE_INIT.items()}
        assert codes == {name: code for name, (_, code) in REFUSED_BEFORE_INIT.items()}
        assert server.emulator.connections == 0
        await client.init()
        turn = await Conversation(server, client).interpret("kennedy-1")
        assert turn.texts == texts("kennedy-1")


async def test_bad_input_in_a_session_is_answered_and_the_session_goes_on(server: RunningServer) -> None:
    """Each fault has its code, in the order JSON, type, state, fields, audio; the turn around them is whole."""
    async with protocol_client(server.url) as client:
        await client.init()
        pcm = spoken("kennedy-3")
        await client.stream(pcm[: len(pcm) // 4 * 2], speed=20)
        codes = {name: await refused(client, message) for name, (message, _) in REFUSED_AFTER_INIT.items()}
        assert codes == {name: code for name, (_, code) in REFUSED_AFTER_INIT.items()}
        await client.stream(pcm[len(pcm) // 4 * 2 :] + silence(1200), speed=20)
        await client.wait_for("turn_complete")
        assert [turn.texts for turn in lawful_turns(client.messages)] == [texts("kennedy-3")]
        assert server.emulator.sessions[0].utterances[0].audio in pcm + silence(1200)


async def test_bad_binary_audio_is_answered_and_the_session_goes_on(server: RunningServer) -> None:
    """In a session with binary audio an empty, an odd and a long frame are bad audio."""
    async with protocol_client(server.url) as client:
        await client.init(audioEncoding="binary")
        for pcm in (b"", bytes(3), silence(5000) + bytes(2)):
            assert await refused(client, pcm) == "INVALID_AUDIO"
        turn = await Conversation(server, client).interpret("kennedy-1")
        assert turn.texts == texts("kennedy-1")


async def test_what_is_allowed_at_the_edges_is_no_error(server: RunningServer) -> None:
    """An integer as a float, a chunk of exactly ``MAX_CHUNK_SECS``, no timestamp, unknown fields: all fine."""
    async with protocol_client(server.url) as client:
        await client.init(sampleRate=16000.0, unknown={"deep": [1]})
        await client.send({"type": "audio", "data": base64.b64encode(silence(5000)).decode(), "more": None})
        await client.send({"type": "audio", "data": "AAAAAAAA", "timestamp": 1.5})
        await client.send({"type": "interrupt", "why": "because"})
        await client.wait_for("interrupted")
        assert client.of("error") == []


async def test_errors_quote_only_a_bit_of_what_came(server: RunningServer) -> None:
    """A client cannot make an error of any size."""
    async with protocol_client(server.url) as client:
        assert await refused(client, {"type": "x" * 100_000}) == "UNKNOWN_TYPE"
        assert await refused(client, {"type": "가" * 50_000}) == "UNKNOWN_TYPE"
        assert await refused(client, "[" * 100_000) == "INVALID_MESSAGE"
        assert all(len(error["message"]) < 400 for error in client.of("error"))


# Fatal


async def test_a_language_that_is_not_ours_ends_the_session(server: RunningServer) -> None:
    """``UNSUPPORTED_LANGUAGE`` and 1008, before anything upstream."""
    for language in ("fr", "KO", "", "ko-KR", "auto ", "ko,en", "한국어"):
        async with protocol_client(server.url) as client:
            await client.send({"type": "init", "config": {"language": language}})
            assert await fatal(client) == ("UNSUPPORTED_LANGUAGE", 1008)
    assert server.emulator.connections == 0


async def test_who_sends_no_init_is_sent_away() -> None:
    """``INIT_TIMEOUT`` and 1008; other messages, refused ones included, do not count as an ``init``."""
    async with running_server(init_timeout_secs=0.3) as server, protocol_client(server.url) as client:
        assert await refused(client, {"type": "interrupt"}) == "NOT_READY"
        assert await refused(client, {"type": "init", "config": 5}) == "INVALID_MESSAGE"
        assert await fatal(client) == ("INIT_TIMEOUT", 1008)
        assert server.emulator.connections == 0


async def test_init_in_time_lifts_the_timeout() -> None:
    """A session lives on after ``INIT_TIMEOUT_SECS``."""
    async with (
        running_server(init_timeout_secs=0.3, scenario=samples_scenario()) as server,
        protocol_client(server.url) as client,
    ):
        await client.init()
        await asyncio.sleep(0.5)
        turn = await Conversation(server, client).interpret("kennedy-1")
        assert turn.texts == texts("kennedy-1")


async def test_an_idle_session_ends() -> None:
    """``IDLE_TIMEOUT`` and 1000 where nothing is sent either way; who sends stays."""
    async with (
        running_server(idle_timeout_secs=1.0) as server,
        protocol_client(server.url) as idle,
        protocol_client(server.url) as busy,
    ):
        await idle.init()
        await busy.init()
        sending = asyncio.create_task(busy.silence(60_000, chunk_ms=100, speed=1))
        assert await fatal(idle) == ("IDLE_TIMEOUT", 1000)
        assert busy.close_code is None
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        assert await fatal(busy) == ("IDLE_TIMEOUT", 1000)


async def test_a_session_of_limited_length_ends() -> None:
    """``SESSION_EXPIRED`` and 1000 at ``MAX_SESSION_SECS``, however busy it is."""
    async with running_server(max_session_secs=0.6) as server, protocol_client(server.url) as client:
        await client.init()
        sending = asyncio.create_task(client.silence(60_000, chunk_ms=100, speed=1))
        assert await fatal(client) == ("SESSION_EXPIRED", 1000)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def test_a_flood_of_audio_ends_the_session() -> None:
    """``RATE_LIMITED`` and 1008 beyond ``MAX_AHEAD_SECS`` at ``MAX_INGEST_RATE``, the server's own defaults."""
    async with running_server(max_ingest_rate=4) as server, protocol_client(server.url) as client:
        await client.init(audioEncoding="binary")
        with contextlib.suppress(ConnectionClosed):
            for _ in range(20):
                await client.send_chunk(bytes(5 * 32_000))
        assert await fatal(client) == ("RATE_LIMITED", 1008)


async def test_a_flood_of_refused_messages_ends_the_session(server: RunningServer) -> None:
    """``RATE_LIMITED`` and 1008 at the refusal after ``MAX_CLIENT_ERRORS``; each one before has its own answer."""
    async with protocol_client(server.url) as client:
        for _ in range(100):
            await client.send({"type": "nonsense"})
        await client.wait_for("error", 100)
        assert {message["code"] for message in client.messages} == {"UNKNOWN_TYPE"}
        assert client.close_code is None
        await client.send({"type": "nonsense"})
        assert await fatal(client) == ("RATE_LIMITED", 1008)


@pytest.mark.parametrize("initialized", [False, True])
async def test_a_frame_that_is_too_large_ends_the_session(server: RunningServer, initialized: bool) -> None:
    """``MESSAGE_TOO_LARGE`` and 1009 over ``MAX_MESSAGE_BYTES``, counted in bytes; at the bound all is well."""
    limit = 1024 * 1024
    fitting = json.dumps({"type": "fits", "pad": ""})
    fitting = fitting.replace('"pad": ""', '"pad": "' + "x" * (limit - len(fitting)) + '"')
    async with protocol_client(server.url) as client:
        if initialized:
            await client.init()
        assert await refused(client, fitting) == "UNKNOWN_TYPE"
        await client.send("가" * (limit // 3 + 1))
        assert await fatal(client) == ("MESSAGE_TOO_LARGE", 1009)
    async with protocol_client(server.url) as client:
        await client.send(bytes(limit + 1))
        assert await fatal(client) == ("MESSAGE_TOO_LARGE", 1009)


async def test_a_huge_frame_is_closed_by_the_layer_below(server: RunningServer) -> None:
    """Over eight times the bound nobody looks at it: 1009, and no ``error``."""
    async with protocol_client(server.url) as client:
        await client.init()
        with contextlib.suppress(ConnectionClosed):  # it may be refused before the client has sent it all
            await client.send(bytes(8 * 1024 * 1024 + 1))
        assert await fatal(client) == (None, 1009)


async def test_a_text_that_is_no_utf8_is_closed_by_the_layer_below(server: RunningServer) -> None:
    """1007, and no ``error``; the next client is served."""
    async with connect(server.url, compression=None, proxy=None) as connection:
        await connection.send(b"\xff\xfe", text=True)
        with pytest.raises(ConnectionClosed):
            await connection.recv()
        assert connection.close_code == 1007
    async with protocol_client(server.url) as client:
        await client.init()


async def test_a_full_server_refuses_init_before_it_spends_anything() -> None:
    """``SERVER_BUSY`` and 1013 at ``MAX_SESSIONS``, with no upstream connection; a free seat can be taken."""
    async with (
        running_server(max_sessions=2) as server,
        protocol_client(server.url) as first,
        protocol_client(server.url) as second,
    ):
        await first.init()
        await second.init()
        for _ in range(3):
            async with protocol_client(server.url) as third:
                await third.send({"type": "init"})
                assert await fatal(third) == ("SERVER_BUSY", 1013)
        assert server.emulator.connections == 2
        await first.send({"type": "close"})
        assert await first.wait_closed() == 1000
        await until(lambda: server.sessions.active < 2)
        async with protocol_client(server.url) as third:
            await third.init()


async def test_connections_without_init_have_a_bound_of_their_own() -> None:
    """``SERVER_BUSY`` and 1013 at ``MAX_PENDING_CONNECTIONS``; those who have a session do not count."""
    async with (
        running_server(max_pending_connections=2) as server,
        protocol_client(server.url) as seated,
        protocol_client(server.url) as waiting,
    ):
        await seated.init()
        async with protocol_client(server.url):
            await until(lambda: server.sessions.pending == 2)
            async with protocol_client(server.url) as refused_one:
                assert await fatal(refused_one) == ("SERVER_BUSY", 1013)
        await waiting.init()
        await until(lambda: not server.sessions.pending)
        async with protocol_client(server.url) as another:
            await another.init()


async def test_a_fault_of_ours_is_told_without_details(tmp_path: Path) -> None:
    """A step that raises: ``INTERNAL`` and 1011, with the session's id, no exception's text; others go on."""
    path = with_step(tmp_path, f'use = "{MODULE}:Faulty"', before="transcription_forwarder")
    scenario = told(kennedy_2={"variant": {"audio": False}})
    async with (
        conversation(scenario=scenario, pipeline=str(path)) as talk,
        protocol_client(talk.server.url) as other,
    ):
        await other.init()
        with contextlib.suppress(ConnectionClosed):  # it may end before all silence is sent
            await talk.say("kennedy-1")
        assert await fatal(talk.client) == ("INTERNAL", 1011)
        message = talk.client.messages[-1]["message"]
        assert talk.client.messages[0]["sessionId"] in message
        assert "secret" not in message
        turn = await Conversation(talk.server, other).interpret("kennedy-2")
        assert turn.texts == texts("kennedy-2")


async def unread(connection: ClientConnection) -> AsyncIterator[str | bytes]:
    """What is left to read, up to the close."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            yield await connection.recv()


@contextlib.asynccontextmanager
async def unreading_client(server: RunningServer) -> AsyncIterator[ClientConnection]:
    """A client that says ``kennedy-1`` and reads nothing of the answer, as if its machine was suspended."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", int(server.http_url.rpartition(":")[2])))
    narrow.setblocking(False)
    connection = await connect(server.url, sock=narrow, compression=None, proxy=None, max_queue=1)
    try:
        await connection.send(json.dumps({"type": "init"}))
        assert json.loads(await connection.recv())["type"] == "connected"
        await connection.send(json.dumps(audio(base64.b64encode(spoken("kennedy-1")).decode())))
        await connection.send(json.dumps(audio(base64.b64encode(silence(1200)).decode())))
        yield connection
    finally:
        connection.transport.abort()


def long_answer() -> Scenario:
    """An answer to ``kennedy-1`` that no network buffer holds."""
    return told(kennedy_1={"audio": entry("kennedy-1").audio * 60})


@pytest.mark.parametrize("reads_again", [True, False])
async def test_a_client_that_does_not_read_is_given_up(reads_again: bool) -> None:
    """What waits for it is bounded: the session ends long before all output is made, with 1013."""
    async with running_server(scenario=long_answer(), max_send_backlog_bytes=256 * 1024) as server:
        async with unreading_client(server) as connection:
            await until(lambda: any(session.closed for session in server.emulator.sessions))
            assert not server.emulator.sessions[0].utterances[0].complete
            if reads_again:
                assert all([json.loads(text)["type"] != "error" async for text in unread(connection)])
                assert connection.close_code == 1013
        await until(lambda: not server.sessions.active)
        async with protocol_client(server.url) as client:
            await client.init()


async def test_a_suspended_client_gives_its_seat_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for it is within the bound: its session ends by itself all the same, and so does the server."""
    monkeypatch.setattr("server._SHUTDOWN_SECS", 0.2)
    limits: dict[str, Any] = {"max_send_backlog_bytes": 2**30, "ws_ping_interval": 0.3, "ws_ping_timeout": 0.3}
    async with (
        contextlib.AsyncExitStack() as clients,
        running_server(scenario=long_answer(), max_sessions=1, **limits) as server,
    ):
        await clients.enter_async_context(unreading_client(server))
        await until(lambda: not server.sessions.active)
        assert server.emulator.sessions[0].closed
        async with protocol_client(server.url) as client:
            await client.init()


async def test_a_server_that_stops_does_not_wait_for_a_suspended_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same client keeps no server alive whose time to end is up."""
    monkeypatch.setattr("server._SHUTDOWN_SECS", 0.2)
    async with (
        contextlib.AsyncExitStack() as clients,
        running_server(scenario=long_answer(), max_send_backlog_bytes=2**30) as server,
    ):
        await clients.enter_async_context(unreading_client(server))
        await until(lambda: bool(server.emulator.sessions[0].utterances))
        await until(lambda: server.emulator.sessions[0].utterances[0].complete)
        assert server.sessions.active == 1


# close


async def test_close_ends_the_session_at_once() -> None:
    """``close`` in the middle of output: 1000, no finals, no ``turn_complete``, and the upstream is let go."""
    async with conversation(SLOW_OUTPUT) as talk:
        await talk.say("kennedy-4")
        await talk.client.wait_for("audio_response")
        await talk.client.send({"type": "close"})
        assert await fatal(talk.client) == (None, 1000)
        assert talk.client.of("turn_complete") == []
        assert not any(m.get("isFinal") for m in talk.client.messages)
        await until(lambda: talk.upstream.closed)
        assert talk.server.sessions.active == 0


async def test_close_before_init_ends_the_connection(server: RunningServer) -> None:
    """``close`` needs no session."""
    async with protocol_client(server.url) as client:
        await client.send({"type": "close"})
        assert await fatal(client) == (None, 1000)


@pytest.mark.parametrize("how", ["close", "drop"])
async def test_a_client_that_leaves_while_connecting_leaves_nothing_behind(how: str) -> None:
    """``close``, or a dropped connection, while the upstream is being connected ends both at once."""
    async with gated_server(connect_timeout_secs=60) as (server, gate):
        async with protocol_client(server.url) as client:
            await client.send({"type": "init"})
            await until(lambda: gate.connections > 0)
            if how == "close":
                await client.send({"type": "close"})
                assert await fatal(client) == (None, 1000)
                assert client.messages == []
        await until(lambda: not (server.sessions.active or server.sessions.pending))
