"""What is kept for a client that may come back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.replay import ReplayBuffer
from tests.support import hypothesis_profile

__all__ = ["hypothesis_profile"]

frames = st.one_of(
    st.binary(max_size=300), st.text("ab안", max_size=100).map(lambda text: json.dumps({"text": text}))
)


def test_frames_are_numbered_from_1() -> None:
    """A text frame carries its number; a binary one takes it and stays as it is."""
    buffer = ReplayBuffer(1000)
    assert buffer.last_seq == 0
    assert buffer.add('{"type":"a"}') == '{"type":"a","seq":1}'
    assert buffer.add(b"\x01") == b"\x01"
    assert buffer.add("{}") == '{"seq":3}'
    assert buffer.last_seq == 3


def test_what_is_asked_for_comes_once_and_in_order() -> None:
    """All after a number; nothing after the last."""
    buffer = ReplayBuffer(1000)
    sent = [buffer.add(frame) for frame in ("{}", b"2", "{}")]
    assert [buffer.after(seq) for seq in range(4)] == [sent, sent[1:], sent[2:], []]
    assert buffer.after(0) == sent, "asking takes nothing away"


@pytest.mark.parametrize("seq", [-1, 1, 10**12])
def test_a_number_that_is_yet_to_come_is_none(seq: int) -> None:
    """A client that claims what was never sent is not this session's."""
    assert ReplayBuffer(1000).after(seq) is None


def test_the_oldest_frames_go_first() -> None:
    """Beyond the bound the buffer no longer reaches back to the start, and says so."""
    buffer = ReplayBuffer(3 * (128 + 10))
    for number in range(5):
        buffer.add(bytes([number]) * 10)
    assert [buffer.after(seq) is None for seq in range(6)] == [True, True, False, False, False, False]
    assert buffer.after(2) == [b"\x02" * 10, b"\x03" * 10, b"\x04" * 10]


def test_a_frame_beyond_the_bound_is_not_kept() -> None:
    """It goes out, and what comes after it can be asked for."""
    buffer = ReplayBuffer(1000)
    buffer.add(bytes(2000))
    assert (buffer.held_bytes, buffer.after(0), buffer.after(1)) == (0, None, [])


def test_what_is_acknowledged_is_dropped() -> None:
    """It makes room, and can't be asked for any more."""
    buffer = ReplayBuffer(1000)
    for number in range(3):
        buffer.add(bytes([number]))
    buffer.acknowledge(2)
    assert (buffer.after(1), buffer.after(2)) == (None, [b"\x02"])
    assert buffer.held_bytes == 129
    buffer.acknowledge(3)
    buffer.acknowledge(3)
    assert (buffer.held_bytes, buffer.after(3)) == (0, [])


def test_text_beyond_ascii_counts_as_the_memory_that_it_takes() -> None:
    """Korean is held at two bytes a character, an emoji makes it four."""
    buffer = ReplayBuffer(10_000)
    buffer.add('{"text":"' + "안" * 100 + '"}')
    assert 128 + 400 < buffer.held_bytes < 128 + 500


@given(said=st.lists(frames, max_size=30), capacity_bytes=st.integers(0, 3000), known=st.integers(0, 31))
def test_the_buffer_tells_the_truth(said: list[str | bytes], capacity_bytes: int, known: int) -> None:
    """Whatever it kept: it stays within its bound, and gives exactly what follows a number, or nothing."""
    buffer = ReplayBuffer(capacity_bytes)
    sent = [buffer.add(frame) for frame in said]
    assert buffer.held_bytes <= capacity_bytes
    found = buffer.after(known)
    assert found is None or found == sent[known:]
    if known > len(sent):
        assert found is None
