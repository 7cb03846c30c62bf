"""The table of errors."""

import pytest

from protocol.errors import CLOSE_CODES, ErrorCode, Fault
from protocol.messages import Error

RECOVERABLE = {"INVALID_MESSAGE", "UNKNOWN_TYPE", "NOT_READY", "ALREADY_INIT", "INVALID_AUDIO"}
FATAL = {
    "UNSUPPORTED_LANGUAGE": 1008,
    "INIT_TIMEOUT": 1008,
    "IDLE_TIMEOUT": 1000,
    "SESSION_EXPIRED": 1000,
    "MESSAGE_TOO_LARGE": 1009,
    "RATE_LIMITED": 1008,
    "SERVER_BUSY": 1013,
    "SHUTTING_DOWN": 1001,
    "UPSTREAM_AUTH": 1011,
    "UPSTREAM_QUOTA": 1013,
    "UPSTREAM_UNAVAILABLE": 1011,
    "INTERNAL": 1011,
}


def test_every_code_says_what_follows() -> None:
    """The table lacks no code, so that looking one up never fails."""
    assert set(CLOSE_CODES) == set(ErrorCode)


@pytest.mark.parametrize("code", sorted(RECOVERABLE))
def test_a_recoverable_error_leaves_the_connection_open(code: str) -> None:
    """What a client does wrong in one message does not end its session."""
    assert Fault(ErrorCode(code), "x").close_code is None


@pytest.mark.parametrize(("code", "close_code"), sorted(FATAL.items()))
def test_a_fatal_error_has_the_close_code_of_the_protocol(code: str, close_code: int) -> None:
    """The close code is the one that the protocol's table gives."""
    assert Fault(ErrorCode(code), "x").close_code == close_code


def test_a_fault_becomes_an_error_message() -> None:
    """Code and message of a fault are what the client reads."""
    message = Error.of(Fault(ErrorCode.NOT_READY, "expected 'init' first"))
    assert message.to_json() == '{"type":"error","message":"expected \'init\' first","code":"NOT_READY"}'
