"""The WebSocket's handshake, the URL, and ``connected``."""

import asyncio
import urllib.error
import urllib.request
import uuid
from http import HTTPStatus

from tests.conformance.kit import Kit
from tests.conformance.outcome import CheckSkipped, ConformanceError
from tests.conformance.registry import Section, check
from tests.conformance.transcript import shown

_NONSENSE_ORIGIN = "https://no-such-origin.invalid"
_LET_IN = 101


@check(Section.HANDSHAKE, "part 1, connected")
async def quiet_before_init(kit: Kit) -> None:
    """Nothing is sent before `init`."""
    async with kit.connect() as connection:
        came = await connection.quiet(kit.options.quiet_secs, mark=0)
        if came or connection.closed:
            raise connection.unlike(f"nothing in {kit.options.quiet_secs:g} s", mark=0)


@check(Section.HANDSHAKE, "part 1, connected")
async def session_id(kit: Kit) -> None:
    """`connected` carries a `sessionId` that is a UUID, another one for each connection."""
    seen = set()
    for _ in range(2):
        async with kit.connect() as connection:
            found = (await connection.init()).get("sessionId")
            try:
                seen.add(uuid.UUID(str(found)))
            except ValueError:
                raise ConformanceError("a UUID as 'sessionId'", repr(found)) from None
    if len(seen) == 1:
        raise ConformanceError("another 'sessionId' for the second connection", "the same one")


@check(Section.HANDSHAKE, "part 1, errors")
async def token_in_url(kit: Kit) -> None:
    """`?token=` in the URL is accepted."""
    async with kit.connect(query="token=conformance") as connection:
        await connection.init()


@check(Section.HANDSHAKE, "part 1, errors")
async def refused_origin(kit: Kit) -> None:
    """An `Origin` that is not allowed is refused in the handshake with 403."""
    origin = kit.options.refused_origin or _NONSENSE_ORIGIN
    status = await kit.handshake_status(origin)
    if status == _LET_IN and kit.options.refused_origin is None:
        raise CheckSkipped(f"the server lets {origin} in; name an origin that it must refuse with --refused-origin")
    if status != HTTPStatus.FORBIDDEN:
        got = "a handshake that succeeds" if status == _LET_IN else f"HTTP status {status}"
        raise ConformanceError(f"HTTP status 403 for the origin {origin}", got)


@check(Section.HANDSHAKE, "HTTP, beside the protocol")
async def http_health(kit: Kit) -> None:
    """`GET /health` answers 200."""
    await _http_status(kit, "/health", {HTTPStatus.OK})


@check(Section.HANDSHAKE, "HTTP, beside the protocol")
async def http_ready(kit: Kit) -> None:
    """`GET /ready` answers 200, or 503 while the server takes no session."""
    await _http_status(kit, "/ready", {HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE})


@check(Section.HANDSHAKE, "part 1, client to server")
async def close_before_init(kit: Kit) -> None:
    """`close` before `init` ends the connection with 1000."""
    async with kit.connect() as connection:
        await connection.send({"type": "close"})
        await connection.ended(1000)


@check(Section.HANDSHAKE, "part 1, client to server")
async def close_ends_the_session(kit: Kit) -> None:
    """`close` in a session ends it with 1000; nothing but that comes."""
    async with kit.connect() as connection:
        await connection.init()
        mark = connection.mark
        await connection.send({"type": "close"})
        await connection.ended(1000)
        came = [message for message in connection.since(mark) if message["type"] != "warning"]
        if came:
            raise ConformanceError("nothing but the close", ", ".join(map(shown, came)))


async def _http_status(kit: Kit, path: str, wanted: set[HTTPStatus]) -> None:
    if kit.options.http_url is None:
        raise CheckSkipped("no --http-url")
    try:
        status = await asyncio.to_thread(_get, kit, kit.options.http_url.rstrip("/") + path)
    except (OSError, ValueError) as error:
        raise ConformanceError(f"an answer to GET {path}", str(error)) from error
    if status not in wanted:
        names = " or ".join(str(int(item)) for item in sorted(wanted))
        raise ConformanceError(f"HTTP status {names} from GET {path}", str(status))


def _get(kit: Kit, url: str) -> int:
    context = kit.ssl_context() if url.startswith("https:") else None
    try:
        with urllib.request.urlopen(url, timeout=kit.options.patience_secs, context=context) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
