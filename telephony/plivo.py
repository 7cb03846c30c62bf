"""Plivo's wire: voice with audio streaming.

Sources, under ``plivo.com/docs``: ``voice-agents/audio-streaming/concepts/audio-streaming-guide`` and
``.../audio-streaming-reference`` (messages, document), ``voice/xml/audio-output`` (``<Speak>``),
``voice/concepts/signature-validation`` (signature), ``voice/api/call/hangup-a-call``.
"""

import json
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from pipecat.serializers.plivo import PlivoFrameSerializer
from plivo.exceptions import ValidationError
from plivo.utils.signature_v3 import validate_v3_signature

from telephony import messages, rest, xml_document
from telephony.forms import announced
from telephony.hanging_up import ended
from telephony.json_serializer import JsonSerializer
from telephony.phone_serializer import PCMU
from telephony.provider import Document, IncomingCall, MediaStart, Notice, WebhookRequest
from telephony.replays import Replays
from telephony.voices import VOICES, voice_for

API_URL = "https://api.plivo.com"
_CONTENT_TYPE = "audio/x-mulaw;rate=8000"
_OVER = frozenset({404})


class PlivoSerializer(JsonSerializer):
    """A media stream of Plivo's: μ-law, 8 kHz, marks by ``checkpoint``."""

    def __init__(self, stream_id: str):
        """Make one for the stream that Plivo calls ``stream_id``."""
        params = PlivoFrameSerializer.InputParams(auto_hang_up=False, resampler_clear_after_secs=None)
        super().__init__(PlivoFrameSerializer(stream_id, params=params), PCMU)
        self._stream_id = stream_id

    def _reached(self, message: dict[str, Any]) -> str:
        return messages.text(message, "name") if message.get("event") == "playedStream" else ""

    def _mark(self, mark: str) -> Sequence[str]:
        return [json.dumps({"event": "checkpoint", "streamId": self._stream_id, "name": mark})]


class Plivo:
    """Plivo, for one account."""

    name = "plivo"

    def __init__(self, auth_id: str, auth_token: str, *, api_url: str = API_URL):
        """Make it with an account's credentials; ``api_url`` is where its REST interface is."""
        self._auth_id = auth_id
        self._auth_token = auth_token
        self._api_url = api_url
        self._replays = Replays()

    def refusal(self, request: WebhookRequest) -> str | None:
        """See :class:`~telephony.provider.Provider`; the signature covers the URL, the form and a nonce."""
        signature, nonce = (request.headers.get(f"x-plivo-signature-v3{name}", "") for name in ("", "-nonce"))
        if not signature or not nonce:
            return "no X-Plivo-Signature-V3 or no X-Plivo-Signature-V3-Nonce"
        form = dict(request.form)
        try:
            fits = validate_v3_signature(request.method, request.url, nonce, self._auth_token, signature, form)
        except (ValidationError, ValueError):
            fits = False
        if not fits:
            return "X-Plivo-Signature-V3 does not fit"
        return None if self._replays.is_first(nonce) else "came before"

    def speaks(self, language: str) -> bool:
        """See :class:`~telephony.provider.Provider`."""
        return language in VOICES

    def incoming(self, request: WebhookRequest) -> IncomingCall:
        """See :class:`~telephony.provider.Provider`."""
        return announced(request.form, "CallUUID")

    def document(self, stream_url: str, notices: Sequence[Notice]) -> Document:
        """See :class:`~telephony.provider.Provider`."""
        response = ElementTree.Element("Response")
        for notice in notices:
            speak = ElementTree.SubElement(response, "Speak", voice=voice_for(notice.language).polly)
            speak.text = xml_document.readable(notice.text)
        how = {"bidirectional": "true", "keepCallAlive": "true", "contentType": _CONTENT_TYPE}
        ElementTree.SubElement(response, "Stream", how).text = stream_url
        return xml_document.of(response)

    def start_of(self, data: str | bytes) -> MediaStart | None:
        """See :class:`~telephony.provider.Provider`."""
        message = messages.read(data)
        if message is None or message.get("event") != "start":
            return None
        stream_id = messages.text(message, "start", "streamId")
        audio = messages.text(message, "start", "mediaFormat", "encoding")
        rate_hz = messages.found(message, "start", "mediaFormat", "sampleRate")
        if not stream_id or audio != "audio/x-mulaw" or rate_hz != 8000:
            raise ValueError(f"expected a start with a streamId and audio/x-mulaw at 8000 Hz, got {audio[:40]!r}")
        return MediaStart(stream_id, messages.text(message, "start", "callId"), 8000, PCMU)

    def serializer(self, start: MediaStart) -> PlivoSerializer:
        """See :class:`~telephony.provider.Provider`."""
        return PlivoSerializer(start.stream_id)

    async def hang_up(self, start: MediaStart) -> None:
        """See :class:`~telephony.provider.Provider`."""
        await ended(self.name, start.call_id, self._end, over=_OVER)

    async def _end(self, call: str) -> rest.Answer:
        url = f"{self._api_url}/v1/Account/{self._auth_id}/Call/{call}/"
        return await rest.request("DELETE", url, rest.basic(self._auth_id, self._auth_token))
