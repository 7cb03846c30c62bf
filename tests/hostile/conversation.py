"""Clients whose every message has a known answer: refused and mutated messages, whole and in fragments.

The oracle says what each message leads to. The server must say the same, once for each, in order, and go on.
"""

import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.hostile import messages
from tests.hostile.frames import (
    BINARY,
    CONTINUATION,
    PING,
    TEXT,
    Address,
    Message,
    RawConnection,
    data_frame,
    frame,
)
from tests.hostile.messages import Content, Rng
from tests.hostile.oracle import Limits, Oracle
from tests.hostile.tally import Tally
from tests.support.endings import LEAKS

LONGEST = 95
"""Messages of one conversation: fewer than a client may have refused."""
_MOST_AUDIO_SECS = 15.0
_HARMLESS_SHARE = 0.15
_LOCK_STEP_SHARE = 0.3
_LONGEST_ERROR = 400


@dataclass(frozen=True, slots=True)
class Attack:
    """What a client needs to know.

    Attributes:
        address: Of the server.
        limits: Of the server.
        rng: Where everything that it does comes from.
        number: Of the client, counted over the run.
    """

    address: Address
    limits: Limits
    rng: Rng
    number: int


Encode = Callable[[Rng, Content], list[bytes]]


@contextlib.asynccontextmanager
async def websocket(attack: Attack, tally: Tally, *, reads: bool = True) -> AsyncIterator[RawConnection]:
    """An open WebSocket that counts, and that is dropped at the end of the block."""
    tally.connections += 1
    connection = await RawConnection.open(attack.address, reads=reads)
    tally.handshakes += 1
    try:
        yield connection
    finally:
        await connection.drop()
        tally.note_end(connection.got)


def whole(_rng: Rng, content: Content) -> list[bytes]:
    """A message in one frame."""
    return [data_frame(content)]


def fragmented(rng: Rng, content: Content) -> list[bytes]:
    """A message in pieces, some empty, cut anywhere, with pings between them."""
    data = content.encode() if isinstance(content, str) else content
    opcode = TEXT if isinstance(content, str) else BINARY
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.choice([1, 2, 5, 30])))
    bounds = [0, *cuts, len(data)]
    pieces = []
    for number, (start, end) in enumerate(pairwise(bounds)):
        pieces.append(
            frame(
                data[start:end],
                CONTINUATION if number else opcode,
                fin=number == len(cuts),
                mask=rng.randbytes(4),
            )
        )
        if rng.random() < 0.2 and number < len(cuts):
            pieces.append(frame(b"between", PING))
    return pieces


async def refused(attack: Attack, tally: Tally) -> None:
    """Messages that are mostly refused, and some that are not."""
    await _converse(attack, tally, messages.mostly_refused, whole)


async def mutated(attack: Attack, tally: Tally) -> None:
    """Good messages with mistakes; the last one may end the connection."""
    await _converse(attack, tally, messages.mutated, whole)


async def fragments(attack: Attack, tally: Tally) -> None:
    """Both, in fragments."""
    await _converse(attack, tally, attack.rng.choice([messages.mostly_refused, messages.mutated]), fragmented)


