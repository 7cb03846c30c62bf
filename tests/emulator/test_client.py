"""The unmodified google-genai client takes the emulator for Gemini Live."""

import asyncio
import json
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from google.genai import types
from google.genai.errors import APIError
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_websocket
from websockets.exceptions import ConnectionClosed, InvalidStatus

from emulator import Emulator, Fault

JFK = "en-11s-16k"
PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
SETUP = {"setup": {"model": "models/gemini-3.8-live"}}

Fixture = Callable[..., Any]


def raw(emulator: Emulator, path: str = PATH, key: str | None = "test", **options: Any) -> connect_websocket:
    """A bare WebSocket, for what google-genai would not send."""
    context = ssl.create_default_context(cafile=str(emulator.ca_file))
    headers = {"x-goog-api-key": key} if key else {}
    url = emulator.base_url.replace("https", "wss") + path
    return connect_websocket(url, ssl=context, additional_headers=headers, **options)


async def ask(socket: ClientConnection, *messages: Any) -> tuple[int, str]:
    """Send messages, read to the end; the close code and reason."""
    for message in messages:
        await socket.send(message if isinstance(message, str | bytes) else json.dumps(message))
    with suppress(ConnectionClosed):
        while True:
            await socket.recv()
    assert socket.close_code is not None
    return socket.close_code, socket.close_reason or ""


async def test_manual_turn(start: Fixture, connect: Fixture, cut: Fixture, say: Fixture, turn: Fixture) -> None:
    """An activity is answered with the words of what was said, and recorded whole."""
    async with start() as emulator:
        async with connect(emulator) as session:
            await say(session, cut(JFK, 0, 4.9))
            messages = await turn(session)
        contents = [message.server_content for message in messages if message.server_content]
        heard = "".join(item.input_transcription.text for item in contents if item.input_transcription)
        said = "".join(item.output_transcription.text for item in contents if item.output_transcription)
        sound = b"".join(message.data or b"" for message in messages)
    assert heard == "And so my fellow Americans, ask not"
    assert said == "그러니 국민 여러분, 묻지 마십시오,"
    assert contents[-1].turn_complete
    assert messages[-1].usage_metadata is not None
    record = emulator.sessions[0]
    utterance = record.utterances[0]
    assert utterance.complete
    assert utterance.answered == ["kennedy-1", "kennedy-2"]
    assert utterance.sent_audio_bytes == len(sound) > 48_000
    assert utterance.audio == bytes(record.audio)
    assert utterance.audio_bytes == round(4.9 * 32_000)
    assert (record.closed, record.close_code) == (True, 1000)
    assert emulator.stretches()[JFK][0] == (0.0, 4.93, 1)


async def test_order_and_kinds(start: Fixture, connect: Fixture, cut: Fixture, say: Fixture, turn: Fixture) -> None:
    """The default order: input text, sound with its text, generationComplete, turnComplete, a handle."""
    async with start() as emulator, connect(emulator) as session:
        await say(session, cut(JFK, 3.0, 4.9))
        await turn(session)
    kinds = emulator.sessions[0].kinds("out")
    assert kinds[:4] == ["setupComplete", "sessionResumptionUpdate", "inputTranscription", "audioOut"]
    assert kinds[-3:] == ["generationComplete", "turnComplete", "sessionResumptionUpdate"]
    incoming = emulator.sessions[0].kinds("in")
    assert incoming[:3] == ["setup", "activityStart", "audio"]
    assert incoming[-1] == "activityEnd"


async def test_automatic_turn(
    start: Fixture, connect: Fixture, cut: Fixture, say: Fixture, turn: Fixture, silence: Fixture
) -> None:
    """In automatic mode received silence ends the turn."""
    async with start() as emulator, connect(emulator, manual=False) as session:
        await say(session, silence(0.5), marked=False)
        await say(session, cut(JFK, 0.2, 2.6), marked=False)
        await say(session, silence(1.0), marked=False)
        await turn(session)
    (utterance,) = emulator.sessions[0].utterances
    assert utterance.answered == ["kennedy-1"]
    assert utterance.source_text == "And so my fellow Americans,"


@pytest.mark.parametrize(("handling", "answers"), [("honoured", 1), ("ignored", 0)])
async def test_no_silence_no_end(
    start: Fixture, connect: Fixture, cut: Fixture, say: Fixture, until: Fixture, handling: str, answers: int
) -> None:
    """Without silence the turn stays open, unless audioStreamEnd is honoured."""
    async with start(audio_stream_end=handling) as emulator, connect(emulator, manual=False) as session:
        await say(session, cut(JFK, 0.2, 2.2), marked=False)
        await session.send_realtime_input(audio_stream_end=True)
        record = emulator.sessions[0]
        await until(lambda: "audioStreamEnd" in record.kinds("in"))
        await until(lambda: record.kinds("out").count("turnComplete") == answers)
        assert len(record.utterances) == 1
        assert (record.utterances[0].ended_at_secs is not None) is bool(answers)


