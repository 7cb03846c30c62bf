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
    SHUTTING_DOWN = "SHUTTING_DOWN"
    UPSTREAM_AUTH = "UPSTREAM_AUTH"
    UPSTREAM_QUOTA = "UPSTREAM_QUOTA"
    UPSTREAM_UNAVAILABLE = "UPSTREAM_UNAVAILABLE"
    INTERNAL = "INTERNAL"


class WarningCode(StrEnum):
    """The codes that a ``warning`` message may carry."""

    WHISPER_UNAVAILABLE = "WHISPER_UNAVAILABLE"
    SPEECH_DROPPED = "SPEECH_DROPPED"
    UPSTREAM_RECONNECTED = "UPSTREAM_RECONNECTED"
    AUDIO_LOST = "AUDIO_LOST"
    GLOSSARY_MISSED = "GLOSSARY_MISSED"


class CloseCode:
    """WebSocket close codes (RFC 6455, section 7.4.1, and the IANA registry) that the server sends."""

    NORMAL = 1000
    GOING_AWAY = 1001
    POLICY_VIOLATION = 1008
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """What the protocol says of an error; the texts are Markdown and speak to the author of a client.

    Attributes:
        when: What the server found.
        close_code: The close code that follows; ``None``: the connection goes on.
        advice: What a client is to do.
    """

    when: str
    close_code: int | None
    advice: str


ERRORS: dict[ErrorCode, ErrorRule] = {
    ErrorCode.INVALID_MESSAGE: ErrorRule(
        'no JSON, no object, a field that is missing or wrong; a binary frame without `"audioEncoding": "binary"`',
        None,
        "a fault of the client: read `message`, mend the client",
    ),
    ErrorCode.UNKNOWN_TYPE: ErrorRule(
        "a `type` that is not one of the four", None, "a fault of the client: mend the client"
    ),
    ErrorCode.NOT_READY: ErrorRule(
        "`audio`, a binary frame or `interrupt` before `init`", None, "send `init` first"
    ),
    ErrorCode.ALREADY_INIT: ErrorRule(
        "a second `init`", None, "to change the configuration, open another connection"
    ),
    ErrorCode.INVALID_AUDIO: ErrorRule(
        "no base64, no audio, an odd number of bytes, or longer than `MAX_CHUNK_SECS`; the chunk is ignored",
        None,
        "mend the encoder; send shorter chunks",
    ),
    ErrorCode.UNSUPPORTED_LANGUAGE: ErrorRule(
        "`language` is neither `auto` nor one of `LANGUAGES`; or `targetLanguage` is neither one of these "
        "nor one of `TARGET_LANGUAGES`, or is the language that is spoken; or, in a room, `language` is not the "
        "one of the seat",
        CloseCode.POLICY_VIOLATION,
        "offer the user the languages that the server has",
    ),
    ErrorCode.INIT_TIMEOUT: ErrorRule(
        "no accepted `init` within `INIT_TIMEOUT_SECS`",
        CloseCode.POLICY_VIOLATION,
        "connect only when the session is to begin",
    ),
    ErrorCode.IDLE_TIMEOUT: ErrorRule(
        "nothing was sent or received for `IDLE_TIMEOUT_SECS`",
        CloseCode.NORMAL,
        "reconnect when the user speaks again",
    ),
    ErrorCode.SESSION_EXPIRED: ErrorRule(
        "the session is `MAX_SESSION_SECS` old; or its room is over: `ROOM_MAX_SECS` old, or closed by somebody",
        CloseCode.NORMAL,
        "reconnect; not to a room that is over",
    ),
    ErrorCode.MESSAGE_TOO_LARGE: ErrorRule(
        "a frame of more than `MAX_MESSAGE_BYTES`", CloseCode.TOO_BIG, "send shorter chunks"
    ),
    ErrorCode.RATE_LIMITED: ErrorRule(
        "audio that overflows a bucket of `MAX_AHEAD_SECS` which empties at `MAX_INGEST_RATE` times real time (a "
        "chunk counts as 10 ms at least, an `interrupt` as 200 ms); or more than `MAX_CLIENT_ERRORS` refused "
        "messages",
        CloseCode.POLICY_VIOLATION,
        "send a recording no faster than `MAX_INGEST_RATE` allows; mend the client",
    ),
    ErrorCode.SERVER_BUSY: ErrorRule(
        "in answer to `init`: `MAX_SESSIONS` are running, or the server cannot keep up (`MAX_LOOP_LAG_MS`); right "
        "after the handshake: `MAX_PENDING_CONNECTIONS` are without `init`",
        CloseCode.TRY_AGAIN_LATER,
        "try again later, waiting longer each time",
    ),
    ErrorCode.SHUTTING_DOWN: ErrorRule(
        "the server stops: in answer to `init`, or when what was being said at that moment is answered, at the "
        "latest after `DRAIN_SECS`",
        CloseCode.GOING_AWAY,
        "reconnect after 2 s, to get another server, or this one when it is back",
    ),
    ErrorCode.UPSTREAM_AUTH: ErrorRule(
        "Google rejects the server's key or model",
        CloseCode.INTERNAL_ERROR,
        "tell the user; only the operator can help, so try again rarely",
    ),
    ErrorCode.UPSTREAM_QUOTA: ErrorRule(
        "the quota at Google is used up", CloseCode.TRY_AGAIN_LATER, "try again after a minute or more"
    ),
    ErrorCode.UPSTREAM_UNAVAILABLE: ErrorRule(
        "no session with Google within `CONNECT_TIMEOUT_SECS` of `init`, or the connection to it is lost",
        CloseCode.INTERNAL_ERROR,
        "reconnect after 2 s, then waiting longer each time",
    ),
    ErrorCode.INTERNAL: ErrorRule(
        "a fault of the server; its log has the session's id",
        CloseCode.INTERNAL_ERROR,
        "reconnect once; report it",
    ),
}
"""Every error; the order is the one of the documents."""

