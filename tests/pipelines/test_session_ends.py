"""How one client's session ends: who ends it, what the client is told, and that nothing is left of it."""

import asyncio
import base64
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from gemini.errors import FailureKind, UpstreamError
from gemini.events import SourceText, TargetAudio, TargetText, TurnComplete
from processors.gemini_live import GeminiLive
from tests.support.fake_upstream import FakeConnector
from tests.support.interpreted import RATE_HZ, SPEECH, Client, client
from tests.support.pcm import tone
from tests.support.virtual_time import settle

SOUND = tone(0.1, 24_000)
ANSWER = (SourceText("안녕하세요."), TargetAudio(SOUND, 24_000), TargetText("Hello."), TurnComplete())
REFUSED = UpstreamError(FailureKind.REJECTED, "no")
LOST = UpstreamError(FailureKind.UNAVAILABLE, "lost")
UPSTREAMS: dict[str, Callable[[], FakeConnector]] = {
    "at once": FakeConnector,
    "slow": lambda: FakeConnector(delay_secs=3600),
    "a tick late": lambda: FakeConnector(failures=[LOST]),
    "refused": lambda: FakeConnector(failures=[REFUSED] * 100),
    "not there": lambda: FakeConnector(failures=[LOST] * 100),
}
"""Every way in which connecting may go on."""


async def said_something(user: Client) -> str:
    """Open the session and say an utterance to its end; the session's id."""
    session_id: str = (await user.init())["sessionId"]
    user.speak(SPEECH + bytes(2 * RATE_HZ))
    await settle(0.5)
    return session_id


def shown(message: dict[str, Any]) -> tuple[str, ...]:
    """A message's type and what matters of it."""
    if message["type"] == "turn_complete":
        return message["type"], message["inputText"], message["outputText"]
    if message["type"].endswith("_transcription"):
        return message["type"], "final" if message["isFinal"] else "partial", message["text"]
    return (message["type"],)


# Reasons


@pytest.mark.parametrize(
    ("kind", "code", "close_code"),
    [
        (FailureKind.REJECTED, "UPSTREAM_AUTH", 1011),
        (FailureKind.QUOTA, "UPSTREAM_QUOTA", 1013),
        (FailureKind.UNAVAILABLE, "UPSTREAM_UNAVAILABLE", 1011),
    ],
)
async def test_an_upstream_that_refuses(kind: FailureKind, code: str, close_code: int) -> None:
    """Each kind of refusal has its code; nothing but the error comes, and the upstream's words stay in the log."""
    failures: Sequence[Exception] = [UpstreamError(kind, "key AIza-secret at wss://x")] * 100
    async with client(FakeConnector(failures=failures)) as user:
        user.network.say({"type": "init"})
        assert await user.ended() == (code, close_code)
        (error,) = user.network.messages
        assert error["type"] == "error"
        assert "secret" not in error["message"]
        assert (user.sessions.pending, user.sessions.active) == (0, 0)


async def test_an_upstream_that_does_not_answer() -> None:
    """Opening has one limit for all attempts together."""
    async with client(FakeConnector(delay_secs=3600), connect_timeout_secs=4) as user:
        started_at = user.secs
        user.network.say({"type": "init"})
        assert await user.ended() == ("UPSTREAM_UNAVAILABLE", 1011)
        assert user.secs - started_at == pytest.approx(4, abs=0.2)


@pytest.mark.parametrize("leaving", ["close", "drop"])
async def test_leaving_while_the_upstream_connects_stops_that(leaving: str) -> None:
    """Nobody waits for a connection that nobody wants."""
    async with client(FakeConnector(delay_secs=3600), connect_timeout_secs=60) as user:
        user.network.say({"type": "init"})
        await settle(1)
        if leaving == "close":
            user.network.say({"type": "close"})
        else:
            user.network.leave()
        started_at = user.secs
        await user.ended()
        assert user.secs - started_at < 1
        assert user.network.messages == []
        assert user.upstream.connections == []


async def test_close_ends_at_once_without_finals() -> None:
    """In the middle of an interpretation: output stops, no finals, close 1000, nothing is left upstream."""
    async with client() as user:
        await user.init()
        user.speak(SPEECH + bytes(2 * RATE_HZ))
        await settle(0.5)
        user.upstream.connection.say(TargetText("Hello"), TargetAudio(SOUND, 24_000))
        await user.network.wait_for("audio_response")
        user.network.say({"type": "close"})
        assert await user.ended() == (None, 1000)
        assert user.network.of("turn_complete") == []
        assert not any(message.get("isFinal") for message in user.network.messages)
        assert user.upstream.connection.closed


