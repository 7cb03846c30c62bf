"""The client's half of the wire: base64 of every kind, mimes, paths, names."""

import base64
from typing import Any

import pytest

from emulator.wire import WireError, camel, parse_audio, parse_endpoint, parse_frame, parse_realtime_input, snake

PCM = bytes(range(250, 256)) * 5
PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("padding", [b"", b"="])
@pytest.mark.parametrize("mime_name", ["mimeType", "mime_type"])
def test_audio(encode: Any, padding: bytes, mime_name: str) -> None:
    """Both alphabets, with and without padding, in both spellings."""
    pcm = PCM[:28]
    data = encode(pcm) if padding else encode(pcm).rstrip(b"=")
    blob = parse_audio({"data": data.decode(), mime_name: "audio/pcm;rate=16000"})
    assert (blob.pcm, blob.rate_hz) == (pcm, 16_000)


@pytest.mark.parametrize(("mime", "rate_hz"), [("audio/pcm", 16_000), ("audio/pcm; rate=48000", 48_000)])
def test_rates(mime: str, rate_hz: int) -> None:
    """Another rate is taken; none means 16 kHz."""
    assert parse_audio({"data": "AAA=", "mimeType": mime}).rate_hz == rate_hz


@pytest.mark.parametrize(
    "blob",
    [
        None,
        {},
        {"data": "AA=="},
        {"data": 5, "mimeType": "audio/pcm"},
        {"data": "AAA*", "mimeType": "audio/pcm"},
        {"data": "AA==", "mimeType": "audio/pcm"},
        {"data": "AAA=", "mimeType": "audio/opus"},
        {"data": "AAA=", "mimeType": "audio/pcm;rate=1"},
    ],
)
def test_bad_audio(blob: Any) -> None:
    """Anything else is refused with 1007."""
    with pytest.raises(WireError) as refused:
        parse_audio(blob)
    assert refused.value.code == 1007


@pytest.mark.parametrize(
    ("target", "key"),
    [
        (PATH, ""),
        ("/" + PATH + "?key=K", "K"),
        ("/a/b" + PATH, ""),
        (PATH.replace("v1beta", "v1alpha") + "Constrained?access_token=T", "T"),
    ],
)
def test_endpoints(target: str, key: str) -> None:
    """Prefixes, doubled slashes, both versions and the constrained method are Gemini Live."""
    endpoint = parse_endpoint(target)
    assert endpoint is not None
    assert endpoint.query_key == key


@pytest.mark.parametrize("target", ["/", PATH + "x", PATH.replace("v1beta", "v2"), "/ws", PATH[1:]])
def test_other_paths(target: str) -> None:
    """Everything else is not."""
    assert parse_endpoint(target) is None


def test_spellings() -> None:
    """Names go from one spelling to the other."""
    assert camel("voice_config") == camel("voiceConfig") == "voiceConfig"
    assert snake("voiceConfig") == snake("voice_config") == "voice_config"


def test_frames() -> None:
    """A frame is one message in either spelling, as text or bytes; mediaChunks is audio."""
    assert parse_frame('{"realtime_input": {}}') == ("realtimeInput", {})
    assert parse_frame(b'{"clientContent": {}}') == ("clientContent", {})
    assert parse_realtime_input({"mediaChunks": [{"data": ""}]}) == ("audio", {"data": ""})
    for frame in ("", "[]", '{"a": 1}', "{}", '{"setup": {}, "realtimeInput": {}}', "[" * 100_000):
        with pytest.raises(WireError):
            parse_frame(frame)
    bodies: list[Any] = [[], {}, {"x": 1}, {"audio": {}, "text": ""}]
    for body in bodies:
        with pytest.raises(WireError):
            parse_realtime_input(body)


def test_reasons_fit_a_close_frame() -> None:
    """A long reason is cut at a character's border."""
    assert WireError(1007, "가" * 100).reason == "가" * 41
