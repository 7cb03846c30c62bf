"""Vonage's wire: the Voice API with a WebSocket as one end of the call.

Sources, under ``developer.vonage.com/en``: ``voice/voice-api/concepts/websockets`` (messages, how a call ends),
``voice/voice-api/ncco-reference`` (document), ``voice/voice-api/webhook-reference`` (what an answer webhook holds),
``getting-started/concepts/webhooks`` (its signature).
"""

import hashlib
import json
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import jwt
from pipecat.frames.frames import Frame
from pipecat.serializers.vonage import VonageFrameSerializer

from telephony import messages
from telephony.phone_serializer import L16, MarkReachedFrame, PhoneSerializer, button
from telephony.provider import MAX_AGE_SECS, Document, IncomingCall, MediaStart, Notice, WebhookRequest
from telephony.replays import Replays
from telephony.voices import VOICES, voice_for

RATES_HZ = (8000, 16000, 24000)
_CONTENT_TYPE = re.compile(r"audio/l16; ?rate=(8000|16000|24000)")
_CLAIMS = ["iat", "api_key", "payload_hash"]


class VonageSerializer(PhoneSerializer):
    """A WebSocket of Vonage's: linear PCM in binary messages of 20 ms, all else as JSON, marks by ``notify``."""

    def __init__(self, rate_hz: int):
        """Make one for a stream of this rate."""
        params = VonageFrameSerializer.InputParams(vonage_sample_rate=rate_hz, resampler_clear_after_secs=None)
        super().__init__(VonageFrameSerializer(params), L16)

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """See :class:`~telephony.phone_serializer.PhoneSerializer`."""
        return await self._heard(data) if isinstance(data, bytes) else await super().deserialize(data)

    def media(self, payload: bytes) -> bytes:
        """See :class:`~telephony.phone_serializer.PhoneSerializer`."""
        return payload

    def _payload(self, message: dict[str, Any]) -> None:
        return None

    def _happening(self, message: dict[str, Any]) -> Frame | None:
        event = message.get("event")
        if event == "websocket:dtmf":
            return button(message.get("digit"))
        reached = messages.text(message, "payload", "mark") if event == "websocket:notify" else ""
        return MarkReachedFrame(reached) if reached else None

    def _mark(self, mark: str) -> Sequence[str]:
        return [json.dumps({"action": "notify", "payload": {"mark": mark}})]


class Vonage:
    """Vonage, for one account."""

    name = "vonage"

    def __init__(
        self,
        api_key: str,
        signature_secret: str,
        *,
        media_rate_hz: int = 16000,
        now: Callable[[], float] = time.time,
    ):
        """Make it.

        Args:
            api_key: Of the account whose webhooks are believed.
            signature_secret: Of the same account.
            media_rate_hz: Of the audio in both directions, one of :data:`RATES_HZ`.
            now: Seconds since 1970.

        Raises:
            ValueError: Vonage has no such rate.
        """
        if media_rate_hz not in RATES_HZ:
            raise ValueError(
                f"expected a rate that Vonage has ({', '.join(map(str, RATES_HZ))}), got {media_rate_hz}"
            )
        self._api_key = api_key
        self._signature_secret = signature_secret
        self._media_rate_hz = media_rate_hz
        self._now = now
        self._replays = Replays()

    def refusal(self, request: WebhookRequest) -> str | None:
        """See :class:`~telephony.provider.Provider`; the token has its time and the hash of the body."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return "no token of Vonage's in Authorization"
        try:
            options: Any = {"require": _CLAIMS, "verify_iat": False}
            claims = jwt.decode(token, self._signature_secret, algorithms=["HS256"], options=options)
        except jwt.InvalidTokenError:
            return "the token does not fit"
        return self._refused_claims(claims, request.body) or self._replayed(token)

    def speaks(self, language: str) -> bool:
        """See :class:`~telephony.provider.Provider`."""
        return language in VOICES

    def incoming(self, request: WebhookRequest) -> IncomingCall:
        """See :class:`~telephony.provider.Provider`."""
        body = messages.read(request.body)
        call_id, caller, dialled = (messages.text(body, name) for name in ("uuid", "from", "to"))
        if not call_id or not dialled:
            raise ValueError(
                "expected uuid and to in the JSON of Vonage's answer webhook, which is to be sent by POST"
            )
        if messages.found(body, "status") is not None:
            raise ValueError(
                "expected uuid and to of an answer webhook of Vonage's, got an event: it has another URL"
            )
        return IncomingCall(call_id, caller, dialled)

    def document(self, stream_url: str, notices: Sequence[Notice]) -> Document:
        """See :class:`~telephony.provider.Provider`."""
        endpoint = {
            "type": "websocket",
            "uri": stream_url,
            "content-type": f"audio/l16;rate={self._media_rate_hz}",
        }
        talks = [
            {"action": "talk", "text": notice.text, "language": voice_for(notice.language).locale}
            for notice in notices
        ]
        return Document("application/json", json.dumps([*talks, {"action": "connect", "endpoint": [endpoint]}]))

    def start_of(self, data: str | bytes) -> MediaStart | None:
        """See :class:`~telephony.provider.Provider`; Vonage's first message names neither stream nor call."""
        message = messages.read(data) if isinstance(data, str) else None
        if message is None or message.get("event") != "websocket:connected":
            return None
        audio = messages.text(message, "content-type")
        rate = _CONTENT_TYPE.fullmatch(audio)
        if rate is None:
            raise ValueError(f"expected audio/l16 with a rate that Vonage has, got {audio[:40]!r}")
        return MediaStart("", "", int(rate[1]), L16)

    def serializer(self, start: MediaStart) -> VonageSerializer:
        """See :class:`~telephony.provider.Provider`."""
        return VonageSerializer(start.rate_hz)

    async def hang_up(self, start: MediaStart) -> None:
        """Do nothing: the document ends with the connection, and with the document the call."""

    def _refused_claims(self, claims: dict[str, Any], body: bytes) -> str | None:
        if claims["api_key"] != self._api_key:
            return "the token is another account's"
        if claims["payload_hash"] != hashlib.sha256(body).hexdigest():
            return "the token is another body's"
        issued_at = claims["iat"]
        if not isinstance(issued_at, int) or abs(self._now() - issued_at) > MAX_AGE_SECS:
            return "the token's time is too far from now"
        return None

    def _replayed(self, token: str) -> str | None:
        # What is signed: the signature itself can be written in several ways.
        return None if self._replays.is_first(token.rpartition(".")[0]) else "came before"
