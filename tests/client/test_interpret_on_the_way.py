"""Sessions that are stopped, sent fast, or listen to a microphone; and where in the audio their turns lie."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import soundfile  # the package has no type information

from client import connection
from client.errors import ClientError, ServerError
from client.interpret import Patience, interpret
from client.pacing import Pacer
from client.sources import Chunk
from client.stopping import Stop
from client.summary import Summary
from tests.client.fakes import FastClock, Talk, fake_server, make_wav
from tests.client.one_session import EN, KO, Run


async def test_ctrl_c_writes_what_came_so_far(run: Run) -> None:
    """The session is closed in an orderly way; the turn that was not complete is written as such."""
    stop = Stop()
    closed: list[bool] = []

    async def script(talk: Talk) -> None:
        await talk.connect()
        await talk.state("speaking", "silent", "processing", "silent")
        await talk.turn(KO, EN)
        await talk.say("input_transcription", text="감사", isFinal=False)
        await talk.sound(0.25)
        await talk.say("output_transcription", text="Tha", isFinal=False)
        await talk.hear(4000)
        stop.ask()
        await talk.until_close()
        closed.append(True)

    async with fake_server(script) as url:
        summary = await interpret(run.job(url), run.notes, FastClock(2.0), stop)
    assert closed == [True]
    assert (summary.stopped, len(summary.turns)) == (True, 1)
    assert 0.25 <= summary.speech_secs < 1.0
    records = [json.loads(line) for line in run.transcript.read_text("utf-8").splitlines()]
    assert [(record["source_text"], record["complete"]) for record in records] == [
        ("안녕하세요", True),
        ("감사", False),
    ]
    assert records[1]["completed_secs"] is None
    assert "감사 …" in run.transcript.with_name("out.source.srt").read_text("utf-8")
    assert "Tha …" in run.transcript.with_name("out.target.vtt").read_text("utf-8")
    assert run.out.exists()
    assert run.notes.lines[-1] == "ended stopped"


async def test_ctrl_c_while_somebody_speaks(run: Run) -> None:
    """What is being said is timed up to what was sent, although nothing interprets it yet."""
    stop = Stop()

    async def script(talk: Talk) -> None:
        await talk.connect()
        await talk.hear(1600)
        await talk.state("speaking")
        await talk.say("input_transcription", text="감사", isFinal=False)
        await talk.hear(8000)
        stop.ask()
        await talk.until_close()

    async with fake_server(script) as url:
        summary = await interpret(run.job(url), run.notes, FastClock(2.0), stop)
    (record,) = [json.loads(line) for line in run.transcript.read_text("utf-8").splitlines()]
    assert record["source_start_secs"] == pytest.approx(0.0, abs=0.3)
    assert record["source_end_secs"] == pytest.approx(summary.speech_secs, abs=0.001)


async def test_ctrl_c_and_a_server_that_does_not_close(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who wants no more is not told that the server is slow."""
    monkeypatch.setattr(connection, "CLOSE_SECS", 0.05)
    stop = Stop()

    async def script(talk: Talk) -> None:
        await talk.connect()
        await talk.hear(1600)
        stop.ask()
        async for _ in talk.websocket:
            pass

    async with fake_server(script) as url:
        assert (await interpret(run.job(url), run.notes, FastClock(2.0), stop)).stopped


@pytest.mark.parametrize("connects", [False, True])
async def test_ctrl_c_before_anything_is_sent(run: Run, connects: bool) -> None:
    """Neither the connection nor the server's answer is waited for, and nothing is written."""
    stop = Stop()

    async def script(talk: Talk) -> None:
        assert connects
        await talk.websocket.recv()
        stop.ask()
        await talk.websocket.wait_closed()

    if not connects:
        stop.ask()
    async with fake_server(script) as url:
        summary = await interpret(run.job(url), run.notes, FastClock(), stop)
    assert summary == Summary((), 0.0, 0.0, stopped=True)
    assert not run.out.exists()
    assert run.notes.lines == ["ended stopped"]


