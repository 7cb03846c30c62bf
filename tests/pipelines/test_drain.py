"""How sessions end when the server drains: what was being said is answered, and nothing else begins."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
import uvicorn
from pipecat.frames.frames import Frame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from gemini.events import SourceText, TargetAudio, TargetText, TurnComplete
from pipelines.drain import DRAIN_STATE, Drain, DrainingServer
from pipelines.sessions import Sessions
from processors.frames import ProtocolMessageFrame
from protocol.errors import ErrorCode, Fault
from tests.support.fake_upstream import ACTIVITY_START, FakeConnection, FakeConnector
from tests.support.interpreted import RATE_HZ, SPEECH, Client, client
from tests.support.pcm import tone
from tests.support.virtual_time import settle

SOUND = TargetAudio(tone(0.1, 24_000), 24_000)
PAUSE = bytes(2 * RATE_HZ)
GONE = ("SHUTTING_DOWN", 1001)


def answering(delay_secs: float = 0.0) -> FakeConnector:
    """An upstream that answers each utterance after a while."""
    numbers = count(1)

    def on_open(connection: FakeConnection) -> None:
        def answer() -> None:
            number = next(numbers)
            events = SourceText(f"{number}번."), TargetText(f"Number {number}."), SOUND, TurnComplete()
            asyncio.get_running_loop().call_later(delay_secs, connection.say, *events)

        connection.on_activity_end = answer

    return FakeConnector(on_open=on_open)


class Waiting:
    """A connection that does nothing about being turned away but note it."""

    told: Fault | None = None

    def turn_away(self, fault: Fault) -> None:
        """Note it."""
        self.told = fault


@contextlib.asynccontextmanager
async def draining(user: Client, *, drain_secs: float = 30.0) -> AsyncIterator["asyncio.Task[None]"]:
    """The server of ``user`` drains; at the end of the block it is done."""
    task = asyncio.create_task(Drain(user.sessions, drain_secs=drain_secs).run("SIGTERM"))
    await asyncio.sleep(0)
    yield task
    await task


async def test_a_session_in_which_nothing_is_open_ends_at_once() -> None:
    """Its client has not spoken, or has its answer."""
    for speech in (b"", SPEECH + PAUSE):
        async with client(answering()) as user:
            await user.init()
            user.speak(speech)
            await settle(5)
            began_at = user.secs
            async with draining(user):
                assert await user.ended() == GONE
            assert user.secs - began_at < 0.5
            assert len(user.network.of("turn_complete")) == (1 if speech else 0)


async def test_an_utterance_that_is_being_spoken_is_answered_in_full() -> None:
    """It goes on to its end, its turn is complete with all its sound, and only then the error comes."""
    async with client(answering(delay_secs=3)) as user:
        await user.init()
        user.speak(SPEECH)
        await settle(0.1)
        async with draining(user):
            await settle(1)
            user.speak(SPEECH + PAUSE)
            assert await user.ended() == GONE
        assert len(user.upstream.connection.activities) == 1
        kinds = [message["type"] for message in user.network.messages]
        assert kinds[-2:] == ["turn_complete", "error"]
        assert user.network.of("turn_complete")[0]["outputText"] == "Number 1."
        assert user.network.of("audio_response")


async def test_no_further_utterance_begins() -> None:
    """What is said while the last answer is awaited does not reach the upstream, and holds nobody up."""
    async with client(answering(delay_secs=5)) as user:
        await user.init()
        user.speak(SPEECH + PAUSE)
        await settle(0.1)
        async with draining(user):
            user.speak((SPEECH + PAUSE) * 3)
            assert await user.ended() == GONE
        assert user.upstream.connection.sent.count(ACTIVITY_START) == 1
        assert len(user.network.of("turn_complete")) == 1


async def test_who_talks_on_is_answered_to_the_next_cut() -> None:
    """Somebody who makes no pause does not hold the server beyond the piece that is being spoken."""
    async with client(answering(), soft_utterance_secs=2, max_utterance_secs=2) as user:
        await user.init()
        user.speak(SPEECH)
        await settle(0.1)
        async with draining(user):
            user.speak(SPEECH * 9)
            assert await user.ended() == GONE
        assert len(user.network.of("turn_complete")) == 1


async def test_everything_that_waits_in_the_ring_is_answered() -> None:
    """Utterances that wait for their turn had begun before, too."""
    async with client(answering(delay_secs=2)) as user:
        await user.init()
        user.speak((SPEECH + PAUSE) * 4)
        await settle(0.1)
        async with draining(user):
            assert await user.ended() == GONE
        assert len(user.network.of("turn_complete")) == 4


async def test_speech_that_came_before_the_session_was_ready_is_answered() -> None:
    """The wish to drain takes its place behind what was received before, also while the upstream is connected."""
    upstream = answering()
    upstream.delay_secs = 2
    async with client(upstream) as user:
        user.network.say({"type": "init"})
        user.speak(SPEECH + PAUSE)
        await settle(0.1)
        async with draining(user):
            assert await user.ended() == GONE
        assert user.network.messages[0]["type"] == "connected"
        assert len(user.network.of("turn_complete")) == 1


async def test_a_session_that_is_being_connected_for_nobody_ends_at_once() -> None:
    """Nothing was said, so nothing is lost."""
    async with client(FakeConnector(delay_secs=3)) as user:
        user.network.say({"type": "init"})
        await settle(0.1)
        async with draining(user):
            await settle(0.5)
            assert user.network.close_code == 1001
            assert await user.ended() == GONE


async def test_a_turn_that_does_not_end_is_cut_when_the_time_is_up(caplog: pytest.LogCaptureFixture) -> None:
    """``DRAIN_SECS`` bounds it all; the log says how many sessions it cut."""
    caplog.set_level(logging.INFO)
    async with client(turn_timeout_secs=120) as user:
        await user.init()
        user.speak(SPEECH + PAUSE)
        await settle(0.1)
        began_at = user.secs
        async with draining(user, drain_secs=7):
            assert await user.ended() == GONE
        assert 7 <= user.secs - began_at < 9
    said = {record.message: getattr(record, "fields", {}) for record in caplog.records}
    assert said["draining; a second signal ends the server at once"] == {
        "cause": "SIGTERM",
        "sessions": 1,
        "drain_secs": 7,
    }
    assert said["drained"]["sessions"] == 1
    assert said["drained"]["cut"] == 1


async def test_without_detection_of_voice_a_turn_that_shows_is_answered() -> None:
    """Where the upstream finds the utterances, what it recognises in the first seconds is waited for."""
    async with client(vad_threshold=0) as user:
        await user.init()
        user.speak(SPEECH)
        await settle(0.1)
        async with draining(user):
            await settle(3)
            user.upstream.connection.say(SourceText("안녕하세요."))
            await settle(3)
            user.upstream.connection.say(TargetText("Hello."), SOUND, TurnComplete())
            assert await user.ended() == GONE
        assert len(user.network.of("turn_complete")) == 1


async def test_everything_is_written_before_the_close() -> None:
    """A client that reads slowly gets the end of its turn all the same: the close waits for it."""
    async with client(answering(), ws_ping_interval=20, ws_ping_timeout=20) as user:
        await user.init()
        user.network.may_write.clear()
        user.speak(SPEECH + PAUSE)
        await settle(5)
        async with draining(user) as task:
            await settle(15)
            assert not task.done()
            assert not user.network.of("turn_complete")
            user.network.may_write.set()
            assert await user.ended() == GONE
        assert len(user.network.of("turn_complete")) == 1


async def test_what_a_step_still_holds_is_told(empty_working_directory: Path) -> None:
    """The end of a turn may take its time through the steps: the session ends after it has come out."""
    (empty_working_directory / "late.toml").write_text(
        '[[step]]\nuse = "vad"\nprovider = "energy"\n[[step]]\nuse = "gemini_live"\nmodel = "m"\n'
        f'[[step]]\nuse = "transcription_forwarder"\n[[step]]\nuse = "{__name__}:LateMessages"\n'
    )
    async with client(answering(), pipeline="late.toml") as user:
        await user.init()
        user.speak(SPEECH + PAUSE)
        await settle(0.1)
        async with draining(user):
            assert await user.ended() == GONE
        assert len(user.network.of("turn_complete")) == 1


class LateMessages(FrameProcessor):
    """Takes a while over every message."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass everything on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, ProtocolMessageFrame):
            await asyncio.sleep(0.2)
        await self.push_frame(frame, direction)


