"""Ending and making calls by REST, against a server on this machine that keeps what it was asked."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from telephony import rest
from telephony.dialling import DialError, TwilioDialler
from telephony.exotel import Exotel
from telephony.plivo import Plivo
from telephony.provider import MediaStart, Provider
from telephony.telnyx import Telnyx
from telephony.twilio import Twilio
from telephony.vonage import Vonage
from tests.telephony.documented import STARTS, TELNYX_KEY, VONAGE_KEY, VONAGE_SECRET, provider, public_key_of

ACCOUNT, TOKEN = "ACXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", "a token"
NOBODY = "http://127.0.0.1:9"


@dataclass
class Asked:
    """What a provider was asked, and what it is to answer.

    Attributes:
        url: Where it is.
        requests: Method, path as it was written, authorization and form of each request.
        answer: Status and body.
        answers: Whether it answers at all.
    """

    url: str = ""
    requests: list[tuple[str, str, str, dict[str, str]]] = field(default_factory=list)
    answer: tuple[int, str] = (200, "{}")
    answers: bool = True

    async def handle(self, request: web.Request) -> web.Response:
        """Keep the request, and answer."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.requests.append((request.method, request.raw_path, request.headers.get("Authorization", ""), form))
        if not self.answers:
            await asyncio.Event().wait()
        return web.Response(status=self.answer[0], text=self.answer[1])


@pytest.fixture
async def asked(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Asked]:
    """A provider's REST interface, which writes no log of its own, whatever a test before has set up."""
    caplog.set_level(logging.WARNING, "aiohttp.access")
    asked = Asked()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", asked.handle)
    server = TestServer(application)
    await server.start_server(access_log=None)  # the tests read the log
    asked.url = str(server.make_url("")).rstrip("/")
    yield asked
    await server.close()


def basic(user: str, password: str) -> str:
    """The header of Basic authentication."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def at(url: str) -> dict[str, Provider]:
    """The providers that end calls by REST, with their interface at ``url``."""
    return {
        "twilio": Twilio(ACCOUNT, TOKEN, api_url=url),
        "telnyx": Telnyx(public_key_of(TELNYX_KEY), "an-api-key", api_url=url),
        "plivo": Plivo("MAXX", TOKEN, api_url=url),
    }


async def test_calls_are_ended_as_each_provider_wants_it(asked: Asked) -> None:
    """Method, path, credentials and fields are those of the documents; a call's name cannot leave its place."""
    for name, hanging_up in at(asked.url).items():
        await hanging_up.hang_up(STARTS[name])
    await at(asked.url)["telnyx"].hang_up(MediaStart("s", "v3:../../x?y", 8000, "PCMU"))

    call = f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{STARTS['twilio'].call_id}.json"
    assert asked.requests == [
        ("POST", call, basic(ACCOUNT, TOKEN), {"Status": "completed"}),
        ("POST", f"/v2/calls/{STARTS['telnyx'].call_id}/actions/hangup", "Bearer an-api-key", {}),
        ("DELETE", f"/v1/Account/MAXX/Call/{STARTS['plivo'].call_id}/", basic("MAXX", TOKEN), {}),
        ("POST", "/v2/calls/v3:..%2F..%2Fx%3Fy/actions/hangup", "Bearer an-api-key", {}),
    ]


@pytest.mark.parametrize(("name", "over"), [("twilio", 404), ("telnyx", 422), ("telnyx", 404), ("plivo", 404)])
async def test_a_call_that_is_over_is_no_failure(
    asked: Asked, caplog: pytest.LogCaptureFixture, name: str, over: int
) -> None:
    """The caller may have hung up first."""
    asked.answer = (over, "{}")
    await at(asked.url)[name].hang_up(STARTS[name])
    assert len(asked.requests) == 1
    assert caplog.records == []


