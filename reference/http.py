"""The bodies of the HTTP routes, for their documentation and for tests."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from protocol.errors import ErrorCode
from protocol.rooms import MadeRoom, RoomFault, RoomRequest, RoomState
from reference.schemas import body_schema

HTTP_ABOUT = "Speech goes over a WebSocket, which [a page of its own](asyncapi) describes."
"""What the page of the HTTP routes begins with, as Markdown."""

Responses = dict[int | str, dict[str, Any]]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Health(_Body):
    """The process answers."""

    status: Literal["ok"]


class Ready(_Body):
    """A client that comes next would get a session."""

    status: Literal["ready"]


class Reason(_Body):
    """One reason for which a client that comes next would be refused."""

    code: ErrorCode
    """What the client would be told: a code of the protocol."""

    message: str
    """For people; its wording may change."""


class NotReady(_Body):
    """A client that comes next would be refused."""

    status: Literal["not ready"]
    reasons: list[Reason]
    """Every reason that holds at the moment; at least one."""


def _example(description: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"example": value}}}


HEALTH_RESPONSES: Responses = {200: {"model": Health, **_example("The process answers.", {"status": "ok"})}}

READY_RESPONSES: Responses = {
    200: {"model": Ready, **_example("A client that comes next would get a session.", {"status": "ready"})},
    503: {
        "model": NotReady,
        **_example(
            "A client that comes next would be refused, for every reason in the list.",
            {
                "status": "not ready",
                "reasons": [{"code": "SERVER_BUSY", "message": "all 50 sessions are taken; try again later"}],
            },
        ),
        "headers": {
            "Retry-After": {
                "description": "After how many seconds to ask again.",
                "schema": {"type": "integer", "minimum": 1},
                "example": 5,
            }
        },
    },
}

_METRICS_EXAMPLE = """# HELP interpreter_sessions_started_total Sessions whose init was accepted.
# TYPE interpreter_sessions_started_total counter
interpreter_sessions_started_total 42.0
"""


def _text_example(description: str, text: str) -> dict[str, Any]:
    return {"description": description, "content": {"text/plain": {"schema": {"type": "string"}, "example": text}}}


METRICS_RESPONSES: Responses = {
    200: _text_example("Every series, in Prometheus' text format.", _METRICS_EXAMPLE),
    401: _text_example(
        "`METRICS_TOKEN` is set, and the request does not carry it.",
        "expected the header 'Authorization: Bearer TOKEN' with the server's METRICS_TOKEN",
    ),
    403: _text_example(
        "`METRICS_TOKEN` is not set, and the request does not come from the server's own machine.",
        "expected a request from this machine; to read the metrics from elsewhere, set METRICS_TOKEN on the server",
    ),
}


def _fault(status: int, message: str) -> Responses:
    return {status: {"model": RoomFault, **_example("Refused.", {"error": message})}}


_MADE = {
    "id": "q1Wk3ZxN0b2a",
    "expiresInSecs": 7200,
    "enterWithinSecs": 900,
    "seats": [
        {
            "participantId": "1",
            "language": "ko",
            "kind": "browser",
            "name": "Minji",
            "token": "GEkXSs-0eR6ADDhfIpTfXY6Dp9rLQ9zrpkz0u3TrCsM",
        },
        {"participantId": "2", "language": "en", "kind": "phone", "name": "", "code": "40718265"},
    ],
}
_STATE = {
    "id": "q1Wk3ZxN0b2a",
    "ageSecs": 95,
    "expiresInSecs": 7105,
    "seats": [
        {"participantId": "1", "language": "ko", "kind": "browser", "name": "Minji", "hereSecs": 90},
        {"participantId": "2", "language": "en", "kind": "phone", "name": ""},
    ],
}
_NOT_ALLOWED: Responses = {
    **_fault(401, "expected the header 'Authorization: Bearer KEY' with the server's ROOM_API_KEY"),
    **_fault(403, "expected a request from a page of this server, whose Origin is its own"),
}
_NO_ROOM = _fault(404, "there is no such room; it may be over")
_BODY = {
    "content": {
        "application/json": {
            "schema": body_schema(RoomRequest),
            "example": {"seats": [{"language": "ko", "name": "Minji"}, {"language": "en", "kind": "phone"}]},
        }
    },
    "required": True,
}

ROOM_ROUTES: dict[str, dict[str, Any]] = {
    "make_room": {
        "status_code": 201,
        "openapi_extra": {"requestBody": _BODY},
        "responses": {
            201: {"model": MadeRoom, **_example("What lets each of them in: secrets.", _MADE)},
            **_fault(400, "seat 2: expected 'language' to be one of ko, en"),
            **_NOT_ALLOWED,
            **_fault(409, "the number +15005550006 leads to another seat already; use a code, or another number"),
            **_fault(413, "expected a body of at most 16384 bytes"),
            **_fault(429, "expected at most one room every 6 s; try again later"),
            **_fault(501, "this server has no rooms: MAX_ROOMS is 0"),
            **_fault(502, "a call could not be placed; the server's log says more"),
            **_fault(503, "all 20 rooms are taken; try again later"),
        },
    },
    "see_room": {
        "responses": {
            200: {"model": RoomState, **_example("Who is there.", _STATE)},
            **_NOT_ALLOWED,
            **_NO_ROOM,
        }
    },
    "end_room": {
        "status_code": 204,
        "responses": {204: {"description": "It is over."}, **_NOT_ALLOWED, **_NO_ROOM},
    },
}
"""What FastAPI is to be told of the routes of rooms, by the name of each function."""