async def test_a_session_whose_client_is_away_ends_when_its_turn_is_over() -> None:
    """One in which nothing is open ends at once; nobody waits for a client that may come back."""
    for speech, secs in ((b"", 0.0), (SPEECH + PAUSE, 4.0)):
        async with client(answering(delay_secs=4)) as user:
            await user.init(resume={})
            user.speak(speech)
            await settle(0.1)
            user.network.leave()
            await settle(0.1)
            assert [session.detached for session in user.sessions.live] == [True]
            began_at = user.secs
            async with draining(user):
                await user.sessions.gone()
            assert secs - 0.5 < user.secs - began_at < secs + 1.5


async def test_a_client_that_comes_back_gets_the_rest_of_its_turn() -> None:
    """Resuming is no new session: a connection that breaks while the server drains costs nobody a word."""
    sessions, upstream = Sessions(max_sessions=5, max_pending=5, max_loop_lag_ms=0), answering(delay_secs=4)
    async with client(upstream, sessions=sessions) as first, client(upstream, sessions=sessions) as second:
        connected = await first.init(resume={})
        first.speak(SPEECH + PAUSE)
        await settle(0.1)
        async with draining(first):
            first.network.leave()
            await settle(1)
            back = {"sessionId": connected["sessionId"], "resumeToken": connected["resumeToken"]}
            again = await second.init(resume={**back, "lastSeq": 0, "firstSample": 0})
            assert again["resumed"] is True
            assert await second.ended() == GONE
        assert len(second.network.of("turn_complete")) == 1
        assert len(upstream.connections) == 1


