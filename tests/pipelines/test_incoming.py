"""What a session hears, on its way into the pipeline."""

import pytest
from pipecat.frames.frames import Frame, InputAudioRawFrame, InputTransportMessageFrame

from pipelines.incoming import Incoming
from processors.frames import DrainFrame
from protocol.messages import InitConfig, Interrupt
from protocol.serializer import ProtocolSerializer
from tests.support.servers import test_settings

CHUNK = bytes(640)


def incoming(config: InitConfig | None = None, **settings: object) -> Incoming:
    """One of a session that is ready, whose client sends binary audio at 16 kHz."""
    serializer = ProtocolSerializer(max_message_bytes=2**20, max_chunk_secs=5)
    serializer.accept(config or InitConfig(audio_encoding="binary"))
    made = Incoming(serializer, test_settings(**settings))
    made.open(longest_gap_secs=1.0)
    return made


async def taken(stream: Incoming, count: int) -> list[Frame]:
    """The next frames, as the pipeline gets them."""
    return [(await stream.receive())["bytes"] for _ in range(count)]


async def test_other_frames_keep_their_place() -> None:
    """What is held back of the audio goes before them."""
    stream = incoming()
    await stream.take(b"a" * 10)
    await stream.take('{"type":"interrupt"}')
    await stream.take(b"b" * 10)
    stream.drain()
    first, interrupt, second, drain = await taken(stream, 4)
    assert isinstance(first, InputAudioRawFrame)
    assert first.audio == b"a" * 10
    assert isinstance(interrupt, InputTransportMessageFrame)
    assert isinstance(interrupt.message, Interrupt)
    assert isinstance(second, InputAudioRawFrame)
    assert second.audio == b"b" * 10
    assert isinstance(drain, DrainFrame)


async def test_it_says_how_much_has_to_come_until_something_goes_on() -> None:
    """More than one frame and less than two, where two make a piece; what is no audio may be anything next."""
    stream = incoming()
    assert stream.needed_bytes() == 1
    await stream.take(CHUNK)
    assert stream.needed_bytes() == 1
    await stream.take(CHUNK)
    assert len(CHUNK) + 8 < stream.needed_bytes() <= 2 * len(CHUNK)
    for other in ('{"type":"interrupt"}', "no JSON", b"odd"):
        await stream.take(other)
        assert stream.needed_bytes() == 1
    await stream.take(CHUNK)
    await stream.take(CHUNK)
    assert len(CHUNK) + 8 < stream.needed_bytes() <= 2 * len(CHUNK)


async def test_short_chunks() -> None:
    """Of four chunks of 10 ms more than those before the last one has to come."""
    stream = incoming()
    needed = []
    for _ in range(5):
        await stream.take(CHUNK[:320])
        needed.append(stream.needed_bytes())
    assert needed == [800, 480, 1, 1120, 800]


@pytest.mark.parametrize("rate_hz", [8000, 48_000])
async def test_resampled_audio_waits_for_nothing(rate_hz: int) -> None:
    """The resampler gives it in blocks of its own."""
    stream = incoming(InitConfig(audio_encoding="binary", sample_rate=rate_hz))
    for _ in range(200):
        await stream.take(bytes(rate_hz // 50 * 2))
        assert stream.needed_bytes() == 1


async def test_another_connection_begins_with_anything() -> None:
    """What was streamed over the one before says nothing of it."""
    stream = incoming()
    await stream.take(CHUNK)
    await stream.take(CHUNK)
    stream.go_on_at(first_sample=stream.expected_sample)
    assert stream.needed_bytes() == 1


async def test_long_chunks_and_short_gaps_wait_for_nothing() -> None:
    """A chunk of 40 ms is a piece; and where silence stands for a short gap already, a chunk must not be late."""
    stream = incoming()
    await stream.take(2 * CHUNK)
    assert stream.needed_bytes() == 1
    stream = incoming(audio_gap_ms=100)
    await stream.take(CHUNK)
    await stream.take(CHUNK)
    assert stream.needed_bytes() == 1