async def test_audio_far_ahead_of_real_time_ends_the_session() -> None:
    """``RATE_LIMITED`` and 1008 when the bucket overflows; what fits is interpreted, however fast it came."""
    async with client(max_ahead_secs=30, max_ingest_rate=4) as user:
        await user.init()
        user.speak(SPEECH + bytes(29 * 2 * RATE_HZ))
        await settle(1)
        assert user.network.close_code is None
        assert len(user.upstream.connection.activities) == 1
        user.speak(bytes(4 * 2 * RATE_HZ))
        await settle(1)
        assert user.network.close_code is None
        user.speak(bytes(9 * 2 * RATE_HZ))
        assert await user.ended() == ("RATE_LIMITED", 1008)


async def test_audio_counts_at_the_rate_of_the_client() -> None:
    """The bound is in seconds of speech, not in bytes; what comes before ``connected`` counts."""
    async with client(FakeConnector(delay_secs=2), max_ahead_secs=10, max_ingest_rate=1) as user:
        user.network.say({"type": "init", "config": {"sampleRate": 48_000}})
        for _ in range(10):
            user.network.say({"type": "audio", "data": base64.b64encode(bytes(96_000)).decode()})
        await user.network.wait_for("connected")
        user.network.say({"type": "audio", "data": base64.b64encode(bytes(3 * 96_000)).decode()})
        assert await user.ended() == ("RATE_LIMITED", 1008)


async def test_refused_messages_are_counted() -> None:
    """More than ``MAX_CLIENT_ERRORS`` end the session, before ``init`` and after it; good ones don't help."""
    async with client(max_client_errors=3) as user:
        user.network.say({"type": "interrupt"})
        await user.init()
        user.network.say("no JSON")
        user.network.say({"type": "audio", "data": "?"})
        user.speak(bytes(640))
        user.network.say({"type": "interrupt"})
        await user.network.wait_for("interrupted")
        user.network.say({"type": "nonsense"})
        assert await user.ended() == ("RATE_LIMITED", 1008)
        codes = [message["code"] for message in user.network.of("error")]
        assert codes == ["NOT_READY", "INVALID_MESSAGE", "INVALID_AUDIO", "RATE_LIMITED"]
        told = user.network.of("error")[-1]["message"]
        assert told == "more than 3 messages were refused, the last one with UNKNOWN_TYPE"


async def test_a_fault_that_ends_the_session_keeps_its_code() -> None:
    """The message that would be one too many says what is wrong with it, where that is fatal anyway."""
    async with client(max_client_errors=1, max_message_bytes=1024) as user:
        user.network.say({"type": "zebra"})
        user.network.say("x" * 2000)
        assert await user.ended() == ("MESSAGE_TOO_LARGE", 1009)


async def test_a_client_that_does_not_read_is_dropped() -> None:
    """Beyond ``MAX_SEND_BACKLOG_BYTES`` there is no error to read either: only the close."""
    async with client(max_send_backlog_bytes=64 * 1024) as user:
        await user.init()
        user.speak(SPEECH + bytes(2 * RATE_HZ))
        await settle(0.5)
        user.network.may_write.clear()
        user.upstream.connection.say(TargetAudio(SOUND * 42, 24_000))
        await settle(1)
        user.network.may_write.set()
        assert await user.ended() == (None, 1013)


async def test_a_client_that_takes_nothing_is_dropped() -> None:
    """Within the bound on what waits, the time that a keepalive takes is all that a suspended client gets."""
    async with client(ws_ping_interval=20, ws_ping_timeout=10) as user:
        await said_something(user)
        user.network.may_write.clear()
        user.upstream.connection.say(TargetAudio(SOUND, 24_000))
        stuck_at = user.secs
        await user.serving
        assert user.secs - stuck_at == pytest.approx(30, abs=0.1)
        assert user.upstream.connection.closed
        assert (user.sessions.pending, user.sessions.active) == (0, 0)


