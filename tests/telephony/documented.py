"""Messages as the providers' documents show them, and requests signed as they would sign them.

The pages are named beside each; payloads, which pages shorten, are whole.
"""

import base64
import hashlib
import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from plivo.utils.signature_v3 import construct_post_url, get_signature_v3
from twilio.request_validator import RequestValidator

from telephony.exotel import Exotel
from telephony.plivo import Plivo
from telephony.provider import MediaStart, Provider, WebhookRequest
from telephony.telnyx import Telnyx
from telephony.twilio import Twilio
from telephony.vonage import Vonage

Message = dict[str, Any]
VOICE_URL = "https://interpreter.example/telephony/{}/voice"
STREAM_URL = "wss://interpreter.example/telephony/{}/stream/kX3-token"
CALLER, DIALLED = "+14158675309", "+18005551212"

TWILIO_TOKEN = "12345"
TWILIO_STREAM = "MZXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
TWILIO_CALL = "CAXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
# www.twilio.com/docs/voice/media-streams/websocket-messages
TWILIO_CONNECTED: Message = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
TWILIO_START: Message = {
    "event": "start",
    "sequenceNumber": "1",
    "start": {
        "accountSid": "ACXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
        "streamSid": TWILIO_STREAM,
        "callSid": TWILIO_CALL,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"FirstName": "Jane", "LastName": "Doe", "RemoteParty": "Bob"},
    },
    "streamSid": TWILIO_STREAM,
}
TWILIO_DTMF: Message = {
    "event": "dtmf",
    "streamSid": TWILIO_STREAM,
    "sequenceNumber": "5",
    "dtmf": {"track": "inbound_track", "digit": "1"},
}
TWILIO_STOP: Message = {
    "event": "stop",
    "sequenceNumber": "5",
    "stop": {"accountSid": "ACXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", "callSid": TWILIO_CALL},
    "streamSid": TWILIO_STREAM,
}
TWILIO_MARK: Message = {
    "event": "mark",
    "sequenceNumber": "4",
    "streamSid": TWILIO_STREAM,
    "mark": {"name": "my label"},
}

TELNYX_STREAM = "32DE0DEA-53CB-4B21-89A4-9E1819C043BC"
TELNYX_CALL = "v2:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ"
# developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket
TELNYX_CONNECTED: Message = {"event": "connected", "version": "1.0.0"}
TELNYX_START: Message = {
    "event": "start",
    "sequence_number": "1",
    "stream_id": TELNYX_STREAM,
    "start": {
        "user_id": "3E6F995F-85F7-4705-9741-53B116D28237",
        "call_control_id": TELNYX_CALL,
        "call_session_id": "ff55a038-6f5d-11ef-9692-02420aeffb1f",
        "from": "+13122010094",
        "to": "+13122123456",
        "tags": ["TAG1", "TAG2"],
        "client_state": "aGF2ZSBhIG5pY2UgZGF5ID1d",
        "custom_parameters": {"customer_id": "customer_123"},
        "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
    },
}
TELNYX_DTMF: Message = {
    "event": "dtmf",
    "stream_id": TELNYX_STREAM,
    "occurred_at": "2025-06-05T08:54:19.698408Z",
    "sequence_number": "5",
    "dtmf": {"digit": "#"},
}
TELNYX_STOP: Message = {
    "event": "stop",
    "sequence_number": "5",
    "stop": {"user_id": "3E6F995F-85F7-4705-9741-53B116D28237", "call_control_id": TELNYX_CALL},
    "stream_id": TELNYX_STREAM,
}
TELNYX_MARK: Message = {
    "event": "mark",
    "sequence_number": "4",
    "stream_id": TELNYX_STREAM,
    "mark": {"name": "my label"},
}
TELNYX_ERROR: Message = {
    "event": "error",
    "stream_id": TELNYX_STREAM,
    "payload": {"code": 100002, "title": "malformed_frame", "detail": "bad"},
}

PLIVO_STREAM = "87654321-4321-4321-4321-cba987654321"
PLIVO_CALL = "12345678-1234-1234-1234-123456789abc"
PLIVO_TOKEN = "plivo-token"
# plivo.com/docs/voice/audio-streaming/audio-streaming
PLIVO_START: Message = {
    "event": "start",
    "sequenceNumber": 1,
    "start": {
        "callId": PLIVO_CALL,
        "streamId": PLIVO_STREAM,
        "accountId": "MAXXXXXXXXXXXXXXXXXX",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
    },
    "extra_headers": "userId=12345;sessionId=abc-xyz",
}
PLIVO_DTMF: Message = {
    "event": "dtmf",
    "sequenceNumber": 7,
    "streamId": PLIVO_STREAM,
    "dtmf": {"track": "inbound", "digit": "*", "timestamp": "1700000000000"},
}
# plivo.com/docs/voice/xml/the-stream-element/checkpoint-event
PLIVO_PLAYED: Message = {"event": "playedStream", "streamId": PLIVO_STREAM, "name": "customer greeting audio"}
PLIVO_CLEARED: Message = {"event": "clearedAudio", "streamId": PLIVO_STREAM, "sequenceNumber": 9}

