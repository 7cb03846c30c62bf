"""A session that outlives its connection, against a scripted upstream and in virtual time."""

import base64
import json
import logging
from typing import Any

import pytest

from gemini.events import SourceText, TargetAudio, TargetText, TurnComplete
from pipelines.client_socket import ClientSocket
from pipelines.endings import Ending
from pipelines.resumption import Refusal
from pipelines.session import InterpreterSession
from protocol.messages import Claim
from tests.support.audit import stream_of
from tests.support.fake_upstream import ACTIVITY_END, FakeConnector
from tests.support.interpreted import RATE_HZ, SPEECH, Client
from tests.support.pcm import samples_of, tone
from tests.support.resuming import House, claim, house, told
from tests.support.virtual_time import settle

PAUSE = bytes(2 * RATE_HZ)
SOUND = tone(0.1, 24_000)
ANSWER = (SourceText("안녕하세요."), TargetAudio(SOUND, 24_000), TargetText("Hello."), TurnComplete())


async def begun(home: House, **config: Any) -> tuple[Client, dict[str, Any]]:
    """A session that can be resumed, and its ``connected``."""
    user = await home.connect()
    return user, await user.init(resume={}, **config)


async def lost(user: Client, code: int = 1006) -> None:
    """Break the connection, and wait until the server knows."""
    user.network.leave(code)
    await user.serving


def numbers(user: Client) -> list[int]:
    """The numbers of all messages that a connection got, in order."""
    return [seq for seq, _ in told(user) if seq is not None]


def told_text(user: Client) -> str:
    """Every word that a connection got."""
    return json.dumps(user.network.messages, ensure_ascii=False)


class Nobody:
    """A connection that gets nothing."""

    socket: ClientSocket

    def belong_to(self, session: InterpreterSession) -> None:
        """Never."""
        raise AssertionError("let in")

    def end(self, ending: Ending) -> None:
        """Never."""
        raise AssertionError("let in")


# What a session that can be resumed says


async def test_connected_says_how_to_come_back() -> None:
    """A secret that nobody guesses, and what the session has; the secrets of two sessions differ."""
    async with house() as home:
        _, first = await begun(home, sampleRate=48_000)
        _, second = await begun(home)
        assert (first["resumed"], first["receivedSamples"], first["inputSampleRate"]) == (False, 0, 48_000)
        assert len(first["resumeToken"]) == 43
        assert first["resumeToken"] != second["resumeToken"]
        assert "seq" not in first


async def test_other_sessions_see_nothing_of_it() -> None:
    """Without ``resume`` there is no number, no secret, and nothing is kept."""
    async with house() as home:
        user = await home.connect()
        assert not {"resumeToken", "resumed", "receivedSamples"} & set(await user.init())
        user.speak(SPEECH + PAUSE)
        await user.network.wait_for("speech_state", 3)
        assert all("seq" not in message for message in user.network.messages)
        await settle(0.5)
        (session,) = home.sessions.live
        depths = session.queue_depths()
        assert (depths["inbox"], depths["outbox"], depths["replay"]) == (0, 0, 0)
        await lost(user)
        assert home.sessions.active == 0
        assert home.upstream.connection.closed


async def test_every_message_after_connected_has_its_number() -> None:
    """The warning right after it, states, texts, errors; what is answered before ``init`` has none."""
    async with house() as home:
        user = await home.connect()
        user.network.say({"type": "zebra"})
        await user.init(resume={}, useWhisper=True)
        user.speak(SPEECH + PAUSE)
        user.network.say({"type": "zebra"})
        await settle(0.5)
        home.upstream.connection.say(*ANSWER)
        await user.network.wait_for("turn_complete")
        assert told(user)[:3] == [(None, "error"), (None, "connected"), (1, "warning")]
        assert numbers(user) == list(range(1, len(user.network.frames) - 1))
        assert user.network.of("error")[1]["seq"] in numbers(user)


