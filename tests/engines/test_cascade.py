"""Recognition, translation and speech by three endpoints over HTTP, from socket to socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr
from websockets.exceptions import ConnectionClosed

from tests.support.client import protocol_client
from tests.support.conversation import NO_GAPS, Conversation, conversation
from tests.support.endings import fatal
from tests.support.fake_openai import FakeOpenAI, fake_openai
from tests.support.servers import running_server
from tests.support.speech import entry, silence, spoken, texts, words_only

KEYS: dict[str, Any] = {
    name: SecretStr(f"SECRET-{name}") for name in ("recognition_api_key", "translation_api_key", "speech_api_key")
}


def cascade_of(endpoints: FakeOpenAI) -> dict[str, Any]:
    """Settings of a server that has these endpoints, and no key of Google's."""
    urls = dict.fromkeys(("recognition_url", "translation_url", "speech_url"), endpoints.url)
    return {"pipeline": "cascade", "gemini_api_key": None, **urls, **KEYS, **NO_GAPS}


@dataclass
class Talk:
    """A conversation over a cascade."""

    endpoints: FakeOpenAI
    session: Conversation

    async def interprets(self, *phrases: str) -> None:
        """Say phrases in one utterance; the turn that follows has all of their texts and sound."""
        turn = await self.session.interpret(*phrases)
        assert turn.texts == texts(*phrases)
        assert turn.audio == b"".join(entry(phrase).audio for phrase in phrases)

    def warnings(self) -> list[str]:
        """The codes of the warnings so far."""
        return [message["code"] for message in self.session.client.of("warning")]


@asynccontextmanager
async def cascade(config: dict[str, Any] | None = None, **settings: Any) -> AsyncIterator[Talk]:
    """A client in conversation."""
    async with (
        fake_openai() as endpoints,
        conversation(config=config, **{**cascade_of(endpoints), **settings}) as session,
    ):
        yield Talk(endpoints, session)


async def test_both_directions_in_whole_turns() -> None:
    """Two utterances each way, by the language of what was recognised: texts, sound, order and states."""
    phrases = ("kennedy-1", "speech-1b", "kennedy-3", "speech-1c")
    async with cascade() as talk:
        assert talk.session.client.messages[0]["engine"] == "cascade"
        for phrase in phrases:
            await talk.interprets(phrase)
        assert talk.session.states == ["speaking", "silent", "processing", "silent"] * len(phrases)
        tasks = [chat["messages"][0]["content"] for chat in talk.endpoints.chats]
        assert ["into Korean" in task for task in tasks] == [True, False, True, False]
        assert ["into English" in task for task in tasks] == [False, True, False, True]


async def test_each_request_stands_alone() -> None:
    """An instruction and one text, however long the session; keys, models and, if known, the language."""
    async with cascade({"language": "en"}, translation_model="small") as talk:
        await talk.interprets("kennedy-1")
        await talk.interprets("kennedy-3")
        assert [len(chat["messages"]) for chat in talk.endpoints.chats] == [2, 2]
        assert [chat["messages"][1]["content"] for chat in talk.endpoints.chats] == [
            texts("kennedy-1")[0],
            texts("kennedy-3")[0],
        ]
        assert {chat["model"] for chat in talk.endpoints.chats} == {"small"}
        assert talk.endpoints.forms[0] == {"model": "gpt-transcribe", "language": "en"}
        assert talk.endpoints.keys == {
            "transcriptions": "SECRET-recognition_api_key",
            "completions": "SECRET-translation_api_key",
            "speech": "SECRET-speech_api_key",
        }


async def test_recognition_gets_every_utterance_whole_and_once() -> None:
    """An utterance with a short pause in it is one request, with the audio of all of it."""
    async with cascade() as talk:
        client = talk.session.client
        said = silence(500) + words_only("kennedy-1") + silence(450) + words_only("kennedy-3") + silence(1200)
        await client.stream(said, speed=40)
        await client.wait_for("turn_complete")
        assert talk.session.turns[0].texts == texts("kennedy-1", "kennedy-3")
        assert len(talk.endpoints.heard) == 1


