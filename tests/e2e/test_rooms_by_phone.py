"""A Korean in a browser and an English caller on Twilio's line, in one room: over real sockets, in real time."""

import asyncio

import numpy as np
import soxr

from tests.phone_calls.phones import ALL_PROVIDERS, RATE_HZ, WIRES, Phone, phone_call
from tests.support.audit import PATIENT
from tests.support.pcm import samples_of
from tests.support.resuming_client import ResumingClient
from tests.support.room_talk import (
    PIECE_BYTES,
    entry_of,
    make_room,
    played,
    room_server,
    said,
    sound_of_turns,
    turns_by_speaker,
    whole_pieces,
)
from tests.support.speech import silence, words_only
from tests.support.waiting import until
from tests.telephony.documented import DIALLED

KOREAN = ("speech-3d", "speech-3b", "speech-2a")
ENGLISH = ("harvard-10b", "harvard-7a", "harvard-10a")
AT_ONCE = ("speech-1a", "kennedy-1")
LAST = "harvard-5"
_ALIKE = 0.97
"""Correlation of what came through the telephone with what was to come: its quality, the same words."""
_SPEED = 20.0


class Browser:
    """The Korean, who says phrases one by one and holds everything that was ever said."""

    def __init__(self, client: ResumingClient):
        """Sit down; nothing was said."""
        self.client = client

    async def say(self, *entry_ids: str) -> None:
        """Speak, and be silent for long enough to end the utterance."""
        self.client.hold(words_only(*entry_ids) + silence(1200))
        await self.client.stream(speed=_SPEED)

    async def told(self, count: int) -> None:
        """Wait for so many complete turns."""
        await self.client.until(lambda: len(self.client.turns) >= count)


async def test_a_browser_and_a_phone_in_one_room() -> None:
    """Six alternating turns and two at once: each hears exactly the other's interpretation, in order.

    Never two voices on top of each other, nobody hears themselves, texts name who spoke. Then the browser drops in
    the middle of a turn and comes back, and has all of it, once.
    """
    scenario = whole_pieces(*KOREAN, *ENGLISH, *AT_ONCE, LAST)
    settings = {**PATIENT, **ALL_PROVIDERS, "telephony_notice": {}, "end_of_utterance_ms": 500, "audio_gap_ms": 500}
    async with asyncio.timeout(90), room_server(scenario, **settings) as server:
        phone_seat = {"language": "en", "kind": "phone", "name": "Ms Smith", "number": DIALLED}
        room = await make_room(server, ["ko", phone_seat])
        client = ResumingClient(server.url, b"", **entry_of(room, 0, "김민지"))
        await client.open()
        browser = Browser(client)
        async with phone_call(server.http_url, WIRES["twilio"]) as phone:
            await client.until(lambda: any(m["type"] == "participant_joined" for m in client.messages))
            for number, (korean, english) in enumerate(zip(KOREAN, ENGLISH, strict=True)):
                await browser.say(korean)
                await heard_turns(phone, number + 1)
                phone.say(words_only(english, rate_hz=RATE_HZ))
                await browser.told(2 * number + 2)
            phone.say(words_only(AT_ONCE[1], rate_hz=RATE_HZ))
            await browser.say(AT_ONCE[0])
            await browser.told(8)
            await heard_turns(phone, 4)
            await drop_and_come_back(client, phone)
            await browser.told(9)
            assert server.sessions.active == 2
        await client.until(lambda: any(m["type"] == "participant_left" for m in client.messages))
        await client.close()
    alternating = [
        turn
        for korean, english in zip(KOREAN, ENGLISH, strict=True)
        for turn in (said("1", korean), said("2", english))
    ]
    turns = turns_by_speaker(client.messages)
    assert turns[:6] == alternating
    assert sorted(turns[6:8]) == [said("1", AT_ONCE[0]), said("2", AT_ONCE[1])]
    assert turns[8:] == [said("2", LAST)]
    assert client.wrong == []
    heard = sound_of_turns(client.messages, "1")
    assert heard == [("2", played(phrase)) for phrase in (*ENGLISH, AT_ONCE[1], LAST)]
    assert_heard(phone, (*KOREAN, AT_ONCE[0]))
    joined, left = (m for m in client.messages if m["type"].startswith("participant_"))
    assert [(m["participantId"], m["name"]) for m in (joined, left)] == [("2", "Ms Smith")] * 2


async def heard_turns(phone: Phone, count: int) -> None:
    """Wait until so many interpretations came to the ear, and it is quiet."""
    await until(lambda: phone.marks_reached >= count and phone.is_silent)


async def drop_and_come_back(client: ResumingClient, phone: Phone) -> None:
    """Lose the browser's connection while the caller's interpretation plays, and resume."""
    phone.say(words_only(LAST, rate_hz=RATE_HZ))
    before = len([m for m in client.messages if m["type"] == "audio_response"])
    await client.until(lambda: len([m for m in client.messages if m["type"] == "audio_response"]) > before + 20)
    await client.abort()
    await asyncio.sleep(0.5)
    await client.open()


def assert_heard(phone: Phone, phrases: tuple[str, ...]) -> None:
    """Exactly the interpretations of ``phrases`` came to the ear, one after the other."""
    expected = b"".join(_on_the_line(played(phrase)) for phrase in phrases)
    assert len(phone.heard) == len(expected)
    heard, wanted = samples_of(bytes(phone.heard)).astype(float), samples_of(expected).astype(float)
    assert float(np.corrcoef(heard, wanted)[0, 1]) > _ALIKE


def _on_the_line(pcm: bytes) -> bytes:
    """Sound at 24 kHz as the phone's, in whole pieces of 20 ms."""
    assert len(pcm) % PIECE_BYTES == 0
    return bytes(soxr.resample(np.frombuffer(pcm, "<i2"), 24_000, RATE_HZ).tobytes())
