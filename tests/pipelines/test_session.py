"""One client's life, from ``init`` to the close, against a scripted upstream and in virtual time."""

import asyncio
import base64
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from gemini.errors import FailureKind, UpstreamError
from gemini.events import TargetAudio, TargetText
from pipelines.session import InterpreterSession, Services
from pipelines.sessions import Sessions
from pipelines.settings import load_settings
from pipelines.spec import load_pipeline
from tests.support.fake_network import FakeNetwork
from tests.support.fake_upstream import ACTIVITY_END, FakeConnector
from tests.support.pcm import chunks_of, tone
from tests.support.virtual_time import settle

RATE_HZ = 16_000
SPEECH = tone(1.0, RATE_HZ)
"""What a detector of loudness takes for speech."""


class Client:
    """A client and the session that serves it.

    Attributes:
        network: What the client sees.
        upstream: Opens the upstream's sessions.
        sessions: The server's count.
        serving: The session; done once it ended.
    """

    def __init__(self, upstream: FakeConnector, sessions: Sessions, network: FakeNetwork):
        """Look on."""
        self.upstream, self.sessions, self.network = upstream, sessions, network
        self.serving: asyncio.Task[None]

    async def init(self, **config: Any) -> dict[str, Any]:
        """Open the session; the ``connected`` message."""
        self.network.say({"type": "init", "config": config})
        return await self.network.wait_for("connected")

    def speak(self, pcm: bytes) -> None:
        """Send audio, all at once, in chunks of 20 ms."""
        for chunk in chunks_of(pcm, 20, RATE_HZ):
            self.network.say({"type": "audio", "data": base64.b64encode(chunk).decode(), "timestamp": 0})

    async def ended(self) -> tuple[str | None, int | None]:
        """The code of the last error, and the close code, once the session is over."""
        await self.serving
        errors = self.network.of("error")
        if errors:
            assert self.network.messages[-1] == errors[-1]
        return (errors[-1].get("code") if errors else None), self.network.close_code

    @property
    def secs(self) -> float:
        """The time."""
        return asyncio.get_running_loop().time()


@contextlib.asynccontextmanager
async def client(
    upstream: FakeConnector | None = None, *, sessions: Sessions | None = None, **settings: Any
) -> AsyncIterator[Client]:
    """A client that has just been accepted; it drops the connection at the end, if it still has one."""
    configured = load_settings(**{"vad_provider": "energy", **settings})
    upstream = upstream or FakeConnector()
    sessions = sessions or Sessions(max_sessions=2, max_pending=2, max_loop_lag_ms=0)
    pipeline = load_pipeline(configured.pipeline, configured.pipeline_variables())
    services = Services(configured, pipeline, upstream, sessions)
    network = FakeNetwork()
    user = Client(upstream, sessions, network)
    websocket = await network.accepted()

    async def serve() -> None:
        with sessions.waiting_for_init() as seat:
            await InterpreterSession(websocket, services, seat).run()

    user.serving = asyncio.create_task(serve())
    yield user
    network.may_write.set()
    network.leave()
    await user.serving
    assert all(connection.closed for connection in upstream.connections), "a connection upstream is left"


# The handshake


async def test_init_is_answered_when_the_upstream_is_ready() -> None:
    """``connected`` comes first, once, and says what the session is."""
    async with client(FakeConnector(delay_secs=2)) as user:
        started_at = user.secs
        connected = await user.init(sampleRate=48_000)
        assert user.secs - started_at == pytest.approx(2, abs=0.1)
        session_id = connected.pop("sessionId")
        assert connected == {
            "type": "connected",
            "inputSampleRate": 48_000,
            "outputSampleRate": 24_000,
            "engine": "interpreter",
        }
        assert len(session_id) == 36
        assert user.network.messages[0]["type"] == "connected"
        assert (user.sessions.pending, user.sessions.active) == (0, 1)
    assert (user.sessions.pending, user.sessions.active) == (0, 0)


@pytest.mark.parametrize(("language", "way"), [("auto", "Otherwise, say it in Korean"), ("en", "speaks English")])
async def test_the_upstream_is_told_what_is_spoken(language: str, way: str) -> None:
    """The language of ``init`` and the operator's words reach the instruction."""
    async with client(interpreter_instructions="Two surgeons talk.", gemini_voice="Kore") as user:
        await user.init(language=language)
        (config,) = user.upstream.configs
        assert way in config.instruction
        assert config.instruction.endswith("Two surgeons talk.")
        assert (config.model, config.voice, config.manual_activity) == ("gemini-3.8-live", "Kore", True)


