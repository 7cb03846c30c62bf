"""What providers are told to do with a call, as they want to be told."""

import json
import sys
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony import providers
from telephony.provider import Notice
from telephony.voices import VOICES
from tests.telephony.documented import STREAM_URL, provider

NOTICES = [
    Notice("Interpreted by a machine <1> & recorded by nobody.\x07", "en"),
    Notice("기계가 통역합니다.", "ko"),
]
SAID = ["Interpreted by a machine <1> & recorded by nobody.", "기계가 통역합니다."]
SPEAKING = ["twilio", "telnyx", "plivo", "vonage"]


def xml_of(name: str, notices: list[Notice]) -> ElementTree.Element:
    """The document of a provider that wants XML."""
    document = provider(name).document(STREAM_URL.format(name), notices)
    assert document.media_type == "application/xml"
    assert document.body.startswith("<?xml version='1.0' encoding='UTF-8'?>")
    return ElementTree.fromstring(document.body.encode())


def test_twilio_says_and_connects() -> None:
    """www.twilio.com/docs/voice/twiml/stream and .../say; the URL has no query, which Twilio does not allow."""
    root = xml_of("twilio", NOTICES)

    assert root.tag == "Response"
    assert [(child.tag, child.attrib, child.text) for child in root[:2]] == [
        ("Say", {"voice": "Polly.Joanna", "language": "en-US"}, SAID[0]),
        ("Say", {"voice": "Polly.Seoyeon", "language": "ko-KR"}, SAID[1]),
    ]
    assert root[2].tag == "Connect"
    assert [(child.tag, child.attrib) for child in root[2]] == [("Stream", {"url": STREAM_URL.format("twilio")})]
    assert len(root) == 3


def test_telnyx_says_and_connects() -> None:
    """developers.telnyx.com/docs/voice/programmable-voice/texml-verbs/stream and .../say."""
    root = xml_of("telnyx", NOTICES)

    assert [(child.tag, child.attrib, child.text) for child in root[:2]] == [
        ("Say", {"voice": "Polly.Joanna"}, SAID[0]),
        ("Say", {"voice": "Polly.Seoyeon"}, SAID[1]),
    ]
    stream = {
        "url": STREAM_URL.format("telnyx"),
        "track": "inbound_track",
        "codec": "PCMU",
        "bidirectionalMode": "rtp",
        "bidirectionalCodec": "PCMU",
    }
    assert [(child.tag, child.attrib) for child in root[2]] == [("Stream", stream)]


def test_plivo_speaks_and_streams() -> None:
    """plivo.com/docs/voice-agents/audio-streaming/concepts/audio-streaming-guide: the URL is the element's text."""
    root = xml_of("plivo", NOTICES)

    assert [(child.tag, child.attrib, child.text) for child in root] == [
        ("Speak", {"voice": "Polly.Joanna"}, SAID[0]),
        ("Speak", {"voice": "Polly.Seoyeon"}, SAID[1]),
        (
            "Stream",
            {"bidirectional": "true", "keepCallAlive": "true", "contentType": "audio/x-mulaw;rate=8000"},
            STREAM_URL.format("plivo"),
        ),
    ]


def test_vonage_talks_and_connects() -> None:
    """developer.vonage.com/en/voice/voice-api/ncco-reference: talk, then connect to a websocket."""
    document = provider("vonage").document(STREAM_URL.format("vonage"), NOTICES)
    endpoint = {
        "type": "websocket",
        "uri": STREAM_URL.format("vonage"),
        "content-type": "audio/l16;rate=16000",
    }

    assert document.media_type == "application/json"
    assert json.loads(document.body) == [
        {"action": "talk", "text": NOTICES[0].text, "language": "en-US"},
        {"action": "talk", "text": NOTICES[1].text, "language": "ko-KR"},
        {"action": "connect", "endpoint": [endpoint]},
    ]


def test_exotel_is_told_the_url() -> None:
    """developer.exotel.com/docs/agentstream/stream-voicebot-applet: what the applet's dynamic URL returns."""
    document = provider("exotel").document("wss://interpreter.example/telephony/exotel/stream", [])

    assert document.media_type == "application/json"
    assert json.loads(document.body) == {"url": "wss://interpreter.example/telephony/exotel/stream"}
    assert not any(provider("exotel").speaks(language) for language in VOICES)
    with pytest.raises(ValueError, match="no notices"):
        provider("exotel").document("wss://interpreter.example/telephony/exotel/stream", NOTICES)


@pytest.mark.parametrize("name", SPEAKING)
def test_every_voice_is_asked_for_its_language(name: str) -> None:
    """A language without a voice is refused: read aloud by another language's voice nobody would understand it."""
    for language in VOICES:
        assert provider(name).speaks(language)
        provider(name).document(STREAM_URL.format(name), [Notice("1", language)])
    assert not provider(name).speaks("xx")
    with pytest.raises(ValueError, match="got 'xx'"):
        provider(name).document(STREAM_URL.format(name), [Notice("1", "xx")])


@pytest.mark.parametrize("name", SPEAKING)
@given(said=st.text(max_size=100), token=st.text("abcXYZ0123456789-_&<>\"'", max_size=20))
def test_text_stays_text(name: str, said: str, token: str) -> None:
    """Whatever settings hold, it is neither markup nor does it break the document."""
    document = provider(name).document(f"wss://a.example/{token}", [Notice(said, "en")])
    if name == "vonage":
        talk, connect = json.loads(document.body)
        assert talk["text"] == said
        assert connect["endpoint"][0]["uri"] == f"wss://a.example/{token}"
        return
    speech, stream = ElementTree.fromstring(document.body.encode())
    assert len(speech) == 0
    url = stream.text if name == "plivo" else stream[0].get("url")
    assert url == f"wss://a.example/{token}"


def test_providers_are_made_by_name() -> None:
    """From plain values, with what they need imported at that moment."""
    credentials = {
        "twilio": {"account_sid": "AC1", "auth_token": "t"},
        "telnyx": {"public_key": "A" * 43 + "=", "api_key": "k"},
        "plivo": {"auth_id": "MA1", "auth_token": "t"},
        "vonage": {"api_key": "k", "signature_secret": "s"},
        "exotel": {"user": "u", "password": "p"},
    }
    assert [providers.make(name, **credentials[name]).name for name in providers.NAMES] == list(providers.NAMES)


def test_a_missing_library_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where ``make telephony`` was not run."""
    monkeypatch.delitem(sys.modules, "telephony.twilio", raising=False)
    monkeypatch.setitem(sys.modules, "twilio.request_validator", None)

    with pytest.raises(providers.MissingLibraryError, match=r"^twilio needs twilio.* make telephony$"):
        providers.make("twilio", account_sid="AC1", auth_token="t")
