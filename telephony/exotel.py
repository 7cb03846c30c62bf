"""Exotel's wire: AgentStream's Voicebot applet.

Sources, under ``developer.exotel.com/docs/agentstream``: ``websocket-protocol`` (messages),
``stream-voicebot-applet`` (authentication, sizes of messages, the URL). Exotel signs nothing: the applet has a
fixed URL, with a name and a password in it, which Exotel sends as Basic authentication.
"""

import base64
import hmac
import json
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

from pipecat.frames.frames import Frame, InterruptionFrame, OutputAudioRawFrame
from pipecat.serializers.exotel import ExotelFrameSerializer

from telephony import messages
from telephony.json_serializer import JsonSerializer
from telephony.phone_serializer import L16, MarkFrame
from telephony.provider import Document, IncomingCall, MediaStart, Notice, WebhookRequest

RATES_HZ = (8000, 16000, 24000)
MESSAGE_BYTES = 3200
"""The least audio of a message to Exotel, which plays shorter ones with gaps: 100 ms at 16 kHz."""
_STEP_BYTES = 320
"""Messages hold a multiple of this."""


class ExotelSerializer(JsonSerializer):
    """A media stream of Exotel's: linear PCM in messages of :data:`MESSAGE_BYTES` or more, marks by ``mark``.

    Shorter pieces are gathered. What waits at a mark goes out before it, filled up with silence, so every stretch
    of speech is to end with a mark.
    """

    def __init__(self, start: MediaStart):
        """Make one for a stream."""
        params = ExotelFrameSerializer.InputParams(
            exotel_sample_rate=start.rate_hz, resampler_clear_after_secs=None
        )
        super().__init__(ExotelFrameSerializer(start.stream_id, params=params), L16)
        self._stream_id = start.stream_id
        self._rate_hz = start.rate_hz
        self._gathered = bytearray()

    async def serialize(self, frame: Frame) -> Sequence[str | bytes]:
        """See :class:`~telephony.phone_serializer.PhoneSerializer`."""
        if isinstance(frame, OutputAudioRawFrame):
            self._gathered += frame.audio
            full = len(self._gathered) >= MESSAGE_BYTES and len(self._gathered) % _STEP_BYTES == 0
            return await self._spoken() if full else []
        if isinstance(frame, InterruptionFrame):
            self._gathered.clear()
        rest = await self._spoken() if isinstance(frame, MarkFrame) and self._gathered else []
        return [*rest, *await super().serialize(frame)]

    def _mark(self, mark: str) -> Sequence[str]:
        return [json.dumps({"event": "mark", "stream_sid": self._stream_id, "mark": {"name": mark}})]

    async def _spoken(self) -> Sequence[str | bytes]:
        """What was gathered, in one message of a size that Exotel takes."""
        self._gathered += bytes(max(MESSAGE_BYTES - len(self._gathered), -len(self._gathered) % _STEP_BYTES))
        audio = bytes(self._gathered)
        self._gathered.clear()
        return await super().serialize(OutputAudioRawFrame(audio, self._rate_hz, 1))


class Exotel:
    """Exotel, for one applet."""

    name = "exotel"

    def __init__(self, user: str, password: str):
        """Make it with the name and the password of the applet's URL.

        Raises:
            ValueError: Basic authentication (RFC 7617) has no such name.
        """
        if ":" in user:
            raise ValueError("expected a name without a colon for Exotel's stream")
        self._credentials = f"{user}:{password}".encode()

    def refusal(self, request: WebhookRequest) -> str | None:
        """See :class:`~telephony.provider.Provider`; of the stream's handshake, and of the applet's dynamic URL."""
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic" or not credentials:
            return "no Basic authentication"
        try:
            given = base64.b64decode(credentials, validate=True)
        except ValueError:
            return "name or password is wrong"
        return None if hmac.compare_digest(given, self._credentials) else "name or password is wrong"

    def speaks(self, language: str) -> bool:
        """See :class:`~telephony.provider.Provider`; a greeting is another applet, before this one."""
        return False

    def incoming(self, request: WebhookRequest) -> IncomingCall:
        """See :class:`~telephony.provider.Provider`; from the query of the applet's dynamic URL."""
        query = parse_qs(urlsplit(request.url).query)
        call_id, caller, dialled = (query.get(name, [""])[0] for name in ("CallSid", "CallFrom", "CallTo"))
        if not call_id or not dialled:
            raise ValueError("expected CallSid and CallTo in the query of the Voicebot applet's URL")
        return IncomingCall(call_id, caller, dialled)

    def document(self, stream_url: str, notices: Sequence[Notice]) -> Document:
        """See :class:`~telephony.provider.Provider`; what the applet's dynamic URL is to answer."""
        if notices:
            raise ValueError("expected no notices: Exotel has no voice for them")
        return Document("application/json", json.dumps({"url": stream_url}))

    def start_of(self, data: str | bytes) -> MediaStart | None:
        """See :class:`~telephony.provider.Provider`."""
        message = messages.read(data)
        if message is None or message.get("event") != "start":
            return None
        stream_id = messages.text(message, "start", "stream_sid") or messages.text(message, "stream_sid")
        audio = messages.text(message, "start", "media_format", "encoding")
        rate_hz = str(messages.found(message, "start", "media_format", "sample_rate"))
        if not stream_id or "law" in audio or rate_hz not in map(str, RATES_HZ):
            raise ValueError(f"expected a stream_sid and linear PCM, got {audio[:40]!r} at {rate_hz[:10]} Hz")
        return MediaStart(
            stream_id,
            messages.text(message, "start", "call_sid"),
            int(rate_hz),
            L16,
            caller=messages.text(message, "start", "from"),
            dialled=messages.text(message, "start", "to"),
        )

    def serializer(self, start: MediaStart) -> ExotelSerializer:
        """See :class:`~telephony.provider.Provider`."""
        return ExotelSerializer(start)

    async def hang_up(self, start: MediaStart) -> None:
        """Do nothing: when the stream closes, the flow goes on behind the applet, where a hang-up is."""
