"""``GET /metrics`` of a running server: who gets it, and what a conversation leaves in it."""

import httpx
import pytest
import uvicorn
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from emulator import EmulatorOptions
from metrics import EXPOSITION_TYPE
from server import create_app, uvicorn_options
from tests.support.client import protocol_client
from tests.support.servers import RunningServer, running_server, test_settings
from tests.support.speech import silence, spoken, texts

TOKEN = "a-token-that-nobody-may-see"
ELSEWHERE = ("192.0.2.1", 40000)


def caller(address: tuple[str, int] = ("127.0.0.1", 40000), **settings: str) -> httpx.AsyncClient:
    """A client at ``address`` of an application that serves nobody yet."""
    transport = httpx.ASGITransport(create_app(test_settings(**settings)), client=address)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost:8000")


async def scrape(server: RunningServer) -> dict[str, float]:
    """Every sample of a server, by name and labels."""
    async with httpx.AsyncClient(trust_env=False) as http:
        text = (await http.get(f"{server.http_url}/metrics")).text
    return {
        sample.name + "".join(f",{key}={value}" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_this_machine_gets_the_metrics() -> None:
    """In Prometheus' text format, and saying so."""
    async with running_server() as server, httpx.AsyncClient(trust_env=False) as http:
        response = await http.get(f"{server.http_url}/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"] == EXPOSITION_TYPE
    assert "interpreter_sessions_started_total" in response.text


async def test_another_machine_is_refused_in_one_line() -> None:
    """With 403, since no credential would help."""
    async with caller(ELSEWHERE) as http:
        response = await http.get("/metrics")
    assert (response.status_code, response.text.count("\n")) == (403, 1)
    assert "www-authenticate" not in response.headers
    assert "interpreter_" not in response.text


@pytest.mark.parametrize("address", [("127.0.0.1", 40000), ELSEWHERE])
async def test_a_token_is_asked_of_everybody(address: tuple[str, int]) -> None:
    """401 and how to do it right without the token; the metrics with it."""
    async with caller(address, metrics_token=TOKEN) as http:
        for headers in ({}, {"Authorization": "Bearer something-else-altogether"}):
            refused = await http.get("/metrics", headers=headers)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"] == "Bearer"
            assert refused.text.count("\n") == 1
            assert TOKEN not in refused.text
        allowed = await http.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert allowed.status_code == 200
    assert TOKEN not in allowed.text


async def test_a_header_makes_nobody_local(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where the environment tells uvicorn to believe every proxy; a proxy's header can only withdraw."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    settings = test_settings()
    config = uvicorn.Config(create_app(settings), **{**uvicorn_options(settings), "loop": "none"})
    config.load()
    for address, status in ((ELSEWHERE, 403), (("127.0.0.1", 40000), 200)):
        transport = httpx.ASGITransport(config.loaded_app, client=address)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as http:
            forwarded = await http.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"})
            assert forwarded.status_code == status
            assert (await http.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"})).status_code == 403


def test_the_token_is_no_variable_of_pipelines() -> None:
    """Neither a pipeline file nor what shows its parameters gets at it, and it prints as stars."""
    settings = test_settings(metrics_token=SecretStr(TOKEN))
    assert "METRICS_TOKEN" not in settings.pipeline_variables()
    assert TOKEN not in f"{settings!r} {settings} {settings.model_dump()}"


async def test_a_conversation_is_counted() -> None:
    """A session that spoke one phrase and closed: its start, its end by reason, and nothing active is left."""
    active, closed = (
        "interpreter_sessions,state=active",
        "interpreter_sessions_ended_total,reason=closed by client",
    )
    async with running_server(EmulatorOptions(time_factor=0.0)) as server:
        before = await scrape(server)
        async with protocol_client(server.url) as client:
            await client.init()
            during = await scrape(server)
            await client.stream(spoken("harvard-1") + silence(1000))
            await client.wait_for("turn_complete")
            assert client.turns == [texts("harvard-1")]
            await client.send({"type": "close"})
            assert await client.wait_closed() == 1000
        while (after := await scrape(server))[active]:  # the client sees its close before the server is done
            pass
    assert during[active] == 1
    assert after["interpreter_sessions_started_total"] - before["interpreter_sessions_started_total"] == 1
    assert after[closed] - before.get(closed, 0) == 1
