"""``GET /metrics``: who may read it, and how full the server is at that moment."""

import asyncio
import hmac
import ipaddress
from dataclasses import dataclass

from pydantic import SecretStr

from metrics import Levels, set_levels
from pipelines.sessions import Sessions

_SCHEME = "bearer"
_LEVELS_AGE_SECS = 1.0


@dataclass(frozen=True, slots=True)
class ScrapeRefusal:
    """Why a request for the metrics gets none.

    Attributes:
        status: Of HTTP: 401 where a credential would help, else 403.
        message: One line for whoever asks.
    """

    status: int
    message: str


_NOT_LOCAL = ScrapeRefusal(
    403, "expected a request from this machine; to read the metrics from elsewhere, set METRICS_TOKEN on the server"
)
_NO_TOKEN = ScrapeRefusal(401, "expected the header 'Authorization: Bearer TOKEN' with the server's METRICS_TOKEN")
_WRONG_TOKEN = ScrapeRefusal(401, "the token is not the server's METRICS_TOKEN")


def scrape_refusal(peer: str | None, authorization: str | None, token: SecretStr | None) -> ScrapeRefusal | None:
    """Why a request may not read the metrics, if so.

    Args:
        peer: Address that the request comes from.
        authorization: Its header of that name, decoded as Latin-1.
        token: What everybody has to show; ``None``: only this machine may ask.
    """
    if token is None:
        return None if _is_loopback(peer) else _NOT_LOCAL
    scheme, _, shown = (authorization or "").partition(" ")
    if scheme.lower() != _SCHEME:
        return _NO_TOKEN
    same = hmac.compare_digest(shown.strip().encode("latin-1"), token.get_secret_value().encode())
    return None if same else _WRONG_TOKEN


def levels(sessions: Sessions) -> Levels:
    """How full the server is."""
    live = sessions.live
    detached = sum(session.detached for session in live)
    return Levels(
        sessions={"active": len(live) - detached, "pending": sessions.pending, "detached": detached},
        queues=[session.queue_depths() for session in live],
        loop_lag_secs=sessions.loop_lag.ms / 1000,
    )


async def keep_levels(sessions: Sessions) -> None:
    """Tell again and again how full this process is, for scrapes that another worker answers."""
    while True:
        set_levels(levels(sessions))
        await asyncio.sleep(_LEVELS_AGE_SECS)


def _is_loopback(peer: str | None) -> bool:
    try:
        address = ipaddress.ip_address(peer or "")
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
