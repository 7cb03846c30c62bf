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


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 48_000])
async def test_short_chunks_at_any_rate(rate_hz: int) -> None:
    """Four of 10 ms make a piece: the fourth one has to be begun."""
    stream = incoming(InitConfig(audio_encoding="binary", sample_rate=rate_hz))
    frame_bytes = rate_hz // 100 * 2
    for _ in range(200):
        await stream.take(bytes(frame_bytes))
        if stream.held_bytes == 0 or (needed := stream.needed_bytes()) == 1:
            continue
        assert needed <= 4 * frame_bytes
        assert needed > frame_bytes + 8


async def test_long_chunks_and_short_gaps_wait_for_nothing() -> None:
    """A chunk of 40 ms is a piece; and where silence stands for a short gap already, a chunk must not be late."""
    stream = incoming()
    await stream.take(2 * CHUNK)
    assert stream.needed_bytes() == 1
    stream = incoming(audio_gap_ms=100)
    await stream.take(CHUNK)
    await stream.take(CHUNK)
    assert stream.needed_bytes() == 1
