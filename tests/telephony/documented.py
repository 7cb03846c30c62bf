"""Messages as providers' documents show them, and requests signed as they would."""

import base64
import json
from typing import Any

from twilio.request_validator import RequestValidator

from telephony.provider import MediaStart, WebhookRequest

VOICE_URL = "https://interpreter.example/telephony/{}/voice"
STREAM_URL = "wss://interpreter.example/telephony/{}/stream/kX3-token"
TWILIO_TOKEN = "12345"
TWILIO_STREAM = "MZXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
TWILIO_CALL = "CAXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"

# www.twilio.com/docs/voice/media-streams/websocket-messages
TWILIO_CONNECTED = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
TWILIO_START: dict[str, Any] = {
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
TWILIO_DTMF = {
    "event": "dtmf",
    "streamSid": TWILIO_STREAM,
    "sequenceNumber": "5",
    "dtmf": {"track": "inbound_track", "digit": "1"},
}
TWILIO_STOP = {
    "event": "stop",
    "sequenceNumber": "5",
    "stop": {"accountSid": "ACXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", "callSid": TWILIO_CALL},
    "streamSid": TWILIO_STREAM,
}
TWILIO_MARK = {"event": "mark", "sequenceNumber": "4", "streamSid": TWILIO_STREAM, "mark": {"name": "my label"}}


def base64_of(payload: bytes) -> str:
    """Audio as it stands in messages."""
    return base64.b64encode(payload).decode()


def twilio_media(payload: bytes, *, track: str = "inbound", chunk: int = 2) -> dict[str, Any]:
    """A ``media`` message of the same page."""
    media = {"track": track, "chunk": str(chunk), "timestamp": "5", "payload": base64_of(payload)}
    return {"event": "media", "sequenceNumber": "4", "media": media, "streamSid": TWILIO_STREAM}


def twilio_webhook(form: dict[str, str] | None = None, *, token: str = TWILIO_TOKEN) -> WebhookRequest:
    """A signed voice webhook; its fields are those of www.twilio.com/docs/voice/twiml."""
    url = VOICE_URL.format("twilio")
    if form is None:
        form = {"CallSid": TWILIO_CALL, "From": "+14158675309", "To": "+18005551212", "CallStatus": "ringing"}
    signature = RequestValidator(token).compute_signature(url, form)
    return WebhookRequest("POST", url, {"x-twilio-signature": signature}, b"", form)


def text(message: dict[str, Any]) -> str:
    """A message as it goes over a socket."""
    return json.dumps(message)


TWILIO = MediaStart(TWILIO_STREAM, TWILIO_CALL, 8000, "PCMU")
