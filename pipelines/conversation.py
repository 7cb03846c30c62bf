"""What a line talks to: the interpreter alone, or the others of a room."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pipecat.frames.frames import InputAudioRawFrame

from protocol.errors import Fault
from protocol.messages import ServerMessage


def _nothing_queued() -> None:
    """A far end that plays what it gets at once, or that is told in another way."""


@dataclass(frozen=True, slots=True)
class Line:
    """One person's connection, whatever it is: a phone, or a browser.

    Attributes:
        line_id: UUID, for log and upstream.
        rate_hz: Of the sound that it plays.
        play: Takes 20 ms of PCM s16le, mono.
        tell: Takes a message; a phone has no use for it.
        fail: Takes why the conversation cannot go on.
        clear: Drops what the far end has taken and not played.
    """

    line_id: str
    rate_hz: int
    play: Callable[[bytes], None]
    tell: Callable[[ServerMessage], None]
    fail: Callable[[Fault | BaseException], None]
    clear: Callable[[], None] = _nothing_queued


class Conversation(Protocol):
    """What a line hears and says."""

    @property
    def longest_gap_secs(self) -> float:
        """How much silence has to stand for a gap in the line's speech; infinite: for all of it."""

    def start(self) -> None:
        """Begin."""

    def hear(self, frame: InputAudioRawFrame) -> None:
        """Take what the line says: audio at 16 kHz, mono."""

    def interrupt(self) -> None:
        """The line wants no more of what is playing."""

    def repeat(self) -> None:
        """Play the last whole interpretation once more."""

    def swap(self) -> None:
        """Turn the direction round, where that means anything."""

    def announce(self, pcm: bytes) -> None:
        """Play this before any further interpretation: PCM s16le, mono, 24 kHz."""

    async def drained(self) -> None:
        """Hear no further utterance; returns when everything is answered and played that was said before."""

    async def stop(self) -> None:
        """End it, and release everything."""

    def queue_depths(self) -> dict[str, float]:
        """What waits, in bytes, by the queue's name."""
