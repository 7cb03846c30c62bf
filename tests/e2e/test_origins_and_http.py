"""Who may connect, and the HTTP routes beside the WebSocket."""

import asyncio
import json
import urllib.error
import urllib.request
from asyncio import to_thread
from collections.abc import AsyncIterator
from email.message import Message as Headers

import pytest
from websockets.exceptions import InvalidStatus

from emulator import EmulatorOptions
from tests.support.client import protocol_client
from tests.support.servers import RunningServer, running_server
from tests.support.speech import samples_scenario

ALLOWED = "https://app.example.org"
FOREIGN = "https://evil.example.org"


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    """A server for one session, which lets the pages of one site in."""
    async with running_server(scenario=samples_scenario(), cors_origins=ALLOWED, max_sessions=1) as running:
        yield running


async def get(url: str, **headers: str) -> tuple[int, bytes, Headers]:
    """Status, body and headers of a GET."""

    def fetch() -> tuple[int, bytes, Headers]:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(url, headers=headers)
        try:
            with opener.open(request) as response:
                return response.status, response.read(), response.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(), error.headers

    return await to_thread(fetch)


async def test_a_page_of_another_site_is_refused_in_the_handshake(server: RunningServer) -> None:
    """A foreign ``Origin`` gets 403 instead of a WebSocket, and nothing is spent on it."""
    for origin in (FOREIGN, "null", ALLOWED + ".evil.example", "http://app.example.org", ALLOWED + ":8443"):
        with pytest.raises(InvalidStatus) as refused:
            async with protocol_client(server.url, origin=origin):
                pass
        assert refused.value.response.status_code == 403
    assert server.sessions.pending == 0
    assert server.emulator.connections == 0


async def test_a_refused_page_is_told_in_the_log(server: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    """The operator reads which origin it was: one line, with as much of it as an origin needs."""
    hostile = "https://" + "x" * 200
    for origin in (FOREIGN, hostile):
        with pytest.raises(InvalidStatus):
            async with protocol_client(server.url, origin=origin):
                pass
    told = [vars(record)["fields"] for record in caplog.records if record.message == "origin refused"]
    assert told == [{"origin": FOREIGN}, {"origin": hostile[:100]}]


async def test_who_sends_no_origin_is_no_page_and_comes_in(server: RunningServer) -> None:
    """Clients that are no browsers send no ``Origin``."""
    async with protocol_client(server.url) as client:
        await client.init()


async def test_an_allowed_page_comes_in(server: RunningServer) -> None:
    """The configured origin opens a session."""
    async with protocol_client(server.url, origin=ALLOWED) as client:
        await client.init()


async def test_every_page_comes_in_where_all_are_allowed() -> None:
    """``CORS_ORIGINS=*`` lets any origin in."""
    async with (
        running_server(scenario=samples_scenario(), cors_origins="*") as server,
        protocol_client(server.url, origin=FOREIGN) as client,
    ):
        await client.init()


async def test_health_is_exactly_as_documented(server: RunningServer) -> None:
    """``GET /health`` is ``{"status":"ok"}``, also when no session is free."""
    async with protocol_client(server.url) as client:
        await client.init()
        status, body, headers = await get(f"{server.http_url}/health")
    assert (status, body) == (200, b'{"status":"ok"}')
    assert headers["content-type"] == "application/json"


async def test_a_checker_may_ask_for_heads(server: RunningServer) -> None:
    """``HEAD`` gives the status of ``GET`` without a body, as uptime checkers ask."""
    host, port = server.http_url.removeprefix("http://").split(":")
    for path in ("health", "ready"):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"HEAD /{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        assert head.startswith(b"HTTP/1.1 200 ")
        assert body == b""


async def test_ready_says_whether_a_session_would_be_admitted(server: RunningServer) -> None:
    """``GET /ready`` is 200 while there is room, 503 while all sessions are taken, and 200 again after."""
    assert (await get(f"{server.http_url}/ready"))[0] == 200
    async with protocol_client(server.url) as client:
        await client.init()
        status, body, headers = await get(f"{server.http_url}/ready")
        assert (status, headers["retry-after"]) == (503, "5")
        reason = {"code": "SERVER_BUSY", "message": "all 1 sessions are taken; try again later"}
        assert json.loads(body) == {"status": "not ready", "reasons": [reason]}
        await client.send({"type": "close"})
        await client.wait_closed()
    while server.sessions.active:
        await get(f"{server.http_url}/health")
    assert (await get(f"{server.http_url}/ready"))[0] == 200


async def test_ready_gives_every_reason() -> None:
    """Who looks at 503 reads all that stands in the way: no room to wait for a session, a key that is refused."""
    refusing = EmulatorOptions(refuse="bad_key", time_factor=0.0)
    async with (
        running_server(refusing, max_pending_connections=1) as server,
        protocol_client(server.url) as refused,
    ):
        await refused.send({"type": "init"})
        assert await refused.wait_closed() == 1011
        status, body, headers = await get(f"{server.http_url}/ready")
        assert (status, headers["retry-after"]) == (503, "30")
        assert [reason["code"] for reason in json.loads(body)["reasons"]] == ["UPSTREAM_AUTH"]
        async with protocol_client(server.url):
            _, body, _ = await get(f"{server.http_url}/ready")
            assert [reason["code"] for reason in json.loads(body)["reasons"]] == ["SERVER_BUSY", "UPSTREAM_AUTH"]


async def test_pages_of_allowed_origins_may_read_the_routes(server: RunningServer) -> None:
    """CORS headers are for allowed origins only; a request without an ``Origin`` has none."""
    for path in ("health", "ready"):
        _, _, allowed = await get(f"{server.http_url}/{path}", Origin=ALLOWED)
        assert allowed["access-control-allow-origin"] == ALLOWED
        for headers in ({"Origin": FOREIGN}, {}):
            _, _, other = await get(f"{server.http_url}/{path}", **headers)
            assert "access-control-allow-origin" not in other


async def test_the_server_does_not_say_what_it_is_made_of(server: RunningServer) -> None:
    """No ``Server`` header, none of FastAPI's own pages, and 404 for what there is not."""
    for path in ("nowhere", "docs/oauth2-redirect", "redoc"):
        status, _, headers = await get(f"{server.http_url}/{path}")
        assert status == 404, path
        assert "server" not in headers
