"""Frames of the load process: what the standard says, however the bytes come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from benchmarks.frames import BINARY, PING, TEXT, FrameReader, client_handshake, frame, server_handshake
from tests.support import hypothesis_profile

__all__ = ["hypothesis_profile"]


@given(
    st.lists(st.tuples(st.sampled_from([TEXT, BINARY, PING]), st.sampled_from([0, 1, 125, 126, 700, 70_000]))),
    st.lists(st.integers(1, 2000), min_size=1, max_size=20),
)
def test_a_reader_gives_what_a_library_wrote(messages: list[tuple[int, int]], lengths: list[int]) -> None:
    """Of any length, masked with any key, cut anywhere."""
    sent = [
        (opcode, bytes(index % 251 for index in range(min(length, 125 if opcode == PING else length))))
        for opcode, length in messages
    ]
    data = b"".join(Frame(Opcode(opcode), payload).serialize(mask=True) for opcode, payload in sent)
    reader, found, place, turn = FrameReader(), [], 0, 0
    while place < len(data):
        length = lengths[turn % len(lengths)]
        found += reader.feed(data[place : place + length])
        place, turn = place + length, turn + 1
    assert found == sent


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("length", [0, 125, 126, 65_535, 65_536])
def test_a_frame_is_read_again(length: int, masked: bool) -> None:
    """At every length where the header changes."""
    assert FrameReader().feed(frame(bytes(length), BINARY, masked=masked)) == [(BINARY, bytes(length))]


def test_fragments_are_refused() -> None:
    """Nobody here sends them, and a mark could hide between two."""
    with pytest.raises(ValueError, match="fragment"):
        FrameReader().feed(Frame(Opcode.BINARY, b"abc", fin=False).serialize(mask=False))


def test_the_handshake_is_answered_as_the_standard_says() -> None:
    """The example of RFC 6455, section 1.3."""
    answer = server_handshake(b"GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer


def test_a_request_without_a_key_is_refused() -> None:
    """With what is missing."""
    with pytest.raises(ValueError, match="Sec-WebSocket-Key"):
        server_handshake(client_handshake("localhost", "/ws").split(b"Sec-")[0])
