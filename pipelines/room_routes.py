"""The HTTP routes of rooms: ``POST /rooms``, ``GET /rooms/{room_id}``, ``DELETE /rooms/{room_id}``."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from pipelines.bearer import HttpRefusal
from pipelines.room import Room
from pipelines.room_access import Asker, RoomAccess
from pipelines.rooms import ENTER_WITHIN_SECS, Rooms
from protocol.rooms import MadeRoom, MadeSeat, RoomFault, RoomRequest, RoomSeatState, RoomState

_MOST_BODY_BYTES = 16 * 1024
_MEDIA_TYPE = "application/json"
_NO_STORE = {"Cache-Control": "no-store"}
"""Answers hold secrets."""
_NOT_THERE = HttpRefusal(404, "there is no such room; it may be over")
_TOO_LONG = HttpRefusal(413, f"expected a body of at most {_MOST_BODY_BYTES} bytes")


def room_routes(
    rooms: Callable[[], Rooms], access: Callable[[], RoomAccess], about: Mapping[str, Mapping[str, Any]]
) -> APIRouter:
    """The routes.

    Args:
        rooms: Of the process, once it serves.
        access: Who may, once it serves.
        about: For the documentation: what FastAPI is to be told of each route, by its function's name.
    """
    router = APIRouter(tags=["rooms"], default_response_class=Response)

    @router.post("/rooms", **about["make_room"])
    async def make_room(request: Request) -> Response:
        """Make a room for people who talk to each other, and get what lets each of them in."""
        if (refusal := access().refusal_to_make(_asker(request))) is not None:
            return _refuse(refusal)
        asked = await _read(request)
        made = await _make(rooms(), access(), asked) if isinstance(asked, RoomRequest) else asked
        return _refuse(made) if isinstance(made, HttpRefusal) else _answer(made, 201)

    @router.get("/rooms/{room_id}", **about["see_room"])
    async def see_room(room_id: str, request: Request) -> Response:
        """Who is in a room, and for how long."""
        found = _find(rooms(), access(), room_id, request)
        return _refuse(found) if isinstance(found, HttpRefusal) else _answer(_state(found, rooms()), 200)

    @router.delete("/rooms/{room_id}", **about["end_room"])
    async def end_room(room_id: str, request: Request) -> Response:
        """End a room; whoever is there is told."""
        found = _find(rooms(), access(), room_id, request)
        if isinstance(found, HttpRefusal):
            return _refuse(found)
        rooms().close(found)
        return Response(status_code=204)

    return router


async def _make(rooms: Rooms, access: RoomAccess, asked: RoomRequest) -> MadeRoom | HttpRefusal:
    has_numbers = any(seat.number is not None or seat.dial is not None for seat in asked.seats)
    if has_numbers and (refusal := access.refusal_of_numbers()) is not None:
        return refusal
    room = rooms.make(asked)
    if isinstance(room, HttpRefusal):
        return room
    return await rooms.dial_seats(room, asked) or _made(room, rooms)


def _find(rooms: Rooms, access: RoomAccess, room_id: str, request: Request) -> Room | HttpRefusal:
    room = rooms.named(room_id)
    return access.refusal_to_see(_asker(request), room) or room or _NOT_THERE


async def _read(request: Request) -> RoomRequest | HttpRefusal:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BODY_BYTES:
            return _TOO_LONG
    try:
        return RoomRequest.model_validate_json(bytes(body), by_alias=True, by_name=False)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        return HttpRefusal(
            400, f"'{field}': {first['msg']}" if field else f"expected a JSON object: {first['msg']}"
        )


def _asker(request: Request) -> Asker:
    return Asker(request.client.host if request.client is not None else "", request.headers)


def _made(room: Room, rooms: Rooms) -> MadeRoom:
    expires_in_secs = int(rooms.expires_in_secs(room))
    seats = [
        MadeSeat(
            participant_id=place.participant_id,
            language=place.language,
            kind=place.kind,
            name=place.name,
            token=place.token if place.kind == "browser" else None,
            code=place.code or None,
        )
        for place in room.places
    ]
    return MadeRoom(
        id=room.room_id,
        expires_in_secs=expires_in_secs,
        enter_within_secs=min(ENTER_WITHIN_SECS, expires_in_secs),
        seats=seats,
    )


def _state(room: Room, rooms: Rooms) -> RoomState:
    now = asyncio.get_running_loop().time()
    seats = []
    for place in room.places:
        seat = place.taken_by if place.taken_by in room.everybody else None
        arrived_at = seat.arrived_at if seat is not None else None
        seats.append(
            RoomSeatState(
                participant_id=place.participant_id,
                language=place.language,
                kind=place.kind,
                name=seat.name if seat is not None else place.name,
                here_secs=int(now - arrived_at) if arrived_at is not None else None,
            )
        )
    return RoomState(
        id=room.room_id,
        age_secs=int(now - room.made_at),
        expires_in_secs=int(rooms.expires_in_secs(room)),
        seats=seats,
    )


def _answer(body: MadeRoom | RoomState, status: int) -> Response:
    return Response(body.to_json(), status, _NO_STORE, _MEDIA_TYPE)


def _refuse(refusal: HttpRefusal) -> Response:
    headers = {**_NO_STORE, **(refusal.headers or {})}
    return Response(RoomFault(error=refusal.message).to_json(), refusal.status, headers, _MEDIA_TYPE)
