"""Where frames end in a stream of bytes."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.frame_cutter import FrameCutter
from tests.hostile.frames import BINARY, CONTINUATION, PING, TEXT, frame
from tests.support import hypothesis_profile

__all__ = ["hypothesis_profile"]


def steps_of(stream: bytes, cuts: list[int], most_bytes: int) -> list[bytes]:
    """The steps of a stream that comes in pieces; what is no whole header waits for the next piece."""
    cutter, unparsed, steps = FrameCutter(), bytearray(), []
    borders = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    for start, end in itertools.pairwise(borders):
        unparsed += stream[start:end]
        while step := cutter.next_step(unparsed, most_bytes):
            steps.append(bytes(unparsed[:step]))
            del unparsed[:step]
    assert not unparsed
    return steps


@given(
    sizes=st.lists(st.sampled_from([0, 1, 125, 126, 640, 65_535, 65_536]), min_size=1, max_size=6),
    masked=st.booleans(),
)
def test_each_frame_is_a_step(sizes: list[int], masked: bool) -> None:
    """Whatever its length is, and however that is written."""
    payloads = [bytes(size) for size in sizes]
    frames = [frame(pcm, BINARY) if masked else frame(pcm, BINARY, mask=None) + pcm for pcm in payloads]
    assert steps_of(b"".join(frames), [], 10**6) == frames


@given(
    sizes=st.lists(st.integers(0, 700), min_size=1, max_size=6),
    cuts=st.lists(st.integers(0, 4000), max_size=10),
    most_bytes=st.integers(1, 300),
)
def test_no_step_goes_beyond_a_frame(sizes: list[int], cuts: list[int], most_bytes: int) -> None:
    """In whatever pieces the stream comes: every byte is in a step, and each frame begins one."""
    frames = [frame(bytes(size), BINARY) for size in sizes]
    steps = steps_of(b"".join(frames), cuts, most_bytes)
    assert b"".join(steps) == b"".join(frames)
    assert max(map(len, steps)) <= most_bytes
    borders, position = set(), 0
    for step in steps:
        borders.add(position)
        position += len(step)
    start = 0
    for item in frames:
        assert start in borders
        start += len(item)


@pytest.mark.parametrize("head", [b"", b"\x82", b"\x82\xfe", b"\x82\xfe\x01", b"\x82\xff" + bytes(7)])
def test_a_header_in_part_is_no_step(head: bytes) -> None:
    """The rest of it has to come first."""
    assert FrameCutter().next_step(head, 100) == 0


@given(
    contents=st.lists(st.binary(max_size=200) | st.integers(120, 3000).map(bytes), min_size=1, max_size=5),
    opcode=st.sampled_from([TEXT, BINARY]),
)
def test_whole_messages_are_plain(contents: list[bytes], opcode: int) -> None:
    """Their content comes out, whatever its length is, and what comes behind them stays."""
    cutter = FrameCutter()
    stream = bytearray(b"".join(frame(content, opcode) for content in contents))
    taken = [cutter.take_plain(stream, 4096) for _ in contents]
    message_type = "text" if opcode == TEXT else "bytes"
    assert taken == [(message_type, content) for content in contents]
    assert not stream


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        frame(b"abc", BINARY)[:-1],
        frame(bytes(640), BINARY)[:3],
        frame(bytes(5000), BINARY),
        frame(b"abc", BINARY, fin=False),
        frame(b"abc", CONTINUATION),
        frame(b"", PING),
        b"\xc2" + frame(b"abc", BINARY)[1:],
        frame(b"abc", BINARY, mask=None) + b"abc",
    ],
    ids=["nothing", "part", "head", "long", "fragment", "continuation", "ping", "extension", "unmasked"],
)
def test_all_else_is_left_to_a_parser(stream: bytes) -> None:
    """As it came."""
    data = bytearray(stream)
    assert FrameCutter().take_plain(data, 4096) is None
    assert data == stream


def test_the_rest_of_a_frame_is_not_plain() -> None:
    """Whatever it looks like."""
    cutter, inner = FrameCutter(), frame(b"abc", BINARY)
    stream = bytearray(frame(inner, BINARY, mask=bytes(4)))
    del stream[: cutter.next_step(stream, len(stream) - len(inner))]
    assert stream == inner
    assert cutter.take_plain(stream, 4096) is None
