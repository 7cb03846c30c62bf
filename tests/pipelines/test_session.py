"""One client's life from ``init`` on, against a scripted upstream and in virtual time."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from gemini.events import SourceText, TargetAudio, TargetText, TurnComplete
from pipelines.connection import ClientConnection
from pipelines.engines import load_engines
from pipelines.services import Services
from pipelines.sessions import Sessions
from pipelines.settings import load_settings
from tests.support.fake_network import FakeNetwork
from tests.support.fake_upstream import ACTIVITY_END, FakeConnector
from tests.support.interpreted import RATE_HZ, SPEECH, client
from tests.support.pcm import tone
from tests.support.virtual_time import settle

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


async def test_an_upstream_may_take_all_the_time_that_it_is_given() -> None:
    """``CONNECT_TIMEOUT_SECS`` is the only limit: no library cuts it short."""
    async with client(FakeConnector(delay_secs=59), connect_timeout_secs=60) as user:
        started_at = user.secs
        await user.init()
        assert user.secs - started_at == pytest.approx(59, abs=0.1)


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
    network = FakeNetwork()
    websocket = await network.accepted()
    with sessions.waiting_for_init():
        fault = sessions.too_many_pending()
        assert fault is not None
        with sessions.waiting_for_init() as seat:
            services = Services(settings, load_engines(settings), FakeConnector(), sessions)
            await ClientConnection(websocket, services, seat).refuse(fault)
    assert [m["code"] for m in network.messages] == ["SERVER_BUSY"]
    assert network.close_code == 1013


# What a client chooses


@pytest.mark.parametrize(
    ("config", "way"),
    [
        ({"targetLanguage": "ja"}, "The speaker speaks Korean or English. Say everything in Japanese,"),
        ({"targetLanguage": "ja", "language": "en"}, "The speaker speaks English. Say everything in Japanese,"),
        ({"targetLanguage": "ko-KR"}, "The speaker speaks English. Say everything in Korean,"),
    ],
)
async def test_a_target_is_what_comes_out(config: dict[str, str], way: str) -> None:
    """The session's own pair reaches the engine."""
    async with client(target_languages="ja") as user:
        await user.init(**config)
        assert way in user.upstream.configs[0].instruction


async def test_a_session_has_a_pair_of_its_own() -> None:
    """Finals are told in the languages of the session, not in those of the settings."""
    async with client(target_languages="ja") as user:
        await user.init(targetLanguage="ja", language="ko")
        user.speak(SPEECH + bytes(2 * RATE_HZ))
        await settle(0.5)
        user.upstream.connection.say(
            SourceText("도쿄."), TargetText("東京"), TargetAudio(tone(0.5, 24_000), 24_000), TurnComplete()
        )
        await user.network.wait_for("turn_complete")
        assert [final["language"] for final in user.network.of("output_transcription") if final["isFinal"]] == [
            "ja"
        ]


@pytest.mark.parametrize("target", ["fr", "", "ko"])
async def test_a_target_that_is_not_allowed_ends_the_connection(target: str) -> None:
    """And costs no session with the upstream."""
    async with client(target_languages="ja") as user:
        user.network.say({"type": "init", "config": {"language": "ko", "targetLanguage": target}})
        assert await user.ended() == ("UNSUPPORTED_LANGUAGE", 1008)
        assert user.upstream.configs == []


async def test_an_engine_that_is_not_allowed_may_be_corrected() -> None:
    """The connection stays; the next ``init`` gets its session."""
    async with client(engines="simultaneous") as user:
        for engine in ("cascade", "", 7, None):
            user.network.say({"type": "init", "config": {"engine": engine}})
        assert (await user.init(engine="simultaneous"))["engine"] == "simultaneous"
        errors = user.network.of("error")
        assert [error["code"] for error in errors] == ["INVALID_MESSAGE"] * 4
        assert errors[0]["message"] == "expected 'engine' to be one of interpreter, simultaneous, or to be left out"
        assert user.sessions.active == 1


async def test_wrong_engines_count_as_refused_messages() -> None:
    """More of them than are allowed end the connection."""
    async with client(max_client_errors=2) as user:
        for _ in range(3):
            user.network.say({"type": "init", "config": {"engine": "none"}})
        assert await user.ended() == ("RATE_LIMITED", 1008)


