"""Whose webhooks are believed, and what they say: right, wrong, missing, replayed, for each provider."""

import base64
import dataclasses
import time
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from telephony import providers
from telephony.exotel import Exotel
from telephony.provider import IncomingCall, WebhookRequest
from telephony.replays import Replays
from telephony.telnyx import Telnyx
from telephony.vonage import Vonage
from tests.telephony.documented import (
    CALLER,
    DIALLED,
    PLIVO_CALL,
    TELNYX_CALL,
    TELNYX_KEY,
    TWILIO_CALL,
    VONAGE_CALL,
    VONAGE_KEY,
    VONAGE_SECRET,
    exotel_handshake,
    plivo_webhook,
    provider,
    public_key_of,
    telnyx_webhook,
    twilio_webhook,
    vonage_webhook,
)

STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(32))
GENUINE: dict[str, Callable[[], WebhookRequest]] = {
    "twilio": twilio_webhook,
    "telnyx": telnyx_webhook,
    "plivo": plivo_webhook,
    "vonage": vonage_webhook,
    "exotel": exotel_handshake,
}
FORGED = {
    "twilio": [twilio_webhook(token="54321")],
    "telnyx": [telnyx_webhook(key=STRANGER)],
    "plivo": [plivo_webhook(token="another")],
    "vonage": [
        vonage_webhook(secret="another secret that has 32 bytes or more, too"),
        vonage_webhook(claims={"api_key": "else"}),
    ],
    "exotel": [exotel_handshake(password="a:passwore"), exotel_handshake(user="Exotel")],
}


def without_headers(request: WebhookRequest) -> WebhookRequest:
    """The same, signed by nobody."""
    return dataclasses.replace(request, headers={})


