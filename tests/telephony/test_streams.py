"""Media streams by the messages of providers' documents: beginnings, keys, marks, stops, clear, and bad input."""

import asyncio
import base64
import contextlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    TextFrame,
)

from telephony import providers
from telephony.phone_serializer import MarkFrame, MarkReachedFrame, PhoneSerializer, StreamStoppedFrame
from telephony.provider import MediaStart
from telephony.reordering import Reordering
from tests.support.pcm import chunks_of, samples_of, tone
from tests.telephony.documented import (
    EXOTEL_CONNECTED,
    EXOTEL_DTMF,
    EXOTEL_MARK,
    EXOTEL_START,
    EXOTEL_STOP,
    EXOTEL_STREAM,
    PLIVO_CLEARED,
    PLIVO_DTMF,
    PLIVO_PLAYED,
    PLIVO_START,
    PLIVO_STREAM,
    STARTS,
    TELNYX_CONNECTED,
    TELNYX_DTMF,
    TELNYX_ERROR,
    TELNYX_MARK,
    TELNYX_START,
    TELNYX_STOP,
    TWILIO_CONNECTED,
    TWILIO_DTMF,
    TWILIO_MARK,
    TWILIO_START,
    TWILIO_STOP,
    TWILIO_STREAM,
    VONAGE_CLEARED,
    VONAGE_CONNECTED,
    VONAGE_DTMF,
    Message,
    exotel_media,
    plivo_media,
    provider,
    telnyx_media,
    text,
    twilio_media,
)

BEFORE = {
    "twilio": [TWILIO_CONNECTED],
    "telnyx": [TELNYX_CONNECTED],
    "plivo": [],
    "vonage": [VONAGE_CLEARED],
    "exotel": [EXOTEL_CONNECTED],
}
START = {
    "twilio": TWILIO_START,
    "telnyx": TELNYX_START,
    "plivo": PLIVO_START,
    "vonage": VONAGE_CONNECTED,
    "exotel": EXOTEL_START,
}
KEYS = {
    "twilio": (TWILIO_DTMF, "1"),
    "telnyx": (TELNYX_DTMF, "#"),
    "plivo": (PLIVO_DTMF, "*"),
    "vonage": (VONAGE_DTMF, "5"),
    "exotel": (EXOTEL_DTMF, "5"),
}
MARKS = {
    "twilio": (TWILIO_MARK, "my label"),
    "telnyx": (TELNYX_MARK, "my label"),
    "plivo": (PLIVO_PLAYED, "customer greeting audio"),
    "vonage": ({"event": "websocket:notify", "payload": {"mark": "my label"}}, "my label"),
    "exotel": (EXOTEL_MARK, "my label"),
}
STOPS = {"twilio": TWILIO_STOP, "telnyx": TELNYX_STOP, "exotel": EXOTEL_STOP}
"""Plivo and Vonage document none: they close the socket."""
IDLE = {
    "twilio": [TWILIO_CONNECTED, TWILIO_START],
    "telnyx": [TELNYX_CONNECTED, TELNYX_START, TELNYX_ERROR],
    "plivo": [PLIVO_START, PLIVO_CLEARED],
    "vonage": [VONAGE_CONNECTED, VONAGE_CLEARED, {"event": "websocket:notify", "payload": {}}],
    "exotel": [EXOTEL_CONNECTED, EXOTEL_START],
}
CLEAR: dict[str, Message] = {
    "twilio": {"event": "clear", "streamSid": TWILIO_STREAM},
    "telnyx": {"event": "clear"},
    "plivo": {"event": "clearAudio", "streamId": PLIVO_STREAM},
    "vonage": {"action": "clear"},
    "exotel": {"event": "clear", "stream_sid": EXOTEL_STREAM},
}
MARK_SENT: dict[str, Message] = {
    "twilio": {"event": "mark", "streamSid": TWILIO_STREAM, "mark": {"name": "turn 1"}},
    "telnyx": {"event": "mark", "mark": {"name": "turn 1"}},
    "plivo": {"event": "checkpoint", "streamId": PLIVO_STREAM, "name": "turn 1"},
    "vonage": {"action": "notify", "payload": {"mark": "turn 1"}},
    "exotel": {"event": "mark", "stream_sid": EXOTEL_STREAM, "mark": {"name": "turn 1"}},
}
NAMES = providers.NAMES
JSON_NAMES = [name for name in NAMES if name != "vonage"]