async def test_an_upstream_that_refuses_is_no_matter_to_who_does_not_use_it(
    empty_working_directory: Path,
) -> None:
    """An engine without the upstream serves while the upstream refuses every session."""
    (empty_working_directory / "own.toml").write_text('[[step]]\nuse = "transcription_forwarder"\n')
    async with client(engines="own.toml", upstream_refuses=True) as user:
        assert (await user.init(engine="own"))["engine"] == "own"
    async with client(engines="own.toml", upstream_refuses=True) as user:
        user.network.say({"type": "init"})
        assert await user.ended() == ("UPSTREAM_AUTH", 1011)


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
        user.upstream.connection.say(TargetAudio(tone(0.1, 24_000), 24_000), TargetText("Hello."), TurnComplete())
        await settle(600)
        assert user.upstream.connection.sent.count(ACTIVITY_END) == 1


# Other people's turn


@pytest.mark.parametrize("connected", [False, True])
@pytest.mark.parametrize("flood", [{"type": "interrupt"}, {"type": "zebra"}, b"\x00\x00", "no json"])
async def test_a_flood_leaves_others_their_turn(flood: dict[str, Any] | bytes | str, connected: bool) -> None:
    """Frames that are there already are read one by one, with room in between for every other task."""
    async with client(max_client_errors=2000, max_ahead_secs=1000) as user:
        if connected:
            await user.init(audioEncoding="binary")
        for _ in range(1000):
            user.network.say(flood)
        user.network.say({"type": "last"})
        turns = 0
        while user.network.unread:
            turns += 1
            await asyncio.sleep(0)
        assert turns >= 1000


# Pipeline files and their pieces


async def test_a_muted_client_is_heard_to_the_end_that_the_pipeline_file_asks_for(
    empty_working_directory: Path,
) -> None:
    """A file's own end of utterance decides how long silence stands for the audio that does not come."""
    (empty_working_directory / "patient.toml").write_text(
        '[[step]]\nuse = "vad"\nprovider = "energy"\nend_of_utterance_ms = 3000\n'
        '[[step]]\nuse = "gemini_live"\nmodel = "m"\n[[step]]\nuse = "transcription_forwarder"\n'
    )
    async with client(pipeline="patient.toml", audio_gap_ms=500, end_of_utterance_ms=700) as user:
        await user.init()
        user.speak(SPEECH)
        await settle(0.5 + 2.8)
        assert ACTIVITY_END not in user.upstream.connection.sent
        await settle(1)
        assert user.upstream.connection.sent[-1] == ACTIVITY_END
        user.upstream.connection.say(TargetAudio(tone(0.1, 24_000), 24_000), TargetText("Hello."), TurnComplete())
        assert (await user.network.wait_for("turn_complete"))["outputText"] == "Hello."


async def test_no_variable_of_pipecats_runs_code_in_a_session(
    monkeypatch: pytest.MonkeyPatch, empty_working_directory: Path
) -> None:
    """``PIPECAT_SETUP_FILES`` would let pipecat load any file into every session; here it has no effect."""
    marker = empty_working_directory / "ran"
    hook = empty_working_directory / "hook.py"
    hook.write_text(
        f"from pathlib import Path\nPath({str(marker)!r}).touch()\n"
        "async def setup_worker_runner(runner):\n    pass\n"
        "async def setup_pipeline_worker(worker):\n    pass\n"
    )
    monkeypatch.setenv("PIPECAT_SETUP_FILES", str(hook))
    async with client() as user:
        await user.init()
    assert not marker.exists()


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
    told = {r.message: vars(r)["fields"] for r in caplog.records if r.name.startswith("pipelines.")}
    assert set(told) == {"session started", "session ended"}
    assert {fields["session_id"] for fields in told.values()} == {session_id}
    assert told["session started"]["language"] == "ko"
    assert told["session ended"]["reason"] == "closed by client"
    assert (told["session ended"]["close_code"], told["session ended"]["audio_secs"]) == (1000, 2.0)
    assert "PIN" not in caplog.text
