"""A phone call's life: admitted, limited, drained and ended as any session, and hung up by whoever ends it."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest
from prometheus_client import REGISTRY

from gemini.events import SourceText, TargetAudio, TargetText, TurnComplete
from pipelines.sessions import Sessions
from tests.support.fake_upstream import FakeConnection, FakeConnector
from tests.support.pcm import tone
from tests.support.phones import RATE_HZ, Caller, caller
from tests.support.virtual_time import settle
from tests.telephony import documented

SPEECH = tone(1.0, RATE_HZ)
PAUSE = bytes(2 * RATE_HZ)
ANSWER = tone(1.0, 24_000)


def answering(*, sound: bytes = ANSWER) -> FakeConnector:
    """An upstream that answers every utterance at once."""

    def on_open(connection: FakeConnection) -> None:
        connection.on_activity_end = lambda: connection.say(
            SourceText("hello"), TargetText("안녕하세요"), TargetAudio(sound, 24_000), TurnComplete()
        )
        connection.on_text = lambda _: connection.say(TargetAudio(ANSWER, 24_000), TurnComplete())

    return FakeConnector(on_open=on_open)


def fields(caplog: pytest.LogCaptureFixture, text: str) -> dict[str, object]:
    """The fields of the one line of this text."""
    (record,) = [record for record in caplog.records if record.message == text]
    found: dict[str, object] = vars(record)["fields"]
    return found


def played_secs() -> float:
    """How long the provider took to play what it was sent, of all stretches together."""
    return REGISTRY.get_sample_value("interpreter_phone_played_delay_seconds_sum") or 0.0


async def turn(user: Caller) -> None:
    """Say something, and hear all of its interpretation."""
    user.speak(SPEECH + PAUSE)
    await asyncio.sleep(4)


# A call


async def test_a_caller_hears_what_was_said_in_the_other_language(caplog: pytest.LogCaptureFixture) -> None:
    """In 20 ms pieces, with a mark behind; the log has the call, and no number."""
    caplog.set_level(logging.INFO)
    async with caller(answering()) as user:
        user.start()
        await settle(1)
        await turn(user)
        assert 0.98 <= len(user.heard) / 2 / RATE_HZ <= 1.02
        assert user.marks == ["1"]
        user.network.say(documented.TWILIO_STOP)
        await user.serving
    assert user.network.close_code == 1000
    assert user.provider.hung_up == []
    started = fields(caplog, "call started")
    assert started.items() >= {"provider": "twilio", "engine": "telephony", "language": "auto"}.items()
    assert started.items() >= {"sample_rate_hz": 8000, "encoding": "PCMU"}.items()
    ended = fields(caplog, "session ended")
    assert ended["session_id"] == started["session_id"]
    assert ended["reason"] == "closed by client"
    assert ended["audio_secs"] == pytest.approx(2.0, abs=0.15)
    assert documented.CALLER not in caplog.text
    assert documented.DIALLED not in caplog.text


async def test_the_server_learns_when_sound_was_played() -> None:
    """By the mark that the provider sends back; one that nobody sent says nothing."""
    before = played_secs()
    async with caller(answering()) as user:
        user.start()
        await settle(1)
        user.speak(SPEECH + PAUSE)
        await asyncio.sleep(4)
        user.reach("99")
        await asyncio.sleep(2)
        user.reach("1")
        user.reach("1")
        await settle(1)
    assert played_secs() - before > 2


async def test_a_gap_on_the_line_ends_an_utterance() -> None:
    """Silence stands for what does not come, as long as it takes."""
    async with caller(answering()) as user:
        user.start()
        await settle(1)
        user.speak(SPEECH)
        await asyncio.sleep(6)
        assert user.marks == ["1"]


# Who comes in


async def test_a_server_that_is_full_hangs_up(caplog: pytest.LogCaptureFixture) -> None:
    """Before it asks the upstream for anything."""
    caplog.set_level(logging.INFO)
    async with caller(sessions=Sessions(max_sessions=0, max_pending=2, max_loop_lag_ms=0)) as user:
        user.start()
        await user.serving
        assert user.network.close_code == 1013
        assert user.provider.hung_up == [documented.TWILIO_CALL]
        assert user.upstream.configs == []
    assert fields(caplog, "session ended")["reason"] == "SERVER_BUSY"


async def test_a_stream_has_to_start(caplog: pytest.LogCaptureFixture) -> None:
    """Within ``INIT_TIMEOUT_SECS``, whatever else it sends; the pending place is free again."""
    caplog.set_level(logging.INFO)
    async with caller(init_timeout_secs=3) as user:
        user.network.say(documented.TWILIO_CONNECTED)
        user.network.say("nonsense")
        user.network.say(b"\xff\x00")
        await user.serving
        assert (user.network.close_code, user.provider.hung_up) == (1008, [])
    assert fields(caplog, "session ended")["reason"] == "INIT_TIMEOUT"


async def test_a_stream_that_nobody_can_read_is_ended() -> None:
    """The log says what was expected."""
    async with caller() as user:
        start = documented.TWILIO_START["start"] | {"mediaFormat": {"encoding": "audio/opus"}}
        user.network.say(documented.TWILIO_START | {"start": start})
        await user.serving
        assert user.network.close_code == 1008


# Limits


async def test_a_call_has_the_longest_time_of_a_session() -> None:
    """``MAX_SESSION_SECS``; then the server hangs up."""
    async with caller(answering(), max_session_secs=5) as user:
        user.start()
        await user.serving
        assert (user.network.close_code, user.provider.hung_up) == (1000, [documented.TWILIO_CALL])


async def test_who_sends_far_too_fast_is_hung_up() -> None:
    """Audio is paid for by the second."""
    async with caller(answering(), max_ahead_secs=5) as user:
        user.start()
        user.speak(SPEECH * 10)
        await user.serving
        assert (user.network.close_code, user.provider.hung_up) == (1008, [documented.TWILIO_CALL])


async def test_a_line_that_does_not_read_is_ended() -> None:
    """After as long as a browser that does not answer pings."""
    async with caller(answering(sound=10 * ANSWER), ws_ping_interval=2, ws_ping_timeout=1) as user:
        user.start()
        await settle(1)
        user.network.may_write.clear()
        user.speak(SPEECH + PAUSE)
        await asyncio.wait([user.serving], timeout=30)
        user.network.may_write.set()
        await user.serving
        assert user.provider.hung_up == [documented.TWILIO_CALL]


async def test_what_is_no_message_costs_itself_alone() -> None:
    """The call goes on."""
    async with caller(answering()) as user:
        user.start()
        await settle(1)
        for bad in ("", "{", "[]", b"\x00\xff", '{"event":"media","media":{"payload":"?"}}', '{"event":"dtmf"}'):
            user.network.say(bad)
        await turn(user)
        assert user.marks == ["1"]


# Ends


async def test_an_upstream_that_refuses_ends_the_call() -> None:
    """The caller is hung up, and nothing is left."""
    refusing = FakeConnector(down=RuntimeError("no such thing"))
    async with caller(refusing) as user:
        user.start()
        await user.serving
        assert (user.network.close_code, user.provider.hung_up) == (1011, [documented.TWILIO_CALL])
        assert user.sessions.active == 0


async def test_a_server_that_drains_says_all_and_hangs_up() -> None:
    """What was said before is interpreted and heard to its end; the line is asked whether it was played."""
    async with caller(answering(sound=3 * ANSWER)) as user:
        user.start()
        await settle(1)
        user.speak(SPEECH + PAUSE)
        await asyncio.sleep(1)
        user.call.drain()
        await asyncio.sleep(3)
        user.reach("1")
        await user.serving
        assert 2.98 <= len(user.heard) / 2 / RATE_HZ <= 3.02
        assert (user.network.close_code, user.provider.hung_up) == (1001, [documented.TWILIO_CALL])


async def test_a_call_that_has_not_begun_is_turned_away_by_a_server_that_drains() -> None:
    """As other connections are that have no session."""
    async with caller() as user:
        user.call.drain()
        await user.serving
        assert user.network.close_code == 1001


async def test_a_server_that_stops_ends_the_call() -> None:
    """At once; stopping returns when everything is released."""
    async with caller(answering()) as user:
        user.start()
        await settle(1)
        await user.call.stop()
        assert user.sessions.active == 0
        await user.serving
        assert (user.network.close_code, user.provider.hung_up) == (1012, [documented.TWILIO_CALL])


async def test_a_call_is_released_whatever_fails_on_the_way(caplog: pytest.LogCaptureFixture) -> None:
    """What should not have been raised is in the log; the stream is closed all the same."""
    async with caller(answering()) as user:
        user.start()
        await settle(1)
        user.provider.fault = RuntimeError("a fault of ours")
        await user.call.stop()
        await user.serving
        assert user.network.close_code == 1012
        assert user.sessions.active == 0
    assert [record.message for record in caplog.records].count("internal error") == 1


async def test_a_cancelled_call_releases_everything() -> None:
    """As uvicorn cancels connections that take too long to end."""
    async with caller(answering()) as user:
        user.start()
        await settle(1)
        user.serving.cancel()
        await asyncio.wait([user.serving])
        assert user.sessions.active == 0


# Keys and announcements


async def test_star_repeats_the_last_interpretation() -> None:
    """Whole, and again; before there is any, it does nothing."""
    async with caller(answering()) as user:
        user.start()
        await settle(1)
        user.press("*")
        await asyncio.sleep(1)
        assert user.heard == b""
        await turn(user)
        once = user.heard
        user.press("*")
        await asyncio.sleep(2)
        assert len(user.heard) == 2 * len(once)
        assert user.marks == ["1", "2"]


async def test_a_key_that_is_held_down_fills_no_memory() -> None:
    """So much waits to be said again, and no more."""
    async with caller(answering(sound=10 * ANSWER)) as user:
        user.start()
        await settle(1)
        user.speak(SPEECH + PAUSE)
        await asyncio.sleep(14)
        user.press(*"*" * 50)
        await settle(1)
        assert user.call.queue_depths()["player"] <= 80 * 2 * RATE_HZ


async def test_hash_swaps_the_direction() -> None:
    """Another session upstream, that is told the other direction."""
    async with caller(answering(), telephony_language="ko") as user:
        user.start()
        await settle(1)
        user.press("#")
        await asyncio.sleep(3)
        first, second = user.upstream.configs
        assert first.instruction != second.instruction


@pytest.mark.parametrize(
    ("language", "texts"), [("ko", ["도움말"]), ("en", ["Help."]), ("auto", ["도움말", "Help."])]
)
async def test_zero_speaks_the_help(language: str, texts: Sequence[str]) -> None:
    """In the languages that the caller may speak, once for several presses in a row."""
    upstream = answering()
    upstream.delay_secs = 0.5
    async with caller(
        upstream, telephony_language=language, telephony_help={"en": "Help.", "ko": "도움말"}
    ) as user:
        user.start()
        await asyncio.sleep(1)
        user.press("0", "0")
        await asyncio.sleep(5)
        spoken = [text for connection in user.upstream.connections for text in connection.texts]
        assert spoken == texts
        assert len(user.heard) / 2 / RATE_HZ == pytest.approx(len(texts), abs=0.03)


async def test_a_notice_that_the_provider_cannot_speak_is_spoken_here() -> None:
    """Twilio's voice knows no Swahili; what it knows, it says before the stream begins."""
    notice: dict[str, Any] = {"telephony_notice": {"sw": "Simu hii.", "en": "This call."}}
    async with caller(answering(), languages="sw,en", **notice) as user:
        user.start()
        await asyncio.sleep(3)
        assert [text for connection in user.upstream.connections for text in connection.texts] == ["Simu hii."]
        assert len(user.heard) / 2 / RATE_HZ == pytest.approx(1, abs=0.03)
