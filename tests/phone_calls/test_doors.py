"""Who gets in by phone, and who does not: signatures, tokens and passwords, wrong, missing and used."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from pipelines.settings import SettingsError
from server import create_app
from telephony.provider import WebhookRequest
from tests.phone_calls.phones import ALL_PROVIDERS, WIRES, ask, phone_call, stream_path
from tests.support.servers import RunningServer, running_server, test_settings
from tests.support.waiting import until
from tests.telephony import documented

SIGNED = [name for name, wire in WIRES.items() if wire.webhook is not None]
NUMBER = "+18005551212"
ROOM_KEY = "a key of 16 or more characters"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[RunningServer]:
    """Takes calls of all providers, and has rooms."""
    async with running_server(**ALL_PROVIDERS, room_api_key=ROOM_KEY) as running:
        yield running


async def refused(server: RunningServer, path: str, **headers: str) -> int:
    """The status with which a stream is refused."""
    url = server.http_url.replace("http", "ws", 1) + path
    with pytest.raises(InvalidStatus) as raised:
        async with connect(url, proxy=None, additional_headers=headers):
            pass
    return raised.value.response.status_code


async def wait_until_gone(server: RunningServer) -> None:
    """Every call is over."""
    await until(lambda: server.sessions.active == 0 and server.sessions.pending == 0)


def genuine(name: str) -> WebhookRequest:
    """A webhook that the provider has signed."""
    webhook = WIRES[name].webhook
    assert webhook is not None
    return webhook()


FORGED: dict[str, Callable[[], WebhookRequest]] = {
    "twilio": lambda: documented.twilio_webhook(token="another token"),
    "telnyx": lambda: documented.telnyx_webhook(key=Ed25519PrivateKey.generate()),
    "plivo": lambda: documented.plivo_webhook(token="another token"),
    "vonage": lambda: documented.vonage_webhook(secret="another secret that has 32 bytes or more"),
}


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("name", SIGNED)
async def test_only_the_provider_gets_a_document(
    server: RunningServer, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A stranger's signature and none at all are answered with 403, and a line that tells no number."""
    for request in (FORGED[name](), WebhookRequest("POST", documented.VOICE_URL.format(name), {}, b"", {})):
        status, body = await ask(server.http_url, request)
        assert (status, body) == (403, f"expected a request that {name} has signed\n")
    lines = [record for record in caplog.records if record.message == "webhook refused"]
    assert [vars(line)["fields"]["provider"] for line in lines] == [name, name]
    assert all(line.levelno == logging.WARNING for line in lines)
    assert documented.CALLER not in caplog.text


@pytest.mark.parametrize("name", SIGNED)
async def test_a_webhook_is_believed_once(name: str) -> None:
    """Whoever sends a request again that was genuine gets nothing."""
    async with running_server(**ALL_PROVIDERS) as server:
        request = genuine(name)
        assert (await ask(server.http_url, request))[0] == 200
        assert (await ask(server.http_url, request))[0] == 403


async def test_a_webhook_that_announces_no_call_is_told_so() -> None:
    """With what was expected."""
    async with running_server(**ALL_PROVIDERS) as server:
        status, body = await ask(server.http_url, documented.twilio_webhook({"Digits": "1"}))
        assert status == 400
        assert body.startswith("expected CallSid and To")


async def test_a_webhook_has_a_size(server: RunningServer) -> None:
    """No provider sends more."""
    request = WebhookRequest("POST", documented.VOICE_URL.format("twilio"), {}, bytes(70_000), {})
    assert (await ask(server.http_url, request))[0] == 413


async def test_a_token_lets_one_stream_in(server: RunningServer) -> None:
    """The second one with the same token is refused in the handshake, as is whoever has none."""
    async with running_server(**ALL_PROVIDERS) as fresh:
        path = await stream_path(fresh.http_url, WIRES["twilio"])
        async with phone_call(fresh.http_url, WIRES["twilio"], path=path):
            await until(lambda: fresh.sessions.active == 1)
            assert await refused(fresh, path) == 403
        await wait_until_gone(fresh)
    assert await refused(server, "/telephony/twilio/stream/AAAA") == 403
    assert await refused(server, "/telephony/twilio/stream/") in (403, 404)


async def test_a_token_is_the_providers_own() -> None:
    """Another provider's stream is refused with it."""
    async with running_server(**ALL_PROVIDERS) as server:
        path = await stream_path(server.http_url, WIRES["twilio"])
        assert await refused(server, path.replace("twilio", "plivo")) == 403