async def test_what_is_said_while_it_answers_is_interpreted_next() -> None:
    """Three utterances, the second and third while the first is being spoken: three turns, in order."""
    async with cascade() as talk:
        talk.endpoints.let_speak.clear()
        for phrase in ("kennedy-1", "kennedy-3", "kennedy-4"):
            await talk.session.say(phrase)
        await talk.session.client.wait_for("audio_response")
        assert talk.session.turns[:-1] == []
        talk.endpoints.let_speak.set()
        await talk.session.client.wait_for("turn_complete", 3)
        assert [turn.texts for turn in talk.session.turns] == [
            texts(phrase) for phrase in ("kennedy-1", "kennedy-3", "kennedy-4")
        ]


async def test_interrupt_cuts_the_turn_and_the_next_one_is_whole() -> None:
    """The speech that is being made is given up; what is said right after it is interpreted."""
    async with cascade() as talk:
        talk.endpoints.let_speak.clear()
        await talk.session.say("kennedy-1")
        await talk.session.client.wait_for("audio_response")
        await talk.session.client.send({"type": "interrupt"})
        await talk.session.client.wait_for("turn_complete")
        talk.endpoints.let_speak.set()
        assert len(talk.session.turns[0].audio) < len(entry("kennedy-1").audio)
        await talk.interprets("kennedy-3")


async def test_an_utterance_in_which_nothing_is_recognised_is_no_turn() -> None:
    """No request follows, ``processing`` ends, and the next utterance is interpreted."""
    async with cascade() as talk:
        talk.endpoints.text = ""
        await talk.session.say("kennedy-1")
        await talk.session.client.wait_until(lambda: talk.session.states[-2:] == ["processing", "silent"])
        talk.endpoints.text = None
        await talk.interprets("kennedy-3")
        assert len(talk.session.turns) == len(talk.endpoints.chats) == 1
        assert talk.warnings() == []


@pytest.mark.parametrize("endpoint", ["transcriptions", "completions", "speech"])
async def test_a_failure_costs_the_utterance_and_is_told(endpoint: str) -> None:
    """``SPEECH_DROPPED``; what was understood of it is a turn, and the session goes on."""
    async with cascade() as talk:
        talk.endpoints.statuses[endpoint] = [503, 503, 503]  # the client library tries three times
        await talk.session.say("kennedy-1")
        await talk.session.client.wait_for("warning")
        assert talk.warnings() == ["SPEECH_DROPPED"]
        await talk.interprets("kennedy-3")
        assert talk.session.states[-1] == "silent"


@pytest.mark.parametrize("endpoint", ["transcriptions", "completions", "speech"])
async def test_an_endpoint_that_never_answers_costs_the_utterance(endpoint: str) -> None:
    """After ``TURN_TIMEOUT_SECS``; the request is given up, so that the next one does not wait behind it."""
    async with cascade(turn_timeout_secs=3.0) as talk:
        talk.endpoints.stuck.add(endpoint)
        await talk.session.say("kennedy-1")
        await talk.session.client.wait_for("warning")
        talk.endpoints.stuck.clear()
        await talk.interprets("kennedy-3")
        assert talk.warnings() == ["SPEECH_DROPPED"]


@pytest.mark.parametrize("endpoint", ["transcriptions", "completions", "speech"])
async def test_a_refused_key_ends_the_session(endpoint: str) -> None:
    """``UPSTREAM_AUTH``: nothing that the client could say would be interpreted."""
    async with fake_openai() as endpoints:
        endpoints.statuses[endpoint] = [401]
        async with running_server(**cascade_of(endpoints)) as server, protocol_client(server.url) as client:
            await client.init()
            with suppress(ConnectionClosed):  # before all of the silence was sent
                await client.stream(spoken("kennedy-1") + silence(1200), speed=40)
            assert await fatal(client) == ("UPSTREAM_AUTH", 1011)


@pytest.mark.slow
async def test_endpoints_that_are_gone_end_the_session() -> None:
    """Three utterances in a row to which nothing answers: ``UPSTREAM_UNAVAILABLE``, not silence for ever."""
    async with fake_openai() as endpoints:
        settings = {**cascade_of(endpoints), "recognition_url": "http://127.0.0.1:9/v1"}
        async with running_server(**settings) as server, protocol_client(server.url) as client:
            await client.init()
            with suppress(ConnectionClosed):
                for _ in range(3):
                    await client.stream(spoken("kennedy-1") + silence(1200), speed=40)
            assert await fatal(client) == ("UPSTREAM_UNAVAILABLE", 1011)
            assert len(client.of("warning")) == 3
