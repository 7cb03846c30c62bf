"""Twilio's wire, by the messages of its documents."""

import dataclasses
import json
from xml.etree import ElementTree

import pytest
from pipecat.frames.frames import InputAudioRawFrame, InputDTMFFrame, InterruptionFrame, OutputAudioRawFrame

from telephony.phone_serializer import MarkFrame, MarkReachedFrame, StreamStoppedFrame
from telephony.provider import IncomingCall, MediaStart, Notice
from telephony.twilio import Twilio, TwilioSerializer
from tests.telephony.documented import (
    STREAM_URL,
    TWILIO,
    TWILIO_CALL,
    TWILIO_CONNECTED,
    TWILIO_DTMF,
    TWILIO_MARK,
    TWILIO_START,
    TWILIO_STOP,
    TWILIO_STREAM,
    TWILIO_TOKEN,
    text,
    twilio_media,
    twilio_webhook,
)


@pytest.fixture
def twilio() -> Twilio:
    """Twilio with the token that signed the requests."""
    return Twilio("ACXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", TWILIO_TOKEN)


def test_the_signature_of_twilios_own_example_is_believed(twilio: Twilio) -> None:
    """www.twilio.com/docs/usage/webhooks/webhooks-security: its URL, its fields, token 12345, its signature."""
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    request = dataclasses.replace(
        twilio_webhook(form),
        url="https://mycompany.com/myapp.php?foo=1&bar=2",
        headers={"x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="},
    )

    assert twilio.refusal(request) is None


def test_a_genuine_request_is_believed_once(twilio: Twilio) -> None:
    """Whoever has read one cannot send it again."""
    assert twilio.refusal(twilio_webhook()) is None
    assert twilio.refusal(twilio_webhook()) == "came before"


def test_other_signatures_are_refused(twilio: Twilio) -> None:
    """None, one by another token, and one of another request."""
    unsigned = dataclasses.replace(twilio_webhook(), headers={})
    changed = dataclasses.replace(twilio_webhook(), form={**twilio_webhook().form, "To": "+1900"})

    assert twilio.refusal(unsigned) == "no X-Twilio-Signature"
    assert twilio.refusal(twilio_webhook(token="54321")) == "X-Twilio-Signature does not fit"
    assert twilio.refusal(changed) == "X-Twilio-Signature does not fit"
    assert twilio.refusal(dataclasses.replace(twilio_webhook(), url="https://elsewhere.example/")) is not None


def test_an_incoming_call_is_read(twilio: Twilio) -> None:
    """Who calls whom; a form without that says what is missing."""
    assert twilio.incoming(twilio_webhook()) == IncomingCall(TWILIO_CALL, "+14158675309", "+18005551212")
    with pytest.raises(ValueError, match="CallSid and To"):
        twilio.incoming(twilio_webhook({"From": "+14158675309"}))


def test_the_document_speaks_and_connects(twilio: Twilio) -> None:
    """As www.twilio.com/docs/voice/twiml/stream shows it; markup in a notice is text."""
    notices = [
        Notice("Interpreted by a machine <1> & recorded by nobody.\x07", "en"),
        Notice("기계 통역입니다.", "ko"),
    ]
    document = twilio.document(STREAM_URL.format("twilio"), notices)

    root = ElementTree.fromstring(document.body)
    assert document.media_type == "application/xml"
    assert [child.tag for child in root] == ["Say", "Say", "Connect"]
    assert [child.text for child in root][:2] == [
        "Interpreted by a machine <1> & recorded by nobody.",
        "기계 통역입니다.",
    ]
    assert [child.get("language") for child in root][:2] == ["en-US", "ko-KR"]
    assert [child.attrib for child in root[2]] == [{"url": STREAM_URL.format("twilio")}]
    assert not twilio.speaks("xx")
    with pytest.raises(ValueError, match="'xx'"):
        twilio.document(STREAM_URL.format("twilio"), [Notice("?", "xx")])


def test_a_stream_starts_with_its_second_message(twilio: Twilio) -> None:
    """``connected`` comes first and says nothing of it."""
    assert twilio.start_of(text(TWILIO_CONNECTED)) is None
    assert twilio.start_of(text(TWILIO_START)) == TWILIO
    assert twilio.start_of("{") is None


def test_a_stream_of_other_audio_cannot_start(twilio: Twilio) -> None:
    """The message says what was expected."""
    start = {**TWILIO_START, "start": {**TWILIO_START["start"], "mediaFormat": {"encoding": "audio/opus"}}}

    with pytest.raises(ValueError, match="audio/x-mulaw"):
        twilio.start_of(text(start))


async def test_messages_become_frames(twilio: Twilio) -> None:
    """Keys, marks, the stop; what is none of ours, and what the callee hears, is nothing."""
    serializer = twilio.serializer(TWILIO)
    heard = [await serializer.deserialize(text(twilio_media(b"\xff" * 160))) for _ in range(20)]

    assert any(isinstance(frame, InputAudioRawFrame) for frame in heard)
    key = await serializer.deserialize(text(TWILIO_DTMF))
    assert isinstance(key, InputDTMFFrame)
    assert key.button.value == "1"
    mark = await serializer.deserialize(text(TWILIO_MARK))
    assert isinstance(mark, MarkReachedFrame)
    assert mark.mark == "my label"
    assert isinstance(await serializer.deserialize(text(TWILIO_STOP)), StreamStoppedFrame)
    assert await serializer.deserialize(text(TWILIO_CONNECTED)) is None
    assert await serializer.deserialize(text(twilio_media(b"\xff" * 160, track="outbound"))) is None


async def test_frames_become_messages(twilio: Twilio) -> None:
    """Audio, ``clear`` and ``mark`` as the page shows what a server sends."""
    serializer = twilio.serializer(MediaStart("MZ1", "CA1", 8000, "PCMU"))

    async def sent(frame: OutputAudioRawFrame | InterruptionFrame | MarkFrame) -> list[object]:
        return [json.loads(message) for message in await serializer.serialize(frame)]

    silence = OutputAudioRawFrame(bytes(320), 8000, 1)
    assert await sent(silence) == [
        {"event": "media", "streamSid": "MZ1", "media": {"payload": "/////" * 42 + "///w=="}}
    ]
    assert await sent(InterruptionFrame()) == [{"event": "clear", "streamSid": "MZ1"}]
    assert await sent(MarkFrame("turn 1")) == [{"event": "mark", "streamSid": "MZ1", "mark": {"name": "turn 1"}}]


async def test_a_mark_comes_back_as_it_went(twilio: Twilio) -> None:
    """Twilio sends back the name that it was given."""
    serializer = TwilioSerializer(TWILIO_STREAM)
    [sent] = await serializer.serialize(MarkFrame("turn 1"))

    back = await serializer.deserialize(text({**json.loads(sent), "sequenceNumber": "4"}))

    assert isinstance(back, MarkReachedFrame)
    assert back.mark == "turn 1"
