"""Clients that break a limit of the protocol, or flood: each is closed with the documented code."""

import asyncio
from itertools import count

from tests.hostile import messages
from tests.hostile.conversation import Attack, check_errors, websocket
from tests.hostile.frames import BINARY, CONTINUATION, PING, TEXT, RawConnection, data_frame, frame, handshake
from tests.hostile.tally import Tally

_LARGEST_FRAME_FACTOR = 8
_PING_BURST = 500
_INTERRUPT_BURST = 100
_PINGS_UNREAD = 20_000
_UNREAD_SECS = 1.0
_SMALL_BUFFER_BYTES = 4096
_PIECE_BYTES = 2**18
_MANY_FRAGMENTS = 2000


async def too_large(attack: Attack, tally: Tally) -> None:
    """Frames over ``MAX_MESSAGE_BYTES``: 1009, with an error where the frame could be read at all."""
    most = attack.limits.message_bytes
    largest = _LARGEST_FRAME_FACTOR * most
    over = attack.rng.choice([most + 1, most + 2, 2 * most, largest - 3])
    way = attack.number % 5
    async with websocket(attack, tally) as connection:
        if attack.rng.random() < 0.5:
            await _init(connection, tally)
        tally.messages += 1
        if way == 0:  # a header is enough
            await connection.send_raw(
                frame(b"x", declared_length=attack.rng.choice([largest + 1, 2**40, 2**63 - 1]))
            )
        elif way == 1:  # what fits piece by piece
            await _in_pieces(connection, largest + 1)
        elif way == 2:  # too many pieces, however small
            await connection.send_raw(frame(b"", fin=False) + frame(b"", CONTINUATION, fin=False) * _MANY_FRAGMENTS)
        elif way == 3:
            await connection.send_raw(frame(bytes(over), BINARY))
        else:
            await connection.send_raw(data_frame("가" * (over // 3 + 1)))
        await _expect(connection, 1009, "MESSAGE_TOO_LARGE" if way > 2 else None)


async def _in_pieces(connection: RawConnection, size: int) -> None:
    for start in range(0, size, _PIECE_BYTES):
        opcode = CONTINUATION if start else TEXT
        await connection.send_raw(frame(b" " * min(_PIECE_BYTES, size - start), opcode, fin=False))


async def unsupported_language(attack: Attack, tally: Tally) -> None:
    """Any text that is no language of the server, and a line for its log."""
    language = attack.rng.choice(["fr", "KO", "", "auto ", "ko,en", "\x00", messages.FORGED_LINE, "x" * 10_000])
    async with websocket(attack, tally) as connection:
        tally.messages += 1
        await connection.send({"type": "init", "config": {"language": language}})
        await _expect(connection, 1008, "UNSUPPORTED_LANGUAGE")


async def no_init(attack: Attack, tally: Tally) -> None:
    """Everything but an ``init``, until the time for it is over."""
    async with websocket(attack, tally) as connection:
        for content in ('{"type":"interrupt"}', "", b"\0", '{"type":"init","config":7}'):
            tally.messages += 1
            await connection.send(content)
        await _expect(connection, 1008, "INIT_TIMEOUT")


async def error_flood(attack: Attack, tally: Tally) -> None:
    """More refused messages than are allowed, without a look at the answers."""
    most = attack.limits.client_errors
    async with websocket(attack, tally) as connection:
        if attack.rng.random() < 0.5:
            await _init(connection, tally)
        burst = b"".join(data_frame('{"type":"flood"}') for _ in range(3 * most))
        tally.messages += 3 * most
        await connection.send_raw(burst)
        await _expect(connection, 1008, "RATE_LIMITED")
        codes = [error["code"] for error in connection.got.of("error")]
        assert codes == ["UNKNOWN_TYPE"] * most + ["RATE_LIMITED"], f"{len(codes)} answers"


async def audio_flood(attack: Attack, tally: Tally) -> None:
    """Audio far ahead of real time, as large as its chunks may be."""
    async with websocket(attack, tally) as connection:
        rate_hz = attack.rng.choice([8000, 16000])
        await _init(connection, tally, sampleRate=rate_hz, audioEncoding="binary")
        chunk = frame(messages.pcm(attack.rng, attack.limits.chunk_secs * rate_hz), BINARY)
        for sent_secs in count(0, attack.limits.chunk_secs):
            if connection.ended or sent_secs > 20 * attack.limits.ahead_secs:
                break
            tally.messages += 1
            await connection.send_raw(chunk)
            await asyncio.sleep(0)
        await _expect(connection, 1008, "RATE_LIMITED")


async def ping_flood(attack: Attack, tally: Tally) -> None:
    """Pings by the hundred, each answered."""
    async with websocket(attack, tally) as connection:
        tally.messages += _PING_BURST
        await connection.send_raw(b"".join(frame(b"%d" % number, PING) for number in range(_PING_BURST)))
        await connection.until_pongs(_PING_BURST)
        assert connection.got.pongs == _PING_BURST
        await _init(connection, tally)


async def never_reads(attack: Attack, tally: Tally) -> None:
    """Makes the server talk, and takes nothing of it; leaves in the end."""
    tally.connections += 1
    connection = await RawConnection.connect(attack.address, buffer_bytes=_SMALL_BUFFER_BYTES)
    try:
        await connection.send_raw(handshake("x"))
        assert await connection.read_status() == 101
        tally.handshakes += 1
        tally.messages += _PINGS_UNREAD + attack.limits.client_errors
        await connection.send_raw(data_frame('{"type":"x"}') * attack.limits.client_errors)
        pings = frame(bytes(125), PING) * 100
        for _ in range(_PINGS_UNREAD // 100):
            await connection.send_raw(pings)
        await asyncio.sleep(_UNREAD_SECS)
    finally:
        await connection.drop()
        tally.closes["left"] += 1


async def interrupt_flood(attack: Attack, tally: Tally) -> None:
    """Interrupts by the hundred in a session, each answered."""
    async with websocket(attack, tally) as connection:
        await _init(connection, tally)
        tally.messages += _INTERRUPT_BURST
        await connection.send_raw(data_frame('{"type":"interrupt"}') * _INTERRUPT_BURST)
        await connection.until_kind("interrupted", _INTERRUPT_BURST)
        tally.messages += 1
        await connection.send({"type": "close"})
        assert await connection.until_closed() == 1000
        assert len(connection.got.of("interrupted")) == _INTERRUPT_BURST


async def _init(connection: RawConnection, tally: Tally, **config: object) -> None:
    tally.messages += 1
    await connection.send({"type": "init", "config": config})
    await connection.until_kind("connected")


async def _expect(connection: RawConnection, close_code: int, error: str | None) -> None:
    code = await connection.until_closed()
    errors = connection.got.of("error")
    check_errors(errors)
    last = errors[-1]["code"] if errors else None
    assert (code, last if error else error) == (close_code, error), f"closed with {code} after {last}"
