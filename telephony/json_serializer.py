"""Media streams of JSON messages with base64 audio: what Twilio, Telnyx, Plivo and Exotel have in common."""

import json
from typing import Any

from pipecat.frames.frames import Frame

from telephony import messages
from telephony.phone_serializer import (
    MarkReachedFrame,
    PhoneSerializer,
    StreamStoppedFrame,
    button,
    decoded,
    encoded,
)


class JsonSerializer(PhoneSerializer):
    """Reads ``media``, ``dtmf``, ``stop`` and marks of streams that are alike since they follow Twilio's."""

    def media(self, payload: bytes) -> str:
        """See :meth:`PhoneSerializer.media`."""
        return json.dumps({"event": "media", "media": {"payload": encoded(payload)}})

    def _payload(self, message: dict[str, Any]) -> bytes | None:
        if message.get("event") != "media":
            return None
        is_caller = messages.found(message, "media", "track") in (None, "inbound", "inbound_track")
        return decoded(messages.found(message, "media", "payload")) if is_caller else b""

    def _happening(self, message: dict[str, Any]) -> Frame | None:
        event = message.get("event")
        if event == "dtmf":
            return button(messages.found(message, "dtmf", "digit"))
        if event == "stop":
            return StreamStoppedFrame()
        reached = self._reached(message)
        return MarkReachedFrame(reached) if reached else None

    def _reached(self, message: dict[str, Any]) -> str:
        """The mark that a message says is reached; empty if it says no such thing."""
        return messages.text(message, "mark", "name") if message.get("event") == "mark" else ""
