"""The real process, told to end while people talk: no turn that is in progress is lost."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.client import ProtocolClient, protocol_client
from tests.support.pcm import chunks_of
from tests.support.processes import ServerProcess, server_process
from tests.support.speech import PIPELINE_RATE_HZ, entry, silence, spoken, texts

_SESSIONS = 20
_PHRASES = ("harvard-1", "harvard-2", "harvard-3", "harvard-4", "harvard-5", "harvard-6", "harvard-8", "harvard-9")
_PAUSE_MS = 1100
_STAGGER_SECS = 0.15
_CHUNK_MS = 256
"""What browsers send."""
_DOUBT_SECS = 0.4
"""What lies nearer to the signal may have been on its way, or not."""
_SHORTEST_PHRASE_SECS = 1.8
_LONGEST_TAIL_BYTES = 480
"""10 ms of zeros, which may end a turn."""
_PATIENT = {
    "CONNECT_TIMEOUT_SECS": "60",
    "TURN_TIMEOUT_SECS": "120",
    "AUDIO_GAP_MS": "60000",
    "MAX_LOOP_LAG_MS": "0",
    "WS_PING_INTERVAL": "120",
    "WS_PING_TIMEOUT": "120",
}
GONE = 1001


@dataclass
class Speaker:
    """Somebody who talks without end, at the speed of speech.

    Attributes:
        client: The connection.
        phrases: What is said, one after the other, with a pause after each.
        said_secs: How much of it was sent.
        heard_secs: How much of it the server had received by its latest answer to a ping; on a machine that is
            short of time that may be seconds less.
    """

    client: ProtocolClient
    phrases: Sequence[str]
    said_secs: float = 0.0
    heard_secs: float = 0.0

    async def talk(self) -> None:
        """Say everything, until the server closes."""
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        with contextlib.suppress(ConnectionClosed):
            for chunk in chunks_of(b"".join(map(_said, self.phrases)), _CHUNK_MS, PIPELINE_RATE_HZ):
                await self.client.send_chunk(chunk)
                self.said_secs += len(chunk) / (2 * PIPELINE_RATE_HZ)
                await asyncio.sleep(max(0.0, began_at + self.said_secs - loop.time()))
            await self.client.wait_closed()

    async def ask(self) -> None:
        """Find out what the server has received, again and again, until it closes."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                said_secs = self.said_secs
                await self.client.heard()
                self.heard_secs = said_secs
                await asyncio.sleep(_CHUNK_MS / 1000)

    def begun(self, secs: float) -> list[str]:
        """The phrases that begin in the first ``secs`` of what is said."""
        starts = [0.0, *accumulate(len(_said(phrase)) / (2 * PIPELINE_RATE_HZ) for phrase in self.phrases)]
        onsets = [start + _onset_secs(phrase) for start, phrase in zip(starts, self.phrases, strict=False)]
        return [phrase for onset, phrase in zip(onsets, self.phrases, strict=True) if onset < secs]

    def sounds(self) -> list[bytes]:
        """The interpreted speech of each complete turn."""
        found, sound = [], b""
        for message in self.client.messages:
            if message["type"] == "audio_response":
                sound += message["pcm"]
            elif message["type"] == "turn_complete":
                found.append(sound)
                sound = b""
        assert not sound, "speech of a turn that has no end"
        return found


def _said(phrase: str) -> bytes:
    return spoken(phrase) + silence(_PAUSE_MS)


def _onset_secs(phrase: str) -> float:
    heard = entry(phrase).heard
    assert heard is not None
    return heard.onset_secs - heard.from_secs


@contextlib.asynccontextmanager
async def talking(server: ServerProcess, sessions: int) -> AsyncIterator[list[Speaker]]:
    """So many people, each at another place of another text."""
    async with contextlib.AsyncExitStack() as stack:
        speakers = []
        for number in range(sessions):
            client = await stack.enter_async_context(protocol_client(server.url))
            await client.init(audioEncoding="binary")
            first = number % len(_PHRASES)
            speakers.append(Speaker(client, [*_PHRASES[first:], *_PHRASES[:first]]))
        talks = []
        for speaker in speakers:
            talks += [asyncio.create_task(speaker.talk()), asyncio.create_task(speaker.ask())]
            await asyncio.sleep(_STAGGER_SECS)
        yield speakers
        await asyncio.gather(*talks)


