"""The bodies of the HTTP routes, for their documentation and for tests."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from protocol.errors import ErrorCode

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