async def test_audio_outside_an_activity_is_discarded(
    start: Fixture, connect: Fixture, cut: Fixture, say: Fixture, turn: Fixture
) -> None:
    """Manual mode drops what comes outside the marks, and the record says how much."""
    async with start() as emulator, connect(emulator) as session:
        await say(session, cut(JFK, 0, 1), marked=False)
        await say(session, cut(JFK, 3, 4.9))
        await turn(session)
    record = emulator.sessions[0]
    assert record.discarded_bytes == 32_000
    assert record.kinds("in").count("discarded") == 10
    assert record.utterances[0].answered == ["kennedy-2"]


async def test_activities_queue(
    start: Fixture, connect: Fixture, cut: Fixture, say: Fixture, turn: Fixture
) -> None:
    """An activity that comes early is answered afterwards."""
    async with start(time_factor=0.05) as emulator, connect(emulator) as session:
        await say(session, cut(JFK, 0, 2.6))
        await say(session, cut(JFK, 3, 4.9))
        await turn(session)
        await turn(session)
    first, second = emulator.sessions[0].utterances
    assert (first.answered, second.answered) == (["kennedy-1"], ["kennedy-2"])
    assert first.complete
    assert second.complete


@pytest.mark.parametrize("handling", ["START_OF_ACTIVITY_INTERRUPTS", "NO_INTERRUPTION"])
async def test_interruption(
    start: Fixture,
    connect: Fixture,
    cut: Fixture,
    say: Fixture,
    until: Fixture,
    draining: Fixture,
    handling: str,
) -> None:
    """With on_overlap 'interrupt' an activity cuts the answer off, unless the setup forbids it."""
    realtime = {"automatic_activity_detection": {"disabled": True}, "activity_handling": handling}
    options = {"time_factor": 0.1, "variant": {"on_overlap": "interrupt", "audio_speed": 1.0}}
    async with start(**options) as emulator, connect(emulator, realtime_input_config=realtime) as session:
        record = emulator.sessions[0]
        async with draining(session):
            await say(session, cut(JFK, 0, 2.6))
            await until(lambda: "audioOut" in record.kinds("out"))
            await say(session, cut(JFK, 3, 4.9))
            await until(lambda: len(record.utterances) == 2 and record.utterances[1].complete)
    interrupts = handling != "NO_INTERRUPTION"
    kinds = record.kinds("out")
    assert record.utterances[0].interrupted is interrupts
    assert ("interrupted" in kinds) is interrupts
    if interrupts:
        assert kinds[kinds.index("interrupted") + 1] == "turnComplete"
        assert kinds.count("generationComplete") == 1


async def test_options_at_run_time(start: Fixture, connect: Fixture) -> None:
    """Options may be replaced; the next connection has the others."""
    async with start() as emulator:
        async with connect(emulator):
            pass
        emulator.options = emulator.options.model_copy(update={"refuse": "503"})
        with pytest.raises(InvalidStatus):
            async with connect(emulator):
                pass
        assert emulator.connections == 2


@pytest.mark.parametrize("status", ["401", "403", "404", "429", "503"])
async def test_refusals_at_the_upgrade(start: Fixture, connect: Fixture, status: str) -> None:
    """HTTP refusals surface as the client library's InvalidStatus."""
    async with start(refuse=status) as emulator:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(emulator):
                pass
    assert refused.value.response.status_code == int(status)


@pytest.mark.parametrize(
    ("refusal", "code", "reason"),
    [
        ("bad_key", 1007, "API key not valid. Please pass a valid API key."),
        ("1007", 1007, "Request contains an invalid argument."),
        ("1008", 1008, "models/gemini-3.8-live is not found for API version v1beta, or is not supported"),
        ("1011", 1011, "Internal error encountered."),
        ("quota_setup", 1011, "You exceeded your current quota, please check your plan"),
    ],
)
async def test_refusals_of_the_setup(
    start: Fixture, connect: Fixture, refusal: str, code: int, reason: str
) -> None:
    """Refusals in place of setupComplete surface as APIError with the close code."""
    async with start(refuse=refusal) as emulator:
        with pytest.raises(APIError) as refused:
            async with connect(emulator):
                pass
    assert refused.value.code == code
    assert str(refused.value.details).startswith(reason)