def test_the_signature_of_twilios_own_example_is_believed() -> None:
    """twilio-python's ``tests/unit/test_request_validator.py``: URL, fields, token 12345, and the signature."""
    form = {"CallSid": "CA1234567890ABCDE", "Caller": CALLER, "Digits": "1234", "From": CALLER, "To": DIALLED}
    headers = {"x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}
    request = WebhookRequest("POST", "https://mycompany.com/myapp.php?foo=1&bar=2", headers, b"", form)

    assert provider("twilio").refusal(request) is None


@pytest.mark.parametrize("name", providers.NAMES)
def test_genuine_requests_are_believed_and_others_are_not(name: str) -> None:
    """By the account's secret alone; what has no signature, or a stranger's, is refused with a reason."""
    believer = provider(name)

    assert believer.refusal(GENUINE[name]()) is None
    assert str(believer.refusal(without_headers(GENUINE[name]()))).startswith("no ")
    for forged in FORGED[name]:
        assert believer.refusal(forged) is not None


@pytest.mark.parametrize("name", ["twilio", "telnyx", "plivo", "vonage"])
def test_a_genuine_request_is_believed_once(name: str) -> None:
    """Whoever has read one cannot send it again; the provider's next one is believed."""
    believer = provider(name)
    request = GENUINE[name]()

    assert believer.refusal(request) is None
    assert believer.refusal(request) == "came before"


@pytest.mark.parametrize("name", ["telnyx", "vonage"])
def test_a_replayed_signature_cannot_be_written_in_another_way(name: str) -> None:
    """Base64 has spare bits: a signature that differs in them only is the same one."""
    believer = provider(name)
    request = GENUINE[name]()
    header = {"telnyx": "telnyx-signature-ed25519", "vonage": "authorization"}[name]
    value = request.headers[header]
    last = value.rstrip("=")[-1]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + (
        "-_" if name == "vonage" else "+/"
    )
    spare = alphabet[alphabet.index(last) ^ 1]
    padding = "=" * (len(value) - len(value.rstrip("=")))
    varied = dataclasses.replace(
        request, headers={**request.headers, header: value.rstrip("=")[:-1] + spare + padding}
    )

    assert believer.refusal(request) is None
    assert believer.refusal(varied) is not None


@pytest.mark.parametrize("name", ["twilio", "plivo"])
def test_a_signature_is_of_one_form_and_one_url(name: str) -> None:
    """Neither field nor address can be changed."""
    request = GENUINE[name]()
    changed = dataclasses.replace(request, form={**request.form, "To": "+1900"})
    elsewhere = dataclasses.replace(request, url="https://elsewhere.example/voice")

    assert "does not fit" in str(provider(name).refusal(changed))
    assert "does not fit" in str(provider(name).refusal(elsewhere))


@pytest.mark.parametrize("name", ["telnyx", "vonage"])
def test_a_signature_is_of_one_body(name: str) -> None:
    """Whose bytes cannot be changed."""
    request = GENUINE[name]()
    assert provider(name).refusal(dataclasses.replace(request, body=request.body + b" ")) is not None


@pytest.mark.parametrize("age_secs", [301, -301])
def test_old_requests_are_not_believed(age_secs: int) -> None:
    """Where the provider signs a time, it is to be near ours, before or after."""
    assert "too far" in str(provider("telnyx").refusal(telnyx_webhook(age_secs=age_secs)))
    assert "too far" in str(provider("vonage").refusal(vonage_webhook(age_secs=age_secs)))


def test_vonages_token_says_all_that_is_checked() -> None:
    """A token without its time, its account or the hash of the body proves nothing; nor one of no algorithm."""
    for claim in ("iat", "api_key", "payload_hash"):
        assert provider("vonage").refusal(vonage_webhook(claims={claim: None})) == "the token does not fit"
    assert provider("vonage").refusal(vonage_webhook(claims={"iat": "now"})) is not None
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    request = vonage_webhook()
    claims = request.headers["authorization"].split(".")[1]
    unsigned = dataclasses.replace(request, headers={"authorization": f"Bearer {head}.{claims}."})
    assert provider("vonage").refusal(unsigned) == "the token does not fit"


@pytest.mark.parametrize("name", providers.NAMES)
@given(values=st.lists(st.text(max_size=200), min_size=3, max_size=3), body=st.binary(max_size=50))
def test_no_header_raises(name: str, values: list[str], body: bytes) -> None:
    """Whatever strangers put into headers, URL and body, they are refused and nothing else happens."""
    names = ["telnyx-timestamp", "x-plivo-signature-v3-nonce"]
    signatures = ["x-twilio-signature", "telnyx-signature-ed25519", "x-plivo-signature-v3"]
    headers = dict.fromkeys(names, values[0]) | dict.fromkeys(signatures, values[1])
    for scheme in ("Bearer", "Basic"):
        request = WebhookRequest(
            "POST", f"https://a.example/{values[2]}", headers | {"authorization": f"{scheme} {values[1]}"}, body, {}
        )
        assert provider(name).refusal(request) is not None


def test_incoming_calls_are_read() -> None:
    """Who calls whom, by the provider's name of the call."""
    assert provider("twilio").incoming(twilio_webhook()) == IncomingCall(TWILIO_CALL, CALLER, DIALLED)
    assert provider("telnyx").incoming(telnyx_webhook()) == IncomingCall(TELNYX_CALL, CALLER, DIALLED)
    assert provider("plivo").incoming(plivo_webhook()) == IncomingCall(PLIVO_CALL, CALLER, DIALLED)
    assert provider("vonage").incoming(vonage_webhook()) == IncomingCall(VONAGE_CALL, CALLER[1:], DIALLED[1:])
    url = "https://interpreter.example/telephony/exotel/voice?CallSid=c1&CallFrom=%2B91987&CallTo=080474"
    request = dataclasses.replace(exotel_handshake(), url=url)
    assert provider("exotel").incoming(request) == IncomingCall("c1", "+91987", "080474")


@pytest.mark.parametrize("name", providers.NAMES)
def test_a_request_without_a_call_says_what_was_expected(name: str) -> None:
    """And which field."""
    for body in (b"", b"[]", b'{"uuid": 1, "to": {}}'):
        with pytest.raises(ValueError, match=r"^expected .*(CallSid|CallUUID|uuid) and "):
            provider(name).incoming(WebhookRequest("POST", "https://a.example/", {}, body, {"From": CALLER}))


@pytest.mark.parametrize("status", ["completed", "no-answer", "busy"])
def test_a_call_that_is_over_is_not_answered(status: str) -> None:
    """plivo.com/docs/voice/api/application: the hangup URL is the answer URL, unless another one is set."""
    form = {"CallUUID": PLIVO_CALL, "From": CALLER, "To": DIALLED, "CallStatus": status, "Event": "Hangup"}
    with pytest.raises(ValueError, match=f"got one that is {status}"):
        provider("plivo").incoming(plivo_webhook(form))


def test_an_event_of_vonages_announces_no_call() -> None:
    """developer.vonage.com/en/voice/voice-api/webhook-reference: only events have a status."""
    event = {"from": CALLER, "to": DIALLED, "uuid": VONAGE_CALL, "status": "ringing", "direction": "inbound"}
    with pytest.raises(ValueError, match="got an event"):
        provider("vonage").incoming(vonage_webhook(event))


def test_credentials_that_are_none_are_refused_at_once() -> None:
    """Before the first call."""
    with pytest.raises(ValueError, match="base64 of 32 bytes"):
        Telnyx("not a key", "key")
    with pytest.raises(ValueError, match="without a colon"):
        Exotel("a:b", "c")
    with pytest.raises(ValueError, match="got 44100"):
        Vonage(VONAGE_KEY, VONAGE_SECRET, media_rate_hz=44100)


def test_a_clock_decides_what_is_old() -> None:
    """Ours, whatever time the request came from."""
    request = telnyx_webhook()
    assert Telnyx(public_key_of(TELNYX_KEY), "key", now=lambda: time.time() + 290).refusal(request) is None
    assert Telnyx(public_key_of(TELNYX_KEY), "key", now=lambda: time.time() + 310).refusal(request) is not None


def test_what_was_believed_is_forgotten_in_its_order() -> None:
    """The memory holds so many requests, and no more."""
    replays = Replays(kept=2)
    assert [replays.is_first(key) for key in ("a", "b", "a", "c", "b", "a")] == [
        True,
        True,
        False,
        True,
        False,
        True,
    ]