async def test_errors_between_init_and_connected_have_no_number() -> None:
    """Counting begins after ``connected``."""
    async with house(FakeConnector(delay_secs=2)) as home:
        user = await home.connect()
        user.network.say({"type": "init", "config": {"resume": {}}})
        user.network.say({"type": "audio", "data": "?"})
        await user.network.wait_for("connected")
        user.network.say({"type": "interrupt"})
        await user.network.wait_for("interrupted")
        assert told(user) == [(None, "error"), (None, "connected"), (1, "interrupted")]


async def test_a_binary_frame_takes_a_number_without_carrying_it() -> None:
    """A client that asked for binary audio counts along; resumed, it gets binary audio whatever it asks for."""
    async with house() as home:
        user, connected = await begun(home, audioEncoding="binary")
        user.network.say(SPEECH + PAUSE)
        await settle(0.5)
        home.upstream.connection.say(*ANSWER)
        complete = await user.network.wait_for("turn_complete")
        sound = next(number for number, kind in told(user) if kind == "pcm" and number is not None)
        assert numbers(user) == list(range(1, complete["seq"] + 1))
        await lost(user)
        back = await home.resume(connected, sound - 1, audioEncoding="base64")
        await settle()
        assert [frame for frame in back.network.frames if isinstance(frame, bytes)]
        assert back.network.frames[1] == user.network.frames[sound]
        back.network.say(bytes(640))
        await settle()
        assert back.network.of("error") == []


# Coming back


async def test_what_was_missed_comes_once_and_in_order() -> None:
    """Sent or not when the connection broke: everything after ``lastSeq``, after ``connected``, with its number."""
    async with house() as home:
        user, connected = await begun(home)
        user.speak(SPEECH + PAUSE)
        heard = await user.network.wait_for("speech_state", 2)
        await lost(user)
        home.upstream.connection.say(*ANSWER)
        await settle(2)
        back = await home.resume(connected, 1)
        await settle(0.1)
        again = back.network.messages[0]
        assert (again["sessionId"], again["resumed"]) == (connected["sessionId"], True)
        assert again["resumeToken"] == connected["resumeToken"]
        assert again["receivedSamples"] == len(SPEECH + PAUSE) // 2
        assert back.network.messages[1] == heard
        assert numbers(back) == list(range(2, len(back.network.messages) + 1))
        assert back.network.messages[-1]["type"] in ("turn_complete", "speech_state")
        back.network.say({"type": "interrupt"})
        interrupted = await back.network.wait_for("interrupted")
        assert interrupted["seq"] == numbers(back)[-2] + 1


async def test_an_utterance_that_breaks_off_with_the_connection_ends() -> None:
    """While the client is away silence stands for its audio, and the interpretation is made."""
    async with house(audio_gap_ms=500, end_of_utterance_ms=700) as home:
        user, _ = await begun(home)
        user.speak(SPEECH)
        await settle(0.1)
        await lost(user)
        await settle(2)
        assert home.upstream.connection.sent[-1] == ACTIVITY_END
        (session,) = home.sessions.live
        assert session.detached
        assert session.queue_depths()["replay"] > 0


async def test_audio_goes_on_where_it_stopped() -> None:
    """What the client sends from ``receivedSamples`` on reaches the upstream once, whatever the rate."""
    for rate_hz in (16_000, 48_000):
        async with house(vad_threshold=0, audio_gap_ms=60_000) as home:
            user, connected = await begun(home, sampleRate=rate_hz, audioEncoding="binary")
            pcm = tone(1.0, rate_hz)
            sent = 0
            for cut in (3_000, 3_001, 11_111, rate_hz):
                user.network.say(pcm[2 * sent : 2 * cut])
                await settle(0.1)
                await lost(user)
                sent = cut
                user = await home.resume(connected, 0, sent)
                assert user.network.messages[0]["receivedSamples"] == sent
            await settle(1)
            heard, stream = samples_of(home.upstream.connection.pcm), stream_of(pcm, rate_hz)
            assert len(heard) > 15_000, "more than the resampler's filter holds back is missing"
            assert abs(heard - stream[: len(heard)]).max() <= (0 if rate_hz == 16_000 else 2)


