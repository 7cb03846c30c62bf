"""One room: its seats, who is there, and who hears whom."""

import asyncio
import hmac
import logging
from collections.abc import Callable, Sequence

from metrics import ROOMS_ENDED
from pipelines.conversation import Line
from pipelines.jobs import Jobs
from pipelines.logs import log_event
from pipelines.room_places import Place
from pipelines.room_seat import RoomSeat
from pipelines.room_strands import MakeStrand
from protocol.errors import ErrorCode, Fault
from protocol.messages import SpeechState

logger = logging.getLogger(__name__)


class Room:
    """A conversation between people at seats. Ends once, by :meth:`end`.

    Attributes:
        room_id: What clients and the log know it by.
        places: Its seats, taken or not.
        made_at: When it was made, on the event loop's clock.
    """

    def __init__(
        self,
        room_id: str,
        places: Sequence[Place],
        *,
        original_gain_db: float | None = None,
        on_end: Callable[["Room"], None],
    ):
        """Make a room with nobody in it.

        Args:
            room_id: Unguessable.
            places: Two or more.
            original_gain_db: How loud voices are beside their interpretation; ``None``: they are not heard.
            on_end: Called when it is over; nobody can come any more.
        """
        self.room_id = room_id
        self.places = tuple(places)
        self.made_at = asyncio.get_running_loop().time()
        self._original_gain_db = original_gain_db
        self._on_end = on_end
        self._states: dict[RoomSeat, SpeechState] = {}
        self._hearing_out: dict[Place, asyncio.Task[None]] = {}
        self._timers: list[asyncio.TimerHandle] = []
        self._over = False
        self._entered = False
        self._jobs = Jobs(self._note_failure)

    @property
    def everybody(self) -> list[RoomSeat]:
        """Who is there."""
        seats = (place.taken_by for place in self.places)
        return [seat for seat in seats if seat is not None and seat.arrived_at is not None]

    def others(self, seat: RoomSeat) -> list[RoomSeat]:
        """Who else is there; where ``seat`` was left, of those who were there then."""
        return [other for other in self.everybody if other is not seat and seat.saw(other)]

    @property
    def entered(self) -> bool:
        """Whether anybody has been there."""
        return self._entered

    @property
    def strands(self) -> int:
        """How many interpretations run, each with an upstream session of its own."""
        return sum(seat.strands.count for seat in self.everybody)

    # Coming and going

    def place_with(self, token: str) -> Place | None:
        """The seat that has that token; all are compared, each in constant time."""
        shown = token.encode(errors="replace")
        found = [place for place in self.places if hmac.compare_digest(place.token.encode(), shown)]
        return found[0] if found else None

    def take(
        self,
        place: Place,
        line: Line,
        make_strand: MakeStrand,
        *,
        name: str,
        away: Callable[[], bool],
        replaced: Callable[[], None],
    ) -> RoomSeat | Fault:
        """Give a seat to a line; see :class:`~pipelines.room_seat.RoomSeat` for the arguments.

        A browser's seat goes to whoever comes last: only one person has its token, and may have reloaded the page.
        A phone's seat stays with who is there: a number is no secret.
        """
        if self._over:
            return Fault(ErrorCode.SESSION_EXPIRED, "the room is over")
        sitting = place.taken_by
        if sitting is not None and place.kind == "phone":
            return Fault(ErrorCode.SERVER_BUSY, "the seat is taken")
        place.taken_by = seat = RoomSeat(
            self,
            place,
            line,
            make_strand,
            name=name or place.name,
            original_gain_db=self._original_gain_db,
            away=away,
            replaced=replaced,
            after=self._replace(sitting) if sitting is not None else self._hearing_out.get(place),
        )
        return seat

    def arrive(self, seat: RoomSeat) -> None:
        """Somebody takes part from here on."""
        self._entered = True
        for other in self.others(seat):
            other.meet(seat)
            seat.meet(other)
            if (state := self._states.get(other)) is not None:
                seat.read(other, state)
        self._rearrange()
        log_event(
            logger,
            logging.INFO,
            "seat taken",
            room_id=self.room_id,
            session_id=seat.line.line_id,
            participant_id=seat.participant_id,
            kind=seat.place.kind,
            language=seat.place.language,
        )

    def leave(self, seat: RoomSeat) -> None:
        """Somebody takes no part any more; harmless where that was said before. The last one ends the room."""
        if seat.place.taken_by is not seat:
            return
        self._part(seat)
        if not any(place.taken_by for place in self.places):
            self.end("empty")

    # Who hears whom

    def pass_voice(self, speaker: RoomSeat, pcm: bytes) -> None:
        """Let the others hear a voice as it is, as far as they are to: PCM s16le, mono, 16 kHz."""
        for seat in self.others(speaker):
            seat.hear_voice(speaker, pcm)

    def note_state(self, speaker: RoomSeat, state: SpeechState) -> None:
        """Keep what everybody sees of a speaker, for those who come later."""
        if state.state == "silent":
            self._states.pop(speaker, None)
        else:
            self._states[speaker] = state

    async def all_said(self) -> None:
        """Wait until everybody who is there has said everything, and it was handed on."""
        await asyncio.gather(*(seat.said_all.wait() for seat in self.everybody))

    def _rearrange(self) -> None:
        """One interpretation of each speaker for each language that somebody else there hears."""
        for speaker in self.everybody:
            heard_by = [seat for seat in self.others(speaker) if not seat.shares_language(speaker)]
            speaker.strands.serve(tuple(dict.fromkeys(seat.place.language for seat in heard_by)))

    # Ends

    def limit(self, timer: asyncio.TimerHandle) -> None:
        """Cancel ``timer``, which would end the room, once it is over."""
        self._timers.append(timer)

    def end(self, reason: str, fault: Fault | None = None) -> None:
        """Let nobody be there any more; only the first end counts.

        Args:
            reason: For the log.
            fault: What those who are there are told; ``None``: nobody is.
        """
        if self._over:
            return
        self._over = True
        for timer in self._timers:
            timer.cancel()
        ROOMS_ENDED.labels(reason).inc()
        age_secs = asyncio.get_running_loop().time() - self.made_at
        log_event(
            logger,
            logging.INFO,
            "room ended",
            room_id=self.room_id,
            reason=reason,
            duration_secs=round(age_secs, 1),
        )
        for seat in [place.taken_by for place in self.places if place.taken_by is not None]:
            self._part(seat)
            if fault is not None:
                seat.line.fail(fault)
        self._on_end(self)

    async def released(self) -> None:
        """Wait until everything is released, once it has ended."""
        await asyncio.gather(*self._hearing_out.values(), return_exceptions=True)

    async def stop(self) -> None:
        """Cut short what is still being said, and release everything."""
        await self._jobs.stop()

    def _replace(self, sitting: RoomSeat) -> asyncio.Task[None] | None:
        self._part(sitting)
        sitting.replaced()
        return self._hearing_out.get(sitting.place)

    def _part(self, seat: RoomSeat) -> None:
        seat.place.taken_by = None
        self._states.pop(seat, None)
        if seat.arrived_at is None:
            return
        seat.left_at = asyncio.get_running_loop().time()
        if not self._over:
            for other in self.everybody:
                other.part(seat)
            self._rearrange()
        here_secs = seat.left_at - seat.arrived_at
        log_event(
            logger,
            logging.INFO,
            "seat left",
            room_id=self.room_id,
            session_id=seat.line.line_id,
            participant_id=seat.participant_id,
            duration_secs=round(here_secs, 1),
        )
        self._hearing_out[seat.place] = self._jobs.start(self._hear_out(seat))

    async def _hear_out(self, seat: RoomSeat) -> None:
        """Let the others hear what was said before somebody left."""
        try:
            await (seat.strands.heard_out() if self.everybody else seat.strands.stop())
        finally:
            seat.said_all.set()
            await seat.strands.stop()
            if seat.place.taken_by is None:
                for other in self.everybody:
                    other.player.forget(seat.participant_id)

    def _note_failure(self, error: BaseException) -> None:
        logger.error("internal error", exc_info=error, extra={"fields": {"room_id": self.room_id}})
