"""A person's end of a conversation, in memory; and rooms to put them in."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from pipecat.frames.frames import InputAudioRawFrame

from pipelines.conversation import Line
from pipelines.engines import load_engines
from pipelines.room import Room
from pipelines.room_seat import RoomSeat
from pipelines.rooms import Rooms, SeatTicket
from pipelines.services import Services
from pipelines.sessions import Sessions
from pipelines.settings import load_settings
from protocol.errors import Fault
from protocol.messages import ServerMessage
from protocol.rooms import RoomRequest
from tests.support.fake_strand import FakeStrands
from tests.support.fake_upstream import FakeConnector


class FakeLine:
    """Plays nothing, and remembers.

    Attributes:
        told: Messages, in order, as on the wire.
        pieces: What was to be played.
        events: Both, in order: a message's type, or ``"sound"`` for a run of pieces.
        failures: Why the conversation could not go on.
    """

    def __init__(self, name: str = "a line"):
        """A line with nobody talking."""
        self.told: list[dict[str, Any]] = []
        self.pieces: list[bytes] = []
        self.events: list[str] = []
        self.failures: list[Fault | BaseException] = []
        self.line = Line(name, 24_000, self._play, self._tell, self.failures.append)

    def of(self, *types: str) -> list[dict[str, Any]]:
        """Messages of these types."""
        return [message for message in self.told if message["type"] in types]

    @property
    def turns(self) -> list[tuple[str, str, str]]:
        """Who said what, and its interpretation."""
        return [(turn["speaker"], turn["inputText"], turn["outputText"]) for turn in self.of("turn_complete")]

    @property
    def states(self) -> list[tuple[str, str]]:
        """Who was in which state."""
        return [(state["speaker"], state["state"]) for state in self.of("speech_state")]

    @property
    def there(self) -> list[tuple[str, str]]:
        """Who came and who went."""
        kinds = {"participant_joined": "came", "participant_left": "went"}
        return [(kinds[m["type"]], m["participantId"]) for m in self.of(*kinds)]

    @property
    def levels(self) -> list[int]:
        """Which samples were played, runs of the same one as one."""
        samples = np.frombuffer(b"".join(self.pieces), "<i2")
        return [level for level, _ in itertools.groupby(samples.tolist()) if level]

    def _play(self, pcm: bytes) -> None:
        self.pieces.append(pcm)
        if self.events[-1:] != ["sound"]:
            self.events.append("sound")

    def _tell(self, message: ServerMessage) -> None:
        told = message.model_dump(by_alias=True, exclude_none=True)
        self.told.append(told)
        self.events.append(told["type"])


def voice(secs: float = 0.02, level: int = 500) -> InputAudioRawFrame:
    """What a line says."""
    samples = int(secs * 16_000)
    return InputAudioRawFrame(level.to_bytes(2, "little", signed=True) * samples, 16_000, 1)


class House:
    """Rooms with fake strands.

    Attributes:
        rooms: As the server has them.
        strands: What they made.
    """

    def __init__(self, **settings: Any):
        """Open, with settings by field name."""
        configured = load_settings(**{"vad_provider": "energy", **settings})
        sessions = Sessions(max_sessions=20, max_pending=20, max_loop_lag_ms=0)
        self.services = Services(configured, load_engines(configured), FakeConnector(), sessions)
        self.strands = FakeStrands()
        self.rooms = Rooms(self.services, self.strands)
        self._seats: list[RoomSeat] = []

    def room(self, *seats: str | dict[str, Any]) -> Room:
        """A room with a browser's seat for each language, or seats as asked for."""
        asked = [{"language": seat} if isinstance(seat, str) else seat for seat in seats]
        room = self.rooms.make(RoomRequest.model_validate({"seats": asked}))
        assert isinstance(room, Room), room
        return room

    def ticket(self, room: Room, number: int) -> SeatTicket:
        """For the seat of that number, from 0."""
        return SeatTicket(self.rooms, room, room.places[number])

    def sit(self, room: Room, number: int, **options: Any) -> tuple[FakeLine, RoomSeat]:
        """Somebody takes a seat, and is there."""
        line = FakeLine(f"line {number}")
        seat = self.ticket(room, number).take(line.line, **options)
        assert isinstance(seat, RoomSeat), seat
        self._seats.append(seat)
        seat.start()
        return line, seat

    async def everybody_leaves(self) -> None:
        """All who have been there go."""
        await asyncio.gather(*(seat.stop() for seat in self._seats))


@contextlib.asynccontextmanager
async def house(**settings: Any) -> AsyncIterator[House]:
    """Rooms that are all over at the end, with everything released."""
    opened = House(**settings)
    try:
        yield opened
    finally:
        await opened.everybody_leaves()
        await opened.rooms.stop()
    assert all(strand.stopped for strand in opened.strands.made), "a strand is left"
