"""Error codes, what each does to the connection, and with which WebSocket close code: one table."""

from dataclasses import dataclass
from enum import StrEnum


class ErrorCode(StrEnum):
    """The codes that an ``error`` message may carry."""

    INVALID_MESSAGE = "INVALID_MESSAGE"
    UNKNOWN_TYPE = "UNKNOWN_TYPE"
    NOT_READY = "NOT_READY"
    ALREADY_INIT = "ALREADY_INIT"
    INVALID_AUDIO = "INVALID_AUDIO"
    UNSUPPORTED_LANGUAGE = "UNSUPPORTED_LANGUAGE"
    INIT_TIMEOUT = "INIT_TIMEOUT"
    IDLE_TIMEOUT = "IDLE_TIMEOUT"
    SESSION_EXPIRED = "SESSION_EXPIRED"
    MESSAGE_TOO_LARGE = "MESSAGE_TOO_LARGE"
    RATE_LIMITED = "RATE_LIMITED"
    SERVER_BUSY = "SERVER_BUSY"
    UPSTREAM_AUTH = "UPSTREAM_AUTH"
    UPSTREAM_QUOTA = "UPSTREAM_QUOTA"
    UPSTREAM_UNAVAILABLE = "UPSTREAM_UNAVAILABLE"
    INTERNAL = "INTERNAL"


class WarningCode(StrEnum):
    """The codes that a ``warning`` message may carry."""

    WHISPER_UNAVAILABLE = "WHISPER_UNAVAILABLE"
    SPEECH_DROPPED = "SPEECH_DROPPED"


class CloseCode:
    """WebSocket close codes (RFC 6455, section 7.4.1, and the IANA registry) that the server sends."""

    NORMAL = 1000
    POLICY_VIOLATION = 1008
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    TRY_AGAIN_LATER = 1013


CLOSE_CODES: dict[ErrorCode, int | None] = {
    ErrorCode.INVALID_MESSAGE: None,
    ErrorCode.UNKNOWN_TYPE: None,
    ErrorCode.NOT_READY: None,
    ErrorCode.ALREADY_INIT: None,
    ErrorCode.INVALID_AUDIO: None,
    ErrorCode.UNSUPPORTED_LANGUAGE: CloseCode.POLICY_VIOLATION,
    ErrorCode.INIT_TIMEOUT: CloseCode.POLICY_VIOLATION,
    ErrorCode.IDLE_TIMEOUT: CloseCode.NORMAL,
    ErrorCode.SESSION_EXPIRED: CloseCode.NORMAL,
    ErrorCode.MESSAGE_TOO_LARGE: CloseCode.TOO_BIG,
    ErrorCode.RATE_LIMITED: CloseCode.POLICY_VIOLATION,
    ErrorCode.SERVER_BUSY: CloseCode.TRY_AGAIN_LATER,
    ErrorCode.UPSTREAM_AUTH: CloseCode.INTERNAL_ERROR,
    ErrorCode.UPSTREAM_QUOTA: CloseCode.TRY_AGAIN_LATER,
    ErrorCode.UPSTREAM_UNAVAILABLE: CloseCode.INTERNAL_ERROR,
    ErrorCode.INTERNAL: CloseCode.INTERNAL_ERROR,
}
"""The close code that follows an error; ``None``: the connection goes on."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, as a value: bad input, a limit that was reached, a failure of the upstream.

    Attributes:
        code: The error code of the protocol.
        message: For the client's developer: what was expected and what came. Holds no secret and no path.
    """

    code: ErrorCode
    message: str

    @property
    def close_code(self) -> int | None:
        """The WebSocket close code that follows, or ``None`` where the connection goes on."""
        return CLOSE_CODES[self.code]
