"""How sessions and connections end: the reason, what the client is told, and the close code."""

import logging
from dataclasses import dataclass

from pipecat.frames.frames import ErrorFrame
from pipecat.utils.errors import ErrorCategory

from metrics import SESSIONS_ENDED
from pipelines.logs import log_event
from protocol.errors import CloseCode, ErrorCode, Fault

logger = logging.getLogger(__name__)

UPSTREAM_REFUSES = Fault(ErrorCode.UPSTREAM_AUTH, "the interpreting service rejects the server's key or model")
SHUTTING_DOWN = Fault(ErrorCode.SHUTTING_DOWN, "the server is shutting down; reconnect in a few seconds")
_UPSTREAM_QUOTA = Fault(ErrorCode.UPSTREAM_QUOTA, "the interpreting service's quota is used up; try again later")
_UPSTREAM_LOST = Fault(
    ErrorCode.UPSTREAM_UNAVAILABLE, "the interpreting service can't be reached, or the connection to it is lost"
)
_FAULT_OF_CATEGORY = {
    ErrorCategory.AUTHENTICATION: UPSTREAM_REFUSES,
    ErrorCategory.AUTHORIZATION: UPSTREAM_REFUSES,
    ErrorCategory.INVALID_REQUEST: UPSTREAM_REFUSES,
    ErrorCategory.QUOTA: _UPSTREAM_QUOTA,
    ErrorCategory.RATE_LIMIT: _UPSTREAM_QUOTA,
    ErrorCategory.CONNECTIVITY: _UPSTREAM_LOST,
    ErrorCategory.SERVER: _UPSTREAM_LOST,
}
"""What a client is told of a step's failure; any other category is a fault of ours."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a session or a connection ended.

    Attributes:
        reason: For the log.
        fault: What the client is told before the close.
        close_code: Sent to the client where it is still there, else the one with which the connection went.
    """

    reason: str
    fault: Fault | None = None
    close_code: int = CloseCode.NORMAL

    @classmethod
    def by(cls, fault: Fault) -> "Ending":
        """The end that a fatal fault makes."""
        return cls(fault.code.value, fault, fault.close_code or CloseCode.NORMAL)

    @classmethod
    def by_client(cls, close_code: int) -> "Ending":
        """The end that a connection makes which went with ``close_code``."""
        # uvicorn, when it stops, closes every connection with 1012 by itself.
        return SERVER_STOPPED if close_code == CloseCode.SERVICE_RESTART else _client_disconnected(close_code)


SERVER_STOPPED = Ending("server stopped", close_code=CloseCode.SERVICE_RESTART)
CLOSED_BY_CLIENT = Ending("closed by client")
CLIENT_TOO_SLOW = Ending("client does not read", close_code=CloseCode.TRY_AGAIN_LATER)
TAKEN_OVER = Ending("taken over", close_code=CloseCode.POLICY_VIOLATION)
SEAT_TAKEN = Ending("seat taken by another", close_code=CloseCode.POLICY_VIOLATION)
GIVEN_UP = Ending("given up by client", close_code=CloseCode.POLICY_VIOLATION)
"""Its own client came back, could not go on with it, and got another session."""


def _client_disconnected(close_code: int) -> Ending:
    return Ending("client disconnected", close_code=close_code)


def not_back(close_code: int) -> Ending:
    """The end of a session whose client went with ``close_code``, and stayed away."""
    return Ending("client did not come back", close_code=close_code)


def failure_of(frame: ErrorFrame, session_id: str) -> Fault | BaseException:
    """What a step's failure means for its session: what the client is told, or a fault of ours.

    An upstream's failure is logged, with what it said.
    """
    fault = _FAULT_OF_CATEGORY.get(frame.category or ErrorCategory.UNKNOWN)
    if fault is None:
        return frame.exception or RuntimeError(frame.error)
    log_event(
        logger,
        logging.WARNING,
        "upstream failed",
        session_id=session_id,
        code=fault.code.value,
        detail=str(frame.exception or frame.error),
    )
    return fault


def internal_fault(session_id: str, error: BaseException) -> Fault:
    """Log a fault of ours with its stack trace; what the client is told has the session's id and nothing else."""
    logger.error("internal error", exc_info=error, extra={"fields": {"session_id": session_id}})
    return Fault(ErrorCode.INTERNAL, f"internal error; the server's log knows it as session {session_id}")


def log_end(
    session_id: str, ending: Ending, *, duration_secs: float, audio_secs: float, unlogged: bool = False
) -> None:
    """Count the end of a session, or of a connection that never belonged to one; log it, unless ``unlogged``."""
    SESSIONS_ENDED.labels(ending.reason).inc()
    if unlogged:
        return
    log_event(
        logger,
        logging.INFO,
        "session ended",
        session_id=session_id,
        reason=ending.reason,
        detail=ending.fault.message if ending.fault is not None else None,
        close_code=ending.close_code,
        duration_secs=round(duration_secs, 1),
        audio_secs=round(audio_secs, 1),
    )
