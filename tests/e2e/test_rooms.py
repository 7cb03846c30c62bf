"""People who talk to each other, through a real server and a real emulator."""

import asyncio

import httpx
import pytest

from tests.support.client import protocol_client
from tests.support.conversation import SLOW_OUTPUT
from tests.support.resuming_client import ResumingClient
from tests.support.room_talk import (
    KEY,
    entry_of,
    guest,
    make_room,
    played,
    room_server,
    said,
    sound_of_turns,
    turns_by_speaker,
    whole_pieces,
)
from tests.support.speech import entry, silence, spoken, words_only
from tests.support.waiting import until

KOREAN = ("speech-3b", "speech-3d")
ENGLISH = ("harvard-10b", "harvard-7a")


async def test_two_people_alternate_and_then_speak_at_once() -> None:
    """Each hears exactly the other, in their own language and in order; both read both, with who said it."""
    async with asyncio.timeout(60), room_server(whole_pieces(*KOREAN, *ENGLISH)) as server:
        room = await make_room(server, ["ko", "en"])
        async with guest(server, room, 0) as korean, guest(server, room, 1) as english:
            for number, (speaker, phrase) in enumerate(((korean, KOREAN[0]), (english, ENGLISH[0])), 1):
                await speaker.say(phrase)
                await korean.told(number)
                await english.told(number)
            await asyncio.gather(korean.say(KOREAN[1]), english.say(ENGLISH[1]))
            await korean.told(4)
            await english.told(4)
        for listener in (korean, english):
            assert listener.turns[:2] == [said("1", KOREAN[0]), said("2", ENGLISH[0])]
            assert sorted(listener.turns[2:]) == [said("1", KOREAN[1]), said("2", ENGLISH[1])]
        assert sound_of_turns(korean.client.messages, "1") == [("2", played(phrase)) for phrase in ENGLISH]
        assert sound_of_turns(english.client.messages, "2") == [("1", played(phrase)) for phrase in KOREAN]
        assert len(server.emulator.sessions) == 2


async def test_two_who_speak_at_once_are_heard_one_after_the_other() -> None:
    """By somebody who needs both interpreted; they themselves hear each other's voice, and nothing else."""
    phrases = ("speech-1a", "speech-2a")
    async with asyncio.timeout(60), room_server(whole_pieces(*phrases)) as server:
        room = await make_room(server, ["ko", "ko", "en"])
        async with (
            guest(server, room, 0) as first,
            guest(server, room, 1) as second,
            guest(server, room, 2) as english,
        ):
            await asyncio.gather(first.say(phrases[0]), second.say(phrases[1]))
            await english.told(2)
            await first.told(2)
        heard = sound_of_turns(english.client.messages, "3")
        assert sorted(heard) == [("1", played(phrases[0])), ("2", played(phrases[1]))]
        assert sorted(english.turns) == [said("1", phrases[0]), said("2", phrases[1])]
        (_, source, _) = said("2", phrases[1])
        assert sorted(first.turns) == [said("1", phrases[0]), ("2", source, "")]
        assert first.heard
        assert {text["speaker"] for text in first.client.of("output_transcription")} == {"1"}


