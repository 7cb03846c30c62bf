"""What a failure of the upstream means."""

import pytest
from google.genai import types
from google.genai.errors import APIError
from pydantic import ValidationError
from websockets.datastructures import Headers
from websockets.exceptions import (
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    InvalidStatus,
    InvalidURI,
)
from websockets.frames import Close
from websockets.http11 import Response

from gemini.errors import FailureKind, UpstreamError, classify

REJECTED, MODEL_REJECTED = FailureKind.REJECTED, FailureKind.MODEL_REJECTED
QUOTA, INVALID, UNAVAILABLE = FailureKind.QUOTA, FailureKind.INVALID, FailureKind.UNAVAILABLE
QUOTA_REASON = "You exceeded your current quota, please check your plan and billing details."

CLOSES = [
    (1007, "API key not valid. Please pass a valid API key.", REJECTED, REJECTED),
    (1008, "Method doesn't allow unregistered callers (callers without established identity).", REJECTED, REJECTED),
    (1007, "Request contains an invalid argument.", REJECTED, INVALID),
    (1007, "Unknown name \"x\" at 'setup.generation_config'", REJECTED, INVALID),
    (1007, "Precondition check failed. No turn to complete", REJECTED, INVALID),
    (1007, "", REJECTED, INVALID),
    (1008, "models/x is not found for API version v1beta, or is not supported", MODEL_REJECTED, MODEL_REJECTED),
    (1007, QUOTA_REASON, QUOTA, QUOTA),
    (1008, "Operation is not implemented, or supported, or enabled", UNAVAILABLE, UNAVAILABLE),
    (1008, "", UNAVAILABLE, UNAVAILABLE),
    (1011, QUOTA_REASON, QUOTA, QUOTA),
    (1011, "Internal error encountered.", UNAVAILABLE, UNAVAILABLE),
    (1011, "The service is currently unavailable.", UNAVAILABLE, UNAVAILABLE),
    (1011, "Deadline expired before operation could complete.", UNAVAILABLE, UNAVAILABLE),
    (1000, "The operation was cancelled.", UNAVAILABLE, UNAVAILABLE),
    (1006, "Abnormal closure.", UNAVAILABLE, UNAVAILABLE),
]


@pytest.mark.parametrize(("code", "reason", "at_setup", "later"), CLOSES)
def test_a_close_that_receiving_reports(code: int, reason: str, at_setup: FailureKind, later: FailureKind) -> None:
    """Each close of Google's means what its code and reason say, by when it came."""
    error = APIError(code, reason)
    assert classify(error, during_setup=True).kind is at_setup
    assert classify(error, during_setup=False).kind is later


@pytest.mark.parametrize(("code", "reason", "at_setup", "later"), CLOSES)
def test_a_close_that_sending_reports(code: int, reason: str, at_setup: FailureKind, later: FailureKind) -> None:
    """Sending may be the first to notice a close, with another exception for it: the meaning is the same."""
    error: ConnectionClosed
    if code == 1006:
        error = ConnectionClosedError(None, None)
    elif code == 1000:
        error = ConnectionClosedOK(Close(code, reason), Close(code, reason), rcvd_then_sent=True)
    else:
        error = ConnectionClosedError(Close(code, reason), Close(code, reason), rcvd_then_sent=True)
    assert classify(error, during_setup=True).kind is at_setup
    assert classify(error, during_setup=False).kind is later


def test_our_own_keepalive_timeout_is_a_lost_connection() -> None:
    """A close that we sent ourselves says nothing about quota or key."""
    error = ConnectionClosedError(None, Close(1011, "keepalive ping timeout"))
    assert classify(error, during_setup=False).kind is UNAVAILABLE


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, REJECTED),
        (401, REJECTED),
        (403, REJECTED),
        (404, REJECTED),
        (429, QUOTA),
        (500, UNAVAILABLE),
        (502, UNAVAILABLE),
        (503, UNAVAILABLE),
    ],
)
def test_a_refused_upgrade(status: int, kind: FailureKind) -> None:
    """The HTTP status of a refused upgrade tells what to do."""
    error = InvalidStatus(Response(status, "x", Headers()))
    assert classify(error, during_setup=True).kind is kind


@pytest.mark.parametrize(
    "error",
    [
        OSError("refused"),
        TimeoutError(),
        TypeError("'<=' not supported between 'int' and 'NoneType'"),
        ValueError("Failed to parse response"),
    ],
)
def test_anything_else_may_pass(error: Exception) -> None:
    """Faults of the network, and frames that the SDK does not understand, are worth another attempt."""
    for during_setup in (True, False):
        assert classify(error, during_setup=during_setup).kind is UNAVAILABLE


def test_what_was_said_does_not_get_into_the_detail() -> None:
    """A message that does not validate is quoted by its error, and the detail goes to the log: only its kind is."""
    payload = {"serverContent": {"inputTranscription": {"text": ["my secret words"]}}}
    with pytest.raises(ValidationError) as refused:
        types.LiveServerMessage.model_validate(payload)
    assert "secret" in str(refused.value)
    for error in (refused.value, ValueError(f"Failed to parse {payload}"), KeyError("my secret words")):
        for during_setup in (True, False):
            failure = classify(error, during_setup=during_setup)
            assert str(failure) == type(error).__name__
            assert failure.kind is UNAVAILABLE


@pytest.mark.parametrize("error", [OSError("refused"), ConnectionResetError(104, "reset"), InvalidURI("x", "bad")])
def test_a_fault_of_the_network_keeps_its_words(error: Exception) -> None:
    """The operator reads why the upstream could not be reached."""
    assert str(error) in str(classify(error, during_setup=True))


def test_a_failure_is_not_classified_twice() -> None:
    """A failure that is one already keeps its kind."""
    failure = UpstreamError(QUOTA, "x")
    assert classify(failure, during_setup=True) is failure
