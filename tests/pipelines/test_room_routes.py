"""Rooms over HTTP, in memory."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from pipelines.room_access import RoomAccess
from pipelines.room_routes import room_routes
from reference.http import ROOM_ROUTES
from tests.support.fake_line import House, house

SEATS = [{"language": "ko", "name": "Minji"}, {"language": "en", "kind": "phone"}]
KEY = "a-key-of-the-tests"


@contextlib.asynccontextmanager
async def served(**settings: Any) -> AsyncIterator[tuple[House, httpx.AsyncClient]]:
    """Rooms, and a client with the key."""
    async with house(**{"room_api_key": KEY, **settings}) as home:
        app = FastAPI()
        access = RoomAccess(home.services.settings)
        app.include_router(room_routes(lambda: home.rooms, lambda: access, ROOM_ROUTES))
        transport = httpx.ASGITransport(app)
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://server", headers=headers) as http:
            yield home, http


async def test_a_room_is_made_seen_and_ended() -> None:
    """With what lets each in, and nothing of that afterwards."""
    async with served() as (home, http):
        made = await http.post("/rooms", json={"seats": SEATS})
        assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
        body = made.json()
        first, second = body.pop("seats")
        room = home.rooms.named(body.pop("id"))
        assert room is not None
        assert body == {"expiresInSecs": 7200, "enterWithinSecs": 900}
        assert first.pop("token") == room.places[0].token
        assert second.pop("code") == room.places[1].code
        assert [first, second] == [
            {"participantId": "1", "language": "ko", "kind": "browser", "name": "Minji"},
            {"participantId": "2", "language": "en", "kind": "phone", "name": ""},
        ]
        home.sit(room, 0, name="김민지")
        seen = await http.get(f"/rooms/{room.room_id}")
        assert seen.json() == {
            "id": room.room_id,
            "ageSecs": 0,
            "expiresInSecs": 7200,
            "seats": [{**first, "name": "김민지", "hereSecs": 0}, second],
        }
        assert (await http.delete(f"/rooms/{room.room_id}")).status_code == 204
        for ask in (http.get, http.delete):
            gone = await ask(f"/rooms/{room.room_id}")
            assert (gone.status_code, gone.json()) == (404, {"error": "there is no such room; it may be over"})


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("", 400, "JSON object"),
        ("[]", 400, "JSON object"),
        ("no json", 400, "JSON object"),
        ("\xff", 400, "JSON object"),
        ('{"seats": 2}', 400, "'seats'"),
        ('{"seats": [{"language": "ko"}, {"language": 7}]}', 400, "'seats.1.language'"),
        ('{"seats": [{"language": "ko"}, {"language": "tlh"}]}', 400, "seat 2"),
        ('{"seats": [{"language": "ko"}, {"language": "en", "number": "+15005550006"}]}', 400, "phone"),
        (json.dumps({"seats": SEATS, "x": "y" * 20_000}), 413, "16384"),
    ],
)
async def test_what_is_wrong_is_told(body: str, status: int, said: str) -> None:
    """In one line of JSON that names the field; no room is made."""
    async with served() as (home, http):
        answer = await http.post("/rooms", content=body.encode("latin-1"))
        assert answer.status_code == status
        assert said in answer.json()["error"]
        assert "\n" not in answer.json()["error"]
        assert home.rooms.open == ()


async def test_who_may_not_learns_how_to() -> None:
    """A challenge where a token would help; the body is not read."""
    async with served() as (_, http):
        answer = await http.post("/rooms", content=b"x" * 100_000, headers={"Authorization": "Bearer wrong"})
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "ROOM_API_KEY" in answer.json()["error"]


async def test_a_server_that_calls_nobody_refuses_to() -> None:
    """Before there is a room."""
    async with served() as (home, http):
        calls = {"seats": [SEATS[0], {**SEATS[1], "dial": "+15005550009"}]}
        answer = await http.post("/rooms", json=calls)
        assert (answer.status_code, home.rooms.open) == (400, ())
        called: list[str] = []

        async def call(number: str, token: str) -> None:
            called.append(number)

        home.rooms.dial = call
        assert (await http.post("/rooms", json=calls)).status_code == 201
        assert called == ["+15005550009"]


@pytest.mark.parametrize("field", ["number", "dial"])
async def test_a_stranger_gets_no_callers(field: str) -> None:
    """Without a key rooms are open to whoever says to be a page: a number that is dialled leads to none of them."""
    async with served(room_api_key=None) as (home, http):
        http.headers["Origin"] = home.services.settings.own_origins[0]
        asked = {"seats": [SEATS[0], {**SEATS[1], field: "+15005550006"}]}
        answer = await http.post("/rooms", json=asked)
        assert (answer.status_code, home.rooms.open) == (403, ())
        assert "ROOM_API_KEY" in answer.json()["error"]
        assert (await http.post("/rooms", json={"seats": SEATS})).status_code == 201


async def test_the_routes_are_documented() -> None:
    """Each has its answers, with examples that are right."""
    async with served() as (_, http):
        paths = (await http.get("/openapi.json")).json()["paths"]
        statuses = {
            (path, method): sorted(route["responses"])
            for path, routes in paths.items()
            for method, route in routes.items()
        }
        assert statuses[("/rooms", "post")] == [
            "201",
            "400",
            "401",
            "403",
            "409",
            "413",
            "429",
            "501",
            "502",
            "503",
        ]
        assert {"200", "401", "403", "404"} <= {*statuses[("/rooms/{room_id}", "get")]}
        assert {"204", "401", "403", "404"} <= {*statuses[("/rooms/{room_id}", "delete")]}
        example = paths["/rooms"]["post"]["requestBody"]["content"]["application/json"]["example"]
        assert (await http.post("/rooms", json=example)).status_code == 201