VONAGE_CALL = "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
VONAGE_KEY, VONAGE_SECRET = "abcd1234", "a secret of Vonage's that has 32 bytes or more"
# developer.vonage.com/en/voice/voice-api/concepts/websockets
VONAGE_CONNECTED: Message = {
    "event": "websocket:connected",
    "content-type": "audio/l16;rate=16000",
    "language": "en-GB",
    "callerID": "447700900123",
}
VONAGE_DTMF: Message = {"event": "websocket:dtmf", "digit": "5", "duration": 260}
VONAGE_CLEARED: Message = {"event": "websocket:cleared"}

EXOTEL_STREAM = "MZxxxxxxxxxxxxxxxxxxxxxxxx"
EXOTEL_CALL = "CAxxxxxxxxxxxxxxxxxxxxxxxx"
# developer.exotel.com/docs/agentstream/websocket-protocol
EXOTEL_CONNECTED: Message = {"event": "connected"}
EXOTEL_START: Message = {
    "event": "start",
    "sequence_number": "1",
    "stream_sid": EXOTEL_STREAM,
    "start": {
        "stream_sid": EXOTEL_STREAM,
        "call_sid": EXOTEL_CALL,
        "account_sid": "ACxxxxxxxxxxxxxxxxxxxxxxxx",
        "from": "+919876543210",
        "to": "+918047491899",
        "custom_parameters": {"key1": "value1"},
        "media_format": {"encoding": "audio/x-raw", "sample_rate": "8000", "bit_rate": "16"},
    },
}
EXOTEL_DTMF: Message = {
    "event": "dtmf",
    "sequence_number": "7",
    "stream_sid": EXOTEL_STREAM,
    "dtmf": {"digit": "5", "duration": "100"},
}
EXOTEL_MARK: Message = {
    "event": "mark",
    "sequence_number": "15",
    "stream_sid": EXOTEL_STREAM,
    "mark": {"name": "my label"},
}
EXOTEL_STOP: Message = {
    "event": "stop",
    "sequence_number": "20",
    "stream_sid": EXOTEL_STREAM,
    "stop": {"call_sid": EXOTEL_CALL, "account_sid": "ACxxxxxxxxxxxxxxxxxxxxxxxx", "reason": "callended"},
}

STARTS = {
    "twilio": MediaStart(TWILIO_STREAM, TWILIO_CALL, 8000, "PCMU"),
    "telnyx": MediaStart(TELNYX_STREAM, TELNYX_CALL, 8000, "PCMU", caller="+13122010094", dialled="+13122123456"),
    "plivo": MediaStart(PLIVO_STREAM, PLIVO_CALL, 8000, "PCMU"),
    "vonage": MediaStart("", "", 16000, "L16"),
    "exotel": MediaStart(EXOTEL_STREAM, EXOTEL_CALL, 8000, "L16", caller="+919876543210", dialled="+918047491899"),
}
"""What the documented starts say."""
TELNYX_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def text(message: Message) -> str:
    """A message as it goes over a socket."""
    return json.dumps(message)


def base64_of(data: bytes) -> str:
    """As it stands in messages and headers."""
    return base64.b64encode(data).decode()