async def test_quota_after_setup(start: Fixture, connect: Fixture, turn: Fixture) -> None:
    """The quota refusal comes after a setup that succeeded."""
    async with start(refuse="quota", time_factor=0.01) as emulator, connect(emulator) as session:
        with pytest.raises(APIError) as refused:
            await turn(session)
    assert refused.value.code == 1011
    assert str(refused.value.details).startswith("You exceeded your current quota, please check your plan")


async def test_mute(start: Fixture, connect: Fixture, until: Fixture) -> None:
    """A mute emulator takes the setup and says nothing."""
    async with start(refuse="mute") as emulator:
        waiting = asyncio.create_task(connect(emulator).__aenter__())
        await until(lambda: bool(emulator.sessions) and emulator.sessions[0].kinds("in") == ["setup"])
        assert emulator.sessions[0].kinds("out") == []
        waiting.cancel()
        await asyncio.wait({waiting})


async def test_black_hole(start: Fixture, until: Fixture) -> None:
    """A black hole takes the TCP connection and never answers TLS; leaving ends it."""
    async with start(refuse="black_hole") as emulator:
        waiting = asyncio.create_task(raw(emulator, open_timeout=None).__aenter__())
        await until(lambda: emulator.connections == 1)
        await asyncio.sleep(0.05)
        assert not waiting.done()
    await asyncio.wait({waiting})
    assert waiting.exception() is not None


async def test_refuse_first(start: Fixture, connect: Fixture) -> None:
    """Only the first connections are refused."""
    async with start(refuse="429", refuse_first=1) as emulator:
        with pytest.raises(InvalidStatus):
            async with connect(emulator):
                pass
        async with connect(emulator):
            pass


async def test_unknown_and_missing_keys(start: Fixture, connect: Fixture) -> None:
    """Only the given keys are accepted; a key may stand in the query; none is ever recorded."""
    async with start(api_keys={"good"}) as emulator:
        with pytest.raises(APIError, match="API key not valid"):
            async with connect(emulator, key="bad"):
                pass
        async with raw(emulator, key=None) as socket:
            assert (await ask(socket, SETUP))[0] == 1008
        async with raw(emulator, PATH + "?key=good", key=None) as socket:
            await socket.send(json.dumps(SETUP))
            assert json.loads(await socket.recv()) == {"setupComplete": {}}
    assert "good" not in repr(emulator.sessions)
    assert "'bad'" not in repr(emulator.sessions)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/" + PATH, True),
        ("/prefix" + PATH, True),
        (PATH.replace("v1beta", "v1alpha") + "Constrained", True),
        (PATH + "s", False),
        ("/", False),
    ],
)
async def test_paths(start: Fixture, path: str, found: bool) -> None:
    """Prefixes and doubled slashes are fine; other paths are not found."""
    async with start() as emulator:
        if found:
            async with raw(emulator, path):
                pass
        else:
            with pytest.raises(InvalidStatus) as refused:
                async with raw(emulator, path):
                    pass
            assert refused.value.response.status_code == 404


@pytest.mark.parametrize("text", [False, True])
async def test_frame_type(start: Fixture, text: bool) -> None:
    """JSON comes in binary frames, or in text frames when told so."""
    async with start(text_frames=text) as emulator, raw(emulator) as socket:
        await socket.send(json.dumps(SETUP))
        assert isinstance(await socket.recv(), str if text else bytes)


async def test_no_compression(start: Fixture) -> None:
    """The emulator offers no permessage-deflate."""
    async with start() as emulator, raw(emulator) as socket:
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers


@pytest.mark.parametrize(
    "messages",
    [
        ({"realtimeInput": {"activityStart": {}}},),
        (SETUP, SETUP),
        (SETUP, {"realtimeInput": {"activityStart": {}}}),
        (SETUP, {"realtimeInput": {"audio": {"data": "!!", "mimeType": "audio/pcm;rate=16000"}}}),
        (SETUP, {"realtimeInput": {"audio": {"data": "AAAA", "mimeType": "audio/ogg"}}}),
        (SETUP, {"realtimeInput": {"sound": {}}}),
        (SETUP, {"hello": {}}),
        (SETUP, "[]"),
        ("no json",),
    ],
)
async def test_broken_rules(start: Fixture, messages: tuple[Any, ...]) -> None:
    """What breaks the wire's rules is closed with 1007."""
    async with start() as emulator, raw(emulator) as socket:
        assert (await ask(socket, *messages))[0] == 1007


@pytest.mark.parametrize("strict", [False, True])
async def test_short_activity(start: Fixture, connect: Fixture, turn: Fixture, strict: bool) -> None:
    """An activity without sound ends as an empty turn, or closes the session when strict."""
    async with start(strict_short_turns=strict) as emulator, connect(emulator) as session:
        await session.send_realtime_input(activity_start=types.ActivityStart())
        await session.send_realtime_input(activity_end=types.ActivityEnd())
        if strict:
            with pytest.raises(APIError, match="No turn to complete"):
                await turn(session)
        else:
            assert (await turn(session))[-1].server_content.turn_complete
            assert "audioOut" not in emulator.sessions[0].kinds()


