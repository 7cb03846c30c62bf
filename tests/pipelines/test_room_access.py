"""Who may make, see and end rooms."""

from typing import Any

import pytest

from pipelines.room_access import Asker, RoomAccess
from pipelines.settings import load_settings
from tests.support.fake_line import House, house
from tests.support.virtual_time import settle

KEY = "a-key-of-the-tests"
OWN = {"origin": "http://localhost:8000"}


def asker(headers: dict[str, str] | None = None, address: str = "192.0.2.1") -> Asker:
    """Somebody somewhere."""
    return Asker(address, headers or {})


def bearer(token: str) -> dict[str, str]:
    """A header."""
    return {"authorization": f"Bearer {token}"}


def status(refusal: Any) -> int | None:
    """Of a refusal, if it is one."""
    return refusal.status if refusal is not None else None


def access(**settings: Any) -> RoomAccess:
    """Of a server with these settings."""
    return RoomAccess(load_settings(**settings))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (bearer(KEY), None),
        ({"authorization": f"bearer {KEY}"}, None),
        ({}, 401),
        (OWN, 401),
        (bearer(KEY[:-1]), 401),
        (bearer(""), 401),
        (bearer("ü"), 401),
        ({"authorization": KEY}, 401),
    ],
)
async def test_with_a_key_everybody_shows_it(headers: dict[str, str], expected: int | None) -> None:
    """Pages of the server, too."""
    assert status(access(room_api_key=KEY).refusal_to_make(asker(headers))) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (OWN, None),
        ({"origin": "https://localhost:8000"}, None),
        ({"origin": "https://interpreter.example.org"}, None),
        ({}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:3000"}, 403),
        ({"origin": "http://localhost:8000.example.org"}, 403),
        ({"origin": "https://interpreter.example.org:8443"}, 403),
        (bearer(KEY), 403),
    ],
)
async def test_without_a_key_only_pages_of_the_server_itself_may(
    headers: dict[str, str], expected: int | None
) -> None:
    """Others may open a WebSocket, where ``CORS_ORIGINS`` has them, and make no room."""
    open_to_own = access(public_url="https://interpreter.example.org/base")
    assert status(open_to_own.refusal_to_make(asker(headers))) == expected


async def test_an_address_makes_a_few_rooms_at_once() -> None:
    """Then one now and then; others are not concerned. With a key there is no such bound."""
    open_to_own, keyed = access(), access(room_api_key=KEY)
    made = [status(open_to_own.refusal_to_make(asker(OWN))) for _ in range(12)]
    assert made == [None] * 10 + [429] * 2
    assert open_to_own.refusal_to_make(asker(OWN, "192.0.2.2")) is None
    await settle(6.1)
    assert [status(open_to_own.refusal_to_make(asker(OWN))) for _ in range(2)] == [None, 429]
    assert all(keyed.refusal_to_make(asker(bearer(KEY))) is None for _ in range(100))


async def test_all_addresses_of_a_network_count_as_one() -> None:
    """Who has one address of IPv6 has all of its network."""
    open_to_own = access()
    made = [status(open_to_own.refusal_to_make(asker(OWN, f"2001:db8::{number}"))) for number in range(11)]
    assert made == [None] * 10 + [429]
    assert open_to_own.refusal_to_make(asker(OWN, "2001:db8:0:1::1")) is None


async def test_addresses_are_not_kept_for_good() -> None:
    """Neither those that were quiet for a while nor, if there are too many, the oldest."""
    open_to_own = access()
    for number in range(3000):
        open_to_own.refusal_to_make(asker(OWN, f"10.0.{number // 256}.{number % 256}"))
    assert len(open_to_own._addresses) <= 1000


async def refusal_to_see(home: House, headers: dict[str, str], **settings: Any) -> int | None:
    """Whether a room may be seen by who sends ``headers``; ``{0}`` is the room's token, ``{1}`` another's."""
    room, other = home.room("ko", "en"), home.room("ko", "en")
    headers = {name: value.format(room.places[1].token, other.places[0].token) for name, value in headers.items()}
    return status(access(**settings).refusal_to_see(asker(headers), room))


@pytest.mark.parametrize(
    ("headers", "with_key", "without"),
    [
        (bearer("{0}"), None, None),
        (bearer("{1}"), 401, 403),
        (bearer(KEY), None, 403),
        (OWN, 401, None),
        ({}, 401, 403),
    ],
)
async def test_a_seats_token_shows_its_room(
    headers: dict[str, str], with_key: int | None, without: int | None
) -> None:
    """And so does the right to make one."""
    async with house() as home:
        assert await refusal_to_see(home, headers, room_api_key=KEY) == with_key
        assert await refusal_to_see(home, headers) == without


async def test_whether_there_is_a_room_is_told_to_nobody_who_may_not_see_it() -> None:
    """The answer is the same."""
    async with house() as home:
        refusal = access().refusal_to_see(asker(), None)
        assert refusal == access().refusal_to_see(asker(), home.room("ko", "en"))


async def test_telephone_numbers_need_a_key() -> None:
    """A page cannot let the server call anybody, nor claim the number that other people dial."""
    assert status(access().refusal_of_numbers()) == 403
    assert access(room_api_key=KEY).refusal_of_numbers() is None
