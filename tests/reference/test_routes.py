"""The documents as the server serves them."""

import json
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from jsonschema import Draft202012Validator

from protocol.errors import ErrorCode
from reference.asyncapi import asyncapi_document
from reference.http import Health, NotReady, Ready
from reference.page import html_page
from reference.schemas import client_schema, server_schema
from server import create_app
from tests.support.client import protocol_client
from tests.support.servers import running_server, test_settings

SECRET = "a-key-that-nobody-may-see"
FOREIGN = "https://evil.example.org"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that serves nobody yet."""
    app = create_app(
        test_settings(gemini_api_key=SECRET, max_sessions=7431, cors_origins="https://app.example.org")
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        yield client


PATHS = ["/asyncapi", "/asyncapi.json", "/docs", "/openapi.json"]
PATHS += ["/schema/client-messages.json", "/schema/server-messages.json"]


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/asyncapi.json", asyncapi_document()),
        ("/schema/client-messages.json", client_schema()),
        ("/schema/server-messages.json", server_schema()),
    ],
)
async def test_documents_are_those_of_the_models(
    http: httpx.AsyncClient, path: str, document: dict[str, object]
) -> None:
    """What is served is what the files in ``docs/schema`` hold."""
    response = await http.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == document


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("http://speech.example.org/asyncapi.json", ("speech.example.org", "ws")),
        ("https://speech.example.org:8443/asyncapi.json", ("speech.example.org:8443", "wss")),
        ("http://[::1]:8000/asyncapi.json", ("[::1]:8000", "ws")),
    ],
)
async def test_the_document_names_the_server_as_the_client_does(
    http: httpx.AsyncClient, url: str, server: tuple[str, str]
) -> None:
    """Host and scheme are those of the request; nothing else differs."""
    served = (await http.get(url)).json()
    host, scheme = server
    assert served["servers"] == {"interpreter": {"host": host, "protocol": scheme}}
    assert {**served, "servers": None} == {**asyncapi_document(), "servers": None}


async def test_the_document_is_not_made_anew_for_each_name(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks again and again, by whatever name, costs no more than the sending."""
    await http.get("/asyncapi.json")
    monkeypatch.setattr("reference.routes.json_text", None)  # nobody may call it
    for host in ("a.example.org", "b.example.org:8000"):
        served = (await http.get("/asyncapi.json", headers={"Host": host})).json()
        assert served["servers"]["interpreter"]["host"] == host


@pytest.mark.parametrize("host", ["", "<script>", 'x"y', "a b", "x/y", "x" * 300])
async def test_a_host_that_is_none_is_not_repeated(http: httpx.AsyncClient, host: str) -> None:
    """A header that is no name of a host does not get into the document."""
    response = await http.get("/asyncapi.json", headers={"Host": host})
    assert response.json()["servers"]["interpreter"]["host"] == "localhost:8000"


async def test_the_protocol_page_is_served_with_its_policy(http: httpx.AsyncClient) -> None:
    """``/asyncapi`` is the page as it is made, and forbids itself what it does not need."""
    response = await http.get("/asyncapi")
    page, policy = html_page(asyncapi_document())
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert (response.text, response.headers["content-security-policy"]) == (page, policy)


async def test_everything_that_the_page_of_routes_loads_is_here(http: httpx.AsyncClient) -> None:
    """``/docs`` gets Swagger UI and the description of the routes from this server."""
    response = await http.get("/docs")
    assert "default-src 'none'" in response.headers["content-security-policy"]
    links = re.findall(r'(?:src|href)="(?!data:)([^"]+)"', response.text)
    assert set(links) == {"docs/assets/swagger-ui.css", "docs/assets/swagger-ui-bundle.js", "openapi.json"}
    for link in links:
        loaded = await http.get(f"/{link}")
        assert loaded.status_code == 200
        assert len(loaded.content) > 1000
        assert link == "openapi.json" or loaded.headers["content-type"].split(";")[0] in {
            "text/css",
            "text/javascript",
        }