async def stopped_while_talking(server: ServerProcess, sessions: int) -> int:
    """End the server under ``sessions``; how many of them were just saying something.

    Raises:
        AssertionError: Something that was said is not answered in full, or a client was not told why it ends.
    """
    async with talking(server, sessions) as speakers:
        await asyncio.gather(*(speaker.client.wait_for("turn_complete") for speaker in speakers))
        said = [(speaker.heard_secs, speaker.said_secs) for speaker in speakers]
        server.signal(signal.SIGTERM)
        codes = await asyncio.gather(*(speaker.client.wait_closed() for speaker in speakers))
    assert codes == [GONE] * sessions
    for speaker, (heard_secs, said_secs) in zip(speakers, said, strict=True):
        assert [error["code"] for error in speaker.client.of("error")] == ["SHUTTING_DOWN"]
        assert speaker.client.messages[-1]["type"] == "error"
        turns = speaker.client.turns
        owed = speaker.begun(heard_secs - _DOUBT_SECS)
        assert turns == [texts(phrase) for phrase in speaker.phrases[: len(turns)]]
        assert len(owed) <= len(turns) <= len(speaker.begun(said_secs + _DOUBT_SECS))
        for phrase, sound in zip(speaker.phrases, speaker.sounds(), strict=False):
            answer = entry(phrase).audio
            assert sound.startswith(answer)
            assert sound[len(answer) :].strip(b"\0") == b""
            assert len(sound) - len(answer) <= _LONGEST_TAIL_BYTES
    return sum(
        speaker.begun(heard_secs - _DOUBT_SECS) != speaker.begun(heard_secs - _SHORTEST_PHRASE_SECS)
        for speaker, (heard_secs, _) in zip(speakers, said, strict=True)
    )


async def saying_something(client: ProtocolClient) -> "asyncio.Task[None]":
    """A task that says a phrase and falls silent; the server has begun to hear it."""
    await client.init()
    task = asyncio.create_task(client.stream(spoken("harvard-1") + silence(2000), speed=1.0))
    await client.wait_for("speech_state")
    return task


async def test_no_turn_in_progress_is_lost(tmp_path: Path) -> None:
    """SIGTERM under twenty talking sessions: every utterance that had begun has its turn, text and sound in full.

    What begins later is not interpreted; every client is told why; the exit code is 0.
    """
    async with server_process(tmp_path, "--emulator", DRAIN_SECS="300", **_PATIENT) as server:
        speaking = await stopped_while_talking(server, _SESSIONS)
        assert await server.exit_code() == 0
    assert speaking >= _SESSIONS // 4, f"only {speaking} sessions were just saying something"
    assert f"pipelines.drain INFO drained sessions={_SESSIONS} cut=0 " in server.lines[-1]
    assert not [line for line in server.lines if " WARNING " in line or " ERROR " in line]