async def test_exotel_shows_its_password(server: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    """Wrong, or none: refused."""
    path = "/telephony/exotel/stream"
    wrong = documented.exotel_handshake(password="another").headers
    assert await refused(server, path, **wrong) == 403
    assert await refused(server, path) == 403
    assert [record.message for record in caplog.records].count("stream refused") == 2
    async with phone_call(server.http_url, WIRES["exotel"]):
        await until(lambda: server.sessions.active == 1)
    await wait_until_gone(server)


async def test_without_a_secret_there_are_no_routes() -> None:
    """Of a provider that is not configured."""
    async with running_server() as server:
        for name in WIRES:
            request = WebhookRequest("POST", documented.VOICE_URL.format(name), {}, b"", {})
            assert (await ask(server.http_url, request))[0] == 404
            assert await refused(server, f"/telephony/{name}/stream/x") in (403, 404)
            assert await refused(server, f"/telephony/{name}/stream") in (403, 404)


async def test_notices_are_spoken_by_the_provider() -> None:
    """In the languages of the call, before the stream."""
    settings = {**ALL_PROVIDERS, "telephony_language": "ko"}
    async with running_server(**settings) as server:
        _, document = await ask(server.http_url, genuine("twilio"))
        assert document.index("이 통화는 기계가 통역합니다.") < document.index("<Connect>")
        assert "This call" not in document


async def test_a_busy_server_takes_no_call(server: RunningServer) -> None:
    """The provider is told that it failed, and does what it is set to do then."""
    async with running_server(**ALL_PROVIDERS) as full:
        full.sessions.shut = True
        assert (await ask(full.http_url, genuine("twilio")))[0] == 503


async def _room(server: RunningServer, *seats: dict[str, str]) -> dict[str, Any]:
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {ROOM_KEY}"}) as session,
        session.post(f"{server.http_url}/rooms", json={"seats": seats}) as response,
    ):
        assert response.status == 201, await response.text()
        made: dict[str, Any] = await response.json()
        return made


async def _here(server: RunningServer, room: dict[str, Any]) -> list[bool]:
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {ROOM_KEY}"}) as session,
        session.get(f"{server.http_url}/rooms/{room['id']}") as response,
    ):
        return ["hereSecs" in seat for seat in (await response.json())["seats"]]


@pytest.mark.parametrize("name", ["twilio", "exotel"])
async def test_a_number_that_a_seat_claims_leads_there(name: str) -> None:
    """Whatever other callers get; Exotel's fixed stream says itself which number was dialled."""
    numbers = {"twilio": documented.DIALLED, "exotel": documented.EXOTEL_START["start"]["to"]}
    async with running_server(**ALL_PROVIDERS, room_api_key=ROOM_KEY) as server:
        seats = [{"language": "ko", "kind": "phone", "number": numbers[name]}, {"language": "en"}]
        room = await _room(server, *seats)
        assert await _here(server, room) == [False, False]
        async with phone_call(server.http_url, WIRES[name]):
            await until(lambda: server.sessions.active == 1)
            assert await _here(server, room) == [True, False]
        await wait_until_gone(server)
        assert server.emulator.sessions == [] or name == "exotel"


async def test_a_code_leads_to_its_seat() -> None:
    """Typed on the keypad, where callers are asked for one."""
    settings = {**ALL_PROVIDERS, "room_api_key": ROOM_KEY, "telephony_answer": "code"}
    async with running_server(**settings) as server:
        room = await _room(server, {"language": "ko", "kind": "phone"}, {"language": "en"})
        async with phone_call(server.http_url, WIRES["plivo"]) as phone:
            for key in f"{room['seats'][0]['code']}#":
                await phone.press(key)
            while await _here(server, room) != [True, False]:  # noqa: ASYNC110 - nobody sets an event
                await asyncio.sleep(0.02)
        await wait_until_gone(server)


async def test_whoever_the_server_calls_sits_in_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call's webhook carries the seat's token; with a wrong one nobody gets in."""
    dialled: list[tuple[str, str]] = []

    async def dial(dialler: object, number: str, voice_url: str) -> str:
        dialled.append((number, voice_url))
        return "CA1"

    monkeypatch.setattr("telephony.dialling.TwilioDialler.dial", dial)
    settings = {**ALL_PROVIDERS, "room_api_key": ROOM_KEY, "twilio_number": "+15005550006"}
    async with running_server(**settings) as server:
        room = await _room(server, {"language": "ko", "kind": "phone", "dial": NUMBER}, {"language": "en"})
        ((number, url),) = dialled
        assert number == NUMBER
        assert url.startswith("https://interpreter.example/telephony/twilio/voice?seat=")
        status, document = await ask(server.http_url, _twilio_asks(url))
        assert status == 200
        path = document.partition("wss://interpreter.example")[2].partition('"')[0]
        async with phone_call(server.http_url, WIRES["twilio"], path=path):
            await until(lambda: server.sessions.active == 1)
            assert await _here(server, room) == [True, False]
        await wait_until_gone(server)
        assert (await ask(server.http_url, _twilio_asks(url + "x")))[0] == 503


def _twilio_asks(url: str) -> WebhookRequest:
    """Twilio's signed question what to do with a call that it placed."""
    form = {"CallSid": documented.TWILIO_CALL, "From": "+15005550006", "To": NUMBER, "CallStatus": "in-progress"}
    signature = RequestValidator(documented.TWILIO_TOKEN).compute_signature(url, form)
    return WebhookRequest("POST", url, {"x-twilio-signature": signature}, b"", form)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"exotel_user": "a:b"}, "EXOTEL: expected a name without a colon"),
        ({"telephony_language": "ja"}, "TELEPHONY_LANGUAGE: "),
    ],
)
async def test_what_is_set_wrong_ends_the_start(wrong: dict[str, str], message: str) -> None:
    """With the setting's name."""
    with pytest.raises(SettingsError, match=message):
        create_app(test_settings(**{**ALL_PROVIDERS, **wrong}))


async def test_codes_need_rooms() -> None:
    """Which several workers do not have."""
    with pytest.raises(ValueError, match="TELEPHONY_ANSWER"):
        test_settings(**ALL_PROVIDERS, telephony_answer="code", max_rooms=0)