async def test_the_style_sheet_of_swagger_loads_nothing(http: httpx.AsyncClient) -> None:
    """Its icons are in it."""
    style = (await http.get("/docs/assets/swagger-ui.css")).text
    assert "@import" not in style
    assert {found[:5] for found in re.findall(r"url\([\"']?([^)]{5})", style)} == {"data:"}


async def test_the_assets_are_all_that_is_served_of_the_package(http: httpx.AsyncClient) -> None:
    """A path cannot leave them."""
    for path in ("../main.py", "%2e%2e/main.py", "..%2fmain.py", "", "nothing.js"):
        assert (await http.get(f"/docs/assets/{path}")).status_code == 404, path


@pytest.mark.parametrize("path", PATHS)
async def test_pages_tell_nothing_of_the_settings(http: httpx.AsyncClient, path: str) -> None:
    """Neither the key nor a limit nor an origin is on a page, and no foreign page may read one."""
    response = await http.get(path, headers={"Origin": FOREIGN})
    assert response.status_code == 200
    for value in (SECRET, "7431", "app.example.org", FOREIGN):
        assert value not in response.text
    assert "access-control-allow-origin" not in response.headers
    assert response.headers.get("x-content-type-options") == ("nosniff" if path != "/openapi.json" else None)


async def test_there_is_no_page_that_would_ask_another_host(http: httpx.AsyncClient) -> None:
    """FastAPI's own pages load from a content delivery network; they are off."""
    for path in ("/redoc", "/docs/oauth2-redirect"):
        assert (await http.get(path)).status_code == 404, path


async def test_every_route_is_described(http: httpx.AsyncClient) -> None:
    """OpenAPI has the JSON routes, each with a text, and what ``/ready`` answers in either case."""
    routes = (await http.get("/openapi.json")).json()
    assert set(routes["paths"]) == {
        "/config",
        "/health",
        "/ready",
        "/metrics",
        "/rooms",
        "/rooms/{room_id}",
        "/asyncapi.json",
        "/schema/client-messages.json",
        "/schema/server-messages.json",
    }
    assert all(operation["description"] for route in routes["paths"].values() for operation in route.values())
    answers = routes["paths"]["/ready"]["get"]["responses"]
    assert set(answers) == {"200", "503"}
    for code, model in (("200", Ready), ("503", NotReady)):
        content = answers[code]["content"]["application/json"]
        assert content["schema"] == {"$ref": f"#/components/schemas/{model.__name__}"}
        model.model_validate(content["example"])
    assert answers["503"]["headers"]["Retry-After"]["schema"] == {"type": "integer", "minimum": 1}


async def test_the_metrics_are_described_as_text(http: httpx.AsyncClient) -> None:
    """Each answer of ``/metrics`` has a text and an example; no other kind is promised."""
    answers = (await http.get("/openapi.json")).json()["paths"]["/metrics"]["get"]["responses"]
    assert set(answers) == {"200", "401", "403"}
    for answer in answers.values():
        assert set(answer["content"]) == {"text/plain"}
        assert answer["content"]["text/plain"]["example"]


async def test_the_routes_answer_as_described() -> None:
    """What ``/health`` and ``/ready`` really say is what OpenAPI says of them, also while no session is free."""
    async with running_server(max_sessions=1) as server, httpx.AsyncClient(trust_env=False) as http:
        Health.model_validate((await http.get(f"{server.http_url}/health")).json())
        ready = await http.get(f"{server.http_url}/ready")
        assert ready.status_code == 200
        Ready.model_validate(ready.json())
        async with protocol_client(server.url) as client:
            await client.init()
            busy = await http.get(f"{server.http_url}/ready")
        assert busy.status_code == 503
        assert [reason.code for reason in NotReady.model_validate(busy.json()).reasons] == [ErrorCode.SERVER_BUSY]


async def test_a_served_schema_can_be_used_as_it_is(http: httpx.AsyncClient) -> None:
    """A client's author can validate with nothing but what the server serves."""
    schema = json.loads((await http.get("/schema/client-messages.json")).text)
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"type": "init"})
    assert not validator.is_valid({"type": "init", "config": {"sampleRate": "16000"}})
