"""What goes wrong with the upstream, by kind: the one place that reads the upstream's codes and reasons."""

from enum import StrEnum

from google.genai.errors import APIError
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

_REJECTED_HTTP_STATUS = frozenset({400, 401, 403, 404})
_TOO_MANY_REQUESTS = 429
_INVALID_ARGUMENT_CLOSE = 1007
_QUOTA_REASON = "You exceeded your current quota"
_MODEL_REASON = "models/"
_REJECTED_REASONS = ("API key", "Method doesn't allow unregistered callers")


class FailureKind(StrEnum):
    """Why the upstream failed, as far as it decides what to do next."""

    REJECTED = "rejected"
    """The key or the setup is refused; the same again gives the same."""

    MODEL_REJECTED = "model rejected"
    """The model is not there, or not for this key; another one may be."""

    QUOTA = "quota"
    """Quota or concurrency is used up; trying again soon makes it worse."""

    INVALID = "invalid"
    """What was sent after the setup, or a resumption handle, is refused: the same bytes give the same."""

    UNAVAILABLE = "unavailable"
    """Not reached, or lost: trying again may help."""


class UpstreamError(Exception):
    """A failure of the upstream.

    Attributes:
        kind: What to do about it.
    """

    def __init__(self, kind: FailureKind, detail: str):
        """Describe a failure; ``detail`` goes to the log, never to a client."""
        super().__init__(detail)
        self.kind = kind


def classify(error: Exception, *, during_setup: bool) -> UpstreamError:
    """The failure behind an exception of google-genai or websockets.

    Quota is told by its reason, since it closes with 1011 as transient faults do, and only after a successful
    setup (measured by interpretab, August 2026). During setup a 1007 means that a field or the key is refused;
    later, that something else was.

    Args:
        error: Whatever connecting, sending or receiving raised.
        during_setup: Whether it came before the session was ready.
    """
    if isinstance(error, UpstreamError):
        return error
    detail = f"{type(error).__name__}: {error}"
    if isinstance(error, InvalidStatus):
        return UpstreamError(_kind_of_status(error.response.status_code), detail)
    if isinstance(error, APIError):
        return UpstreamError(_kind_of_close(error.code, str(error.details or ""), during_setup), detail)
    if isinstance(error, ConnectionClosed) and error.rcvd is not None:  # sending noticed the close first
        return UpstreamError(_kind_of_close(error.rcvd.code, error.rcvd.reason, during_setup), detail)
    # Only what is known to hold no word of a transcript goes on: validation errors quote what they refuse.
    known = isinstance(error, (OSError, WebSocketException))
    return UpstreamError(FailureKind.UNAVAILABLE, detail if known else type(error).__name__)


def _kind_of_status(status: int) -> FailureKind:
    if status in _REJECTED_HTTP_STATUS:
        return FailureKind.REJECTED
    return FailureKind.QUOTA if status == _TOO_MANY_REQUESTS else FailureKind.UNAVAILABLE


def _kind_of_close(code: int, reason: str, during_setup: bool) -> FailureKind:
    if reason.startswith(_QUOTA_REASON):
        return FailureKind.QUOTA
    if reason.startswith(_MODEL_REASON):
        return FailureKind.MODEL_REJECTED
    if reason.startswith(_REJECTED_REASONS):
        return FailureKind.REJECTED
    if code == _INVALID_ARGUMENT_CLOSE:
        return FailureKind.REJECTED if during_setup else FailureKind.INVALID
    return FailureKind.UNAVAILABLE
