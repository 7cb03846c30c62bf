"""One person in a room: what that line says goes to the others, what they say comes to it."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from pipecat.frames.frames import Frame, InputAudioRawFrame

from gemini.languages import language_part
from pipelines.conversation import Line
from pipelines.jobs import Jobs
from pipelines.player import Player
from pipelines.room_places import Place
from pipelines.room_strands import MakeStrand, SpeakerStrands
from protocol.errors import Fault
from protocol.messages import (
    Interrupted,
    ParticipantJoined,
    ParticipantLeft,
    ServerMessage,
    SpeechState,
    Transcription,
    TurnComplete,
    Warning,
)

if TYPE_CHECKING:
    from pipelines.room import Room

_OF_SPEAKERS = (Transcription, TurnComplete, SpeechState, Interrupted, Warning)


def never() -> bool:
    """A phone is away when it has hung up, and not before."""
    return False


def nobody() -> None:
    """Nobody takes a phone's seat while it is there."""


class RoomSeat:
    """A line's part in the conversation of a room; a :class:`~pipelines.conversation.Conversation`.

    Attributes:
        place: Which seat it is.
        name: What the others are shown.
        line: Speaks and hears.
        strands: What makes its speech heard in other languages.
        arrived_at: When it began, on the event loop's clock; ``None``: it has not.
        left_at: When it took no part any more; ``None``: it does.
        said_all: Set where it says no more, and all that it said was handed on.
    """

    def __init__(
        self,
        room: "Room",
        place: Place,
        line: Line,
        make_strand: MakeStrand,
        *,
        name: str,
        original_gain_db: float | None,
        away: Callable[[], bool] = never,
        replaced: Callable[[], None] = nobody,
        after: asyncio.Task[None] | None = None,
    ):
        """Hold the seat; nothing runs yet.

        Args:
            room: Where.
            place: Which seat.
            line: Who sits there.
            make_strand: Makes what interprets its speech into a language.
            name: What the others are shown.
            original_gain_db: How loud it hears the voices of those whom it hears interpreted; ``None``: not at all.
            away: Whether nobody is at the line for the moment: voices are not kept for it.
            replaced: Called when somebody else takes the seat.
            after: The end of what was said at this seat before.
        """
        self._room = room
        self.place = place
        self.line = line
        self.name = name
        self.replaced = replaced
        self._away = away
        self.player = Player(
            rate_hz=line.rate_hz,
            play=line.play,
            tell=line.tell,
            clear=line.clear,
            original_gain_db=original_gain_db,
        )
        self.strands = SpeakerStrands(
            make_strand, place.language, _Audience(self, room), on_failed=self._fail, after=after
        )
        self.arrived_at: float | None = None
        self.left_at: float | None = None
        self.said_all = asyncio.Event()
        self._jobs = Jobs(self._fail)

    @property
    def participant_id(self) -> str:
        """Who it is in the room."""
        return self.place.participant_id

    def saw(self, other: "RoomSeat") -> bool:
        """Whether ``other``, who is there, was there while this seat was taken."""
        return self.left_at is None or (other.arrived_at is not None and other.arrived_at <= self.left_at)

    def shares_language(self, other: "RoomSeat") -> bool:
        """Whether the two understand each other's own voices."""
        return language_part(self.place.language) == language_part(other.place.language)

    # What its line does

    @property
    def longest_gap_secs(self) -> float:
        """How much silence has to stand for a gap in the line's speech; changes as others come and go."""
        return self.strands.longest_gap_secs

    def start(self) -> None:
        """Be there: hear the others, and be heard."""
        self.arrived_at = asyncio.get_running_loop().time()
        self._jobs.start(self.player.run())
        self._room.arrive(self)

    def hear(self, frame: InputAudioRawFrame) -> None:
        """Take what the line says: audio at 16 kHz, mono."""
        self.strands.put(frame)
        self._room.pass_voice(self, frame.audio)

    def interrupt(self) -> None:
        """The line wants no more of what is playing to it; the others hear on."""
        self.player.interrupt()

    def repeat(self) -> None:
        """Play the last whole interpretation once more."""
        self.player.repeat()

    def swap(self) -> None:
        """Nothing: who sits here speaks one language."""

    def announce(self, pcm: bytes) -> None:
        """Play this to the line alone, before any further interpretation: PCM s16le, mono, 24 kHz."""
        self.player.announce(pcm)

    async def drained(self) -> None:
        """Hear no further utterance; returns when everything is answered and played that anybody has said.

        For a server that drains, which asks all seats.
        """
        await self.strands.drained()
        self.said_all.set()
        await self._room.all_said()
        await self.player.played()

    async def stop(self) -> None:
        """Leave; what was said here before is still interpreted for the others."""
        self._room.leave(self)
        await self._jobs.stop()

    def queue_depths(self) -> dict[str, float]:
        """What waits, in bytes, by the queue's name."""
        return {**self.strands.queue_depths(), "player": self.player.held_bytes}

    # What the others do

    def meet(self, other: "RoomSeat") -> None:
        """Somebody is there."""
        self.player.meet(other.participant_id, (other.place.language, self.place.language))
        self.line.tell(
            ParticipantJoined(participant_id=other.participant_id, name=other.name, language=other.place.language)
        )

    def part(self, other: "RoomSeat") -> None:
        """Somebody is not there any more."""
        self.line.tell(
            ParticipantLeft(participant_id=other.participant_id, name=other.name, language=other.place.language)
        )

    def hear_voice(self, speaker: "RoomSeat", pcm: bytes) -> None:
        """Somebody speaks: PCM s16le, mono, 16 kHz."""
        if self._away():
            return
        if self.shares_language(speaker):
            self.player.voice(speaker.participant_id, pcm)
        else:
            self.player.original(speaker.participant_id, pcm)

    def read(self, speaker: "RoomSeat", message: ServerMessage) -> None:
        """Be told, at once, of somebody's turn or state."""
        if isinstance(message, _OF_SPEAKERS):
            message = message.model_copy(update={"speaker": speaker.participant_id})
        self.line.tell(message)

    def _fail(self, failure: Fault | BaseException) -> None:
        """Its speech, or what it hears, cannot go on; the room does."""
        self._room.leave(self)
        self.line.fail(failure)


class _Audience:
    """Who hears and reads one speaker: the others by their languages, the speaker itself."""

    def __init__(self, speaker: RoomSeat, room: "Room"):
        """Look for them in ``room`` each time: they come and go."""
        self._speaker = speaker
        self._room = room

    def hear(self, language: str, frame: Frame) -> None:
        """Let those hear it who hear the speaker in ``language``."""
        speaker = self._speaker
        for seat in self._room.others(speaker):
            if seat.place.language == language and not seat.shares_language(speaker):
                seat.player.take(speaker.participant_id, frame)

    def read(self, message: ServerMessage) -> None:
        """Let the speaker read it; those who hear the speaker's own voice read what was said."""
        speaker = self._speaker
        speaker.read(speaker, message)
        said = _source_of(message)
        if said is None:
            return
        for seat in self._room.others(speaker):
            if seat.shares_language(speaker):
                seat.read(speaker, said)

    def see(self, state: SpeechState) -> None:
        """Let everybody see it."""
        self._room.note_state(self._speaker, state)
        for seat in self._room.everybody:
            seat.read(self._speaker, state)


def _source_of(message: ServerMessage) -> ServerMessage | None:
    """What of a turn's message is about what was said; ``None``: nothing."""
    match message:
        case Transcription(type="output_transcription"):
            return None
        case TurnComplete(input_text=text):
            return TurnComplete(input_text=text, output_text="") if text else None
        case _:
            return message
