"""Clients in a room, from ``init`` on: real sessions and players, fake strands, virtual time."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pipelines.room import Room
from protocol.errors import ErrorCode, Fault
from tests.support.fake_line import House, house
from tests.support.interpreted import RATE_HZ, SPEECH, Client, client
from tests.support.virtual_time import settle

PIECE_BYTES = 960


def seat(room: Room, number: int, name: str = "") -> dict[str, Any]:
    """What ``init`` asks for."""
    place = room.places[number]
    return {"language": place.language, "room": {"id": room.room_id, "token": place.token, "name": name}}


@contextlib.asynccontextmanager
async def visitor(home: House, **settings: Any) -> AsyncIterator[Client]:
    """A client of the server whose rooms these are."""
    async with client(rooms=home.rooms, sessions=home.services.sessions, **settings) as user:
        yield user
    await home.services.sessions.stop()


@contextlib.asynccontextmanager
async def two(home: House, **settings: Any) -> AsyncIterator[tuple[Client, Client, Room]]:
    """Two clients of a Korean and an English seat, who are there."""
    room = home.room("ko", "en")
    async with visitor(home, **settings) as korean, visitor(home, **settings) as english:
        await korean.init(**seat(room, 0))
        await english.init(**seat(room, 1), audioEncoding="binary")
        yield korean, english, room


async def test_a_seat_is_an_ordinary_session() -> None:
    """``connected`` at once and first, with who the client is, then who is there; no pipeline of its own."""
    async with house() as home:
        room = home.room("ko", "en")
        async with visitor(home) as korean, visitor(home) as english:
            connected = await korean.init(**seat(room, 0, "김민지"))
            connected.pop("sessionId")
            assert connected == {
                "type": "connected",
                "inputSampleRate": 16_000,
                "outputSampleRate": 24_000,
                "engine": "interpreter",
                "participantId": "1",
            }
            await english.init(**seat(room, 1))
            await settle()
            joined = {"type": "participant_joined", "participantId": "1", "name": "김민지", "language": "ko"}
            assert english.network.messages[1:] == [joined]
            assert [m["participantId"] for m in korean.network.of("participant_joined")] == ["2"]
            assert home.services.sessions.active == 2
            assert korean.upstream.configs == english.upstream.configs == []
        assert home.services.sessions.active == 0


async def test_speech_and_sound_go_through_the_seat() -> None:
    """As audio that the strand gets at 16 kHz, and as pieces of 20 ms in the client's own encoding."""
    async with house() as home, two(home) as (korean, english, _):
        korean.speak(SPEECH)
        await settle(0.1)
        heard = bytes(home.strands.one("ko", "en").heard)
        assert SPEECH.startswith(heard[: len(SPEECH)])
        assert len(heard) >= len(SPEECH) - 640
        home.strands.one("ko", "en").turn("네.", "Yes.", secs=0.2)
        home.strands.one("en", "ko").turn("Yes.", "네.", secs=0.2)
        await settle(1)
        pieces = [frame for frame in english.network.frames if isinstance(frame, bytes)]
        assert [len(piece) for piece in pieces] == [PIECE_BYTES] * 10
        assert [m["sampleRate"] for m in korean.network.of("audio_response")] == [24_000] * 10
        assert sorted(m["speaker"] for m in english.network.of("turn_complete")) == ["1", "2"]


async def test_a_client_that_stops_sending_is_heard_to_the_end() -> None:
    """Silence stands for the gap, as much as the strands need that there are, and no more."""
    async with house(audio_gap_ms=500) as home, two(home, audio_gap_ms=500) as (korean, _, _room):
        home.strands.one("ko", "en").longest_gap_secs = 2.0
        korean.speak(SPEECH)
        await settle(60)
        extra_secs = (len(home.strands.one("ko", "en").heard) - len(SPEECH)) / 2 / RATE_HZ
        assert extra_secs == pytest.approx(2.0, abs=0.2)


async def test_who_is_alone_needs_no_silence() -> None:
    """And nothing keeps what is said to nobody."""
    async with house() as home:
        room = home.room("ko", "en")
        async with visitor(home) as korean:
            await korean.init(**seat(room, 0))
            korean.speak(SPEECH)
            await settle(60)
            assert home.strands.made == []
            (session,) = home.services.sessions.live
            assert session.queue_depths()["inbox"] == 0


async def test_an_interrupt_is_answered() -> None:
    """Always, and cuts what plays to this client."""
    async with house() as home, two(home) as (korean, english, _):
        english.network.say({"type": "interrupt"})
        await english.network.wait_for("interrupted")
        home.strands.one("ko", "en").turn("네.", "Yes.", secs=2)
        await settle(0.5)
        english.network.say({"type": "interrupt"})
        await english.network.wait_for("turn_complete")
        pieces = len([frame for frame in english.network.frames if isinstance(frame, bytes)])
        await settle(3)
        assert len([frame for frame in english.network.frames if isinstance(frame, bytes)]) == pieces
        assert korean.network.of("interrupted") == []