async def test_a_client_may_come_back_twice_in_a_row() -> None:
    """A connection that broke before anything arrived on it changes nothing."""
    async with house() as home:
        user, connected = await begun(home)
        user.network.say({"type": "interrupt"})
        await user.network.wait_for("interrupted")
        await lost(user)
        for _ in range(3):
            back = await home.resume(connected, 0)
            await settle(0.1)
            assert told(back) == [(None, "connected"), (1, "interrupted")]
            await lost(back)
            await settle(29)
        assert home.sessions.active == 1


async def test_a_new_connection_takes_over_at_once() -> None:
    """The old one, which may hang half-open, is closed with 1008 and without an error; it has no say any more."""
    async with house() as home:
        user, connected = await begun(home)
        user.network.may_write.clear()
        user.network.say({"type": "interrupt"})
        await settle(0.1)
        started_at = user.secs
        back = await home.resume(connected, 0)
        assert user.secs - started_at < 0.1
        user.speak(SPEECH)
        user.network.say({"type": "interrupt"})
        back.network.say({"type": "interrupt"})
        await back.network.wait_for("interrupted", 2)
        user.network.may_write.set()
        await user.serving
        assert (user.network.close_code, user.network.of("error", "interrupted")) == (1008, [])
        assert told(back) == [(None, "connected"), (1, "interrupted"), (2, "interrupted")]
        assert home.upstream.connection.pcm == b""
        assert home.sessions.active == 1


async def test_nothing_of_the_old_connection_counts_once_the_new_one_was_told() -> None:
    """A chunk that lies in the old connection when it is taken over is one that the client sends again."""
    async with house() as home:
        user, connected = await begun(home)
        back = await home.connect()
        await settle()
        back.network.say({"type": "init", "config": {"resume": claim(connected, 0)}})
        user.speak(SPEECH)
        assert (await back.network.wait_for("connected"))["receivedSamples"] == 0
        await settle(0.1)
        again = await home.resume(connected, 0)
        assert again.network.messages[0]["receivedSamples"] == 0


async def test_a_resume_needs_no_seat_and_its_session_keeps_one() -> None:
    """While the client is away nobody else gets its place; a full house lets it back in."""
    async with house(max_sessions=1) as home:
        user, connected = await begun(home)
        await lost(user)
        other = await home.connect()
        other.network.say({"type": "init"})
        assert await other.ended() == ("SERVER_BUSY", 1013)
        await home.resume(connected, 0)
        assert (home.sessions.active, home.sessions.pending) == (1, 0)


async def test_a_held_back_stretch_of_speech_is_not_too_fast() -> None:
    """What a microphone had to keep while there was no connection may come at once; more of it may not."""
    async with house(max_ahead_secs=5, max_ingest_rate=1, idle_timeout_secs=0) as home:
        user, connected = await begun(home, audioEncoding="binary")
        user.network.say(bytes(2 * RATE_HZ))
        await settle(1)
        await settle(15)
        await lost(user)
        await settle(25)
        back = await home.resume(connected, 0, RATE_HZ)
        for _ in range(40 + 4):
            back.network.say(bytes(2 * RATE_HZ))
        await settle(0.01)
        assert back.network.close_code is None
        await lost(back)
        again = await home.resume(connected, 0, 45 * RATE_HZ)
        for _ in range(3):
            again.network.say(bytes(2 * RATE_HZ))
        assert await again.ended() == ("RATE_LIMITED", 1008)


# Lost audio


