"""Telnyx' wire: TeXML with media streaming.

Sources, under ``developers.telnyx.com``: ``api-reference/websockets/stream-call-media-over-websocket`` and
``docs/voice/programmable-voice/media-streaming`` (messages), ``docs/voice/programmable-voice/texml-verbs/stream``
and ``.../say`` (document), ``api-reference/callbacks/texml-call-initiated`` (what a webhook holds, and its
signature), ``api-reference/call-commands/hangup-call``.
"""

import base64
import json
import time
from collections.abc import Callable, Sequence
from typing import Any
from xml.etree import ElementTree

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pipecat.serializers.telnyx import TelnyxFrameSerializer

from telephony import messages, rest, xml_document
from telephony.forms import announced
from telephony.hanging_up import ended
from telephony.json_serializer import JsonSerializer
from telephony.phone_serializer import PCMA, PCMU
from telephony.provider import MAX_AGE_SECS, Document, IncomingCall, MediaStart, Notice, WebhookRequest
from telephony.reordering import Reordering
from telephony.replays import Replays
from telephony.voices import VOICES, voice_for

API_URL = "https://api.telnyx.com"
_SPOKEN = PCMU
"""What callers hear: the document asks for it, whatever the line speaks."""
_OVER = frozenset({404, 422})
"""422 holds Telnyx' error 90018: the call has ended."""


class TelnyxSerializer(JsonSerializer):
    """A stream of Telnyx': μ-law or A-law in, μ-law out, 8 kHz, marks by ``mark``; audio may come out of order."""

    def __init__(self, start: MediaStart):
        """Make one for a stream."""
        params = TelnyxFrameSerializer.InputParams(auto_hang_up=False, resampler_clear_after_secs=None)
        codec = TelnyxFrameSerializer(
            start.stream_id, outbound_encoding=start.encoding, inbound_encoding=_SPOKEN, params=params
        )
        super().__init__(codec, start.encoding)
        self._order = Reordering()

    def _payload(self, message: dict[str, Any]) -> bytes | None:
        payload = super()._payload(message)
        if not payload:
            return payload
        chunk = messages.text(message, "media", "chunk")
        number = int(chunk) if chunk.isascii() and chunk.isdigit() and len(chunk) < 16 else None
        return self._order.take(number, payload)

    def _mark(self, mark: str) -> Sequence[str]:
        return [json.dumps({"event": "mark", "mark": {"name": mark}})]


class Telnyx:
    """Telnyx, for one account."""

    name = "telnyx"

    def __init__(
        self, public_key: str, api_key: str, *, api_url: str = API_URL, now: Callable[[], float] = time.time
    ):
        """Make it.

        Args:
            public_key: Of the account, base64, against which webhooks are checked.
            api_key: For its REST interface.
            api_url: Where that is.
            now: Seconds since 1970.

        Raises:
            ValueError: ``public_key`` is none.
        """
        try:
            self._public_key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        except ValueError:
            raise ValueError("expected Telnyx' public key: base64 of 32 bytes") from None
        self._api_key = api_key
        self._api_url = api_url
        self._now = now
        self._replays = Replays()

    def refusal(self, request: WebhookRequest) -> str | None:
        """See :class:`~telephony.provider.Provider`; the signature covers a timestamp and the body."""
        signature, timestamp = (
            request.headers.get(f"telnyx-{name}", "") for name in ("signature-ed25519", "timestamp")
        )
        if not signature or not timestamp:
            return "no telnyx-signature-ed25519 or no telnyx-timestamp"
        try:
            signature_bytes = base64.b64decode(signature, validate=True)
            self._public_key.verify(signature_bytes, timestamp.encode() + b"|" + request.body)
            age_secs = self._now() - int(timestamp)
        except (ValueError, InvalidSignature):
            return "telnyx-signature-ed25519 does not fit"
        if abs(age_secs) > MAX_AGE_SECS:
            return "telnyx-timestamp is too far from now"
        return None if self._replays.is_first(signature_bytes.hex()) else "came before"

    def speaks(self, language: str) -> bool:
        """See :class:`~telephony.provider.Provider`."""
        return language in VOICES

    def incoming(self, request: WebhookRequest) -> IncomingCall:
        """See :class:`~telephony.provider.Provider`."""
        return announced(request.form, "CallSid")

    def document(self, stream_url: str, notices: Sequence[Notice]) -> Document:
        """See :class:`~telephony.provider.Provider`."""
        response = ElementTree.Element("Response")
        for notice in notices:
            say = ElementTree.SubElement(response, "Say", voice=voice_for(notice.language).polly)
            say.text = xml_document.readable(notice.text)
        ElementTree.SubElement(
            ElementTree.SubElement(response, "Connect"),
            "Stream",
            url=stream_url,
            track="inbound_track",
            codec=PCMU,
            bidirectionalMode="rtp",
            bidirectionalCodec=_SPOKEN,
        )
        return xml_document.of(response)

    def start_of(self, data: str | bytes) -> MediaStart | None:
        """See :class:`~telephony.provider.Provider`; A-law comes where Telnyx leaves the line's own."""
        message = messages.read(data)
        if message is None or message.get("event") != "start":
            return None
        audio = messages.text(message, "start", "media_format", "encoding")
        rate_hz = messages.found(message, "start", "media_format", "sample_rate")
        if audio not in (PCMU, PCMA) or rate_hz != 8000:
            raise ValueError(f"expected a start with PCMU or PCMA at 8000 Hz, got {audio[:40]!r}")
        return MediaStart(
            messages.text(message, "stream_id"),
            messages.text(message, "start", "call_control_id"),
            8000,
            audio,
            caller=messages.text(message, "start", "from"),
            dialled=messages.text(message, "start", "to"),
        )

    def serializer(self, start: MediaStart) -> TelnyxSerializer:
        """See :class:`~telephony.provider.Provider`."""
        return TelnyxSerializer(start)

    async def hang_up(self, start: MediaStart) -> None:
        """See :class:`~telephony.provider.Provider`."""
        await ended(self.name, start.call_id, self._end, over=_OVER)

    async def _end(self, call: str) -> rest.Answer:
        url = f"{self._api_url}/v2/calls/{call}/actions/hangup"
        return await rest.request("POST", url, rest.bearer(self._api_key))
