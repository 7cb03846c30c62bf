"""An HTTP endpoint, loopback only, that lists sessions and switches faults while the emulator runs.

It has a port of its own, no key and no TLS; only requests that name a loopback host are taken, so that no web
page can reach it by a name of its own.
"""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Protocol, TypeVar

import uvicorn
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from emulator.acts import GoingAway, going_ending
from emulator.faults import Fault, FaultStrike
from emulator.mistakes import first_mistake, read_fault
from emulator.record import SessionRecord

_LOOPBACK = ["127.0.0.1", "localhost"]
_MAX_BODY_BYTES = 10_000
_SHOWN_STRIKES = 1000
_Body = TypeVar("_Body", bound=BaseModel)


class ControlPortError(OSError):
    """The port of the control endpoint cannot be used."""


class Controlled(Protocol):
    """What the endpoint does to an emulator; see ``server.Emulator``."""

    @property
    def sessions(self) -> list[SessionRecord]:
        """The connections that were upgraded."""
        ...

    @property
    def faults(self) -> list[Fault]:
        """The faults that are switched on."""
        ...

    @property
    def struck(self) -> list[FaultStrike]:
        """The faults that struck."""
        ...

    def inject(self, fault: Fault) -> None:
        """Switch a fault on."""
        ...

    def clear_faults(self) -> None:
        """Switch all faults off."""
        ...

    async def go_away(self, session: int, going: GoingAway | None = None) -> None:
        """Send a goAway."""
        ...

    def close_session(self, session: int, code: int = 1011, reason: str = "") -> None:
        """Close a session."""
        ...

    def reset_session(self, session: int) -> None:
        """Reset a session's connection."""
        ...


class _Going(BaseModel):
    """The body of a goAway."""

    model_config = ConfigDict(extra="forbid")

    time_left_secs: float = Field(50, ge=0)
    close_code: int = Field(1008, ge=1000, le=4999)
    reason: str = ""
    abort: bool = False
    silent: bool = False


class _Closing(BaseModel):
    """The body of a close."""

    model_config = ConfigDict(extra="forbid")

    code: int = Field(1011, ge=1000, le=4999)
    reason: str = ""


class Control:
    """The endpoint of one emulator.

    Args:
        emulator: What it controls.
        port: On 127.0.0.1; 0 for any free one, which ``port`` says after the start.
    """

    def __init__(self, emulator: Controlled, port: int) -> None:
        self._emulator = emulator
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self.port = port

    async def start(self) -> None:
        """Listen; returns when requests are served.

        Raises:
            ControlPortError: The port cannot be used.
        """
        try:
            listener = socket.create_server(("127.0.0.1", self.port))
        except OSError as error:
            raise ControlPortError(os.strerror(error.errno or 0)) from error
        self.port = int(listener.getsockname()[1])
        config = uvicorn.Config(
            self._app(), log_config=None, access_log=False, lifespan="off", loop="none", ws="none"
        )
        self._server = _QuietServer(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started:
            if self._task.done():
                self._task.result()
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/sessions", self._sessions, methods=["GET"]),
                Route("/sessions/{number:int}/go-away", self._go_away, methods=["POST"]),
                Route("/sessions/{number:int}/close", self._close, methods=["POST"]),
                Route("/sessions/{number:int}/reset", self._reset, methods=["POST"]),
                Route("/faults", self._faults, methods=["GET"]),
                Route("/faults", self._inject, methods=["POST"]),
                Route("/faults", self._clear, methods=["DELETE"]),
            ],
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=_LOOPBACK)],
            exception_handlers={HTTPException: _tell},
        )

    async def _sessions(self, request: Request) -> Response:
        return JSONResponse([_shown(record) for record in self._emulator.sessions])

    async def _faults(self, request: Request) -> Response:
        return JSONResponse(
            {
                "faults": [fault.model_dump(exclude_none=True) for fault in self._emulator.faults],
                "struck": [asdict(strike) for strike in self._emulator.struck[-_SHOWN_STRIKES:]],
            }
        )

    async def _inject(self, request: Request) -> Response:
        try:
            fault = read_fault(await _body(request))
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        self._emulator.inject(fault)
        return JSONResponse(fault.model_dump(exclude_none=True), 201)

    async def _clear(self, request: Request) -> Response:
        self._emulator.clear_faults()
        return Response(status_code=204)

    async def _go_away(self, request: Request) -> Response:
        wanted = _read(_Going, await _body(request))
        going = GoingAway(
            wanted.time_left_secs, going_ending(wanted.abort, wanted.close_code, wanted.reason), wanted.silent
        )
        with _no_session_is_404():
            await self._emulator.go_away(request.path_params["number"], going)
        return Response(status_code=204)

    async def _close(self, request: Request) -> Response:
        wanted = _read(_Closing, await _body(request))
        with _no_session_is_404():
            self._emulator.close_session(request.path_params["number"], wanted.code, wanted.reason)
        return Response(status_code=204)

    async def _reset(self, request: Request) -> Response:
        with _no_session_is_404():
            self._emulator.reset_session(request.path_params["number"])
        return Response(status_code=204)


class _QuietServer(uvicorn.Server):
    """Leaves the signals of the process alone: they belong to whoever runs the emulator."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _shown(record: SessionRecord) -> dict[str, Any]:
    return {
        "number": record.number,
        "model": str(record.setup.get("model", "")).removeprefix("models/"),
        "target": record.target,
        "age_secs": round(record.ended_at_secs if record.ended_at_secs is not None else record.elapsed_secs(), 3),
        "closed": record.closed,
        "close_code": record.close_code,
        "close_reason": record.close_reason,
        "resumed_from": record.resumed_from,
        "audio_bytes": record.audio_bytes,
        "utterances": len(record.utterances),
        "complete": sum(utterance.complete for utterance in record.utterances),
        "faults": [strike.name for strike in record.faults],
    }


async def _tell(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object of a request; an empty one when there is none."""
    text = bytearray()
    async for piece in request.stream():
        text += piece
        if len(text) > _MAX_BODY_BYTES:
            raise HTTPException(413, f"expected at most {_MAX_BODY_BYTES} bytes of JSON")
    try:
        body = json.loads(text or b"{}")
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"expected a JSON object: {error}") from error
    if not isinstance(body, dict):
        raise HTTPException(400, f"expected a JSON object, got {type(body).__name__}")
    return body


def _read(model: type[_Body], body: dict[str, Any]) -> _Body:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise HTTPException(422, first_mistake(error)) from error


@contextlib.contextmanager
def _no_session_is_404() -> Iterator[None]:
    try:
        yield
    except LookupError as error:
        raise HTTPException(404, str(error.args[0])) from error