async def test_while_it_drains_the_server_says_so_and_takes_nobody(tmp_path: Path) -> None:
    """``/ready`` is 503 with its reason, ``/health`` stays 200, ``init`` is refused; a turn in progress goes on."""
    async with (
        server_process(tmp_path, "--emulator", **_PATIENT) as server,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        async with protocol_client(server.url) as client, protocol_client(server.url) as waiting:
            talk = await saying_something(client)
            server.signal(signal.SIGTERM)
            await server.said("draining; a second signal ends the server at once")
            ready = await http.get(f"{server.http_url}/ready")
            assert ready.status_code == 503
            assert [reason["code"] for reason in ready.json()["reasons"]] == ["SHUTTING_DOWN"]
            assert (await http.get(f"{server.http_url}/health")).status_code == 200
            async with protocol_client(server.url) as newcomer:
                await newcomer.send({"type": "init"})
                assert await newcomer.wait_closed() == GONE
                assert [message.get("code") for message in newcomer.messages] == ["SHUTTING_DOWN"]
            assert await client.wait_closed() == GONE
            assert client.turns == [texts("harvard-1")]
            assert await waiting.wait_closed() == GONE
            assert [message.get("code") for message in waiting.messages] == ["SHUTTING_DOWN"]
            talk.cancel()
        assert await server.exit_code() == 0


@pytest.mark.slow
async def test_a_second_signal_ends_the_server_at_once(tmp_path: Path) -> None:
    """Whoever has no time sends it twice; then the turn is lost, and the exit code is the signal's."""
    async with server_process(tmp_path, "--emulator", **_PATIENT) as server, protocol_client(server.url) as client:
        talk = await saying_something(client)
        server.signal(signal.SIGTERM)
        await server.said("draining; a second signal ends the server at once")
        assert client.close_code is None
        server.signal(signal.SIGTERM)
        assert await client.wait_closed() in (1012, 1006)
        assert await server.exit_code() == -signal.SIGTERM
        assert not client.turns
        talk.cancel()
    assert "pipelines.drain WARNING stopping at once cause=SIGTERM" in server.lines


@pytest.mark.slow
async def test_ctrl_c_drains_too(tmp_path: Path) -> None:
    """A developer at a terminal reads what is waited for, and that a second Ctrl-C ends it."""
    async with server_process(tmp_path, "--emulator", **_PATIENT) as server, protocol_client(server.url) as client:
        talk = await saying_something(client)
        server.signal(signal.SIGINT)
        line = await server.said("draining; a second signal ends the server at once")
        assert line.endswith("cause=SIGINT sessions=1 drain_secs=30.0")
        assert await client.wait_closed() == GONE
        assert client.turns == [texts("harvard-1")]
        assert await server.exit_code() == 0
        talk.cancel()


@pytest.mark.slow
async def test_a_second_ctrl_c_ends_the_server_at_once(tmp_path: Path) -> None:
    """Without a stack trace."""
    async with server_process(tmp_path, "--emulator", **_PATIENT) as server, protocol_client(server.url) as client:
        talk = await saying_something(client)
        server.signal(signal.SIGINT)
        await server.said("draining; a second signal ends the server at once")
        server.signal(signal.SIGINT)
        assert await server.exit_code() in (0, -signal.SIGINT)
        talk.cancel()
    assert not [line for line in server.lines if "Traceback" in line]


@pytest.mark.slow
async def test_a_turn_that_never_ends_is_cut_when_the_time_is_up(tmp_path: Path) -> None:
    """``DRAIN_SECS`` after the signal the session is told and closed, whatever it still waits for; exit code 0."""
    settings = {**_PATIENT, "DRAIN_SECS": "2", "MAX_UTTERANCE_SECS": "0"}
    async with server_process(tmp_path, "--emulator", **settings) as server, protocol_client(server.url) as client:
        await client.init()
        endless = b"".join(spoken(phrase) for phrase in _PHRASES)
        talk = asyncio.create_task(_talk_until_closed(client, endless))
        await client.wait_for("speech_state")
        server.signal(signal.SIGTERM)
        assert await client.wait_closed() == GONE
        assert client.of("error")[-1]["code"] == "SHUTTING_DOWN"
        assert await server.exit_code() == 0
        await talk
    assert "drained sessions=1 cut=1 duration_secs=2." in server.lines[-1]


@pytest.mark.slow
async def test_with_debug_nothing_is_waited_for(tmp_path: Path) -> None:
    """Every change of the source restarts the server, so a session is told and closed at once."""
    async with server_process(tmp_path, "--emulator", DEBUG="true", **_PATIENT) as server:
        async with protocol_client(server.url) as client:
            talk = await saying_something(client)
            server.signal(signal.SIGTERM)
            assert await client.wait_closed() == GONE
            talk.cancel()
        await server.exit_code()
    assert "drained sessions=1 cut=1 duration_secs=0." in server.lines[-1]


async def _talk_until_closed(client: ProtocolClient, pcm: bytes) -> None:
    with contextlib.suppress(ConnectionClosed):
        await client.stream(pcm, speed=1.0)