async def test_turns_and_subtitles_are_timed_by_audio(run: Run) -> None:
    """Where the speech lies in the recording, and where its interpretation plays."""

    async def script(talk: Talk) -> None:
        await talk.connect()
        await talk.hear(3200)
        await talk.state("speaking")
        await talk.hear(14400)
        await talk.state("silent", "processing", "silent")
        await talk.turn(KO, EN)
        await talk.until_close()

    async with fake_server(script) as url:
        (turn,) = (await interpret(run.job(url, Patience(quiet_secs=1.0)), run.notes, FastClock(2.0))).turns
    assert turn.source_span is not None
    assert turn.source_span == pytest.approx((0.2 - 0.15, 0.9 - 0.3), abs=0.3)
    assert turn.target_span is not None
    assert turn.target_span[1] - turn.target_span[0] == pytest.approx(0.5)
    assert turn.target_span[0] == pytest.approx(0.9, abs=0.3)
    (record,) = [json.loads(line) for line in run.transcript.read_text("utf-8").splitlines()]
    assert record["source_start_secs"] == pytest.approx(turn.source_span[0], abs=0.001)
    assert record["target_end_secs"] == pytest.approx(turn.target_span[1], abs=0.001)
    for side, text in (("source", "안녕하세요"), ("target", "Hello there")):
        for kind in ("vtt", "srt"):
            assert text in run.transcript.with_name(f"out.{side}.{kind}").read_text("utf-8")


async def test_source_times_leave_out_the_way_to_the_server(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the server says of speech is about what it had heard, a round trip before; sound plays when it comes."""
    make_wav(run.wav, secs=4.0)

    async def round_trip_secs(_: connection.Connection) -> float:
        return 2.0

    monkeypatch.setattr(connection.Connection, "round_trip_secs", round_trip_secs)

    async def script(talk: Talk) -> None:
        await talk.connect()
        await talk.hear(48000)
        await talk.state("speaking", "silent")
        await talk.turn(KO, EN)
        await talk.until_close()

    async with fake_server(script) as url:
        (turn,) = (await interpret(run.job(url, Patience(quiet_secs=1.0)), run.notes, FastClock(2.0))).turns
    assert turn.source_span is not None
    assert turn.source_span[0] == pytest.approx(3.0 - 2.0 - 0.15, abs=0.9)
    assert turn.target_span is not None
    assert turn.target_span[0] == pytest.approx(3.0, abs=0.9)


async def test_fast_is_faster_until_something_is_awaited(run: Run) -> None:
    """All samples arrive, four times as fast as they were spoken, and times stay those of the audio."""
    make_wav(run.wav, secs=4.0)
    clock = FastClock(4.0)
    came: list[float] = []

    async def script(talk: Talk) -> None:
        await talk.connect()
        for secs in (1.0, 2.0):
            await talk.hear(round(16000 * secs))
            came.append(clock.now_secs())
        await talk.state("processing")
        for secs in (2.5, 4.0):
            await talk.hear(round(16000 * secs))
            came.append(clock.now_secs())
        await talk.state("silent")
        await talk.turn(KO, EN)
        await talk.until_close()

    async with fake_server(script) as url:
        summary = await interpret(replace(run.job(url), fast_rate=4.0), run.notes, clock)
    assert came[1] - came[0] < 0.7
    assert came[3] - came[2] > 1.3
    assert summary.speech_secs == 4.0
    (turn,) = summary.turns
    assert turn.first_audio_secs is not None
    assert turn.first_audio_secs >= 3.8


async def test_rate_limited_says_what_to_do(run: Run) -> None:
    """The server may take less than this client's default."""

    async def script(talk: Talk) -> None:
        await talk.connect()
        await talk.say("error", code="RATE_LIMITED", message="too fast")
        await talk.websocket.close(1008)

    with pytest.raises(ServerError, match="RATE_LIMITED: too fast; with --fast, give the server's MAX_INGEST_RATE"):
        await run.against(script)


class BrokenMicrophone:
    """Speech of unknown length that loses a little, and then breaks off."""

    name = "microphone"
    rate_hz = 16000
    duration_secs = None

    def open(self) -> "BrokenMicrophone":
        """It is its own source."""
        return self

    async def chunks(self, chunk_ms: int, pacer: Pacer) -> AsyncIterator[Chunk]:
        """Two chunks, then the failure."""
        yield Chunk(bytes(640))
        yield Chunk(bytes(640), lost_ms=40)
        raise ClientError("unplugged")


async def test_lost_speech_is_a_warning_and_a_broken_microphone_an_error(run: Run) -> None:
    """What came is written."""

    async def script(talk: Talk) -> None:
        await talk.connect()
        await talk.websocket.wait_closed()

    async with fake_server(script) as url:
        with pytest.raises(ClientError, match="unplugged"):
            await interpret(replace(run.job(url), input=BrokenMicrophone()), run.notes, FastClock())
    assert run.notes.lines == [
        "started None",
        "warning SPEECH_LOST: 40 ms of speech were not taken from the microphone in time",
        "ended failed: unplugged",
    ]
    assert soundfile.info(run.out).duration == pytest.approx(0.04)