async def test_audio_that_nobody_has_is_told_and_counted() -> None:
    """``AUDIO_LOST`` after what was missed, with its length; the hole counts, so that later numbers agree."""
    async with house() as home:
        user, connected = await begun(home, sampleRate=8000, audioEncoding="binary")
        user.network.say(bytes(2 * 8000))
        user.network.say({"type": "interrupt"})
        await user.network.wait_for("interrupted")
        await lost(user)
        back = await home.resume(connected, 0, 8000 + 12_001)
        warning = await back.network.wait_for("warning")
        assert back.network.messages[0]["receivedSamples"] == 8000
        assert told(back) == [(None, "connected"), (1, "interrupted"), (2, "warning")]
        assert (warning["code"], warning["ms"]) == ("AUDIO_LOST", 1501)
        back.network.say(bytes(2 * 100))
        await settle(0.1)
        await lost(back)
        again = await home.resume(connected, 2, 8000 + 12_001)
        assert again.network.messages[0]["receivedSamples"] == 8000 + 12_001 + 100
        await settle(0.1)
        assert len(again.network.messages) == 1


async def test_speech_before_and_after_a_hole_is_not_spliced() -> None:
    """Silence stands for lost audio, as much as ends an utterance and no more, however long the hole."""
    async with house(audio_gap_ms=10_000, end_of_utterance_ms=700) as home:
        user, connected = await begun(home, audioEncoding="binary")
        user.network.say(SPEECH)
        await settle(0.1)
        await lost(user)
        back = await home.resume(connected, 0, RATE_HZ + 3600 * RATE_HZ)
        await settle(0.1)
        assert ACTIVITY_END not in home.upstream.connection.sent
        back.network.say(SPEECH)
        await settle(0.1)
        home.upstream.connection.say(*ANSWER)
        await back.network.wait_for("turn_complete")
        await settle(0.1)
        first, second = home.upstream.connection.activities
        assert first.startswith(SPEECH[:20_000])
        assert SPEECH[-20_000:] in second
        assert len(first) + len(second) < 2 * (2 + 4) * RATE_HZ