CLOSE_CODES: dict[ErrorCode, int | None] = {code: rule.close_code for code, rule in ERRORS.items()}
"""The close code that follows an error; ``None``: the connection goes on."""


@dataclass(frozen=True, slots=True)
class CloseRule:
    """What the protocol says of a close that no ``error`` precedes; the texts are Markdown.

    Attributes:
        close_code: The close code that the client sees.
        when: What happened.
        advice: What a client is to do.
    """

    close_code: int
    when: str
    advice: str


CLOSES_WITHOUT_ERROR = (
    CloseRule(CloseCode.NORMAL, "in answer to `close`", "nothing"),
    CloseRule(
        CloseCode.POLICY_VIOLATION,
        "the session goes on over another connection, which resumed it",
        "nothing; read on at the other connection",
    ),
    CloseRule(
        CloseCode.POLICY_VIOLATION,
        "somebody else took the client's seat in a room, with the same token",
        "tell the user; two clients that reconnect by themselves would take it from each other for good",
    ),
    CloseRule(1007, "a text frame that is not UTF-8", "mend the client"),
    CloseRule(
        CloseCode.TOO_BIG,
        "a frame of more than eight times `MAX_MESSAGE_BYTES`, or a message in more than 1024 fragments",
        "send shorter chunks",
    ),
    CloseRule(CloseCode.SERVICE_RESTART, "the server is stopped at once", "reconnect after a few seconds"),
    CloseRule(
        CloseCode.TRY_AGAIN_LATER,
        "the client does not read: more than `MAX_SEND_BACKLOG_BYTES` are waiting for it",
        "read all the time, in a task of its own; resume at once, where the session can be resumed",
    ),
    CloseRule(1006, "the network failed; no close came", "reconnect; resume, where the session can be resumed"),
)
"""1007 and the larger 1009 come from uvicorn, 1006 from the client's own library (RFC 6455, section 7.4.1)."""


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