def serializer_of(name: str) -> PhoneSerializer:
    """For the stream that the provider's documents show."""
    return provider(name).serializer(STARTS[name])


async def sent(serializer: PhoneSerializer, *frames: Frame) -> list[Any]:
    """What goes over the socket for these frames: JSON as objects, bytes as they are."""
    messages: list[str | bytes] = [message for frame in frames for message in await serializer.serialize(frame)]
    return [message if isinstance(message, bytes) else json.loads(message) for message in messages]


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_says_how_it_begins(name: str) -> None:
    """With its first message, or the one after that; what comes before says nothing of it."""
    assert [provider(name).start_of(text(message)) for message in BEFORE[name]] == [None] * len(BEFORE[name])
    assert provider(name).start_of(text(START[name])) == STARTS[name]
    for nonsense in ("", "{", "[]", b"\xff\xfe", text({"event": ["start"]})):
        assert provider(name).start_of(nonsense) is None


@pytest.mark.parametrize("name", JSON_NAMES)
@pytest.mark.parametrize("beginning", [{}, {"start": 5}, {"start": {"mediaFormat": []}}])
def test_a_beginning_that_cannot_be_served_says_what_was_expected(name: str, beginning: Message) -> None:
    """Rather than to serve noise."""
    with pytest.raises(ValueError, match=r"^expected "):
        provider(name).start_of(text({"event": "start", **beginning}))