async def test_without_voice_activity_detection_the_upstream_detects() -> None:
    """``VAD_THRESHOLD=0`` leaves the utterances to the upstream, in a stream that goes on through gaps."""
    async with client(vad_threshold=0) as user:
        await user.init()
        assert not user.upstream.configs[0].manual_activity
        user.speak(SPEECH)
        await settle(30)
        assert len(user.upstream.connection.pcm) == pytest.approx(2 * RATE_HZ * 29.5, rel=0.05)


async def test_audio_before_connected_is_delivered() -> None:
    """What is said while the upstream connects reaches it whole, once it is there."""
    async with client(FakeConnector(delay_secs=3)) as user:
        user.network.say({"type": "init"})
        user.speak(SPEECH + bytes(2 * RATE_HZ))
        await user.network.wait_for("connected")
        await settle(0.5)
        (heard,) = user.upstream.connection.activities
        assert SPEECH in heard


async def test_an_interrupt_before_connected_is_answered_right_after_it() -> None:
    """``interrupt`` is always answered."""
    async with client(FakeConnector(delay_secs=1)) as user:
        user.network.say({"type": "init"})
        user.network.say({"type": "interrupt"})
        await user.network.wait_for("interrupted")
        assert [m["type"] for m in user.network.messages] == ["connected", "interrupted"]


async def test_who_asks_for_whisper_is_told_that_there_is_none() -> None:
    """A warning after ``connected``; the session goes on."""
    async with client() as user:
        await user.init(useWhisper=True)
        warning = await user.network.wait_for("warning")
        assert warning["code"] == "WHISPER_UNAVAILABLE"
        assert [m["type"] for m in user.network.messages] == ["connected", "warning"]


async def test_what_goes_on_after_a_mistake() -> None:
    """Each recoverable mistake is one error with its code, and ``init`` works after it."""
    async with client() as user:
        for sent in ("no json", {"type": "audio", "data": "AAAA"}, {"type": "zebra"}, b"\x00\x00"):
            user.network.say(sent)
        user.network.say({"type": "init", "config": {"sampleRate": 4000}})
        await user.init()
        user.network.say({"type": "init"})
        await user.network.wait_for("error", 6)
        codes = [error["code"] for error in user.network.of("error")]
        assert codes == [
            "INVALID_MESSAGE",
            "NOT_READY",
            "UNKNOWN_TYPE",
            "NOT_READY",
            "INVALID_MESSAGE",
            "ALREADY_INIT",
        ]
        assert len(user.network.of("connected")) == 1


async def test_a_language_that_is_not_interpreted_is_refused() -> None:
    """Fatal, before anything is opened upstream."""
    async with client() as user:
        user.network.say({"type": "init", "config": {"language": "fr"}})
        assert await user.ended() == ("UNSUPPORTED_LANGUAGE", 1008)
        assert user.network.of("error")[0]["message"] == "expected 'language' to be one of auto, ko, en"
        assert user.upstream.configs == []


async def test_a_full_server_refuses_cheaply() -> None:
    """``SERVER_BUSY`` in answer to ``init``, without a connection upstream."""
    full = Sessions(max_sessions=1, max_pending=9, max_loop_lag_ms=0)
    async with client(sessions=full) as first, client(sessions=full) as second:
        await first.init()
        second.network.say({"type": "init"})
        assert await second.ended() == ("SERVER_BUSY", 1013)
        assert second.upstream.configs == []
        assert (full.pending, full.active) == (0, 1)


async def test_a_refused_connection_is_told_why() -> None:
    """A connection beyond the bound on pending ones gets its error and the close, and is not served."""
    sessions = Sessions(max_sessions=1, max_pending=1, max_loop_lag_ms=0)
    settings = load_settings(vad_provider="energy")
    pipeline = load_pipeline("interpreter", settings.pipeline_variables())
    network = FakeNetwork()
    websocket = await network.accepted()
    with sessions.waiting_for_init():
        fault = sessions.too_many_pending()
        assert fault is not None
        with sessions.waiting_for_init() as seat:
            await InterpreterSession(
                websocket, Services(settings, pipeline, FakeConnector(), sessions), seat
            ).refuse(fault)
    assert [m["code"] for m in network.messages] == ["SERVER_BUSY"]
    assert network.close_code == 1013


# Time


async def test_a_connection_without_init_ends() -> None:
    """``INIT_TIMEOUT_SECS`` after the accept, whatever else was sent."""
    async with client(init_timeout_secs=10) as user:
        started_at = user.secs
        await settle(5)
        user.network.say({"type": "interrupt"})
        assert await user.ended() == ("INIT_TIMEOUT", 1008)
        assert user.secs - started_at == pytest.approx(10, abs=0.1)


