"""Twilio's wire: Programmable Voice with Media Streams.

Sources, under ``www.twilio.com/docs``: ``voice/media-streams/websocket-messages`` (messages),
``voice/twiml/stream`` and ``voice/twiml/say`` (document), ``voice/twiml`` (what a webhook holds),
``usage/webhooks/webhooks-security`` (signature), ``voice/api/call-resource`` (ending and making calls).
"""

import json
from collections.abc import Sequence
from xml.etree import ElementTree

from pipecat.serializers.twilio import TwilioFrameSerializer
from twilio.request_validator import RequestValidator

from telephony import messages, rest, xml_document
from telephony.dialling import TWILIO_URL
from telephony.forms import announced
from telephony.hanging_up import ended
from telephony.json_serializer import JsonSerializer
from telephony.phone_serializer import PCMU
from telephony.provider import Document, IncomingCall, MediaStart, Notice, WebhookRequest
from telephony.replays import Replays
from telephony.voices import VOICES, voice_for

_OVER = frozenset({404})


class TwilioSerializer(JsonSerializer):
    """A media stream of Twilio's: μ-law, 8 kHz, marks by ``mark``."""

    def __init__(self, stream_id: str):
        """Make one for the stream that Twilio calls ``stream_id``."""
        params = TwilioFrameSerializer.InputParams(auto_hang_up=False, resampler_clear_after_secs=None)
        super().__init__(TwilioFrameSerializer(stream_id, params=params), PCMU)
        self._stream_id = stream_id

    def _mark(self, mark: str) -> Sequence[str]:
        return [json.dumps({"event": "mark", "streamSid": self._stream_id, "mark": {"name": mark}})]


class Twilio:
    """Twilio, for one account."""

    name = "twilio"

    def __init__(self, account_sid: str, auth_token: str, *, api_url: str = TWILIO_URL):
        """Make it with an account's credentials; ``api_url`` is where its REST interface is."""
        self._account_sid = account_sid
        self._auth_token = auth_token
        self._api_url = api_url
        self._validator = RequestValidator(auth_token)
        self._replays = Replays()

    def refusal(self, request: WebhookRequest) -> str | None:
        """See :class:`~telephony.provider.Provider`; Twilio signs the URL and the form, without a time or a nonce.

        A repeated request is told by its signature, which covers the call's id.
        """
        signature = request.headers.get("x-twilio-signature")
        if not signature:
            return "no X-Twilio-Signature"
        if not self._validator.validate(request.url, dict(request.form), signature):
            return "X-Twilio-Signature does not fit"
        return None if self._replays.is_first(signature) else "came before"

    def speaks(self, language: str) -> bool:
        """See :class:`~telephony.provider.Provider`."""
        return language in VOICES

    def incoming(self, request: WebhookRequest) -> IncomingCall:
        """See :class:`~telephony.provider.Provider`."""
        return announced(request.form, "CallSid")

    def document(self, stream_url: str, notices: Sequence[Notice]) -> Document:
        """See :class:`~telephony.provider.Provider`; ``stream_url`` is without a query, which Twilio allows not."""
        response = ElementTree.Element("Response")
        for notice in notices:
            voice = voice_for(notice.language)
            say = ElementTree.SubElement(response, "Say", voice=voice.polly, language=voice.locale)
            say.text = xml_document.readable(notice.text)
        ElementTree.SubElement(ElementTree.SubElement(response, "Connect"), "Stream", url=stream_url)
        return xml_document.of(response)

    def start_of(self, data: str | bytes) -> MediaStart | None:
        """See :class:`~telephony.provider.Provider`."""
        message = messages.read(data)
        if message is None or message.get("event") != "start":
            return None
        stream_id = messages.text(message, "start", "streamSid")
        audio = messages.text(message, "start", "mediaFormat", "encoding")
        if not stream_id or audio != "audio/x-mulaw":
            raise ValueError(f"expected a start with a streamSid and audio/x-mulaw, got {audio[:40]!r}")
        return MediaStart(stream_id, messages.text(message, "start", "callSid"), 8000, PCMU)

    def serializer(self, start: MediaStart) -> TwilioSerializer:
        """See :class:`~telephony.provider.Provider`."""
        return TwilioSerializer(start.stream_id)

    async def hang_up(self, start: MediaStart) -> None:
        """See :class:`~telephony.provider.Provider`."""
        await ended(self.name, start.call_id, self._end, over=_OVER)

    async def _end(self, call: str) -> rest.Answer:
        url = f"{self._api_url}/2010-04-01/Accounts/{self._account_sid}/Calls/{call}.json"
        authorization = rest.basic(self._account_sid, self._auth_token)
        return await rest.request("POST", url, authorization, {"Status": "completed"})
