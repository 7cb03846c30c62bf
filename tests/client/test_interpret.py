"""Whole sessions against a scripted server, on a fast clock."""

from dataclasses import replace

import pytest
import soundfile  # the package has no type information

from client import connection
from client.errors import ClientError, InputError, ServerError
from client.interpret import Patience, interpret
from client.outputs import Outputs
from tests.client.fakes import FastClock, Talk, closed_port_url
from tests.client.one_session import EN, KO, Run


async def _one_turn(talk: Talk) -> None:
    await talk.connect()
    await talk.state("speaking")
    await talk.hear(16000)
    await talk.state("silent", "processing", "silent")
    await talk.turn(KO, EN)
    await talk.until_close()


async def test_a_session_from_file_to_file(run: Run) -> None:
    """Everything is sent, shown, written and summed up."""
    summary = await run.against(_one_turn)
    (turn,) = summary.turns
    assert (turn.source.text, turn.source.language) == KO
    assert (turn.target.text, turn.target.language) == EN
    assert turn.delay_ms is not None
    assert (summary.speech_secs, summary.interpretation_secs, summary.warnings) == (1.0, 0.5, ())
    assert run.notes.sent_secs == 1.0
    assert run.written_turns() == ["안녕하세요"]
    heard, rate_hz = soundfile.read(run.out, dtype="int16")
    assert (rate_hz, heard.ndim, int((heard == 1000).sum())) == (24000, 1, 12000)
    assert len(heard) > 24000
    assert heard[0] == 0


async def test_what_the_user_is_shown(run: Run) -> None:
    """States, growing texts and the finished turn, in order."""
    await run.against(_one_turn)
    shown = [line for line in run.notes.lines if line != "waiting"]
    assert shown == [
        "started 1.00",
        "speaking",
        "silent",
        "processing",
        "silent",
        "live 안녕하|",
        "live 안녕하|Hel",
        "live 안녕하|Hel",
        "live 안녕하세요|Hel",
        "live 안녕하세요|Hello there",
        "finished 안녕하세요|Hello there",
        "live none",
        "ended done",
    ]


async def test_init_says_what_is_sent(run: Run) -> None:
    """Language, rate and binary audio are in ``init``; all samples follow as binary frames."""
    talks: list[Talk] = []

    async def script(talk: Talk) -> None:
        talks.append(talk)
        await talk.connect()
        await talk.hear(16000)
        await talk.until_close()

    await run.against(script)
    assert talks[0].init == {
        "type": "init",
        "config": {"language": "ko", "useWhisper": False, "sampleRate": 16000, "audioEncoding": "binary"},
    }
    assert talks[0].heard_bytes == 32000


async def test_a_turn_that_comes_after_a_while_is_waited_for(run: Run) -> None:
    """Quiet counts only while the state is silent and no turn is open."""
    clock = FastClock()

    async def script(talk: Talk) -> None:
        await talk.connect()
        await talk.hear(16000)
        await talk.state("processing")
        await clock.sleep(8.0)
        await talk.state("silent")
        await talk.say("input_transcription", text="안", isFinal=False)
        await clock.sleep(8.0)
        await talk.turn(KO, EN)
        await talk.until_close()

    (turn,) = (await run.against(script)).turns
    assert turn.completed_secs is not None
    assert turn.completed_secs >= 1.0 + 8.0 + 8.0 - 0.1


async def test_interrupted_cuts_what_is_heard(run: Run) -> None:
    """Audio that was queued and not yet played is not in the output."""

    async def script(talk: Talk) -> None:
        await talk.connect()
        await talk.hear(8000)
        await talk.sound(100.0)
        await talk.say("interrupted", reason="client")
        await talk.sound(0.25, value=2000)
        await talk.say("turn_complete", inputText="a", outputText="b")
        await talk.until_close()

    summary = await run.against(script)
    assert 0.25 <= summary.interpretation_secs < 50.0
    heard, _ = soundfile.read(run.out, dtype="int16")
    assert int((heard == 2000).sum()) == 6000


