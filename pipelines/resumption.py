"""Who may go on with a session: the claim that a client makes, and what is left of a session that ended."""

import asyncio
import hmac
import logging
import secrets
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from metrics import RESUMES
from pipelines.client_socket import ClientSocket
from pipelines.endings import Ending
from pipelines.logs import log_event
from pipelines.outgoing import Outgoing
from protocol.errors import WarningCode
from protocol.messages import Claim, Connected, Warning

if TYPE_CHECKING:
    from pipelines.session import InterpreterSession

logger = logging.getLogger(__name__)

_SECRET_BYTES = 32


class Refusal(StrEnum):
    """Why a claim gets a fresh session, for the log."""

    NOT_THERE = "no such session"
    NOT_ITS_CLIENT = "not its client"
    OUT_OF_REACH = "messages are not kept"
    NOTHING_LEFT = "session is over"


class Client(Protocol):
    """A connection, as the session sees it that it belongs to.

    Attributes:
        socket: Where the client is written to.
    """

    socket: ClientSocket

    def belong_to(self, session: "InterpreterSession") -> None:
        """Serve ``session`` from here on."""

    def end(self, ending: Ending) -> None:
        """Let the connection be closed; what the client is to be told before was handed to the socket."""


class Resumable(Protocol):
    """What a client may come back to."""

    def resume(self, client: Client, claim: Claim) -> Refusal | None:
        """Go on with ``client``, or say why not; a claim without the right secret changes nothing."""


class Door:
    """The way back into one session: who may take it, and what is said there first."""

    def __init__(self, outgoing: Outgoing, connected: Connected):
        """Make the secret.

        Args:
            outgoing: The session's.
            connected: What the session says of itself.
        """
        self._outgoing = outgoing
        self._connected = connected
        self._secret = secrets.token_urlsafe(_SECRET_BYTES)

    def connected(self, *, resumed: bool, received_samples: int) -> Connected:
        """What a client is told first, with all that it needs to come back."""
        return self._connected.model_copy(
            update={"resume_token": self._secret, "resumed": resumed, "received_samples": received_samples}
        )

    def refusal(self, claim: Claim) -> Refusal | None:
        """Why a client may not come in, if so."""
        # Encoded, since text that is not ASCII can't be compared in constant time.
        if not hmac.compare_digest(claim.token.encode(errors="replace"), self._secret.encode()):
            return Refusal.NOT_ITS_CLIENT
        return None if self._outgoing.reaches(claim.last_seq) else Refusal.OUT_OF_REACH

    @property
    def session_id(self) -> str:
        """Where it leads."""
        return self._connected.session_id

    @property
    def last_seq(self) -> int:
        """The number of the session's last message."""
        return self._outgoing.last_seq

    def let_in(self, client: Client, claim: Claim, *, received_samples: int) -> int:
        """Tell ``client`` everything that it lacks, and go on speaking to it; how many messages it lacked."""
        connected = self.connected(resumed=True, received_samples=received_samples)
        return self._outgoing.attach(client.socket, connected, claim.last_seq)

    def leave(self) -> None:
        """Speak to nobody: the session is over."""
        self._outgoing.detach()


class LeftOver:
    """What a session that ended could not tell its client: its last messages, the error, and the close code.

    A client that lacks some of it gets it, however often; one that has it all gets a fresh session.
    """

    def __init__(self, door: Door, ending: Ending, *, received_samples: int):
        """Keep what was said behind ``door``; nothing more is said there.

        Args:
            door: The session's.
            ending: How the session ended.
            received_samples: What it received.
        """
        self._door = door
        self._ending = ending
        self._received_samples = received_samples
        self._ended_at = asyncio.get_running_loop().time()

    def resume(self, client: Client, claim: Claim) -> Refusal | None:
        """Tell ``client`` the rest, and let it be closed."""
        refusal = self._door.refusal(claim)
        if refusal is not None:
            return refusal
        if claim.last_seq == self._door.last_seq:
            return Refusal.NOTHING_LEFT
        messages = self._door.let_in(client, claim, received_samples=self._received_samples)
        away_secs = asyncio.get_running_loop().time() - self._ended_at
        log_resumed(self._door.session_id, away_secs, messages=messages, lost_ms=0)
        self._door.leave()
        client.end(self._ending)
        return None


def audio_lost(lost_ms: int) -> Warning:
    """What a client is told that no longer holds ``lost_ms`` of what was not received."""
    return Warning(
        message=f"{lost_ms / 1000:.1f} s of audio were lost with the connection",
        code=WarningCode.AUDIO_LOST,
        ms=lost_ms,
    )


def log_resumed(session_id: str, away_secs: float, *, messages: int, lost_ms: int) -> None:
    """Log that a client is back.

    Args:
        session_id: Of its session.
        away_secs: How long there was no connection.
        messages: How many it lacked.
        lost_ms: How much audio never came.
    """
    RESUMES.labels("resumed").inc()
    log_event(
        logger,
        logging.INFO,
        "client resumed",
        session_id=session_id,
        away_secs=round(away_secs, 1),
        messages=messages,
        lost_ms=lost_ms or None,
    )
