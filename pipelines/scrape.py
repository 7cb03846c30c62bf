"""``GET /metrics``: who may read it, and how full the server is at that moment."""

import asyncio
import ipaddress

from pydantic import SecretStr

from metrics import Levels, set_levels
from pipelines.bearer import HttpRefusal, is_token, shown_token
from pipelines.rooms import Rooms
from pipelines.sessions import Sessions

_LEVELS_AGE_SECS = 1.0


_NOT_LOCAL = HttpRefusal(
    403, "expected a request from this machine; to read the metrics from elsewhere, set METRICS_TOKEN on the server"
)
_NO_TOKEN = HttpRefusal(401, "expected the header 'Authorization: Bearer TOKEN' with the server's METRICS_TOKEN")
_WRONG_TOKEN = HttpRefusal(401, "the token is not the server's METRICS_TOKEN")


def scrape_refusal(peer: str | None, authorization: str | None, token: SecretStr | None) -> HttpRefusal | None:
    """Why a request may not read the metrics, if so.

    Args:
        peer: Address that the request comes from.
        authorization: Its header of that name, decoded as Latin-1.
        token: What everybody has to show; ``None``: only this machine may ask.
    """
    if token is None:
        return None if _is_loopback(peer) else _NOT_LOCAL
    shown = shown_token(authorization)
    if shown is None:
        return _NO_TOKEN
    return None if is_token(shown, token) else _WRONG_TOKEN


def levels(sessions: Sessions, rooms: Rooms | None = None) -> Levels:
    """How full the server is; ``rooms``: where it has any."""
    live = sessions.live
    detached = sum(session.detached for session in live)
    return Levels(
        sessions={"active": len(live) - detached, "pending": sessions.pending, "detached": detached},
        queues=[session.queue_depths() for session in live],
        loop_lag_secs=sessions.loop_lag.ms / 1000,
        rooms=len(rooms.open) if rooms is not None else 0,
        room_seats=rooms.seats if rooms is not None else {},
        room_strands=rooms.strands if rooms is not None else 0,
    )


async def keep_levels(sessions: Sessions, rooms: Rooms) -> None:
    """Tell again and again how full this process is, for scrapes that another worker answers."""
    while True:
        set_levels(levels(sessions, rooms))
        await asyncio.sleep(_LEVELS_AGE_SECS)


def _is_loopback(peer: str | None) -> bool:
    try:
        address = ipaddress.ip_address(peer or "")
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