async def test_warnings_are_shown_and_summed_up(run: Run) -> None:
    """A warning is no failure, whatever its code; unknown messages are ignored."""

    async def script(talk: Talk) -> None:
        await talk.connect()
        await talk.say("warning", code="UPSTREAM_RECONNECTED", message="back again")
        await talk.say("participant_joined", participantId="x")
        await talk.until_close()

    summary = await run.against(script)
    assert summary.warnings == ("UPSTREAM_RECONNECTED: back again",)
    assert "warning UPSTREAM_RECONNECTED: back again" in run.notes.lines


async def test_an_error_before_connected(run: Run) -> None:
    """It is shown with its code, and nothing is written."""

    async def script(talk: Talk) -> None:
        await talk.websocket.recv()
        await talk.say("error", code="SERVER_BUSY", message="too many sessions")
        await talk.websocket.close(1013)

    with pytest.raises(ServerError, match="SERVER_BUSY: too many sessions") as caught:
        await run.against(script)
    assert caught.value.exit_code == 1
    assert not run.out.exists()


async def test_an_error_on_the_way(run: Run) -> None:
    """It is shown with its code; what came before is written."""

    async def script(talk: Talk) -> None:
        await talk.connect()
        await talk.turn(KO, EN)
        await talk.hear(4000)
        await talk.say("error", code="UPSTREAM_QUOTA", message="used up")
        await talk.websocket.close(1013)

    with pytest.raises(ServerError, match="UPSTREAM_QUOTA: used up"):
        await run.against(script)
    assert run.written_turns() == ["안녕하세요"]
    assert run.out.exists()
    assert run.notes.lines[-1] == "ended failed: the server reported UPSTREAM_QUOTA: used up"


@pytest.mark.parametrize("code", [1000, 1011])
async def test_a_close_that_was_not_asked_for(run: Run, code: int) -> None:
    """Code and reason are shown, also where the code is the normal one."""

    async def script(talk: Talk) -> None:
        await talk.connect()
        await talk.hear(4000)
        await talk.websocket.close(code, "so long")

    with pytest.raises(ServerError, match=f"closed the connection unexpectedly: code {code}, so long"):
        await run.against(script)


async def test_a_connection_that_breaks(run: Run) -> None:
    """A lost connection has no close code, and says so."""

    async def script(talk: Talk) -> None:
        await talk.connect()
        await talk.hear(4000)
        talk.websocket.transport.abort()

    with pytest.raises(ServerError, match="no close code, the connection was lost"):
        await run.against(script)


