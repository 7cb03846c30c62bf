"""Frames that go past the parser mean what they would mean to it: the same stream, with and without."""

import asyncio
import itertools
from typing import Any, cast

import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.server import ServerState

from pipelines.bounded_protocols import BoundedWebSocket
from tests.hostile.frames import BINARY, CONTINUATION, PING, TEXT, close_frame, frame, handshake
from tests.support import hypothesis_profile
from tests.support.waiting import until

__all__ = ["hypothesis_profile"]

Heard = tuple[list[Any], bytes]

texts = st.text(max_size=40).map(str.encode)
payloads = texts | st.binary(max_size=150) | st.sampled_from([125, 126, 4087, 4088, 4089, 5000]).map(bytes)
masks = st.binary(min_size=4, max_size=4)
whole = st.builds(frame, texts, st.just(TEXT), mask=masks) | st.builds(frame, payloads, st.just(BINARY), mask=masks)
fragments = st.lists(payloads, min_size=2, max_size=3).map(
    lambda parts: b"".join(
        frame(part, BINARY if number == 0 else CONTINUATION, fin=number == len(parts) - 1)
        for number, part in enumerate(parts)
    )
)
data_opcodes = st.sampled_from([TEXT, BINARY])
odd = st.one_of(
    st.builds(frame, texts, data_opcodes, fin=st.just(False)),
    st.builds(frame, texts, st.just(CONTINUATION)),
    st.builds(frame, texts, data_opcodes, reserved=st.sampled_from([1, 4])),
    st.builds(frame, texts, data_opcodes, mask=st.none()),
    st.builds(frame, st.binary(max_size=20), data_opcodes | st.just(0x3)),
    st.builds(frame, st.binary(max_size=10), st.just(PING)),
    st.just(close_frame()),
)
streams = st.lists(st.tuples(whole | fragments, st.just(b"") | odd).map(b"".join), min_size=1, max_size=5)


class ParsedWebSocket(BoundedWebSocket):
    """Has every frame parsed."""

    def _take_plain_frame(self) -> bool:
        return False


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        """Be open, with nothing written."""
        super().__init__()
        self.written = b""
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        self.written += bytes(data)

    def close(self) -> None:
        """Be closing."""
        self.closing = True

    def is_closing(self) -> bool:
        """Whether it is."""
        return self.closing

    def pause_reading(self) -> None:
        """There is nothing to pause: whoever feeds the protocol does not ask."""

    def resume_reading(self) -> None:
        """As above."""


async def heard_by(protocol_class: type[BoundedWebSocket], pieces: list[bytes]) -> Heard:
    """What a session hears of a stream that comes in ``pieces``, and what goes back but the handshake."""
    heard: list[Any] = []

    async def session(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            heard.append(message)
        heard.append(message)

    config = uvicorn.Config(session, ws_ping_interval=None, ws_per_message_deflate=False, ws_max_size=4096)
    config.load()
    wire = Wire()
    protocol = protocol_class(config, ServerState(), {})
    protocol.connection_made(wire)
    protocol.data_received(handshake("x"))
    await until(lambda: bool(wire.written))
    answer_bytes = len(wire.written)
    for piece in pieces:
        protocol.data_received(piece)
        await asyncio.sleep(0)
    for _ in range(50):
        await asyncio.sleep(0)
    protocol.connection_lost(cast(Exception, ConnectionError()))
    for _ in range(5):
        await asyncio.sleep(0)
    return heard, wire.written[answer_bytes:]


@settings(max_examples=200)
@given(stream=streams.map(b"".join), cuts=st.lists(st.integers(0, 6000), max_size=6))
def test_a_stream_is_heard_as_the_parser_hears_it(stream: bytes, cuts: list[int]) -> None:
    """Messages, faults and answers, in whatever pieces it comes."""
    borders = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in itertools.pairwise(borders)]

    async def both() -> tuple[Heard, Heard]:
        return await heard_by(BoundedWebSocket, pieces), await heard_by(ParsedWebSocket, pieces)

    plain, parsed = asyncio.run(both())
    assert plain == parsed
