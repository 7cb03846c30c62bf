"""Short chunks on their way into the pipeline."""

from hypothesis import given
from hypothesis import strategies as st
from pipecat.frames.frames import Frame, InputAudioRawFrame, InputTransportMessageFrame

from pipelines.joiner import ChunkJoiner
from processors.frames import DrainFrame
from protocol.messages import Interrupt
from tests.support import hypothesis_profile

__all__ = ["hypothesis_profile"]

LEAST_BYTES = 1024


def audio(pcm: bytes) -> InputAudioRawFrame:
    """A chunk."""
    return InputAudioRawFrame(pcm, 16_000, 1)


def sounds(frames: list[Frame]) -> list[bytes]:
    """The audio of each frame."""
    return [frame.audio for frame in frames if isinstance(frame, InputAudioRawFrame)]


def test_two_chunks_of_20_ms_go_as_one() -> None:
    """One waits for the other."""
    joiner = ChunkJoiner()
    assert joiner.add(audio(b"a" * 640)) == []
    assert joiner.held_bytes == 640
    assert sounds(joiner.add(audio(b"b" * 640))) == [b"a" * 640 + b"b" * 640]
    assert joiner.add(audio(b"c" * 640)) == []


def test_a_chunk_that_is_long_enough_goes_as_it_is() -> None:
    """The very frame, with nothing copied."""
    joiner, chunk = ChunkJoiner(), audio(bytes(LEAST_BYTES))
    assert joiner.add(chunk) == [chunk]


def test_other_frames_keep_their_place() -> None:
    """What is held back goes before them, and a frame without audio leaves nothing behind."""
    joiner = ChunkJoiner()
    for other in (InputTransportMessageFrame(message=Interrupt()), DrainFrame()):
        joiner.add(audio(b"a" * 10))
        before, passed = joiner.add(other)
        assert sounds([before]) == [b"a" * 10]
        assert passed is other
        assert joiner.add(other) == [other]


@given(st.lists(st.integers(0, 800).map(lambda samples: 2 * samples), max_size=40))
def test_every_sample_goes_on_once_and_in_order(sizes: list[int]) -> None:
    """In pieces of 32 ms at least, and less than that is held back."""
    joiner, stream = ChunkJoiner(), b""
    pieces: list[bytes] = []
    for number, size in enumerate(sizes):
        chunk = bytes([number % 251]) * size
        stream += chunk
        pieces += sounds(joiner.add(audio(chunk)))
    assert all(len(piece) >= LEAST_BYTES for piece in pieces)
    assert len(stream) - sum(map(len, pieces)) < LEAST_BYTES
    rest = sounds(joiner.add(DrainFrame()))
    assert b"".join([*pieces, *rest]) == stream
