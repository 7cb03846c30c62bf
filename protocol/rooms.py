"""What the routes of rooms take and answer over HTTP, as pydantic models.

As in :mod:`protocol.messages`: camelCase names, strict types, absent fields left out. Other than there, an unknown
field is refused: who makes a room learns of a misspelling at once.
"""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from protocol.messages import ParticipantName, WireModel

MOST_SEATS = 10
PHONE_NUMBER = r"^\+[1-9][0-9]{6,14}$"
"""E.164 (ITU-T): a plus, the country, the rest, 15 digits at most."""

PhoneNumber = Annotated[str, Field(pattern=PHONE_NUMBER)]
SeatKind = Literal["browser", "phone"]


class _Body(WireModel):
    model_config = ConfigDict(extra="forbid")

    def to_json(self) -> str:
        """The body of an answer."""
        return self.model_dump_json(by_alias=True, exclude_none=True)


class SeatRequest(_Body):
    """A seat that a room is to have."""

    language: str
    """What is spoken there, and what is heard there: one of ``LANGUAGES`` or of ``TARGET_LANGUAGES``."""

    kind: SeatKind = "browser"
    """``browser``: whoever opens a session with the seat's token; ``phone``: whoever calls."""

    name: ParticipantName = ""
    """What the others are shown, unless a browser says another one."""

    number: PhoneNumber | None = None
    """Of a phone's seat: who dials this number of the server's takes it. No two rooms may have the same one. Needs
    ``ROOM_API_KEY``."""

    dial: PhoneNumber | None = None
    """Of a phone's seat: the server calls this number when the room is made. Needs ``ROOM_API_KEY``."""

    @model_validator(mode="after")
    def _numbers_are_for_phones(self) -> Self:
        if self.kind == "browser" and (self.number is not None or self.dial is not None):
            raise ValueError("'number' and 'dial' are for seats of kind 'phone'")
        return self


class RoomRequest(_Body):
    """The body of ``POST /rooms``."""

    seats: Annotated[list[SeatRequest], Field(min_length=2, max_length=MOST_SEATS)]
    """Everybody who may be there."""


class MadeSeat(_Body):
    """A seat that somebody can take."""

    participant_id: str
    """Who sits there is this ``speaker``."""

    language: str
    """As a code of the server's: what ``language`` of a browser's ``init`` has to be."""

    kind: SeatKind
    """As asked for."""

    name: str
    """As asked for."""

    token: str | None = None
    """A browser's seat: what ``room.token`` of its ``init`` has to be. A secret: whoever has it sits there."""

    code: str | None = None
    """A phone's seat: digits that a caller types. A secret."""


class MadeRoom(_Body):
    """The answer of ``POST /rooms``."""

    id: str
    """What ``room.id`` of an ``init`` has to be."""

    expires_in_secs: int
    """When the room ends in any case."""

    enter_within_secs: int
    """When the room ends if nobody has come by then."""

    seats: list[MadeSeat]
    """In the order in which they were asked for."""


class RoomSeatState(_Body):
    """A seat and who is there."""

    participant_id: str
    """Who sits there is this ``speaker``."""

    language: str
    """What is spoken there."""

    kind: SeatKind
    """Of the line."""

    name: str
    """Of who is there, else of the seat."""

    here_secs: int | None = None
    """How long somebody has been there; missing: nobody is."""


class RoomState(_Body):
    """The answer of ``GET /rooms/{id}``."""

    id: str
    """Of the room."""

    age_secs: int
    """How long ago it was made."""

    expires_in_secs: int
    """When it ends in any case."""

    seats: list[RoomSeatState]
    """All of them, taken or not."""


class RoomFault(_Body):
    """Why a request was refused."""

    error: str
    """For people: what was expected, what came; its wording may change."""
