"""A client in a room: what its session hears goes to its seat, what the seat plays goes to its session."""

import asyncio
from collections.abc import Callable

from pipecat.frames.frames import InputAudioRawFrame, InputTransportMessageFrame

from gemini.connector import OUTPUT_RATE_HZ
from pipelines.conversation import Line
from pipelines.interpretation import SessionEnds
from pipelines.jobs import Jobs
from pipelines.room_seat import RoomSeat
from pipelines.rooms import SeatTicket
from pipelines.spec import PipelineSpec
from processors.frames import DrainFrame
from protocol.errors import Fault
from protocol.messages import Interrupt


class SeatedInterpretation:
    """Carries frames between a session and a seat.

    The seat's player goes on while the client of a session that can be resumed is away: what it plays waits with
    the session's other messages.

    Attributes:
        started: It sits, and the client was told.
    """

    def __init__(
        self,
        ticket: SeatTicket,
        ends: SessionEnds,
        *,
        pipeline: PipelineSpec,
        name: str,
        away: Callable[[], bool],
        replaced: Callable[[], None],
    ):
        """Stand before the seat; it is taken by :meth:`start`.

        Args:
            ticket: Which seat.
            ends: The session's.
            pipeline: What interprets the client's speech.
            name: What the others are shown; empty: the seat's own.
            away: Whether the client is away at the moment.
            replaced: Called when somebody else took the seat.
        """
        self.started = False
        self._ticket = ticket
        self._ends = ends
        self._pipeline = pipeline
        self._name = name
        self._away = away
        self._replaced = replaced
        self._seat: RoomSeat | None = None
        self._heard_all = asyncio.Event()
        self._gap_secs = 0.0
        self._jobs = Jobs(ends.failed)

    def start(self) -> None:
        """Sit down: the client is greeted, and then told who is there."""
        line = Line(
            line_id=self._ends.session_id,
            rate_hz=OUTPUT_RATE_HZ,
            play=self._play,
            tell=self._ends.outgoing.send_message,
            fail=self._ends.failed,
        )
        seat = self._ticket.take(
            line, pipeline=self._pipeline, name=self._name, away=self._away, replaced=self._replaced
        )
        if isinstance(seat, Fault):
            self._ends.failed(seat)
            return
        self._seat = seat
        self.started = True
        self._ends.greet(self._gap_secs, False)
        seat.start()
        self._jobs.start(self._hear(seat))

    async def drained(self) -> None:
        """Wait until everything is answered and played that anybody in the room has said."""
        if self._seat is not None:
            await self._heard_all.wait()
            await self._seat.drained()

    async def stop(self) -> None:
        """Leave the seat."""
        await self._jobs.stop()
        if self._seat is not None:
            await self._seat.stop()

    def queue_depths(self) -> dict[str, float]:
        """What waits for the client, and for the interpretation of its speech, in bytes, by the queue's name."""
        return self._seat.queue_depths() if self._seat is not None else {}

    async def _hear(self, seat: RoomSeat) -> None:
        while True:
            frame = (await self._ends.incoming.receive())["bytes"]
            match frame:
                case InputAudioRawFrame() if frame.audio:
                    self._fill_gaps_for(seat)
                    seat.hear(frame)
                    await asyncio.sleep(0)  # nothing above waits while there are frames, and others want their turn
                case InputTransportMessageFrame(message=Interrupt()):
                    seat.interrupt()
                case DrainFrame():
                    self._heard_all.set()

    def _fill_gaps_for(self, seat: RoomSeat) -> None:
        """Let silence stand for gaps as long as the interpretations need it that run at the moment."""
        if seat.longest_gap_secs != self._gap_secs:
            self._gap_secs = seat.longest_gap_secs
            self._ends.incoming.open(self._gap_secs)

    def _play(self, pcm: bytes) -> None:
        self._ends.outgoing.send(self._ends.serializer.write_audio(pcm, OUTPUT_RATE_HZ))
