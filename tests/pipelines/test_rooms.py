"""Making rooms, finding their seats, and when they end."""

import logging
from typing import Any

import pytest
from pydantic import ValidationError

from pipelines.bearer import HttpRefusal
from pipelines.room import Room
from pipelines.rooms import ENTER_WITHIN_SECS
from pipelines.scrape import levels
from protocol.errors import ErrorCode, Fault
from protocol.messages import RoomEntry
from protocol.rooms import RoomRequest
from tests.support.fake_line import FakeLine, House, house
from tests.support.virtual_time import settle

PHONE = {"language": "en", "kind": "phone"}


def refused(home: House, *seats: dict[str, Any]) -> HttpRefusal:
    """Why no such room is made."""
    made = home.rooms.make(RoomRequest.model_validate({"seats": list(seats)}))
    assert isinstance(made, HttpRefusal)
    return made


@pytest.mark.parametrize(
    "seats",
    [
        [],
        [{"language": "ko"}],
        [{"language": "ko"}] * 11,
        [{"language": "ko"}, {}],
        [{"language": "ko"}, {"language": "en", "kind": "fax"}],
        [{"language": "ko"}, {"language": "en", "number": "+15005550006"}],
        [{"language": "ko"}, {**PHONE, "dial": "15005550006"}],
        [{"language": "ko"}, {**PHONE, "number": "+1500555000a"}],
        [{"language": "ko"}, {**PHONE, "number": "+15005550006\n"}],
        [{"language": "ko", "nmae": "Minji"}, PHONE],
        [{"language": "ko", "name": "a\u202eb"}, PHONE],
        [{"language": "ko", "name": "x" * 65}, PHONE],
    ],
)
def test_what_is_no_room_is_refused(seats: list[dict[str, Any]]) -> None:
    """Too few seats and too many, numbers that are none, fields that nobody knows, names that mislead."""
    with pytest.raises(ValidationError):
        RoomRequest.model_validate({"seats": seats})


async def test_seats_are_numbered_and_their_secrets_differ() -> None:
    """A token for each, a code for each phone, languages as the server writes them."""
    async with house(target_languages="ja") as home:
        room = home.room("ko-KR", PHONE, "ja", PHONE)
        assert [(place.participant_id, place.language) for place in room.places] == [
            *(("1", "ko"), ("2", "en"), ("3", "ja"), ("4", "en")),
        ]
        assert [bool(place.code) for place in room.places] == [False, True, False, True]
        secrets = [place.token for place in room.places] + [place.code for place in room.places if place.code]
        assert len({*secrets, room.room_id}) == 7
        assert all(place.code.isdecimal() and len(place.code) == 8 for place in room.places if place.code)
        assert not any(secret in repr(room.places) for secret in secrets)


async def test_a_language_that_the_server_does_not_have_is_refused() -> None:
    """The answer names the seat and those that there are."""
    async with house() as home:
        refusal = refused(home, {"language": "ko"}, {"language": "ja"})
        assert (refusal.status, refusal.message) == (400, "seat 2: expected 'language' to be one of ko, en")


async def test_so_many_rooms_and_no_more() -> None:
    """Until one ends."""
    async with house(max_rooms=2) as home:
        home.room("ko", "en")
        room = home.room("ko", "en")
        assert refused(home, {"language": "ko"}, PHONE).status == 503
        home.rooms.close(room)
        home.room("ko", "en")


@pytest.mark.parametrize("settings", [{"max_rooms": 0}, {"workers": 2}])
async def test_a_server_may_have_no_rooms(settings: dict[str, int]) -> None:
    """By choice, or since whoever comes could reach another process."""
    async with house(**settings) as home:
        assert refused(home, {"language": "ko"}, PHONE).status == 501


async def test_a_server_that_drains_makes_no_room() -> None:
    """Whoever came would be turned away."""
    async with house() as home:
        home.services.sessions.shut = True
        assert refused(home, {"language": "ko"}, PHONE).status == 503


async def test_a_number_leads_to_one_seat() -> None:
    """However it is written by who asks; free again when its room is over."""
    async with house() as home:
        seat = {**PHONE, "number": "+15005550006"}
        room = home.room("ko", seat)
        for dialled in ("+15005550006", "15005550006", "+1 (500) 555-0006"):
            ticket = home.rooms.seat_by_number(dialled)
            assert ticket is not None
            assert (ticket.participant_id, ticket.language) == ("2", "en")
        assert home.rooms.seat_by_number("+15005550007") is None
        assert home.rooms.seat_by_number("") is None
        assert refused(home, {"language": "ko"}, seat).status == 409
        assert refused(home, {**seat, "number": "+15005550007"}, {**seat, "number": "+15005550007"}).status == 409
        home.rooms.close(room)
        home.room("ko", seat)


async def test_a_token_leads_to_its_seat() -> None:
    """In its own room alone, for a browser; any other leads nowhere."""
    async with house() as home:
        room, other = home.room("ko", "en"), home.room("ko", "en")
        token = room.places[1].token
        found = home.rooms.seat_of(RoomEntry(id=room.room_id, token=token))
        assert found is not None
        assert found.place is room.places[1]
        assert home.rooms.seat_by_token(token) == found
        for entry in ((other.room_id, token), (room.room_id, ""), ("", token), (room.room_id, "ü")):
            assert home.rooms.seat_of(RoomEntry(id=entry[0], token=entry[1])) is None