async def _converse(attack: Attack, tally: Tally, draw: Callable[[Rng], Content], encode: Encode) -> None:
    async with websocket(attack, tally) as connection:
        talk = _Conversation(attack, tally, connection, encode)
        if attack.rng.random() < 0.7:
            encoding = attack.rng.choice(["base64", "binary"])
            resume: dict[str, Any] = attack.rng.choice([{}, {"resume": {}}, {"resume": messages.claim(attack.rng)}])
            await talk.say(messages.init(attack.rng, audioEncoding=encoding, **resume))
            if attack.rng.random() < 0.7:
                await connection.until_kind("connected")
        for _ in range(attack.rng.randrange(LONGEST // 2, LONGEST)):
            await talk.say(messages.init(attack.rng) if talk.needs_init else talk.draw(draw))
            if attack.rng.random() < _LOCK_STEP_SHARE:
                await connection.until_messages(talk.least_replies)
        await talk.end()


class _Conversation:
    """What was sent on one connection, and what has to come of it."""

    def __init__(self, attack: Attack, tally: Tally, connection: RawConnection, encode: Encode):
        self._attack, self._tally, self._connection = attack, tally, connection
        self._rng = attack.rng
        self._encode = encode
        self._oracle = Oracle(attack.limits)
        self._init_due_at = time.monotonic() + attack.limits.init_timeout_secs / 3
        self._codes: list[str] = []
        self._interrupts = 0
        self._pings = 0

    @property
    def least_replies(self) -> int:
        """Messages that come in any case."""
        return len(self._codes)

    @property
    def needs_init(self) -> bool:
        """Whether there is not much time left for an ``init``."""
        return not self._oracle.initialized and time.monotonic() > self._init_due_at

    def draw(self, draw: Callable[[Rng], Content]) -> Content:
        """A message after which the connection goes on."""
        while True:
            content = draw(self._rng)
            if self._oracle.initialized and self._rng.random() < _HARMLESS_SHARE:
                content = messages.harmless(self._rng, binary_audio=self._oracle.binary)
            verdict = self._oracle.judge(content)
            too_much = verdict.accepted == "audio" and self._oracle.audio_secs > _MOST_AUDIO_SECS
            if verdict.close_code is None and not too_much:
                return content

    async def say(self, content: Content) -> int | None:
        """Send a message; the code with which the connection has to be closed then, if so."""
        verdict = self._oracle.take(content)
        if verdict.error is not None:
            self._codes.append(verdict.error)
        self._interrupts += verdict.accepted == "interrupt"
        self._tally.messages += 1
        for piece in self._encode(self._rng, content):
            self._pings += piece[0] & 0x0F == PING
            await self._connection.send_raw(piece)
        return verdict.close_code

    async def end(self) -> None:
        """See that every message has its answer, that the connection still serves, and how it ends."""
        if not self._oracle.initialized:
            await self.say(messages.init(self._rng))
        await self._connection.until_kind("connected")
        await self._connection.until_pongs(self._pings)
        if self._interrupts:
            await self._connection.until_kind("interrupted", self._interrupts)
        await self._until_errors(len(self._codes))
        assert not self._connection.ended, f"closed with {self._connection.got.close_code}"
        code = await self.say(self._last_words())
        assert await self._connection.until_closed() == code, f"{self._connection.got.close_code}, expected {code}"
        self._check()

    def _last_words(self) -> Content:
        return self._rng.choice(
            ['{"type":"close"}', '{"type":"close","config":7}', " " * (self._attack.limits.message_bytes + 1)]
            if self._rng.random() < 0.1
            else ['{"type":"close"}']
        )

    async def _until_errors(self, count: int) -> None:
        if count:
            await self._connection.until_kind("error", count)

    def _check(self) -> None:
        got = self._connection.got
        errors = got.of("error")
        check_errors(errors)
        codes = [error["code"] for error in errors]
        assert codes == self._codes, _first_difference(codes, self._codes)
        assert len(got.of("connected")) == 1
        assert len(got.of("interrupted")) == self._interrupts
        assert got.pongs == self._pings


def check_errors(errors: list[Message]) -> None:
    """No error is long, has more members than documented, breaks a line, or tells of the server's inside.

    Raises:
        AssertionError: One does.
    """
    for error in errors:
        assert set(error) - {"seq"} == {"type", "code", "message"}, error
        text = error["message"]
        assert text.isprintable(), text
        assert len(text) <= _LONGEST_ERROR, text
        assert not LEAKS.search(text), text


def _first_difference(got: list[str], expected: list[str]) -> str:
    for number, (one, other) in enumerate(zip(got, expected, strict=False)):
        if one != other:
            return f"answer {number} was {one}, expected {other}"
    return f"{len(got)} answers, expected {len(expected)}"


def rng_of(seed: int, number: int) -> Rng:
    """The same for the same client of the same run."""
    return random.Random(f"{seed}-{number}")