@pytest.mark.parametrize("name", ["twilio", "telnyx", "plivo"])
async def test_failures_are_logged_without_secrets(
    asked: Asked, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A refusal, nobody there, and somebody who never answers: one line each, with no key, name or number in it."""
    monkeypatch.setattr(rest, "TIMEOUT_SECS", 0.05)
    asked.answer = (401, '{"message": "+14158675309 may not"}')
    await at(asked.url)[name].hang_up(STARTS[name])
    await at(NOBODY)[name].hang_up(STARTS[name])
    asked.answers = False
    await at(asked.url)[name].hang_up(STARTS[name])

    fields = [vars(record)["fields"] for record in caplog.records]
    assert [record.getMessage() for record in caplog.records] == ["call not ended"] * 3
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert fields == [
        {"provider": name, "status": 401},
        {"provider": name, "error": "ClientConnectorError"},
        {"provider": name, "error": "TimeoutError"},
    ]


async def test_vonage_and_exotel_end_calls_by_the_socket() -> None:
    """Nothing is asked of anybody: their calls end with the stream."""
    await Vonage(VONAGE_KEY, VONAGE_SECRET).hang_up(STARTS["vonage"])
    await Exotel("exotel", "password").hang_up(STARTS["exotel"])


@pytest.mark.parametrize("name", ["twilio", "telnyx", "plivo"])
async def test_a_call_without_a_name_is_not_ended_by_it(asked: Asked, name: str) -> None:
    """A stream that did not name its call must not end another one, or all of them."""
    await at(asked.url)[name].hang_up(MediaStart("s", "", 8000, "PCMU"))
    assert asked.requests == []


async def test_twilio_calls_somebody(asked: Asked) -> None:
    """www.twilio.com/docs/voice/api/call-resource: To, From and Url; the answer's sid names the call."""
    asked.answer = (201, '{"sid": "CA1", "status": "queued"}')
    dialler = TwilioDialler(ACCOUNT, TOKEN, "+15005550006", api_url=asked.url)

    assert await dialler.dial("+14155551212", "https://interpreter.example/telephony/twilio/voice") == "CA1"
    form = {
        "To": "+14155551212",
        "From": "+15005550006",
        "Url": "https://interpreter.example/telephony/twilio/voice",
    }
    assert asked.requests == [("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json", basic(ACCOUNT, TOKEN), form)]


@pytest.mark.parametrize("number", ["", "14155551212", "+0123456789", "+1415555121x", "sip:a@b.example", "+1" * 20])
async def test_only_numbers_are_called(asked: Asked, number: str) -> None:
    """What is none is refused before anybody is asked."""
    with pytest.raises(ValueError, match="E\\.164"):
        await TwilioDialler(ACCOUNT, TOKEN, "+15005550006", api_url=asked.url).dial(number, "https://a.example/")
    assert asked.requests == []


@pytest.mark.parametrize(
    "answer", [(400, '{"code": 21211, "message": "+1415 is not valid"}'), (201, "{}"), (500, "<")]
)
async def test_a_refused_call_says_why_without_a_number(asked: Asked, answer: tuple[int, str]) -> None:
    """Twilio's status and code; its words may hold the number."""
    asked.answer = answer
    with pytest.raises(DialError, match=str(answer[0])) as raised:
        await TwilioDialler(ACCOUNT, TOKEN, "+15005550006", api_url=asked.url).dial("+14155551212", "https://a/")
    assert "1415" not in str(raised.value)


async def test_nobody_to_call_through_is_told() -> None:
    """By the kind of the error."""
    with pytest.raises(DialError, match="ClientConnectorError"):
        await TwilioDialler(ACCOUNT, TOKEN, "+15005550006", api_url=NOBODY).dial("+14155551212", "https://a/")


def test_providers_are_asked_where_they_are() -> None:
    """Unless a test says otherwise, over HTTPS."""
    assert vars(provider("twilio"))["_api_url"] == "https://api.twilio.com"
    assert vars(provider("telnyx"))["_api_url"] == "https://api.telnyx.com"
    assert vars(provider("plivo"))["_api_url"] == "https://api.plivo.com"
