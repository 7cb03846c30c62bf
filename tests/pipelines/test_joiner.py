"""Short chunks on their way into the pipeline."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipecat.frames.frames import InputAudioRawFrame

from pipelines.joiner import ChunkJoiner
from tests.support import hypothesis_profile

__all__ = ["hypothesis_profile"]

LEAST_BYTES = 1024


def sound(frame: InputAudioRawFrame | None) -> bytes:
    """The audio of a frame, if there is one."""
    return frame.audio if frame is not None else b""


def test_two_chunks_of_20_ms_go_as_one() -> None:
    """One waits for the other."""
    joiner = ChunkJoiner()
    assert joiner.add(b"a" * 640) is None
    assert joiner.held_bytes == 640
    assert sound(joiner.add(b"b" * 640)) == b"a" * 640 + b"b" * 640
    assert joiner.add(b"c" * 640) is None


def test_a_chunk_that_is_long_enough_goes_as_it_is() -> None:
    """The very bytes, with nothing copied."""
    joiner, chunk = ChunkJoiner(), bytes(LEAST_BYTES)
    assert sound(joiner.add(chunk)) is chunk


def test_what_is_held_back_is_released_once() -> None:
    """And leaves nothing behind."""
    joiner = ChunkJoiner()
    joiner.add(b"a" * 10)
    assert sound(joiner.release()) == b"a" * 10
    assert joiner.release() is None


@pytest.mark.parametrize(("chunk_bytes", "chunks"), [(640, [2, 1, 2]), (320, [4, 3, 2]), (1280, [1, 1, 1])])
def test_it_says_how_many_chunks_are_missing(chunk_bytes: int, chunks: list[int]) -> None:
    """Until the next one goes on, chunk by chunk."""
    joiner = ChunkJoiner()
    missing = []
    for _ in chunks:
        missing.append(joiner.missing_chunks(chunk_bytes))
        joiner.add(bytes(chunk_bytes))
    assert missing == chunks


@given(st.lists(st.integers(0, 800).map(lambda samples: 2 * samples), max_size=40))
def test_every_sample_goes_on_once_and_in_order(sizes: list[int]) -> None:
    """In pieces of 32 ms at least, and less than that is held back."""
    joiner, stream = ChunkJoiner(), b""
    pieces: list[bytes] = []
    for number, size in enumerate(sizes):
        chunk = bytes([number % 251]) * size
        stream += chunk
        if (piece := joiner.add(chunk)) is not None:
            pieces.append(piece.audio)
    assert all(len(piece) >= LEAST_BYTES for piece in pieces)
    assert len(stream) - sum(map(len, pieces)) < LEAST_BYTES
    assert b"".join([*pieces, sound(joiner.release())]) == stream