async def test_resumption(start: Fixture, connect: Fixture) -> None:
    """A handle resumes once its session is closed; before that 1011, and unknown ones 1007."""
    async with start() as emulator:
        async with connect(emulator, session_resumption={}) as session:
            update = (await anext(session.receive())).session_resumption_update
            resumption = {"handle": update.new_handle}
            with pytest.raises(APIError) as refused:
                async with connect(emulator, session_resumption=resumption):
                    pass
            assert refused.value.code == 1011
        async with connect(emulator, session_resumption=resumption):
            pass
        with pytest.raises(APIError) as refused:
            async with connect(emulator, session_resumption={"handle": "unknown"}):
                pass
        assert refused.value.code == 1007


async def test_memory_is_bounded_without_audio(
    start: Fixture, connect: Fixture, cut: Fixture, say: Fixture, turn: Fixture
) -> None:
    """Without keep_audio nothing of the sound stays, and the answer is the same."""
    async with start(keep_audio=False) as emulator, connect(emulator) as session:
        await say(session, cut(JFK, 3, 4.9))
        await turn(session)
    record = emulator.sessions[0]
    assert (record.audio, record.utterances[0].audio) == (b"", b"")
    assert record.audio_bytes == round(1.9 * 32_000)
    assert record.utterances[0].answered == ["kennedy-2"]


async def test_many_sessions_at_once(
    start: Fixture, connect: Fixture, cut: Fixture, say: Fixture, turn: Fixture
) -> None:
    """Twenty sessions do not get in each other's way."""

    async def talk(emulator: Emulator) -> None:
        async with connect(emulator) as session:
            await say(session, cut("ko-30s-16k", 0, 15))
            await turn(session)

    async with start() as emulator:
        await asyncio.gather(*(talk(emulator) for _ in range(20)))
    answered = [session.utterances[0].answered for session in emulator.sessions]
    assert len(answered) == 20
    assert all(ids == answered[0] for ids in answered)
    assert emulator.stretches()["ko-30s-16k"][0].times == 20


async def test_ca_file_lives_as_long_as_the_emulator(start: Fixture) -> None:
    """The CA file is there while the emulator runs, and gone afterwards."""
    async with start() as emulator:
        path = emulator.ca_file
        assert path.read_text().startswith("-----BEGIN CERTIFICATE")
    assert not path.exists()
    with pytest.raises(RuntimeError, match="async with"):
        _ = emulator.ca_file


def test_uvloop(start: Fixture, connect: Fixture, cut: Fixture, say: Fixture, turn: Fixture) -> None:
    """Under uvloop, where the listener does TLS, a turn is the same."""

    async def talk() -> list[str]:
        async with start() as emulator, connect(emulator) as session:
            await say(session, cut(JFK, 3, 4.9))
            await turn(session)
        return list(emulator.sessions[0].utterances[0].answered)

    uvloop = pytest.importorskip("uvloop")
    assert uvloop.run(talk()) == ["kennedy-2"]


async def test_go_away_is_understood(start: Fixture, connect: Fixture) -> None:
    """The client reads the time that is left, and then the close."""
    async with (
        start(go_away_after_secs=0, go_away_time_left_secs=0.05, resumption_updates=False) as emulator,
        connect(emulator) as session,
    ):
        message = await anext(session.receive())
        assert message.go_away is not None
        assert message.go_away.time_left == "0.05s"
        with pytest.raises(APIError) as ended:
            await anext(session.receive())
    assert ended.value.code == 1008


async def test_an_unknown_message_breaks_the_client(start: Fixture, connect: Fixture) -> None:
    """google-genai 2.34 raises ``TypeError`` for a message that it does not know: what the fault is for."""
    fault = Fault(name="unknown_message", moment="setup")
    async with start(faults=(fault,), resumption_updates=False) as emulator, connect(emulator) as session:
        with pytest.raises(TypeError):
            await anext(session.receive())


async def test_a_big_frame_breaks_the_client(
    start: Fixture, connect: Fixture, cut: Fixture, say: Fixture, turn: Fixture
) -> None:
    """google-genai takes frames up to 1 MiB unless it is told otherwise."""
    fault = Fault(name="big_frame", moment="output")
    async with start(faults=(fault,)) as emulator, connect(emulator) as session:
        await say(session, cut(JFK, 3.0, 4.9))
        with pytest.raises(APIError):
            await turn(session)
