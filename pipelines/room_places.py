"""The seats of a room, taken or not: made from a request, each with what lets one person in."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gemini.languages import find_language
from pipelines.bearer import HttpRefusal
from pipelines.choice import languages_of_rooms
from pipelines.settings import Settings
from protocol.rooms import RoomRequest, SeatKind, SeatRequest

if TYPE_CHECKING:
    from pipelines.room_seat import RoomSeat

_TOKEN_BYTES = 32
_CODE_DIGITS = 8


@dataclass(slots=True, eq=False)
class Place:
    """A seat of a room, taken or not.

    Attributes:
        participant_id: Who sits there; stays the same whoever it is.
        language: What is spoken and heard there, by code.
        kind: Of the line.
        name: What the others are shown if who sits there says nothing else.
        token: Lets a browser take it, or a phone that the server calls.
        code: Lets a caller take it who types it; empty at a browser's seat.
        number: Lets a caller take it who dials it.
        taken_by: Who sits there.
    """

    participant_id: str
    language: str
    kind: SeatKind
    name: str
    token: str = field(repr=False)
    code: str = field(default="", repr=False)
    number: str | None = field(default=None, repr=False)
    taken_by: "RoomSeat | None" = field(default=None, repr=False)


def make_places(request: RoomRequest, settings: Settings, others: Sequence[Place]) -> list[Place] | HttpRefusal:
    """The seats that are asked for, or what is wrong with them.

    Args:
        request: Checked as far as it can be by itself.
        settings: Of the server: which languages it has.
        others: Of all other rooms: numbers lead to one seat, and so do codes.
    """
    taken = _taken_number(request, others)
    if taken is not None:
        return HttpRefusal(409, f"the number {taken} leads to another seat already; use a code, or another number")
    known = languages_of_rooms(settings)
    codes = {place.code for place in others}
    places = []
    for number, seat in enumerate(request.seats, 1):
        language = find_language(seat.language, known)
        if language is None:
            return HttpRefusal(400, f"seat {number}: expected 'language' to be one of {', '.join(known)}")
        places.append(_place(str(number), seat, language, codes))
    return places


def same_number(number: str | None, dialled: str) -> bool:
    """Whether a seat's number was dialled, however that is written."""
    return number is not None and _digits(number) == _digits(dialled)


def _place(participant_id: str, seat: SeatRequest, language: str, codes: set[str]) -> Place:
    return Place(
        participant_id,
        language,
        seat.kind,
        seat.name,
        token=secrets.token_urlsafe(_TOKEN_BYTES),
        code=_new_code(codes) if seat.kind == "phone" else "",
        number=seat.number,
    )


def _new_code(used: set[str]) -> str:
    """A code that is not in ``used``, to which it is added."""
    while (code := f"{secrets.randbelow(10**_CODE_DIGITS):0{_CODE_DIGITS}}") in used:
        continue
    used.add(code)
    return code


def _taken_number(request: RoomRequest, others: Iterable[Place]) -> str | None:
    taken = {place.number for place in others}
    for number in (seat.number for seat in request.seats if seat.number is not None):
        if number in taken:
            return number
        taken.add(number)
    return None


def _digits(number: str) -> str:
    return "".join(character for character in number if character in "0123456789")
