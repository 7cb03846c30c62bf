"""Clients that break the rules of WebSocket or HTTP, or just go: the layers below the protocol answer them."""

import asyncio
from collections.abc import Mapping

from tests.hostile import messages
from tests.hostile.conversation import Attack, websocket
from tests.hostile.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    NO_STATUS,
    PING,
    RawConnection,
    close_frame,
    data_frame,
    frame,
    handshake,
)
from tests.hostile.tally import Tally

_HALF = frame(b'{"type":', fin=False)
_BAD_CLOSES = (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)
_GOOD_CLOSES = (1000, 1001, 1012, 3000, 4999)

VIOLATIONS: Mapping[str, tuple[bytes, int]] = {
    "continuation without a start": (frame(b"x", CONTINUATION), 1002),
    "a start within a message": (_HALF + frame(b"{}"), 1002),
    "a binary start within a text": (_HALF + frame(b"\0\0", BINARY), 1002),
    "no mask": (frame(b"{}", mask=None), 1002),
    **{f"reserved bits {bits}": (frame(b"{}", reserved=bits), 1002) for bits in range(1, 8)},
    **{f"opcode {opcode}": (frame(b"", opcode), 1002) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "a long ping": (frame(bytes(126), PING), 1002),
    "a ping in pieces": (frame(b"", PING, fin=False), 1002),
    "a close in pieces": (frame(b"", CLOSE, fin=False), 1002),
    "half a close code": (frame(b"\x03", CLOSE), 1002),
    **{f"close {code}": (close_frame(code), 1002) for code in _BAD_CLOSES},
    "a long close": (close_frame(1000, b"a" * 124), 1002),
    "a close within a message": (_HALF + close_frame(), 1002),
    "a close whose reason is no UTF-8": (close_frame(1000, b"\xff"), 1007),
    "a length with the highest bit": (frame(b"", declared_length=2**63), 1009),
    **{f"good close {code}": (close_frame(code, b"bye"), code) for code in _GOOD_CLOSES},
    "a close without a code": (close_frame(None), NO_STATUS),
}
"""Frames that end the connection, by name, and the close code (RFC 6455, sections 5 and 7.4)."""


async def broken_frames(attack: Attack, tally: Tally) -> None:
    """One violation, before ``init`` or in a session, behind messages that are fine."""
    name = list(VIOLATIONS)[attack.number % len(VIOLATIONS)]
    data, close_code = VIOLATIONS[name]
    async with websocket(attack, tally) as connection:
        await _get_going(attack, tally, connection)
        tally.messages += 1
        await connection.send_raw(data)
        code = await connection.until_closed()
        assert code == close_code, f"{name}: closed with {code}, expected {close_code}"


async def invalid_utf8(attack: Attack, tally: Tally) -> None:
    """A text frame that is no text, whole or in fragments."""
    content = messages.not_utf8(attack.rng)
    at = attack.rng.randrange(len(content) + 1)
    data = attack.rng.choice([frame(content), frame(content[:at], fin=False) + frame(content[at:], CONTINUATION)])
    async with websocket(attack, tally) as connection:
        await _get_going(attack, tally, connection)
        tally.messages += 1
        await connection.send_raw(data)
        assert await connection.until_closed() == 1007, f"closed with {connection.got.close_code}"


async def _get_going(attack: Attack, tally: Tally, connection: RawConnection) -> None:
    if attack.rng.random() < 0.4:
        tally.messages += 1
        await connection.send(messages.init(attack.rng))
        await connection.until_kind("connected")
    elif attack.rng.random() < 0.5:
        tally.messages += 1
        await connection.send(messages.unknown_types(attack.rng))


# Ends without a word


async def abrupt_ends(attack: Attack, tally: Tally) -> None:
    """Gone in any state: half a frame sent, in the middle of connecting, of an utterance, of an answer."""
    rng = attack.rng
    async with websocket(attack, tally) as connection:
        if rng.random() < 0.7:
            tally.messages += 1
            await connection.send(messages.init(rng, sampleRate=16000, audioEncoding="binary"))
            if rng.random() < 0.8:
                await connection.until_kind("connected")
                await _speak(attack, tally, connection)
        if rng.random() < 0.5:
            tally.messages += 1
            await connection.send_raw(data_frame(messages.valid(rng))[: rng.randrange(1, 30)])
        match rng.randrange(3):
            case 0:
                await connection.reset()
            case 1:
                connection.send_eof()
                await connection.until_closed()


async def _speak(attack: Attack, tally: Tally, connection: RawConnection) -> None:
    """Something loud, that nobody ends."""
    for _ in range(attack.rng.randrange(1, 12)):
        tally.messages += 1
        await connection.send(messages.pcm(attack.rng, 3200))
        await asyncio.sleep(0)


# Before there is a WebSocket

HANDSHAKES: Mapping[str, bytes] = {
    "no key": handshake("x").replace(b"Sec-WebSocket-Key", b"X-Key"),
    "two keys": handshake("x", headers=(b"Sec-WebSocket-Key: AAAA",)),
    "a key that is none": handshake("x").replace(b"-Key: ", b"-Key: !!"),
    "another version": handshake("x").replace(b"Version: 13", b"Version: 8"),
    "another upgrade": handshake("x").replace(b"Upgrade: websocket", b"Upgrade: h2c"),
    "another method": handshake("x").replace(b"GET", b"POST"),
    "another path": handshake("x", path=b"/nope"),
    "a path that breaks a line": handshake("x", path=b"/ws%0a%1b%00%ff"),
    "a path of other letters": handshake("x", path=b"/\xff\xfe"),
    "a header with NUL": handshake("x", headers=(b"X-A: a\0b",)),
    "a header without a name": handshake("x", headers=(b": 1",)),
    "another origin": handshake("x", headers=(b"Origin: http://evil.example",)),
    "two origins": handshake("x", headers=(b"Origin: http://localhost:3000", b"Origin: http://evil.example")),
    "no HTTP": bytes(range(256)),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": bytes.fromhex("16030100ff010000fb0303") + bytes(60),
    "no upgrade": b"GET /ws HTTP/1.1\r\nHost: x\r\n\r\n",
    "hundreds of headers": handshake("x", headers=tuple(b"X-%d: a" % number for number in range(300))),
    "a long header": handshake("x", headers=(b"X-A: " + b"a" * 15_000,)),
    "an origin that is no text": handshake("x", headers=(b"Origin: \xff\x1b[2J",)),
    "a body": handshake("x", headers=(b"Content-Length: 5",)) + b"abcde",
    "chunks": handshake("x", headers=(b"Transfer-Encoding: chunked",)) + b"0\r\n\r\n",
    "a length below nothing": handshake("x", headers=(b"Content-Length: -5",)),
}
"""Requests that the server refuses, by name."""


async def bad_handshakes(attack: Attack, tally: Tally) -> None:
    """A handshake that is refused with a status of HTTP."""
    name = list(HANDSHAKES)[attack.number % len(HANDSHAKES)]
    tally.connections += 1
    tally.messages += 1
    connection = await RawConnection.connect(attack.address)
    try:
        await connection.send_raw(HANDSHAKES[name])
        status = await connection.read_status()
        assert status is not None, f"{name}: no answer"
        assert 400 <= status < 500, f"{name}: status {status}"
        tally.closes[f"HTTP {status}"] += 1
    finally:
        await connection.drop()


async def half_handshakes(attack: Attack, tally: Tally) -> None:
    """A handshake that never ends, and a TCP connection on which nothing is said; some wait until they are cut."""
    tally.connections += 1
    tally.messages += 1
    connection = await RawConnection.connect(attack.address)
    request = handshake("x", headers=(b"X-Long: " + b"a" * 2000,))
    for byte in request[: attack.rng.choice([0, 1, 20, 100, len(request) - 2])]:
        await connection.send_raw(bytes([byte]))
    if attack.number % 8 == 7:
        assert await connection.read_status() is None, "the server answered half a request"
        tally.closes["cut"] += 1
        await connection.drop()
        return
    tally.closes["left"] += 1
    await (connection.reset() if attack.rng.random() < 0.5 else connection.drop())