async def test_a_slow_upstream_is_no_missing_init() -> None:
    """The time for ``init`` ends with ``init``."""
    async with client(FakeConnector(delay_secs=3), init_timeout_secs=1) as user:
        await user.init()


async def test_an_idle_session_ends() -> None:
    """After ``IDLE_TIMEOUT_SECS`` in which nothing was received and nothing sent; the close is a normal one."""
    async with client(idle_timeout_secs=900) as user:
        await user.init()
        await settle(800)
        user.network.say({"type": "interrupt"})
        await user.network.wait_for("interrupted")
        last_at = user.secs
        assert await user.ended() == ("IDLE_TIMEOUT", 1000)
        assert user.secs - last_at == pytest.approx(900, abs=1)


async def test_a_session_can_be_idle_forever() -> None:
    """With a limit of 0 a muted client stays for hours."""
    async with client(idle_timeout_secs=0) as user:
        await user.init()
        await settle(4 * 3600)
        assert not user.serving.done()


async def test_an_old_session_ends_however_busy() -> None:
    """``MAX_SESSION_SECS`` counts from ``init``."""
    async with client(max_session_secs=60) as user:
        await user.init()
        started_at = user.secs
        for _ in range(59):
            await settle(1)
            user.network.say({"type": "interrupt"})
        assert await user.ended() == ("SESSION_EXPIRED", 1000)
        assert user.secs - started_at == pytest.approx(60, abs=0.1)


async def test_a_client_that_stops_sending_is_heard_to_the_end() -> None:
    """Push to talk: the utterance ends on its own once the audio stays out, and ends once."""
    async with client(audio_gap_ms=500, end_of_utterance_ms=700) as user:
        await user.init()
        user.speak(SPEECH)
        await settle(0.3)
        assert ACTIVITY_END not in user.upstream.connection.sent
        await settle(2)
        assert user.upstream.connection.sent.count(ACTIVITY_END) == 1
        await settle(600)
        assert user.upstream.connection.sent.count(ACTIVITY_END) == 1


# Ends


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
        user.upstream.connection.say(TargetText("Hello"), TargetAudio(bytes(4800), 24_000))
        await user.network.wait_for("audio_response")
        user.network.say({"type": "close"})
        assert await user.ended() == (None, 1000)
        assert user.network.of("turn_complete") == []
        assert not any(message.get("isFinal") for message in user.network.messages)
        assert user.upstream.connection.closed


async def test_a_client_that_does_not_read_is_dropped() -> None:
    """Beyond ``MAX_SEND_BACKLOG_BYTES`` there is no error to read either: only the close."""
    async with client(max_send_backlog_bytes=64 * 1024) as user:
        await user.init()
        user.speak(SPEECH + bytes(2 * RATE_HZ))
        await settle(0.5)
        user.network.may_write.clear()
        user.upstream.connection.say(TargetAudio(bytes(200_000), 24_000))
        await settle(1)
        user.network.may_write.set()
        assert await user.ended() == (None, 1013)


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
        user.upstream.connection.say(TargetAudio(bytes(4800), 24_000))
        assert await user.ended() == ("INTERNAL", 1011)
        message = user.network.of("error")[0]["message"]
        assert session_id in message
        assert "secret" not in message
    (record,) = [record for record in caplog.records if record.message == "internal error"]
    assert vars(record)["fields"] == {"session_id": session_id}
    assert record.exc_info is not None


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


# The log


async def test_the_log_tells_a_sessions_story_without_words(caplog: pytest.LogCaptureFixture) -> None:
    """Start and end of each session, with the id that the client knows, and not a word of what was said."""
    caplog.set_level(logging.INFO, "pipelines")
    async with client() as user:
        session_id = (await user.init(language="ko"))["sessionId"]
        user.speak(SPEECH + bytes(2 * RATE_HZ))
        await settle(0.5)
        user.upstream.connection.say(TargetText("my PIN is 1234"))
        await user.network.wait_for("output_transcription")
        user.network.say({"type": "close"})
        await user.ended()
    told = {r.message: vars(r)["fields"] for r in caplog.records if r.name == "pipelines.session"}
    assert set(told) == {"session started", "session ended"}
    assert {fields["session_id"] for fields in told.values()} == {session_id}
    assert told["session started"]["language"] == "ko"
    assert told["session ended"]["reason"] == "'closed by client'"
    assert (told["session ended"]["close_code"], told["session ended"]["audio_secs"]) == (1000, 2.0)
    assert "PIN" not in caplog.text