def public_key_of(key: Ed25519PrivateKey) -> str:
    """As Telnyx' portal shows it."""
    return base64_of(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def twilio_media(payload: bytes, *, track: str = "inbound", chunk: int = 2) -> Message:
    """www.twilio.com/docs/voice/media-streams/websocket-messages#media-message."""
    media = {"track": track, "chunk": str(chunk), "timestamp": "5", "payload": base64_of(payload)}
    return {"event": "media", "sequenceNumber": "4", "media": media, "streamSid": TWILIO_STREAM}


def telnyx_media(payload: bytes, *, track: str = "inbound", chunk: int = 2) -> Message:
    """developers.telnyx.com/docs/voice/programmable-voice/media-streaming."""
    media = {"track": track, "chunk": str(chunk), "timestamp": "5", "payload": base64_of(payload)}
    return {"event": "media", "sequence_number": "4", "media": media, "stream_id": TELNYX_STREAM}


def plivo_media(payload: bytes, *, track: str = "inbound", chunk: int = 2) -> Message:
    """plivo.com/docs/voice/audio-streaming/audio-streaming."""
    media = {"track": track, "chunk": chunk, "timestamp": "1700000000000", "payload": base64_of(payload)}
    return {"event": "media", "sequenceNumber": 4, "streamId": PLIVO_STREAM, "media": media}


def exotel_media(payload: bytes, *, chunk: int = 2) -> Message:
    """developer.exotel.com/docs/agentstream/websocket-protocol."""
    media = {"chunk": str(chunk), "timestamp": "200", "payload": base64_of(payload)}
    return {"event": "media", "sequence_number": "3", "stream_sid": EXOTEL_STREAM, "media": media}


def twilio_webhook(form: dict[str, str] | None = None, *, token: str = TWILIO_TOKEN) -> WebhookRequest:
    """www.twilio.com/docs/voice/twiml: what a voice webhook holds."""
    url = VOICE_URL.format("twilio")
    if form is None:
        form = {"CallSid": TWILIO_CALL, "From": CALLER, "To": DIALLED, "CallStatus": "ringing"}
    signature = RequestValidator(token).compute_signature(url, form)
    return WebhookRequest("POST", url, {"x-twilio-signature": signature}, b"", form)


def telnyx_webhook(
    form: dict[str, str] | None = None, *, key: Ed25519PrivateKey = TELNYX_KEY, age_secs: float = 0
) -> WebhookRequest:
    """developers.telnyx.com/api-reference/callbacks/texml-call-initiated: its fields, headers and signature."""
    if form is None:
        form = {"CallSid": TELNYX_CALL, "From": CALLER, "To": DIALLED, "CallStatus": "initiated"}
    body = "&".join(f"{name}={value}" for name, value in form.items()).encode()
    timestamp = str(round(time.time() - age_secs))
    signature = base64_of(key.sign(timestamp.encode() + b"|" + body))
    headers = {"telnyx-signature-ed25519": signature, "telnyx-timestamp": timestamp}
    return WebhookRequest("POST", VOICE_URL.format("telnyx"), headers, body, form)


def plivo_webhook(
    form: dict[str, str] | None = None, *, token: str = PLIVO_TOKEN, nonce: str = "05429567804466091622"
) -> WebhookRequest:
    """plivo.com/docs/voice/concepts/signature-validation."""
    url = VOICE_URL.format("plivo")
    if form is None:
        form = {"CallUUID": PLIVO_CALL, "From": CALLER, "To": DIALLED, "CallStatus": "ringing"}
    signature = get_signature_v3(token.encode(), construct_post_url(url, dict(form)).decode(), nonce.encode())
    headers = {"x-plivo-signature-v3": signature.decode(), "x-plivo-signature-v3-nonce": nonce}
    return WebhookRequest("POST", url, headers, b"", form)


def vonage_webhook(
    body: Message | None = None, *, secret: str = VONAGE_SECRET, age_secs: float = 0, claims: Message | None = None
) -> WebhookRequest:
    """developer.vonage.com/en/getting-started/concepts/webhooks: a JWT over the hash of the body.

    What the answer webhook holds is of ``voice/voice-api/webhook-reference``.
    """
    if body is None:
        conversation = "CON-aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
        body = {"from": "14158675309", "to": "18005551212", "uuid": VONAGE_CALL, "conversation_uuid": conversation}
    raw = json.dumps(body, separators=(",", ":")).encode()
    whole = {
        "iat": round(time.time() - age_secs),
        "jti": "c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5",
        "iss": "Vonage",
        "payload_hash": hashlib.sha256(raw).hexdigest(),
        "api_key": VONAGE_KEY,
        "application_id": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
    }
    whole = {name: value for name, value in (whole | (claims or {})).items() if value is not None}
    headers = {"authorization": f"Bearer {jwt.encode(whole, secret, algorithm='HS256')}"}
    return WebhookRequest("POST", VOICE_URL.format("vonage"), headers, raw, {})


def exotel_handshake(user: str = "exotel", password: str = "a:password") -> WebhookRequest:
    """developer.exotel.com/docs/agentstream/stream-voicebot-applet: name and password as Basic authentication."""
    url = "https://interpreter.example/telephony/exotel/stream"
    headers = {"authorization": f"Basic {base64_of(f'{user}:{password}'.encode())}"}
    return WebhookRequest("GET", url, headers, b"", {})


def provider(name: str) -> Provider:
    """A provider with the credentials that the requests here are signed with."""
    makers: dict[str, Provider] = {
        "twilio": Twilio("ACXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", TWILIO_TOKEN),
        "telnyx": Telnyx(public_key_of(TELNYX_KEY), "an API key"),
        "plivo": Plivo("MAXXXXXXXXXXXXXXXXXX", PLIVO_TOKEN),
        "vonage": Vonage(VONAGE_KEY, VONAGE_SECRET),
        "exotel": Exotel("exotel", "a:password"),
    }
    return makers[name]
