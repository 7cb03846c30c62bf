"""A caller types the code of a seat: three tries, a minute, and then into the room."""

import asyncio
from typing import Any

import numpy as np
import pytest
from pipecat.frames.frames import InputAudioRawFrame

from pipelines.conversation import Conversation, Line
from protocol.errors import ErrorCode, Fault
from tests.pipelines.test_call import answering
from tests.support.pcm import samples_of, tone
from tests.support.phones import RATE_HZ, caller
from tests.support.virtual_time import settle
from tests.telephony import documented

_LOUD = 1000
CODE: dict[str, Any] = {"telephony_answer": "code", "telephony_code_prompt": {"en": "The code, please."}}


class Seated:
    """The conversation of a seat, which notes what is done with it."""

    longest_gap_secs = 1.0

    def __init__(self, line: Line):
        """Sit down."""
        self.line = line
        self.heard = 0
        self.done: list[str] = []

    def start(self) -> None:
        """Begin."""
        self.done.append("start")

    def hear(self, frame: InputAudioRawFrame) -> None:
        """Count what is said, silence aside."""
        if np.abs(samples_of(frame.audio)).max() > _LOUD:
            self.heard += len(frame.audio)

    def interrupt(self) -> None:
        """Nothing plays."""

    def repeat(self) -> None:
        """Note it."""
        self.done.append("repeat")

    def swap(self) -> None:
        """Note it."""
        self.done.append("swap")

    def announce(self, pcm: bytes) -> None:
        """Note it."""
        self.done.append("announce")

    async def drained(self) -> None:
        """Nothing is owed."""

    async def stop(self) -> None:
        """Leave."""
        self.done.append("stop")

    def queue_depths(self) -> dict[str, float]:
        """Nothing waits."""
        return {}


class House:
    """One room with one seat, whose code is 4711 and which claims a number."""

    language = "ko"

    def __init__(self, *, number: str = "", full: bool = False):
        """Leave the seat free, unless it is ``full``."""
        self.number = number
        self.full = full
        self.seated: Seated | None = None
        self.tried: list[str] = []

    def take(self, line: Line) -> Conversation | Fault:
        """Sit down."""
        if self.full:
            return Fault(ErrorCode.SERVER_BUSY, "somebody sits there")
        self.seated = Seated(line)
        return self.seated

    def seat_by_number(self, dialled: str) -> "House | None":
        """The seat that claims a number."""
        return self if dialled and dialled == self.number else None

    def seat_by_code(self, code: str) -> "House | None":
        """The seat of a code."""
        self.tried.append(code)
        return self if code == "4711" else None

    def seat_by_token(self, token: str) -> "House | None":
        """Nobody is called."""
        return None


async def test_a_code_leads_into_the_room() -> None:
    """The caller is asked for it, types it, and is heard in the room, whose keys work from then on."""
    house = House()
    async with caller(answering(), seats=house, **CODE) as user:
        user.start()
        await asyncio.sleep(2)
        assert len(user.heard) == 2 * RATE_HZ, "asked"
        user.speak(tone(1.0, RATE_HZ) + bytes(2 * RATE_HZ))
        user.press(*"4711#")
        await settle(1)
        assert house.seated is not None
        assert (house.seated.heard, house.seated.done) == (0, ["start"])
        user.speak(tone(1.0, RATE_HZ) + bytes(2 * RATE_HZ))
        user.press("*", "#")
        await settle(1)
        assert house.seated.heard == pytest.approx(2 * 16_000, rel=0.1)
        assert house.seated.done == ["start", "repeat", "swap"]
        user.network.say(documented.TWILIO_STOP)
        await user.serving
    assert house.seated.done[-1] == "stop"


async def test_typing_ends_the_question() -> None:
    """Nobody has to hear it out."""
    async with caller(answering(sound=tone(5.0, 24_000)), seats=House(), **CODE) as user:
        user.start()
        await asyncio.sleep(0.5)
        user.press("4")
        await asyncio.sleep(3)
        assert len(user.events("clear")) == 1
        assert len(user.heard) < 2 * RATE_HZ


async def test_a_star_begins_anew() -> None:
    """Whoever has mistyped says so."""
    house = House()
    async with caller(answering(), seats=house, **CODE) as user:
        user.start()
        user.press(*"99*4711#")
        await settle(1)
        assert house.tried == ["4711"]


async def test_three_wrong_codes_are_enough() -> None:
    """The caller is asked again twice, and hung up."""
    house = House()
    async with caller(answering(), seats=house, **CODE) as user:
        user.start()
        for code in ("1#", "22#"):
            user.press(*code)
            await asyncio.sleep(3)
        assert len(user.heard) >= 2 * 2 * RATE_HZ
        user.press(*"#333#")
        await user.serving
        assert house.tried == ["1", "22", "333"]
        assert (user.network.close_code, user.provider.hung_up) == (1008, [documented.TWILIO_CALL])


async def test_a_seat_that_is_taken_counts_as_a_wrong_code() -> None:
    """The caller can't tell the one from the other."""
    async with caller(answering(), seats=House(full=True), **CODE) as user:
        user.start()
        user.press(*"4711#4711#4711#")
        await user.serving
        assert user.network.close_code == 1008


async def test_who_types_nothing_is_hung_up_after_a_minute() -> None:
    """Nobody keeps a line busy at a door."""
    async with caller(answering(), seats=House(), **CODE) as user:
        user.start()
        began = asyncio.get_running_loop().time()
        await user.serving
        assert asyncio.get_running_loop().time() - began == pytest.approx(60, abs=1)
        assert user.network.close_code == 1008


async def test_a_seat_of_the_webhooks_needs_no_code() -> None:
    """Of a number that a room claims, or of a call that the server made."""
    house = House()
    async with caller(answering(), ticket=house, **CODE) as user:
        user.start()
        await settle(1)
        assert house.seated is not None
        assert house.seated.line.rate_hz == RATE_HZ


async def test_a_seat_that_is_taken_when_the_stream_begins_ends_the_call() -> None:
    """Somebody was faster."""
    async with caller(answering(), ticket=House(full=True)) as user:
        user.start()
        await user.serving
        assert (user.network.close_code, user.provider.hung_up) == (1013, [documented.TWILIO_CALL])