async def test_a_short_hole_does_not_cut_an_utterance() -> None:
    """A hole of 200 ms is 200 ms of silence, at the client's rate."""
    async with house(audio_gap_ms=10_000) as home:
        user, connected = await begun(home, audioEncoding="binary")
        user.network.say(SPEECH)
        await settle(0.1)
        await lost(user)
        back = await home.resume(connected, 0, RATE_HZ + RATE_HZ // 5)
        back.network.say(SPEECH)
        await settle(0.1)
        (heard,) = home.upstream.connection.activities
        assert SPEECH + bytes(2 * RATE_HZ // 5) + SPEECH in heard


async def test_silence_that_stood_for_the_absence_is_not_doubled() -> None:
    """Where the utterance ended while the client was away, nothing more stands for what it lost."""
    async with house(vad_threshold=0, audio_gap_ms=500) as home:
        user, connected = await begun(home, audioEncoding="binary")
        user.network.say(SPEECH)
        await settle(1 + 0.5 + 1.05)
        await lost(user)
        heard_secs = len(home.upstream.connection.pcm) / 2 / RATE_HZ
        back = await home.resume(connected, 0, 4 * RATE_HZ)
        back.network.say(SPEECH)
        await settle(0.01)
        silence_secs = len(home.upstream.connection.pcm) / 2 / RATE_HZ - 2
        assert heard_secs == pytest.approx(2.0, abs=0.15)
        assert silence_secs == pytest.approx(2.0, abs=0.15)


# Who may not come back


@pytest.mark.parametrize("wrong", ["token", "foreign", "id", "not ascii"])
async def test_who_can_not_prove_it_gets_nothing(wrong: str) -> None:
    """A wrong secret, another session's, an unknown id: a fresh session, and not a word of the other's."""
    async with house() as home:
        user, connected = await begun(home)
        _, other = await begun(home)
        user.speak(SPEECH + PAUSE)
        await settle(0.5)
        home.upstream.connections[0].say(*ANSWER)
        await user.network.wait_for("turn_complete")
        shown = claim(connected, 0)
        match wrong:
            case "token":
                shown["resumeToken"] = connected["resumeToken"][:-1]
            case "foreign":
                shown["resumeToken"] = other["resumeToken"]
            case "id":
                shown["sessionId"] = "7f9c24e5-1c8f-4f0a-9d3c-2b6a51c0d0aa"
            case _:
                shown["resumeToken"] = "비밀" * 20
        thief = await home.connect()
        fresh = await thief.init(resume=shown)
        await settle(1)
        assert fresh["resumed"] is False
        assert fresh["receivedSamples"] == 0
        assert fresh["sessionId"] not in (connected["sessionId"], other["sessionId"])
        assert fresh["resumeToken"] not in (connected["resumeToken"], other["resumeToken"])
        assert len(thief.network.messages) == 1
        assert user.network.close_code is None
        user.network.say({"type": "interrupt"})
        await user.network.wait_for("interrupted")


async def test_too_late_is_too_late() -> None:
    """After the grace period everything is released, and the client gets a fresh session, resumable too."""
    async with house(resume_grace_secs=30) as home:
        user, connected = await begun(home)
        user.network.say({"type": "interrupt"})
        await user.network.wait_for("interrupted")
        await lost(user)
        await settle(29.9)
        assert home.sessions.active == 1
        await settle(0.2)
        assert home.sessions.active == 0
        assert home.upstream.connection.closed
        back = await home.connect()
        fresh = await back.init(resume=claim(connected, 0), language="ko")
        assert (fresh["resumed"], len(back.network.messages)) == (False, 1)
        assert "speaks Korean" in home.upstream.configs[-1].instruction
        await lost(back)
        again = await home.resume(fresh, 0)
        assert again.network.messages[0]["resumed"] is True


async def test_the_grace_begins_anew_with_every_loss() -> None:
    """And stops when the client is back."""
    async with house(resume_grace_secs=30) as home:
        user, connected = await begun(home)
        for _ in range(3):
            await lost(user)
            await settle(20)
            user = await home.resume(connected, 0)
            await settle(20)
        assert home.sessions.active == 1


@pytest.mark.parametrize("last_seq", [0, 99])
async def test_messages_that_are_not_there_make_a_fresh_session(last_seq: int) -> None:
    """Gone from the buffer, or never sent: what was promised can't be kept, and the old session ends at once."""
    async with house(resume_buffer_bytes=65_536, max_sessions=1) as home:
        user, connected = await begun(home)
        user.speak(SPEECH + PAUSE)
        await settle(0.5)
        home.upstream.connection.say(TargetAudio(SOUND * 13, 24_000), TurnComplete())
        await user.network.wait_for("turn_complete")
        back = await home.connect()
        fresh = await back.init(resume=claim(connected, last_seq))
        await user.serving
        assert fresh["resumed"] is False
        assert (user.network.close_code, user.network.of("error")) == (1008, [])
        await settle(0.1)
        assert home.upstream.connections[0].closed
        assert home.sessions.active == 1


@pytest.mark.parametrize("loss", ["before init", "while connecting"])
async def test_what_was_never_promised_ends_with_its_connection(loss: str) -> None:
    """Before ``connected`` no client knows how to come back, so nothing waits for it."""
    async with house(FakeConnector(delay_secs=2)) as home:
        user = await home.connect()
        if loss == "while connecting":
            user.network.say({"type": "init", "config": {"resume": {}}})
            await settle(1)
        await lost(user)
        assert (home.sessions.active, home.sessions.pending, home.upstream.connections) == (0, 0, [])
        back = await home.connect()
        assert (await back.init(resume={}))["resumed"] is False


async def test_an_operator_can_switch_it_off() -> None:
    """With a grace of 0 a session is like one of a client that never asked."""
    async with house(resume_grace_secs=0) as home:
        user = await home.connect()
        assert "resumeToken" not in await user.init(resume={})
        await lost(user)
        assert home.sessions.active == 0


# Ends


async def test_close_ends_the_session_for_good() -> None:
    """A client that said ``close`` is not waited for, and not let in again."""
    async with house() as home:
        user, connected = await begun(home)
        (session,) = home.sessions.live
        user.network.say({"type": "close"})
        assert await user.ended() == (None, 1000)
        assert (home.sessions.active, home.upstream.connection.closed) == (0, True)
        back = await home.connect()
        right = Claim(connected["sessionId"], connected["resumeToken"], 0, 0)
        assert session.resume(Nobody(), right) is Refusal.NOT_THERE
        assert (await back.init(resume=claim(connected, 0)))["resumed"] is False


@pytest.mark.parametrize("code", [1000, 1001, 1005, 1006, 1009])
async def test_a_closed_socket_is_not_close(code: int) -> None:
    """However the WebSocket ended, only ``close`` says that the client is done."""
    async with house() as home:
        user, connected = await begun(home)
        await lost(user, code)
        back = await home.resume(connected, 0)
        assert back.network.messages[0]["resumed"] is True


async def test_a_session_that_ends_while_its_client_is_away_says_why() -> None:
    """The client gets what it missed, the error last, with its number, and the close; then a fresh session."""
    async with house(max_session_secs=10, resume_grace_secs=30) as home:
        user, connected = await begun(home)
        user.network.say({"type": "interrupt"})
        await user.network.wait_for("interrupted")
        await lost(user)
        await settle(11)
        assert (home.sessions.active, home.upstream.connection.closed) == (0, True)
        for _ in range(2):
            back = await home.resume(connected, 0)
            assert await back.ended() == ("SESSION_EXPIRED", 1000)
            assert told(back) == [(None, "connected"), (1, "interrupted"), (2, "error")]
            assert back.network.messages[0]["resumed"] is True
        thief = await home.connect()
        await thief.init(resume={**claim(connected, 0), "resumeToken": "x"})
        assert "interrupted" not in told_text(thief)
        back = await home.resume(connected, 2)
        assert back.network.messages[0]["resumed"] is False
        await settle(30)
        late = await home.resume(connected, 0)
        assert late.network.messages[0]["resumed"] is False


async def test_an_error_that_did_not_arrive_is_said_again() -> None:
    """A fatal error and the loss of the connection may come together: the error is not lost."""
    async with house(max_message_bytes=2000) as home:
        user, connected = await begun(home)
        user.network.may_write.clear()
        user.network.say({"type": "interrupt"})
        user.network.say("x" * 3000)
        user.network.leave()
        await settle(20)
        assert user.network.of("error") == []
        back = await home.resume(connected, 0)
        assert await back.ended() == ("MESSAGE_TOO_LARGE", 1009)


async def test_a_slow_client_comes_back_to_what_it_did_not_read() -> None:
    """Over the bound it is closed with 1013; then it resumes, and is not cut again for what waited for it."""
    async with house(max_send_backlog_bytes=65_536, resume_buffer_bytes=2**20) as home:
        user, connected = await begun(home)
        user.speak(SPEECH + PAUSE)
        await user.network.wait_for("speech_state", 3)
        user.network.may_write.clear()
        home.upstream.connection.say(*(TargetAudio(SOUND * 2, 24_000) for _ in range(30)), TurnComplete())
        await settle(1)
        user.network.may_write.set()
        await user.serving
        assert user.network.close_code == 1013
        assert numbers(user) == list(range(1, len(numbers(user)) + 1))
        back = await home.resume(connected, numbers(user)[-1])
        await back.network.wait_for("turn_complete")
        assert numbers(user) + numbers(back) == list(range(1, numbers(back)[-1] + 1))
        sound = b"".join(
            base64.b64decode(message["data"])
            for message in user.network.of("audio_response") + back.network.of("audio_response")
        )
        assert len(sound) == 30 * 2 * len(SOUND)
        assert back.network.close_code is None


async def test_limits_of_time_go_on_without_the_client() -> None:
    """Idle is idle, away or not."""
    async with house(idle_timeout_secs=20, resume_grace_secs=30) as home:
        user, connected = await begun(home)
        await settle(5)
        await lost(user)
        await settle(14)
        assert home.sessions.active == 1
        await settle(2)
        assert home.sessions.active == 0
        back = await home.resume(connected, 0)
        assert await back.ended() == ("IDLE_TIMEOUT", 1000)


async def test_a_server_that_stops_waits_for_nobody() -> None:
    """Neither for a client that is away nor for one that uvicorn closes with 1012."""
    async with house() as home:
        away, _ = await begun(home)
        here, _ = await begun(home)
        await lost(away)
        await lost(here, 1012)
        assert home.sessions.active == 1
        await home.sessions.stop()
        assert home.sessions.active == 0
        assert all(connection.closed for connection in home.upstream.connections)


async def test_mistakes_are_counted_for_each_connection() -> None:
    """A client that came back may make as many as any other."""
    async with house(max_client_errors=2) as home:
        user, connected = await begun(home)
        for _ in range(2):
            user.network.say({"type": "zebra"})
        await user.network.wait_for("error", 2)
        await lost(user)
        back = await home.resume(connected, 2)
        back.network.say({"type": "init"})
        assert (await back.network.wait_for("error"))["code"] == "ALREADY_INIT"
        assert (await back.network.wait_for("error"))["seq"] == 3


# The log


async def test_the_log_tells_who_went_and_came_and_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    """Each loss, each return and each refusal is a line; the secret is in none, nor the word for it."""
    caplog.set_level(logging.DEBUG)
    async with house(resume_grace_secs=30) as home:
        user, connected = await begun(home)
        session_id = connected["sessionId"]
        await lost(user, 1001)
        await settle(10)
        back = await home.resume(connected, 0, RATE_HZ)
        over = await home.resume(connected, 1)
        thief = await home.connect()
        fresh = await thief.init(resume={**claim(connected, 0), "resumeToken": "guess"})
        stranger = await home.connect()
        await stranger.init(resume={**claim(connected, 0), "sessionId": "forged=1\nline"})
        await back.serving
        await lost(over)
        await settle(31)
    told_of = [(r.message, vars(r)["fields"]) for r in caplog.records if r.name.startswith("pipelines")]
    lines = [
        (text, {name: value for name, value in fields.items() if name != "session_id"})
        for text, fields in told_of
        if fields["session_id"] == session_id and text != "session started"
    ]
    assert lines[:5] == [
        ("client lost", {"reason": "client disconnected", "close_code": 1001}),
        ("client resumed", {"away_secs": 10.0, "messages": 0, "lost_ms": 1000}),
        ("client lost", {"reason": "taken over", "close_code": 1008}),
        ("client resumed", {"away_secs": 0.0, "messages": 0}),
        ("client lost", {"reason": "client disconnected", "close_code": 1006}),
    ]
    text, fields = lines[5]
    assert (text, fields["reason"], fields["close_code"]) == ("session ended", "client did not come back", 1006)
    assert len(lines) == 6
    refused = [fields for text, fields in told_of if text == "resume refused"]
    assert refused[0] == {"session_id": fresh["sessionId"], "reason": "not its client", "wanted": session_id}
    assert refused[1]["reason"] == "no such session"
    assert "wanted" not in refused[1]
    everything = json.dumps([str(vars(record)) for record in caplog.records])
    assert connected["resumeToken"] not in everything
    assert "token" not in everything.lower()
    assert "guess" not in everything