@pytest.mark.parametrize("encoding", ["base64", "binary"])
async def test_a_listener_drops_in_the_middle_of_a_turn_and_comes_back(encoding: str) -> None:
    """What was played meanwhile follows, each piece once; the other one is told of nothing."""
    async with asyncio.timeout(60), room_server(options=SLOW_OUTPUT) as server:
        room = await make_room(server, ["ko", "en"])
        korean = ResumingClient(server.url, b"", **entry_of(room, 0), audioEncoding=encoding)
        await korean.open()
        async with guest(server, room, 1) as english:
            await english.say("harvard-3")
            await korean.until(lambda: len([m for m in korean.messages if m["type"] == "audio_response"]) > 20)
            await korean.abort()
            await until(lambda: any(session.detached for session in server.sessions.live))
            await asyncio.sleep(0.5)
            await korean.open()
            await korean.until(lambda: bool(korean.turns))
            assert [m["participantId"] for m in english.client.of("participant_left")] == []
        await korean.close()
        assert korean.wrong == []
        assert turns_by_speaker(korean.messages) == [said("2", "harvard-3")]
        ((_, played),) = sound_of_turns(korean.messages, "1")
        whole = entry("harvard-3").audio
        assert played == whole.ljust(-(-len(whole) // 960) * 960, b"\0")


async def test_a_speaker_drops_in_the_middle_of_an_utterance_and_comes_back() -> None:
    """The utterance is heard whole, and interpreted once."""
    phrase = "speech-2a"
    async with asyncio.timeout(60), room_server(whole_pieces(phrase)) as server:
        room = await make_room(server, ["ko", "en"])
        korean = ResumingClient(server.url, spoken(phrase) + silence(1500), **entry_of(room, 0))
        await korean.open()
        async with guest(server, room, 1) as english:
            streaming = asyncio.create_task(korean.stream(speed=10.0))
            await until(lambda: korean.sent_samples > 16_000)
            streaming.cancel()
            await asyncio.gather(streaming, return_exceptions=True)
            await korean.abort()
            await korean.open()
            await korean.stream(speed=10.0)
            await english.told(1)
            await korean.until(lambda: bool(korean.turns))
            assert english.turns == turns_by_speaker(korean.messages) == [said("1", phrase)]
            assert sound_of_turns(english.client.messages, "2") == [("1", played(phrase))]
        await korean.close()
        assert korean.wrong == []


async def test_what_was_said_before_its_speaker_left_is_heard() -> None:
    """Even where the page is closed in the middle of a word: what was said is interpreted."""
    async with asyncio.timeout(60), room_server(whole_pieces("speech-2a")) as server:
        room = await make_room(server, ["ko", "en"])
        async with guest(server, room, 1) as english:
            async with guest(server, room, 0) as korean:
                await korean.client.stream(words_only("speech-2a"), speed=40)
                await korean.client.heard()
            await english.client.wait_for("participant_left")
            await english.told(1)
        assert english.turns == [said("1", "speech-2a")]
        assert sound_of_turns(english.client.messages, "2") == [("1", played("speech-2a"))]


async def test_a_server_that_drains_lets_both_hear_out_what_was_said() -> None:
    """Whoever spoke, and whoever has nothing to say; then both are told that it shuts down."""
    async with asyncio.timeout(60), room_server(whole_pieces("speech-2a")) as server:
        room = await make_room(server, ["ko", "en"])
        async with guest(server, room, 0) as korean, guest(server, room, 1) as english:
            await korean.client.stream(words_only("speech-2a"), speed=40)
            await korean.client.wait_for("speech_state")
            for session in server.sessions.live:
                session.drain()
            for person in (korean, english):
                assert await person.client.wait_closed() == 1001
                assert person.turns == [said("1", "speech-2a")]
        assert sound_of_turns(english.client.messages, "2") == [("1", played("speech-2a"))]


async def test_the_same_token_takes_the_seat_over() -> None:
    """The one before is closed without an error; what is said goes to the one that came."""
    async with asyncio.timeout(60), room_server(whole_pieces("kennedy-1")) as server:
        room = await make_room(server, ["ko", "en"])
        async with guest(server, room, 0) as before, guest(server, room, 1) as english:
            async with guest(server, room, 0) as after:
                assert await before.client.wait_closed() == 1008
                assert before.client.of("error") == []
                await english.say("kennedy-1")
                await after.told(1)
            await english.client.wait_for("participant_left", 2)
        assert after.turns == [said("2", "kennedy-1")]


async def test_wrong_rooms_tokens_and_languages_are_refused() -> None:
    """A wrong seat may be corrected in another ``init``; another language than the seat's ends the connection."""
    async with room_server() as server:
        room = await make_room(server, ["ko", "en"])
        async with protocol_client(server.url) as client:
            right = entry_of(room, 0)
            for wrong in ({"id": "elsewhere"}, {"token": room["seats"][1]["token"][:-1]}, {"name": "a\nb"}):
                await client.send({"type": "init", "config": {**right, "room": {**right["room"], **wrong}}})
            await client.send({"type": "init", "config": {**right, "targetLanguage": "en"}})
            await client.wait_for("error", 4)
            assert {error["code"] for error in client.of("error")} == {"INVALID_MESSAGE"}
            assert (await client.init(**right))["participantId"] == "1"
        for language in ("auto", "en"):
            room = await make_room(server, ["ko", "en"])
            async with protocol_client(server.url) as client:
                await client.send({"type": "init", "config": {**entry_of(room, 0), "language": language}})
                assert await client.wait_closed() == 1008
                assert client.of("error")[0]["code"] == "UNSUPPORTED_LANGUAGE"


async def test_a_room_is_seen_and_ended_over_http() -> None:
    """By whoever has a seat's token; those who are there are told that it is over."""
    async with room_server() as server, httpx.AsyncClient(trust_env=False, base_url=server.http_url) as http:
        room = await make_room(server, [{"language": "ko", "name": "Minji"}, "en"])
        path, token = f"/rooms/{room['id']}", {"Authorization": f"Bearer {room['seats'][1]['token']}"}
        async with guest(server, room, 0) as korean:
            seats = (await http.get(path, headers=token)).json()["seats"]
            assert [seat.get("hereSecs") for seat in seats] == [0, None]
            assert (await http.delete(path)).status_code == 401
            assert (await http.delete(path, headers=token)).status_code == 204
            assert await korean.client.wait_closed() == 1000
            assert korean.client.messages[-1]["code"] == "SESSION_EXPIRED"
        key = {"Authorization": f"Bearer {KEY}"}
        assert (await http.get(path, headers=key)).status_code == 404