async def test_nobody_is_idle_in_a_room() -> None:
    """Somebody may be there to listen, for hours."""
    async with house(room_max_secs=86_400) as home, two(home, idle_timeout_secs=900) as (korean, english, _):
        await settle(4 * 3600)
        assert not korean.serving.done()
        assert not english.serving.done()


async def test_whisper_is_not_to_be_had_in_a_room() -> None:
    """A warning says so, and the session goes on."""
    async with house() as home:
        room = home.room("ko", "en")
        async with visitor(home) as korean:
            await korean.init(**seat(room, 0), useWhisper=True)
            assert (await korean.network.wait_for("warning"))["code"] == "WHISPER_UNAVAILABLE"


async def test_the_end_of_the_room_ends_its_sessions() -> None:
    """With an error that says so."""
    async with house() as home, two(home) as (korean, english, room):
        home.rooms.close(room)
        assert await korean.ended() == ("SESSION_EXPIRED", 1000)
        assert await english.ended() == ("SESSION_EXPIRED", 1000)


async def test_a_strand_that_fails_ends_its_speakers_session() -> None:
    """With its fault, or as a fault of ours; the others' go on."""
    for failure, expected in (
        (Fault(ErrorCode.UPSTREAM_QUOTA, "used up"), ("UPSTREAM_QUOTA", 1013)),
        (RuntimeError("a bug"), ("INTERNAL", 1011)),
    ):
        async with house() as home, two(home) as (korean, english, _):
            home.strands.one("ko", "en").fail(failure)
            assert await korean.ended() == expected
            await english.network.wait_for("participant_left")
            assert not english.serving.done()


async def test_who_closes_leaves_at_once() -> None:
    """And the others are told."""
    async with house() as home, two(home) as (korean, english, _):
        korean.network.say({"type": "close"})
        assert await korean.ended() == (None, 1000)
        await english.network.wait_for("participant_left")


async def test_a_seat_that_another_takes_is_closed_without_an_error() -> None:
    """1008, as after a resume elsewhere."""
    async with house() as home, two(home) as (korean, english, room), visitor(home) as again:
        assert (await again.init(**seat(room, 0)))["participantId"] == "1"
        assert await korean.ended() == (None, 1008)
        await english.network.wait_for("participant_joined", 2)


async def test_a_client_that_may_resume_keeps_its_seat_while_it_is_away() -> None:
    """Nobody is told; what is interpreted meanwhile is waiting for it."""
    async with house() as home:
        room = home.room("ko", "en")
        async with visitor(home) as english:
            await english.init(**seat(room, 1))
            async with client(rooms=home.rooms, sessions=home.services.sessions) as korean:
                connected = await korean.init(**seat(room, 0), resume={})
            (session,) = (s for s in home.services.sessions.live if s.session_id == connected["sessionId"])
            assert session.detached
            home.strands.one("en", "ko").turn("Yes.", "네.", secs=0.2)
            await settle(1)
            async with client(rooms=home.rooms, sessions=home.services.sessions) as back:
                claim = {**{k: connected[k] for k in ("sessionId", "resumeToken")}, "lastSeq": 0, "firstSample": 0}
                resumed = await back.init(resume=claim)
                assert (resumed["resumed"], resumed["participantId"]) == (True, "1")
                await back.network.wait_for("turn_complete")
                assert len(back.network.of("audio_response")) == 10
            await settle(40)
            assert [m["participantId"] for m in english.network.of("participant_left")] == ["1"]
        await home.services.sessions.stop()


async def test_a_server_that_drains_lets_both_hear_out_what_was_said() -> None:
    """Then each is told that it shuts down."""
    async with house() as home, two(home) as (korean, english, _):
        strand = home.strands.one("ko", "en")
        strand.may_end.clear()
        for session in home.services.sessions.live:
            session.drain()
        await settle(1)
        assert strand.draining
        strand.turn("네.", "Yes.", secs=1)
        strand.may_end.set()
        assert [await korean.ended(), await english.ended()] == [("SHUTTING_DOWN", 1001)] * 2
        assert len([frame for frame in english.network.frames if isinstance(frame, bytes)]) == 50


@pytest.mark.parametrize("change", [{"id": "elsewhere"}, {"token": "wrong"}])
async def test_a_wrong_seat_may_be_corrected(change: dict[str, str]) -> None:
    """An error that goes on, and nothing is taken."""
    async with house() as home:
        room = home.room("ko", "en")
        async with visitor(home) as korean:
            right = seat(room, 0)
            korean.network.say({"type": "init", "config": {**right, "room": {**right["room"], **change}}})
            assert (await korean.network.wait_for("error"))["code"] == "INVALID_MESSAGE"
            assert (await korean.init(**right))["participantId"] == "1"


@pytest.mark.parametrize("language", ["auto", "en", "tlh"])
async def test_another_language_than_the_seats_ends_the_connection(language: str) -> None:
    """The seat stays free."""
    async with house() as home:
        room = home.room("ko", "en")
        async with visitor(home) as korean:
            korean.network.say({"type": "init", "config": {**seat(room, 0), "language": language}})
            assert await korean.ended() == ("UNSUPPORTED_LANGUAGE", 1008)
        assert room.places[0].taken_by is None
