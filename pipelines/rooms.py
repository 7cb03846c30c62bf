"""All rooms of the process: made, found by what lets somebody in, and ended in time."""

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from pipecat.frames.frames import Frame

from pipelines.allowance import Allowance
from pipelines.bearer import HttpRefusal
from pipelines.choice import Languages, languages_between
from pipelines.conversation import Line
from pipelines.endings import SHUTTING_DOWN
from pipelines.jobs import Jobs
from pipelines.logs import log_event
from pipelines.room import Room
from pipelines.room_places import Place, make_places, same_number
from pipelines.room_seat import RoomSeat, never, nobody
from pipelines.room_strands import RunningStrand
from pipelines.services import Services
from pipelines.spec import PipelineSpec
from pipelines.strand import Strand
from protocol.errors import ErrorCode, Fault
from protocol.messages import RoomEntry
from protocol.rooms import RoomRequest
from telephony.dialling import DialError

logger = logging.getLogger(__name__)

ENTER_WITHIN_SECS = 900
"""A room that nobody has come to by then ends, and makes room for others."""
_ID_BYTES = 9
_WRONG_CODES_AT_ONCE = 20
_WRONG_CODE_SECS = 6.0
"""Whoever calls may guess. With 50 codes in use, 10 guesses a minute find one of them in two hours with a chance of
0.06 %; further ones are not looked at."""
_DIAL_SECS = 10.0

Dial = Callable[[str, str], Awaitable[None]]
"""Calls a telephone number for a seat, by the seat's token; raises where the call cannot be placed."""


class StrandMaker(Protocol):
    """Makes strands; see :class:`pipelines.strand.Strand`, with the process's services."""

    def __call__(
        self,
        session_id: str,
        pipeline: PipelineSpec,
        languages: Languages,
        *,
        on_frame: Callable[[Frame], None],
        on_failed: Callable[[Fault | BaseException], None],
    ) -> RunningStrand:
        """A strand that does not run yet."""


@dataclass(frozen=True, slots=True)
class SeatTicket:
    """A seat of a room that somebody may take.

    Attributes:
        room: Where.
        place: Which seat.
    """

    rooms: "Rooms"
    room: Room
    place: Place

    @property
    def participant_id(self) -> str:
        """Who sits there is in the room."""
        return self.place.participant_id

    @property
    def language(self) -> str:
        """What is spoken and heard there, by code."""
        return self.place.language

    def take(
        self,
        line: Line,
        *,
        pipeline: PipelineSpec | None = None,
        name: str = "",
        away: Callable[[], bool] = never,
        replaced: Callable[[], None] = nobody,
    ) -> RoomSeat | Fault:
        """Take the seat; it is held until :meth:`~pipelines.room_seat.RoomSeat.stop`.

        Args:
            line: Who sits there.
            pipeline: What interprets its speech; missing: the default one.
            name: What the others are shown; empty: the seat's.
            away: Whether nobody is at the line for the moment.
            replaced: Called when somebody else takes the seat.

        Returns:
            The seat, or why it cannot be taken: a fatal fault.
        """
        return self.rooms.take(self, line, pipeline=pipeline, name=name, away=away, replaced=replaced)