async def test_codes_cannot_be_guessed(caplog: pytest.LogCaptureFixture) -> None:
    """After twenty wrong ones even right ones are refused, until time has passed; the log says so, without any."""
    async with house() as home:
        code = home.room("ko", PHONE).places[1].code
        for number in range(20):
            assert home.rooms.seat_by_code(f"wrong-{number}") is None
            assert (home.rooms.seat_by_code(code) is None) is (number == 19)
        assert home.rooms.seat_by_code("") is None
        await settle(7)
        assert home.rooms.seat_by_code(code) is not None
        (line,) = [record for record in caplog.records if record.levelno == logging.WARNING]
        assert "guessed" in line.getMessage()
        assert vars(line).get("fields") in ({}, None)


async def test_right_codes_are_no_guesses() -> None:
    """However many."""
    async with house() as home:
        code = home.room("ko", PHONE).places[1].code
        assert all(home.rooms.seat_by_code(code) for _ in range(100))


async def test_a_room_to_which_nobody_comes_ends() -> None:
    """One that somebody has come to does not."""
    async with house() as home:
        empty, entered = home.room("ko", "en"), home.room("ko", "en")
        home.sit(entered, 0)
        await settle(ENTER_WITHIN_SECS + 1)
        assert home.rooms.named(empty.room_id) is None
        assert home.rooms.named(entered.room_id) is entered


async def test_a_server_that_stops_ends_all_rooms() -> None:
    """Whatever is still being said."""
    async with house() as home:
        room = home.room("ko", "en")
        _, korean = home.sit(room, 0)
        home.sit(room, 1)
        for strand in home.strands.made:
            strand.may_end.clear()
        await korean.stop()
        await home.rooms.stop()
        assert home.rooms.open == ()
        assert home.strands.live() == []


async def test_metrics_count_rooms_people_and_strands() -> None:
    """Rooms that are empty, too."""
    async with house() as home:
        room = home.room("ko", PHONE)
        home.room("ko", "en")
        home.sit(room, 0), home.sit(room, 1)
        found = levels(home.services.sessions, home.rooms)
        assert (found.rooms, found.room_seats, found.room_strands) == (2, {"browser": 1, "phone": 1}, 2)


async def test_a_seat_is_interpreted_by_the_pipeline_that_its_line_wants() -> None:
    """The default one where it wants none; all of a line's strands carry its id."""
    async with house(engines="simultaneous") as home:
        room = home.room("ko", "en")
        home.sit(room, 0, pipeline=home.services.engines.named("simultaneous"))
        home.sit(room, 1)
        assert sorted(zip(home.strands.pipelines, (s.session_id for s in home.strands.made), strict=True)) == [
            ("interpreter", "line 1"),
            ("simultaneous", "line 0"),
        ]


async def test_any_two_languages_of_the_server_meet() -> None:
    """The server's own pair as the server has it, others with what is spoken first."""
    async with house(languages="ko,en", target_languages="ja") as home:
        room = home.room("en", "ko", "ja")
        for number in range(3):
            home.sit(room, number)
        pairs = {strand.way: strand.languages.pair for strand in home.strands.made}
        assert pairs == {
            ("en", "ko"): ("ko", "en"),
            ("ko", "en"): ("ko", "en"),
            ("en", "ja"): ("en", "ja"),
            ("ja", "en"): ("ja", "en"),
            ("ko", "ja"): ("ko", "ja"),
            ("ja", "ko"): ("ja", "ko"),
        }


# Calling out


async def dial(
    home: House, fails: Exception | None = None
) -> tuple[HttpRefusal | None, Room, list[tuple[str, str]]]:
    """Make a room whose second seat is called; what became of it, and who was called."""
    called: list[tuple[str, str]] = []

    async def call(number: str, token: str) -> None:
        called.append((number, token))
        if fails is not None:
            raise fails

    home.rooms.dial = call
    request = RoomRequest.model_validate({"seats": [{"language": "ko"}, {**PHONE, "dial": "+15005550009"}]})
    room = home.rooms.make(request)
    assert isinstance(room, Room)
    return await home.rooms.dial_seats(room, request), room, called


async def test_who_is_to_be_called_is_called_with_the_seats_token() -> None:
    """So that the call finds its seat."""
    async with house() as home:
        refusal, room, called = await dial(home)
        assert refusal is None
        ((number, token),) = called
        assert number == "+15005550009"
        found = home.rooms.seat_by_token(token)
        assert found is not None
        assert found.place is room.places[1]


async def test_a_room_whose_call_cannot_be_placed_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    """The log says what kind of error it was, without the number."""
    async with house() as home:
        refusal, room, _ = await dial(home, OSError("+15005550009 is not reachable"))
        assert refusal is not None
        assert refusal.status == 502
        assert home.rooms.named(room.room_id) is None
        (line,) = [record for record in caplog.records if "call" in record.getMessage()]
        assert vars(line)["fields"] == {"room_id": room.room_id, "kind": "OSError"}


async def test_a_server_that_calls_nobody_says_so() -> None:
    """Before there is a room."""
    async with house() as home:
        assert refused(home, {"language": "ko"}, {**PHONE, "dial": "+15005550009"}).status == 400
        assert home.rooms.open == ()


async def test_a_ticket_of_a_room_that_is_over_is_worth_nothing() -> None:
    """Whoever held it while the room ended is told so."""
    async with house() as home:
        room = home.room("ko", "en")
        ticket = home.ticket(room, 0)
        home.rooms.close(room)
        assert home.rooms.seat_by_token(room.places[0].token) is None
        fault = ticket.take(FakeLine().line)
        assert isinstance(fault, Fault)
        assert fault.code is ErrorCode.SESSION_EXPIRED