async def test_newcomers_are_told_and_sent_away() -> None:
    """``init`` is answered with the error and its close code, and costs no upstream connection."""
    sessions = Sessions(max_sessions=5, max_pending=5, max_loop_lag_ms=0)
    async with client(sessions=sessions) as user:
        await Drain(sessions, drain_secs=30).run("SIGTERM")
        user.network.say({"type": "init"})
        assert await user.ended() == GONE
        assert not user.upstream.configs
    fault = sessions.busy()
    assert fault is not None
    assert fault.code is ErrorCode.SHUTTING_DOWN


async def test_connections_without_init_are_told_at_the_end() -> None:
    """They have no session that would tell them; draining is done when they are gone."""
    drain = Drain(Sessions(max_sessions=5, max_pending=5, max_loop_lag_ms=0), drain_secs=30)
    connection = Waiting()
    with drain.watch(connection):
        running = asyncio.create_task(drain.run("SIGTERM"))
        await settle(1)
        assert connection.told is not None
        assert not running.done()
    await settle()
    assert running.done()


async def test_a_connection_that_does_not_go_holds_nobody_for_long() -> None:
    """Whoever does not read its close is left to it."""
    drain = Drain(Sessions(max_sessions=5, max_pending=5, max_loop_lag_ms=0), drain_secs=30)
    with drain.watch(Waiting()):
        async with asyncio.timeout(10):
            await drain.run("SIGTERM")


async def test_who_has_nobody_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A server that nobody uses ends without a line."""
    caplog.set_level(logging.INFO)
    await Drain(Sessions(max_sessions=5, max_pending=5, max_loop_lag_ms=0), drain_secs=30).run("SIGTERM")
    assert not caplog.records


# Signals


def server_of(drain: object) -> DrainingServer:
    """A server that runs, with ``drain`` in its application's state."""
    server = DrainingServer(uvicorn.Config("server:create_app", log_config=None))
    server.started = True
    server.lifespan = SimpleNamespace(state={DRAIN_STATE: drain})
    return server


async def test_the_first_signal_drains_and_the_second_does_not_wait(caplog: pytest.LogCaptureFixture) -> None:
    """After the first one the server goes on serving; after the second it stops, after a third by force."""
    caplog.set_level(logging.INFO)
    drain = Drain(Sessions(max_sessions=5, max_pending=5, max_loop_lag_ms=0), drain_secs=30)
    server = server_of(drain)
    with drain.watch(Waiting()):
        server.handle_exit(15, None)
        await settle(0.1)
        assert not server.should_exit
        server.handle_exit(15, None)
        assert server.should_exit
        assert server.config.timeout_graceful_shutdown == 1
        assert not server.force_exit
        await settle()
        server.handle_exit(15, None)
        assert server.force_exit
    await settle()
    assert "stopping at once" in caplog.messages
    assert "drained" not in caplog.messages


@pytest.mark.parametrize("number", [2, 15])
async def test_a_server_that_has_drained_stops_by_itself(number: int) -> None:
    """Not by force, and not by the signal: its exit code is 0. Ctrl-C is no different from SIGTERM."""
    drain = Drain(Sessions(max_sessions=5, max_pending=5, max_loop_lag_ms=0), drain_secs=30)
    server = server_of(drain)
    server.handle_exit(number, None)
    assert not server.should_exit
    await settle()
    assert server.should_exit
    assert not server.force_exit


async def test_a_fault_while_draining_does_not_keep_the_server(caplog: pytest.LogCaptureFixture) -> None:
    """It stops all the same, and the log has the stack trace."""
    server = server_of(drain := Drain(Sessions(max_sessions=5, max_pending=5, max_loop_lag_ms=0), drain_secs=30))

    class Broken:
        def turn_away(self, fault: Fault) -> None:
            raise RuntimeError("broken")

    with drain.watch(Broken()):
        server.handle_exit(15, None)
        await settle(1)
    assert server.should_exit
    assert "internal error" in caplog.messages


async def test_a_signal_before_the_application_runs_stops_at_once() -> None:
    """There is nothing to drain."""
    server = DrainingServer(uvicorn.Config("server:create_app", log_config=None))
    server.handle_exit(15, None)
    assert server.should_exit
