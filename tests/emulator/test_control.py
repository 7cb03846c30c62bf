"""The control endpoint does over HTTP what a test does in the process."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from emulator import Emulator, Scenario
from tests.emulator.talker import speech, talking

Start = Callable[..., Emulator]


def client(emulator: Emulator) -> httpx.AsyncClient:
    """Of its control endpoint."""
    assert emulator.control_url is not None
    return httpx.AsyncClient(base_url=emulator.control_url, trust_env=False)


@pytest.fixture
def controlled(start: Start) -> Callable[..., Emulator]:
    """An emulator with a control endpoint."""

    def make(**options: Any) -> Emulator:
        return start(server={"control_port": 0}, **options)

    return make


async def test_sessions(controlled: Start, samples: Scenario) -> None:
    """The list says which session is open, what came, and what struck."""
    async with controlled() as emulator, client(emulator) as http:
        assert (await http.get("/sessions")).json() == []
        async with talking(emulator) as talker:
            await talker.say(speech(samples))
            await talker.answered()
            (shown,) = (await http.get("/sessions")).json()
        assert shown.pop("age_secs") > 0
        assert shown == {
            "number": 1,
            "model": "gemini-3.8-live",
            "target": None,
            "closed": False,
            "close_code": None,
            "close_reason": "",
            "resumed_from": None,
            "audio_bytes": len(speech(samples)),
            "utterances": 1,
            "complete": 1,
            "faults": [],
        }
        await talker.until(lambda: emulator.sessions[0].closed)
        assert (await http.get("/sessions")).json()[0]["close_code"] == 1000


async def test_faults(controlled: Start, samples: Scenario) -> None:
    """A fault that is injected is listed, strikes, and is listed as struck; clearing switches off."""
    async with controlled() as emulator, client(emulator) as http:
        wanted = {"name": "reset", "moment": "before", "times": 2}
        answer = await http.post("/faults", json=wanted)
        assert answer.status_code == 201
        assert answer.json() == {**wanted, "at_ms": 300}
        async with talking(emulator) as talker:
            await talker.start()
            await talker.closed()
        listed = (await http.get("/faults")).json()
        assert listed["faults"] == [{**wanted, "times": 1, "at_ms": 300}]
        (strike,) = listed["struck"]
        assert (strike["name"], strike["session"], strike["utterance"]) == ("reset", 1, 1)
        assert (await http.delete("/faults")).status_code == 204
        assert (await http.get("/faults")).json()["faults"] == []
        assert emulator.faults == []


async def test_sessions_are_ended(controlled: Start) -> None:
    """goAway, close and reset reach the session at once."""
    async with controlled() as emulator, client(emulator) as http:
        async with talking(emulator) as talker:
            await talker.until(lambda: talker.count("setupComplete") == 1)
            body = {"time_left_secs": 0.05, "close_code": 1011, "reason": "over"}
            assert (await http.post("/sessions/1/go-away", json=body)).status_code == 204
            assert await talker.closed() == (1011, "over")
            assert talker.messages[-1] == {"goAway": {"timeLeft": "0.05s"}}
        async with talking(emulator) as talker:
            await talker.until(lambda: talker.count("setupComplete") == 1)
            assert (await http.post("/sessions/2/close", json={"code": 1000, "reason": "x"})).status_code == 204
            assert await talker.closed() == (1000, "x")
        async with talking(emulator) as talker:
            await talker.until(lambda: talker.count("setupComplete") == 1)
            assert (await http.post("/sessions/3/reset")).status_code == 204
            assert (await talker.closed())[0] == 1006


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "error"),
    [
        (
            "POST",
            "/faults",
            b'{"name": "rest", "moment": "before"}',
            422,
            "unknown name 'rest'; did you mean 'reset'?",
        ),
        (
            "POST",
            "/faults",
            b'{"name": "reset"}',
            422,
            "expected a 'moment', but it is missing; known: setup, before",
        ),
        ("POST", "/faults", b'{"name": "swallowed", "moment": "idle"}', 422, "swallowed cannot strike at 'idle'"),
        ("POST", "/faults", b"reset", 400, "expected a JSON object: "),
        ("POST", "/faults", b"[]", 400, "expected a JSON object, got list"),
        ("POST", "/faults", b" " * 20_000, 413, "expected at most 10000 bytes of JSON"),
        ("POST", "/sessions/7/close", b"", 404, "session 7 is not open; open: none"),
        ("POST", "/sessions/7/reset", b"", 404, "session 7 is not open; open: none"),
        ("POST", "/sessions/7/go-away", b"", 404, "session 7 is not open; open: none"),
        (
            "POST",
            "/sessions/7/close",
            b'{"code": 5}',
            422,
            "code: Input should be greater than or equal to 1000, got 5",
        ),
        ("GET", "/nothing", b"", 404, "Not Found"),
    ],
)
async def test_mistakes(controlled: Start, method: str, path: str, body: bytes, status: int, error: str) -> None:
    """Each is answered with its status and one line; nothing is switched on."""
    async with controlled() as emulator, client(emulator) as http:
        answer = await http.request(method, path, content=body)
        assert answer.status_code == status
        told = answer.json()["error"]
        assert told.startswith(error)
        assert "\n" not in told
        assert emulator.faults == []


async def test_only_loopback_names(controlled: Start) -> None:
    """A web page that reaches the port by a name of its own is refused."""
    async with controlled() as emulator, client(emulator) as http:
        assert (await http.get("/faults", headers={"Host": "evil.example"})).status_code == 400
        assert emulator.control_url is not None
        assert emulator.control_url.startswith("http://127.0.0.1:")


async def test_there_is_none_unless_asked_for(start: Start) -> None:
    """No port is opened without ``control_port``."""
    async with start() as emulator:
        assert emulator.control_url is None


async def test_a_port_that_is_taken(start: Start) -> None:
    """An ``OSError``, and nothing is left running."""
    async with start(server={"control_port": 0}) as emulator:
        assert emulator.control_url is not None
        port = int(emulator.control_url.rsplit(":", 1)[1])
        with pytest.raises(OSError, match="Address already in use"):
            async with start(server={"control_port": port}):
                pass
    assert len(asyncio.all_tasks()) == 1
