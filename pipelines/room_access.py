"""Who may make, see and end rooms over HTTP."""

import asyncio
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.allowance import Allowance
from pipelines.bearer import HttpRefusal, is_token, shown_token
from pipelines.room import Room
from pipelines.settings import Settings

_ROOMS_AT_ONCE = 10
_ROOM_SECS = 6.0
_MOST_ADDRESSES = 1000
_IPV6_NETWORK_BITS = 64
"""What one customer of a network has, at least (RFC 6177): any address of it may be the same person's."""

_NO_KEY = HttpRefusal(401, "expected the header 'Authorization: Bearer KEY' with the server's ROOM_API_KEY")
_NO_KEY_OR_TOKEN = HttpRefusal(
    401, "expected the header 'Authorization: Bearer SECRET' with the server's ROOM_API_KEY or a token of the room"
)
_NOT_OURS = HttpRefusal(
    403,
    "expected a request from a page of this server, whose Origin is its own (HOST and PORT, or PUBLIC_URL);"
    " to make rooms from elsewhere, set ROOM_API_KEY on the server",
)
_NOT_OURS_NOR_THERE = HttpRefusal(
    403, "expected a token of the room as 'Authorization: Bearer TOKEN', or a request from a page of this server"
)
_TOO_MANY = HttpRefusal(429, f"expected at most one room every {_ROOM_SECS:g} s; try again later")
_PHONES_NEED_KEY = HttpRefusal(
    403, "'number' and 'dial' need a server with ROOM_API_KEY: callers are led to the room, and calls cost money"
)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who sends a request.

    Attributes:
        address: Where it comes from.
        headers: Its headers, names in lower case.
    """

    address: str
    headers: Mapping[str, str]

    @property
    def token(self) -> str | None:
        """The bearer token that it shows."""
        return shown_token(self.headers.get("authorization"))


class RoomAccess:
    """With ``ROOM_API_KEY``: whoever shows it. Without: pages of the server itself, a few rooms each."""

    def __init__(self, settings: Settings):
        """Know nobody so far."""
        self._key = settings.room_api_key
        self._origins = frozenset(settings.own_origins)
        self._clock = asyncio.get_running_loop().time
        self._addresses: dict[str, Allowance] = {}

    def refusal_to_make(self, asker: Asker) -> HttpRefusal | None:
        """Why ``asker`` may not make a room, if so; counts where it may."""
        if self._key is not None:
            return None if self._shows_key(asker) else _NO_KEY
        if not self._is_own_page(asker):
            return _NOT_OURS
        return None if self._allowance(asker.address).take() else _TOO_MANY

    def refusal_of_numbers(self) -> HttpRefusal | None:
        """Why nobody may claim a number of the server's, or let it call one, if so: pages are open to strangers."""
        return _PHONES_NEED_KEY if self._key is None else None

    def refusal_to_see(self, asker: Asker, room: Room | None) -> HttpRefusal | None:
        """Why ``asker`` may not look at a room or end it, if so; the same whether there is one or not."""
        if self._shows_key(asker) or (self._key is None and self._is_own_page(asker)):
            return None
        if room is not None and asker.token and room.place_with(asker.token) is not None:
            return None
        return _NOT_OURS_NOR_THERE if self._key is None else _NO_KEY_OR_TOKEN

    def _shows_key(self, asker: Asker) -> bool:
        return self._key is not None and asker.token is not None and is_token(asker.token, self._key)

    def _is_own_page(self, asker: Asker) -> bool:
        return asker.headers.get("origin") in self._origins

    def _allowance(self, address: str) -> Allowance:
        network = _network_of(address)
        if network not in self._addresses:
            self._make_place()
            self._addresses[network] = Allowance(_ROOMS_AT_ONCE, _ROOM_SECS, clock=self._clock)
        return self._addresses[network]

    def _make_place(self) -> None:
        """Forget whom the bound does not concern any more, else whoever came first."""
        if len(self._addresses) < _MOST_ADDRESSES:
            return
        self._addresses = {network: left for network, left in self._addresses.items() if not left.full}
        if len(self._addresses) >= _MOST_ADDRESSES:
            del self._addresses[next(iter(self._addresses))]


def _network_of(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, _IPV6_NETWORK_BITS), strict=False))
    return str(parsed)