async def test_a_step_that_fails_is_a_fault_of_ours(
    empty_working_directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The client learns the session's id and nothing else; the log has the id and the stack trace."""
    (empty_working_directory / "faulty.toml").write_text(
        '[[step]]\nuse = "vad"\nprovider = "energy"\n[[step]]\nuse = "gemini_live"\nmodel = "m"\n'
        '[[step]]\nuse = "tests.support.foreign_step:Faulty"\n[[step]]\nuse = "transcription_forwarder"\n'
    )
    async with client(pipeline="faulty.toml") as user:
        session_id = (await user.init())["sessionId"]
        user.speak(SPEECH + bytes(2 * RATE_HZ))
        await settle(0.5)
        user.upstream.connection.say(TargetAudio(SOUND, 24_000))
        assert await user.ended() == ("INTERNAL", 1011)
        message = user.network.of("error")[0]["message"]
        assert session_id in message
        assert "secret" not in message
    (record,) = [record for record in caplog.records if record.message == "internal error"]
    assert vars(record)["fields"] == {"session_id": session_id}
    assert record.exc_info is not None


async def test_a_pipeline_that_never_starts_is_a_fault_of_ours(
    empty_working_directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A step that keeps the first frame leaves nobody waiting for good, and the log says what to look for."""
    (empty_working_directory / "stuck.toml").write_text(
        '[[step]]\nuse = "tests.support.foreign_step:KeepsStart"\n'
        '[[step]]\nuse = "gemini_live"\nmodel = "m"\n[[step]]\nuse = "transcription_forwarder"\n'
    )
    async with client(pipeline="stuck.toml") as user:
        user.network.say({"type": "init"})
        assert await user.ended() == ("INTERNAL", 1011)
        assert user.secs < 60
    assert "does a step hold StartFrame back?" in caplog.text


async def test_a_server_that_stops_releases_everything() -> None:
    """A cancelled session closes its socket and its connection upstream before it is gone."""
    async with client() as user:
        await user.init()
        user.serving.cancel()
        await asyncio.gather(user.serving, return_exceptions=True)
        assert user.network.close_code is not None
        assert user.upstream.connection.closed
        assert (user.sessions.pending, user.sessions.active) == (0, 0)
        user.serving = asyncio.create_task(settle(0))


# Nothing is left


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("way", ["close", "leave", "cancel"])
async def test_an_end_right_after_init_leaves_nothing(upstream: str, way: str) -> None:
    """Wherever the pipeline is in its start when the session ends: no task, no connection and no seat stays."""
    before = asyncio.all_tasks()
    for ticks in range(31):
        async with client(UPSTREAMS[upstream]()) as user:
            started_at = user.secs
            user.network.say({"type": "init"})
            for _ in range(ticks):
                await asyncio.sleep(0)
            match way:
                case "close":
                    user.network.say({"type": "close"})
                    await user.ended()
                case "leave":
                    user.network.leave()
                    await user.ended()
                case _:
                    await user.cancelled()
            assert user.secs - started_at < 1
            assert asyncio.all_tasks() == before, f"after {ticks} ticks"
            assert all(connection.closed for connection in user.upstream.connections), f"after {ticks} ticks"
            assert (user.sessions.pending, user.sessions.active) == (0, 0)


@pytest.mark.parametrize("way", ["close", "leave"])
async def test_a_server_that_stops_while_a_session_ends_leaves_nothing(way: str) -> None:
    """A session that is cancelled at any moment of its end still releases everything."""
    before = asyncio.all_tasks()
    for ticks in range(40):
        async with client() as user:
            await user.init()
            if way == "close":
                user.network.say({"type": "close"})
            else:
                user.network.leave()
            for _ in range(ticks):
                await asyncio.sleep(0)
            await user.cancelled()
            assert asyncio.all_tasks() == before, f"after {ticks} ticks"
            assert user.upstream.connection.closed
            assert (user.sessions.pending, user.sessions.active) == (0, 0)


# Losses


async def test_what_was_finished_comes_before_the_error() -> None:
    """Lost for good right after a turn: the client gets all of it, then the error, the close, and no more."""
    async with client() as user:
        await said_something(user)
        user.network.frames.clear()
        user.upstream.down = LOST
        user.upstream.connection.say(*ANSWER)
        user.upstream.connection.lose()
        assert await user.ended() == ("UPSTREAM_UNAVAILABLE", 1011)
        assert [shown(message) for message in user.network.messages if message["type"] != "speech_state"] == [
            ("input_transcription", "partial", "안녕하세요."),
            ("audio_response",),
            ("output_transcription", "partial", "Hello."),
            ("input_transcription", "final", "안녕하세요."),
            ("output_transcription", "final", "Hello."),
            ("turn_complete", "안녕하세요.", "Hello."),
            ("error",),
        ]
        told = len(user.network.frames)
        await settle(60)
        assert len(user.network.frames) == told


@pytest.mark.parametrize("how", ["receiving", "sending"])
async def test_a_turn_that_breaks_off_ends_with_what_there_is(how: str) -> None:
    """Lost for good in the middle of output: that is void, the turn ends with what was said, then the error."""
    async with client() as user:
        await user.init()
        user.speak(SPEECH)
        await settle(0.1)
        user.network.frames.clear()
        user.upstream.connection.say(SourceText("안녕"), TargetAudio(SOUND, 24_000), TargetText("Hel"))
        user.upstream.down = LOST
        if how == "receiving":
            user.upstream.connection.lose()
        else:
            await settle(0.1)
            user.upstream.connection.refuse_sending()
            user.speak(SPEECH)
        assert await user.ended() == ("UPSTREAM_UNAVAILABLE", 1011)
        assert [shown(message) for message in user.network.messages if message["type"] != "speech_state"] == [
            ("input_transcription", "partial", "안녕"),
            ("audio_response",),
            ("output_transcription", "partial", "Hel"),
            ("interrupted",),
            ("input_transcription", "partial", "안녕"),
            ("input_transcription", "final", "안녕"),
            ("turn_complete", "안녕", ""),
            ("error",),
        ]


# Faults of ours


def fail(*_: object) -> None:
    """Be the fault."""
    raise ZeroDivisionError("no words of /etc/secret.py")


@pytest.mark.parametrize("where", ["sending", "receiving", "frames"])
async def test_a_fault_in_the_engines_tasks_is_a_fault_of_ours(
    where: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whichever task of the engine fails, the session ends and says so: the log once, the client no details."""
    async with client() as user:
        session_id = (await user.init())["sessionId"]
        match where:
            case "sending":
                user.upstream.connection.refuse_sending(ZeroDivisionError("no words of /etc/secret.py"))
                user.speak(SPEECH)
            case "receiving":
                user.upstream.connection.lose(ZeroDivisionError("no words of /etc/secret.py"))
            case _:
                monkeypatch.setattr(GeminiLive, "frames_of", fail)
                user.upstream.connection.say(*ANSWER)
        assert await user.ended() == ("INTERNAL", 1011)
        (error,) = user.network.of("error")
        assert session_id in error["message"]
        assert not {"/", ".py", "words", "ZeroDivision"} & set(error["message"].split())
        assert "/" not in error["message"]
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert vars(record)["fields"] == {"session_id": session_id}
    assert isinstance(record.exc_info, tuple)
    assert record.exc_info[0] is ZeroDivisionError


# The log


@pytest.mark.parametrize(
    ("code", "reason"),
    [(1001, "client disconnected"), (1005, "client disconnected"), (1012, "server stopped")],
)
async def test_the_log_tells_how_the_connection_went(
    code: int, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The code is the one with which the connection went; uvicorn, when it stops, closes with 1012 by itself."""
    with caplog.at_level(logging.INFO):
        async with client() as user:
            await user.init()
            user.network.leave(code)
            assert await user.ended() == (None, None)
    assert ended_lines(caplog) == [(reason, code)]


async def test_the_log_tells_of_a_server_that_stops(caplog: pytest.LogCaptureFixture) -> None:
    """A session that is cancelled ends for the reason, and with the code, that the client sees."""
    with caplog.at_level(logging.INFO):
        async with client() as user:
            await user.init()
            await user.cancelled()
    assert user.network.close_code == 1012
    assert ended_lines(caplog) == [("server stopped", 1012)]


@pytest.mark.parametrize("ending", ["close", "UNSUPPORTED_LANGUAGE"])
async def test_the_log_tells_the_reason_of_an_end(ending: str, caplog: pytest.LogCaptureFixture) -> None:
    """An error's code is the reason in the log; the client's own wish is told as such."""
    expected = {"close": ("closed by client", 1000), "UNSUPPORTED_LANGUAGE": ("UNSUPPORTED_LANGUAGE", 1008)}
    with caplog.at_level(logging.INFO):
        async with client() as user:
            user.network.say({"type": "init", "config": {"language": "xx"}} if "_" in ending else {"type": "close"})
            await user.ended()
    assert ended_lines(caplog) == [expected[ending]]


async def test_the_log_tells_what_the_client_was_told(caplog: pytest.LogCaptureFixture) -> None:
    """One code may have several causes: the log has the client's message, and no word that the client sent."""
    with caplog.at_level(logging.INFO):
        async with client(max_client_errors=1) as user:
            for _ in range(2):
                user.network.say({"type": "zebra"})
            await user.ended()
    (fields,) = [vars(record)["fields"] for record in caplog.records if record.message == "session ended"]
    assert fields["detail"] == user.network.of("error")[-1]["message"]
    assert "zebra" not in str(fields)


def ended_lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int]]:
    """Reason and close code of every end in the log."""
    found = [vars(record)["fields"] for record in caplog.records if record.message == "session ended"]
    return [(fields["reason"], fields["close_code"]) for fields in found]