@pytest.mark.parametrize(
    ("name", "media_format"),
    [
        ("twilio", {"mediaFormat": {"encoding": "audio/opus", "sampleRate": 8000}}),
        ("telnyx", {"media_format": {"encoding": "G722", "sample_rate": 8000}}),
        ("telnyx", {"media_format": {"encoding": "PCMU", "sample_rate": 16000}}),
        ("plivo", {"mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 8000}}),
        ("exotel", {"media_format": {"encoding": "audio/x-mulaw", "sample_rate": "8000"}}),
        ("exotel", {"media_format": {"encoding": "audio/x-raw", "sample_rate": "11025"}}),
    ],
)
def test_a_stream_of_other_audio_cannot_begin(name: str, media_format: Message) -> None:
    """The same."""
    start = {**START[name], "start": {**START[name]["start"], **media_format}}
    with pytest.raises(ValueError, match=r"^expected "):
        provider(name).start_of(text(start))


def test_vonage_may_have_any_of_its_rates() -> None:
    """As its documents list them; another one cannot be served."""
    for rate_hz in (8000, 16000, 24000):
        message = {"event": "websocket:connected", "content-type": f"audio/l16;rate={rate_hz}"}
        assert provider("vonage").start_of(text(message)) == MediaStart("", "", rate_hz, "L16")
    with pytest.raises(ValueError, match="got 'audio/l16;rate=44100'"):
        provider("vonage").start_of('{"event":"websocket:connected","content-type":"audio/l16;rate=44100"}')


@pytest.mark.parametrize("name", NAMES)
async def test_keys_marks_and_stops_are_heard(name: str) -> None:
    """As the provider's documents show them; what else it says is nothing."""
    serializer = serializer_of(name)

    key = await serializer.deserialize(text(KEYS[name][0]))
    assert isinstance(key, InputDTMFFrame)
    assert key.button.value == KEYS[name][1]
    reached = await serializer.deserialize(text(MARKS[name][0]))
    assert isinstance(reached, MarkReachedFrame)
    assert reached.mark == MARKS[name][1]
    if name in STOPS:
        assert isinstance(await serializer.deserialize(text(STOPS[name])), StreamStoppedFrame)
    for message in IDLE[name]:
        assert await serializer.deserialize(text(message)) is None


@pytest.mark.parametrize("name", NAMES)
async def test_every_key_of_a_telephone_is_heard(name: str) -> None:
    """And no other: A to D are on no telephone, and pipecat has no name for them."""
    serializer, (message, digit) = serializer_of(name), KEYS[name]

    for key in "0123456789*#":
        frame = await serializer.deserialize(text(message).replace(f'"digit": "{digit}"', f'"digit": "{key}"'))
        assert isinstance(frame, InputDTMFFrame)
        assert frame.button.value == key
    for none in ('"A"', '"12"', "5", "null", "[]", '""'):
        broken = text(message).replace(f'"digit": "{digit}"', f'"digit": {none}')
        assert await serializer.deserialize(broken) is None


@pytest.mark.parametrize("name", NAMES)
async def test_an_interruption_clears_and_a_mark_is_sent(name: str) -> None:
    """In the provider's words; other frames mean nothing to a phone."""
    serializer = serializer_of(name)
    assert await sent(serializer, InterruptionFrame()) == [CLEAR[name]]
    assert await sent(serializer, MarkFrame("turn 1")) == [MARK_SENT[name]]
    assert await sent(serializer, TextFrame("hello")) == []


@pytest.mark.parametrize("name", NAMES)
@given(mark=st.text(min_size=1, max_size=50))
def test_a_mark_comes_back_as_it_went(name: str, mark: str) -> None:
    """Whatever it is called: providers send the name back."""

    async def there_and_back() -> Frame | None:
        [message] = await sent(serializer_of(name), MarkFrame(mark))
        if name == "plivo":
            message["event"] = "playedStream"
        if name == "vonage":
            message = {"event": "websocket:notify", "payload": message["payload"]}
        return await serializer_of(name).deserialize(text(message))

    back = asyncio.run(there_and_back())
    assert isinstance(back, MarkReachedFrame)
    assert back.mark == mark


@pytest.mark.parametrize("media", [twilio_media, telnyx_media, plivo_media])
async def test_what_the_callee_says_is_not_heard(media: Any) -> None:
    """Streams may hold both directions; only the caller's is interpreted."""
    name = media.__name__.removesuffix("_media")
    serializer = serializer_of(name)
    frames = [await serializer.deserialize(text(media(b"\x10" * 160, track="outbound"))) for _ in range(20)]
    assert frames == [None] * 20


def broken_media(name: str) -> Sequence[str | bytes]:
    """Media messages whose audio cannot be read."""
    if name == "vonage":
        return [b"", b"\0", bytes(100_002)]
    payloads: list[object] = [
        None,
        5,
        "",
        "!",
        "AAA",
        "A",
        [],
        {},
        "\ud83d\ude00",
        base64.b64encode(bytes(100_002)).decode(),
    ]
    if name == "exotel":
        payloads.append("AAAA")  # three bytes: a sample and a half
    media: list[Message] = [{"event": "media", "media": {"payload": payload}} for payload in payloads]
    return [text(message) for message in [*media, {"event": "media"}, {"event": "media", "media": "AAAA"}]]


@pytest.mark.parametrize("name", NAMES)
async def test_bad_audio_costs_its_own_message_only(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The next one is heard; nothing of it is logged, which pipecat's serializers would do."""
    serializer = serializer_of(name)

    assert [await serializer.deserialize(data) for data in broken_media(name)] == [None] * len(broken_media(name))
    good = [await serializer.deserialize(serializer.media(serializer.silence(160))) for _ in range(20)]
    assert any(isinstance(frame, InputAudioRawFrame) for frame in good)
    assert capfd.readouterr() == ("", "")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4),
    max_leaves=10,
)
EVENTS = ["media", "dtmf", "mark", "stop", "start", "playedStream", "websocket:dtmf", "websocket:notify"]
LIKELY = st.fixed_dictionaries(
    {"event": st.sampled_from(EVENTS) | JSON},
    optional=dict.fromkeys(("dtmf", "mark", "name", "payload", "digit", "start", "stop"), JSON)
    | {"media": st.fixed_dictionaries({"payload": st.text(max_size=30) | JSON, "chunk": JSON}) | JSON},
)
DATA = st.binary(max_size=400) | st.text(max_size=200) | JSON.map(json.dumps) | LIKELY.map(json.dumps)


@pytest.mark.parametrize("name", NAMES)
@given(messages=st.lists(DATA, max_size=6))
def test_nothing_that_a_socket_brings_raises(name: str, messages: list[str | bytes]) -> None:
    """A message is one of the frames that are promised, or none; a beginning is one or none, or a ValueError."""
    promised = (InputAudioRawFrame, InputDTMFFrame, MarkReachedFrame, StreamStoppedFrame)

    async def heard() -> list[Frame | None]:
        serializer = serializer_of(name)
        return [await serializer.deserialize(data) for data in messages]

    assert all(frame is None or isinstance(frame, promised) for frame in asyncio.run(heard()))
    for data in messages:
        with contextlib.suppress(ValueError):
            provider(name).start_of(data)


@pytest.mark.parametrize("name", NAMES)
async def test_depth_and_length_raise_nothing(name: str) -> None:
    """Messages that a parser may stumble over."""
    serializer = serializer_of(name)
    deep = ["[" * 100_000, '{"event":' * 50_000]
    for data in [*deep, '{"event":' + "9" * 10_000 + "}", '{"event":NaN}', "\x00" * 5000]:
        assert await serializer.deserialize(data) is None


async def test_telnyx_audio_is_heard_in_its_order() -> None:
    """Its documents promise no order, and number the chunks: disorder is not heard."""
    pieces = dict(enumerate(chunks_of(tone(0.8, 8000), 10, 8000), 1))  # one byte a sample on the line
    order = [1, 2, 4, 3, 5, 5, 9, 8, 7, 6, *range(10, 81)]

    async def heard(chunks: Sequence[int]) -> NDArray[np.int32]:
        serializer = serializer_of("telnyx")
        frames = [await serializer.deserialize(text(telnyx_media(pieces[chunk], chunk=chunk))) for chunk in chunks]
        return samples_of(b"".join(frame.audio for frame in frames if isinstance(frame, InputAudioRawFrame)))

    disordered, ordered = await heard(order), await heard(range(1, 81))
    assert len(disordered) == len(ordered) > 0
    assert np.abs(disordered - ordered).max() <= 2  # soxr's dither


def test_a_piece_waits_for_those_before_it() -> None:
    """What comes too early waits, nothing comes twice, and what has no number does not wait."""
    order = Reordering()
    taken = [order.take(number, bytes([number])) for number in (7, 8, 10, 10, 9, 8, 11)]
    assert taken == [b"\x07", b"\x08", b"", b"", b"\x09\x0a", b"", b"\x0b"]
    assert order.take(None, b"x") == b"x"


def test_a_piece_that_never_comes_is_given_up() -> None:
    """After five that came without it: then they are handed on, and it is not any more."""
    order = Reordering()
    assert order.take(1, b"1") == b"1"
    assert [order.take(number, b"%d" % number) for number in (3, 4, 5, 6, 7)] == [b""] * 5
    assert order.take(8, b"8") == b"345678"
    assert [order.take(2, b"2"), order.take(9, b"9")] == [b"", b"9"]


def test_a_count_that_begins_anew_is_followed() -> None:
    """Rather than that the caller is not heard any more."""
    order = Reordering()
    assert [order.take(number, b"a") for number in (500, 501, 503)] == [b"a", b"a", b""]
    assert [order.take(number, b"b") for number in (450, 1, 2, 4, 3)] == [b"", b"b", b"b", b"", b"bb"]


async def test_exotel_gets_messages_of_the_size_that_it_plays() -> None:
    """developer.exotel.com/docs/agentstream/stream-voicebot-applet: 3.2 kB at least, and a multiple of 320 bytes.

    A mark sends what waits, filled with silence; an interruption drops it.
    """
    serializer = serializer_of("exotel")
    pieces = [OutputAudioRawFrame(bytes([number]) * 320, 8000, 1) for number in range(1, 15)]
    messages = await sent(serializer, *pieces[:13], MarkFrame("turn 1"))

    assert [message["event"] for message in messages] == ["media", "media", "mark"]
    audio = [base64.b64decode(message["media"]["payload"]) for message in messages[:2]]
    assert [len(part) for part in audio] == [3200, 3200]
    assert b"".join(audio) == b"".join(piece.audio for piece in pieces[:13]) + bytes(7 * 320)
    assert await sent(serializer, MarkFrame("turn 1")) == [MARK_SENT["exotel"]]
    assert await sent(serializer, pieces[13], InterruptionFrame(), MarkFrame("turn 1")) == [
        CLEAR["exotel"],
        MARK_SENT["exotel"],
    ]


async def test_exotel_has_other_audio_without_a_track() -> None:
    """Its media messages name none: all is the caller's."""
    serializer = serializer_of("exotel")
    frames = [await serializer.deserialize(text(exotel_media(bytes(1600)))) for _ in range(4)]
    assert any(isinstance(frame, InputAudioRawFrame) for frame in frames)