async def test_a_frame_that_is_too_long(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code that the client itself closed with is shown."""
    monkeypatch.setattr(connection, "MAX_FRAME_BYTES", 1000)

    async def script(talk: Talk) -> None:
        await talk.connect()
        await talk.sound(1.0)
        await talk.websocket.wait_closed()

    with pytest.raises(ServerError, match="code 1009"):
        await run.against(script)


async def test_a_server_that_breaks_the_protocol(run: Run) -> None:
    """One line says what was expected."""

    async def script(talk: Talk) -> None:
        await talk.connect()
        await talk.websocket.send("hello")
        await talk.websocket.wait_closed()

    with pytest.raises(ServerError, match="broke the protocol"):
        await run.against(script)


@pytest.mark.parametrize(
    ("kind", "fields", "problem"),
    [
        ("input_transcription", {"text": "a", "isFinal": False}, "turn 1 has no 'turn_complete'"),
        ("speech_state", {"state": "processing", "timestamp": 1}, "still busy .state 'processing'"),
    ],
)
async def test_a_turn_that_is_never_done(run: Run, kind: str, fields: dict[str, object], problem: str) -> None:
    """The wait ends, and the user learns what was missing."""

    async def script(talk: Talk) -> None:
        await talk.connect()
        await talk.say(kind, **fields)
        await talk.websocket.wait_closed()

    with pytest.raises(ServerError, match=problem):
        await run.against(script, Patience(quiet_secs=1.0, limit_secs=6.0))


async def test_a_server_that_never_connects(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait for ``connected`` is bounded."""
    monkeypatch.setattr(connection, "CONNECTED_SECS", 0.05)

    async def script(talk: Talk) -> None:
        await talk.websocket.wait_closed()

    with pytest.raises(ServerError, match="expected 'connected'"):
        await run.against(script)


async def test_a_server_that_ignores_close(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait for the close is bounded, and everything is written by then."""
    monkeypatch.setattr(connection, "CLOSE_SECS", 0.05)

    async def script(talk: Talk) -> None:
        await talk.connect()
        await talk.turn(KO, EN)
        async for _ in talk.websocket:
            pass

    with pytest.raises(ServerError, match="expected the server to close"):
        await run.against(script)
    assert run.written_turns() == ["안녕하세요"]


async def test_a_server_that_closes_with_another_code(run: Run) -> None:
    """The answer to ``close`` is 1000; anything else is a fault."""

    async def script(talk: Talk) -> None:
        await talk.connect()
        async for frame in talk.websocket:
            if isinstance(frame, str):
                await talk.websocket.close(1011, "oops")

    with pytest.raises(ServerError, match="expected close code 1000 in answer to 'close', got code 1011, oops"):
        await run.against(script)


async def test_nothing_listens(run: Run) -> None:
    """The URL, without its query, and what to do."""
    url = closed_port_url()
    with pytest.raises(ServerError, match="nothing listens there") as caught:
        await interpret(run.job(f"{url}?token=secret"), run.notes, FastClock())
    assert url in str(caught.value)
    assert "python server.py" in str(caught.value)
    assert "--emulator" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_what_listens_is_no_websocket(run: Run) -> None:
    """Another path than ours is answered with the status that came."""
    from http import HTTPStatus

    from websockets.asyncio.server import ServerConnection, serve
    from websockets.http11 import Request, Response

    def refuse(websocket: ServerConnection, request: Request) -> Response:
        return websocket.respond(HTTPStatus.NOT_FOUND, "no")

    async def unused(websocket: ServerConnection) -> None:
        pass

    async with serve(unused, "127.0.0.1", 0, process_request=refuse) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ServerError, match="got HTTP status 404"):
            await interpret(run.job(f"ws://127.0.0.1:{port}/nope"), run.notes, FastClock())


@pytest.mark.parametrize(
    "url", ["http://localhost:8000/ws", "localhost", "ws://", "ws://localhost:99999/ws", "ws://[/ws"]
)
async def test_what_is_no_url(run: Run, url: str) -> None:
    """A wrong URL is the user's to mend."""
    with pytest.raises(ClientError, match="expected a URL like") as caught:
        await interpret(run.job(url), run.notes, FastClock())
    assert caught.value.exit_code == 2


async def test_outputs_that_cannot_be_are_refused_first(run: Run) -> None:
    """Nothing is sent before the outputs are known to be possible."""
    job = replace(run.job(closed_port_url()), outputs=Outputs(run.wav, run.transcript))
    with pytest.raises(InputError, match="other than a recording"):
        await interpret(job, run.notes, FastClock())


async def test_a_password_in_the_url_is_not_shown(run: Run) -> None:
    """It may stand before the host, too."""
    url = closed_port_url().replace("ws://", "ws://me:secret@")
    with pytest.raises(ServerError, match="cannot reach") as caught:
        await interpret(run.job(url), run.notes, FastClock())
    assert "secret" not in str(caught.value)


async def test_no_proxy_stands_before_this_computer(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It could not reach its user's own loopback."""
    for name in ("ws_proxy", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, closed_port_url().replace("ws://", "http://"))
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert len((await run.against(_one_turn)).turns) == 1