class Rooms:
    """Makes rooms and knows them by their ids, and their seats by token, code and number.

    Attributes:
        dial: Calls telephones; ``None``: the server calls nobody.
    """

    def __init__(self, services: Services, make_strand: StrandMaker | None = None):
        """Begin with none.

        Args:
            services: Of the process; where nobody asks for another one, the default pipeline interprets, and of
                phones the one of ``TELEPHONY_PIPELINE``.
            make_strand: Makes what interprets; missing: :class:`pipelines.strand.Strand` does.
        """
        self.dial: Dial | None = None
        self._services = services
        self._settings = services.settings
        self._pipelines = {"browser": services.engines.default, "phone": services.engines.phone}
        self._make_strand: StrandMaker = make_strand or partial(Strand, services=services)
        self._loop = asyncio.get_running_loop()
        self._rooms: dict[str, Room] = {}
        self._ended: set[Room] = set()
        self._wrong_codes = Allowance(_WRONG_CODES_AT_ONCE, _WRONG_CODE_SECS, clock=self._loop.time)
        self._jobs = Jobs(self._note_failure)

    # How many

    @property
    def open(self) -> Sequence[Room]:
        """The rooms that there are."""
        return tuple(self._rooms.values())

    @property
    def strands(self) -> int:
        """How many interpretations run in all of them."""
        return sum(room.strands for room in self.open)

    @property
    def seats(self) -> Counter[str]:
        """How many people are there, by the kind of their line."""
        return Counter(seat.place.kind for room in self.open for seat in room.everybody)

    # Making

    def make(self, request: RoomRequest) -> Room | HttpRefusal:
        """Make a room with nobody in it, or say why not."""
        if (refusal := self._full()) is not None:
            return refusal
        if self.dial is None and any(seat.dial is not None for seat in request.seats):
            return HttpRefusal(400, "this server places no calls; leave 'dial' out")
        others = [place for room in self.open for place in room.places]
        places = make_places(request, self._settings, others)
        return places if isinstance(places, HttpRefusal) else self._add(places)

    async def dial_seats(self, room: Room, request: RoomRequest) -> HttpRefusal | None:
        """Call those who are to be called; where one call cannot be placed the room ends, and this says why."""
        calls = [
            self._dial(seat.dial, place.token)
            for seat, place in zip(request.seats, room.places, strict=True)
            if seat.dial is not None
        ]
        try:
            async with asyncio.timeout(_DIAL_SECS):
                await asyncio.gather(*calls)
        except Exception as error:  # whatever the provider's library raises
            log_event(
                logger,
                logging.WARNING,
                "a call could not be placed",
                room_id=room.room_id,
                kind=type(error).__name__,
                detail=str(error) if isinstance(error, DialError) else None,  # others may hold the number
            )
            room.end("not dialled", Fault(ErrorCode.SESSION_EXPIRED, "the room was given up"))
            return HttpRefusal(502, "a call could not be placed; the server's log says more")
        return None

    # Finding

    def named(self, room_id: str) -> Room | None:
        """The room of that id."""
        return self._rooms.get(room_id)

    def expires_in_secs(self, room: Room) -> float:
        """How long a room may still last."""
        return max(0.0, room.made_at + self._settings.room_max_secs - self._loop.time())

    def seat_of(self, entry: RoomEntry) -> SeatTicket | None:
        """The browser's seat that a client asks for; ``None``: there is no such room, or its token is another."""
        room = self._rooms.get(entry.id)
        return self._with_token(entry.token, [room]) if room is not None else None

    def seat_by_token(self, token: str) -> SeatTicket | None:
        """The seat that has that token."""
        return self._with_token(token, self.open)

    def seat_by_number(self, dialled: str) -> SeatTicket | None:
        """The phone's seat to which a number leads that was dialled, with or without its plus."""
        return self._first(lambda place: same_number(place.number, dialled))

    def seat_by_code(self, code: str) -> SeatTicket | None:
        """The phone's seat that has that code; none at all for a while after many wrong ones."""
        if self._wrong_codes.used_up:
            return None
        ticket = self._first(lambda place: bool(place.code) and place.code == code)
        if ticket is None:
            self._wrong_codes.take()
            if self._wrong_codes.used_up:
                log_event(logger, logging.WARNING, "codes of rooms are being guessed; none is taken for a while")
        return ticket

    def take(
        self,
        ticket: SeatTicket,
        line: Line,
        *,
        pipeline: PipelineSpec | None,
        name: str,
        away: Callable[[], bool],
        replaced: Callable[[], None],
    ) -> RoomSeat | Fault:
        """See :meth:`SeatTicket.take`."""
        spoken = ticket.language
        interpreter = pipeline or self._pipelines[ticket.place.kind] or self._services.engines.default

        def make_strand(
            heard: str, on_frame: Callable[[Frame], None], on_failed: Callable[[Fault | BaseException], None]
        ) -> RunningStrand:
            languages = languages_between(spoken, heard, self._settings)
            return self._make_strand(line.line_id, interpreter, languages, on_frame=on_frame, on_failed=on_failed)

        return ticket.room.take(ticket.place, line, make_strand, name=name, away=away, replaced=replaced)

    # Ends

    def close(self, room: Room) -> None:
        """End a room since somebody who may wants it."""
        room.end("deleted", Fault(ErrorCode.SESSION_EXPIRED, "the room was closed"))

    async def stop(self) -> None:
        """End all; returns when everything is released."""
        for room in self.open:
            room.end("server stopped")
        await asyncio.gather(*(room.stop() for room in self._ended))
        await self._jobs.stop()

    def _expire(self, room: Room) -> None:
        secs = self._settings.room_max_secs
        room.end("expired", Fault(ErrorCode.SESSION_EXPIRED, f"the room reached its limit of {secs:g} s"))

    def _give_up(self, room: Room) -> None:
        if not room.entered:
            room.end("nobody came", Fault(ErrorCode.SESSION_EXPIRED, "the room is over"))

    def _forget(self, room: Room) -> None:
        del self._rooms[room.room_id]
        self._ended.add(room)
        self._jobs.start(self._see_off(room))

    async def _see_off(self, room: Room) -> None:
        await room.released()
        self._ended.discard(room)

    # Places

    def _full(self) -> HttpRefusal | None:
        most = self._settings.max_rooms
        if self._services.sessions.shut:
            return HttpRefusal(503, SHUTTING_DOWN.message)
        if most == 0:
            return HttpRefusal(501, "this server has no rooms: MAX_ROOMS is 0")
        if self._settings.workers > 1:  # who comes to a room may reach another process
            return HttpRefusal(501, "this server has no rooms: they need WORKERS=1")
        return (
            HttpRefusal(503, f"all {most} rooms are taken; try again later") if len(self._rooms) >= most else None
        )

    def _add(self, places: Sequence[Place]) -> Room:
        room = Room(
            secrets.token_urlsafe(_ID_BYTES),
            places,
            original_gain_db=self._settings.original_gain_db,
            on_end=self._forget,
        )
        self._rooms[room.room_id] = room
        room.limit(self._loop.call_later(self._settings.room_max_secs, self._expire, room))
        room.limit(self._loop.call_later(ENTER_WITHIN_SECS, self._give_up, room))
        kinds = Counter[str](place.kind for place in places)
        languages = ",".join(dict.fromkeys(place.language for place in places))
        log_event(
            logger,
            logging.INFO,
            "room made",
            room_id=room.room_id,
            languages=languages,
            phones=kinds["phone"],
            browsers=kinds["browser"],
        )
        return room

    async def _dial(self, number: str, token: str) -> None:
        if self.dial is not None:
            await self.dial(number, token)

    def _with_token(self, token: str, rooms: Sequence[Room]) -> SeatTicket | None:
        for room in rooms:
            if (place := room.place_with(token)) is not None:
                return SeatTicket(self, room, place)
        return None

    def _first(self, fits: Callable[[Place], bool]) -> SeatTicket | None:
        for room in self.open:
            for place in room.places:
                if fits(place):
                    return SeatTicket(self, room, place)
        return None

    @staticmethod
    def _note_failure(error: BaseException) -> None:
        logger.error("internal error", exc_info=error)
