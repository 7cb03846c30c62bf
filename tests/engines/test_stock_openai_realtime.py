"""pipecat's own OpenAI Realtime service, by pipeline file, against a small fake of its wire."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from pydantic import SecretStr
from websockets.exceptions import ConnectionClosed

from tests.support.client import protocol_client
from tests.support.conversation import NO_GAPS, Conversation, conversation
from tests.support.endings import fatal
from tests.support.fake_openai_realtime import FakeRealtime, fake_realtime
from tests.support.servers import running_server
from tests.support.speech import entry, silence, spoken, texts


def settings_for(service: FakeRealtime) -> dict[str, Any]:
    """Settings of a server that has this service, and no key of Google's."""
    key = SecretStr("SECRET-key")
    return {
        "pipeline": "openai_realtime",
        "gemini_api_key": None,
        "openai_api_key": key,
        "openai_realtime_url": service.url,
        **NO_GAPS,
    }


@asynccontextmanager
async def realtime(
    config: dict[str, Any] | None = None, *, silent: int = 0, **settings: Any
) -> AsyncIterator[tuple[FakeRealtime, Conversation]]:
    """A client in conversation."""
    async with fake_realtime() as service:
        service.silent = silent
        async with conversation(config=config, **{**settings_for(service), **settings}) as talk:
            yield service, talk


async def test_both_directions_in_whole_turns() -> None:
    """Two utterances each way: texts that grow out of deltas, every sample, order and states."""
    phrases = ("kennedy-1", "speech-1b", "kennedy-3", "speech-1c")
    async with realtime() as (service, talk):
        assert talk.client.messages[0]["engine"] == "openai_realtime"
        for phrase in phrases:
            turn = await talk.interpret(phrase)
            assert turn.texts == texts(phrase)
            assert turn.audio == entry(phrase).audio
        assert service.heard == [[phrase] for phrase in phrases]
        assert talk.states == ["speaking", "silent", "processing", "silent"] * len(phrases)
        assert service.events == ["session.update", *["input_audio_buffer.commit", "response.create"] * 4]


async def test_the_service_is_set_up_as_an_interpreter() -> None:
    """Our instruction, no turn detection of its own, the key in the header, and no answer before anybody speaks."""
    async with realtime({"language": "ko"}) as (service, talk):
        assert "Say everything in English" in service.session["instructions"]
        heard = service.session["audio"]["input"]
        assert heard["turn_detection"] is None
        assert heard["transcription"]["language"] == "ko"
        assert service.keys == ["Bearer SECRET-key"]
        assert "response.create" not in service.events
        assert talk.turns == []


@pytest.mark.parametrize("chunk_ms", [20, 256])
async def test_speech_is_heard_whole_whatever_the_chunks(chunk_ms: int) -> None:
    """In real time, as clients send it: the service's own resampler would lose a part of every longer chunk."""
    async with realtime() as (service, talk):
        await talk.client.stream(spoken("kennedy-1") + silence(1200), chunk_ms=chunk_ms, speed=1)
        await talk.client.wait_for("turn_complete")
        assert service.heard == [["kennedy-1"]]


async def test_what_is_said_while_it_answers_is_interpreted_next() -> None:
    """Three utterances at once, a client's interrupt among them: none is lost, none cleared out of the buffer."""
    async with realtime() as (service, talk):
        for phrase in ("kennedy-1", "kennedy-3"):
            await talk.say(phrase)
        await talk.client.send({"type": "interrupt"})
        await talk.say("kennedy-4")
        await talk.client.wait_for("turn_complete", 3)
        assert service.heard == [["kennedy-1"], ["kennedy-3"], ["kennedy-4"]]
        assert "input_audio_buffer.clear" not in service.events


async def test_an_utterance_that_is_never_answered_does_not_hold_up_the_next() -> None:
    """Its source text is a turn; the next one is whole."""
    async with realtime(silent=1, turn_timeout_secs=1.0) as (_, talk):
        await talk.say("kennedy-1")
        await talk.client.wait_for("turn_complete")
        assert talk.turns[0].texts == (texts("kennedy-1")[0], "")
        assert (await talk.interpret("kennedy-3")).audio == entry("kennedy-3").audio


@pytest.mark.parametrize(
    ("status", "ending"),
    [(401, ("UPSTREAM_AUTH", 1011)), (429, ("UPSTREAM_QUOTA", 1013)), (503, ("UPSTREAM_UNAVAILABLE", 1011))],
)
async def test_a_service_that_can_not_connect_says_why(status: int, ending: tuple[str, int]) -> None:
    """Before the client is told that it is connected."""
    async with fake_realtime() as service:
        service.refuse = status
        async with running_server(**settings_for(service)) as server, protocol_client(server.url) as client:
            await client.send({"type": "init"})
            assert await fatal(client) == ending
            assert not client.of("connected")


@pytest.mark.parametrize(
    ("code", "ending"),
    [("insufficient_quota", ("UPSTREAM_QUOTA", 1013)), ("server_error", ("UPSTREAM_UNAVAILABLE", 1011))],
)
async def test_an_error_of_the_service_ends_the_session(code: str, ending: tuple[str, int]) -> None:
    """The service is of no use after one: the client reconnects rather than wait in silence."""
    async with fake_realtime() as service:
        service.error = code
        async with running_server(**settings_for(service)) as server, protocol_client(server.url) as client:
            await client.init()
            with suppress(ConnectionClosed):  # before all of the silence was sent
                await client.stream(spoken("kennedy-1") + silence(1200), speed=40)
            assert await fatal(client) == ending


async def test_a_lost_connection_ends_the_session() -> None:
    """The service itself would say nothing of it."""
    async with (
        fake_realtime() as service,
        running_server(**settings_for(service)) as server,
        protocol_client(server.url) as client,
    ):
        await client.init()
        await service.connections[0].close()
        assert await fatal(client) == ("UPSTREAM_UNAVAILABLE", 1011)
