"""What becomes of a session's speech: the seam between a client's session and what interprets for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pipelines.incoming import Incoming
from pipelines.outgoing import Outgoing
from protocol.errors import Fault
from protocol.serializer import ProtocolSerializer


@dataclass(frozen=True, slots=True)
class SessionEnds:
    """What an interpretation has of its session.

    Attributes:
        session_id: UUID, for log and upstream.
        incoming: Where speech comes from, once it is opened.
        outgoing: Where everything goes.
        serializer: The client's own.
        greet: To be called once when it is ready, so that the client is told and its speech comes: with how much
            silence has to stand for a gap, in seconds, and whether Whisper gives the source text.
        failed: Takes why it cannot go on.
    """

    session_id: str
    incoming: Incoming
    outgoing: Outgoing
    serializer: ProtocolSerializer
    greet: Callable[[float, bool], None]
    failed: Callable[[Fault | BaseException], None]


class Interpretation(Protocol):
    """Takes what a session hears, and says what comes of it.

    Attributes:
        started: The client was told that it is ready.
    """

    started: bool

    def start(self) -> None:
        """Begin; the client is greeted when it is ready."""

    async def drained(self) -> None:
        """Wait until everything is answered and said that was heard before the ``DrainFrame`` in ``incoming``."""

    async def stop(self) -> None:
        """End it, and release everything."""

    def queue_depths(self) -> dict[str, float]:
        """What waits, in bytes, by the queue's name."""
