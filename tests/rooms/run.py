"""Rooms at once, in each of which two people talk for a while, and what each of them heard and read."""

import asyncio
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from emulator import Emulator, EmulatorOptions
from tests.abuse.server_process import server
from tests.support.client import Message, ProtocolClient, protocol_client
from tests.support.room_talk import KEY, PIECE_BYTES, entry_of, said, sound_of_turns, turns_by_speaker
from tests.support.speech import entry, samples_scenario, words_only

_PHRASES = {
    "ko": ("speech-1a", "speech-2a", "speech-3b", "speech-3d"),
    "en": ("harvard-10a", "harvard-10b", "kennedy-1", "harvard-7a", "harvard-5"),
}
"""Each is one utterance, which the emulator knows from its first word to its last whatever went before."""
_LANGUAGES = ("ko", "en")
_CHUNK_SECS = 0.02
_CHUNK_BYTES = 640
_AT_ONCE_SHARE = 0.25
_LONGEST_PAUSE_SECS = 1.0
_STUCK_SECS = 60.0
_LATENESS = "interpreter_playout_delay_seconds"
_SETTINGS = {"ROOM_API_KEY": KEY, "MAX_LOOP_LAG_MS": "0", "MAX_ROOMS": "50", "AUDIO_GAP_MS": "2000"}
"""The server's environment, where it is not the default: a machine that is short of time is no failure."""


@dataclass
class Result:
    """What came of a run.

    Attributes:
        rooms: How many there were.
        said: Utterances that were said.
        at_once: Of these, such that were said while the other one spoke.
        complete: Turns that were complete, counted at each end: two for each utterance.
        played_secs: Interpretations that were played.
        pieces: Pieces of 20 ms in which they came.
        late: Of these, such that came too late to be played without a gap, the last one of each turn aside.
        worst_ms: The largest gap.
        late_ends: Last pieces that did: less than 20 ms of sound, which wait until the turn is known to be over.
        on_time: Share of all pieces that the server sent within 10 ms of its schedule, by its own metrics.
        took_secs: How long it took.
        cpu_share: Of a core, by the server.
        wrong: What is wrong, a line each.
    """

    rooms: int
    said: int = 0
    at_once: int = 0
    complete: int = 0
    played_secs: float = 0.0
    pieces: int = 0
    late: int = 0
    worst_ms: float = 0.0
    late_ends: int = 0
    on_time: float = 0.0
    took_secs: float = 0.0
    cpu_share: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def report(self) -> str:
        """Everything, for people."""
        lines = [
            f"{self.rooms:>9,}  rooms at once, two people in each, {self.took_secs:.0f} s",
            f"{self.said:>9,}  utterances, {self.at_once:,} of them while the other one spoke",
            f"{self.complete:>9,}  turns complete, of {2 * self.said:,} at both ends",
            f"{self.played_secs:>9,.1f}  seconds of interpretation played in {self.pieces:,} pieces",
            f"{self.late:>9,}  of these came too late, the worst by {self.worst_ms:.0f} ms;"
            f" {self.late_ends:,} last pieces of a turn did",
            f"{self.on_time:>9.2%}  of all pieces left the server within 10 ms of its schedule",
            f"{self.cpu_share:>9.0%}  of a core, by the server",
            f"{len(self.wrong):>9,}  violations",
        ]
        return "\n".join([*lines, *(f"WRONG: {text}" for text in self.wrong[:50])])


async def run(rooms: int, *, secs: float, seed: int) -> Result:
    """Let people talk in so many rooms for so long, and then to the end of what they said."""
    result = Result(rooms)
    began_at = time.monotonic()
    async with Emulator(EmulatorOptions(), scenario=samples_scenario()) as emulator:
        reached = {"base_url": emulator.base_url, "ca_file": str(emulator.ca_file)}
        async with server(reached, **_SETTINGS) as running:
            before_secs = running.cpu_secs()
            talks = [_Talk(running.url, random.Random(f"{seed}/{number}")) for number in range(rooms)]
            await asyncio.gather(*(talk.run(secs) for talk in talks))
            result.took_secs = time.monotonic() - began_at
            result.cpu_share = (running.cpu_secs() - before_secs) / result.took_secs
            result.on_time = await _on_time(running.url)
            result.wrong += [f"the server's log: {line}" for line in running.faults()]
    for number, talk in enumerate(talks):
        talk.judge(f"room {number}", result)
    return result


async def _on_time(url: str) -> float:
    """Which share of pieces the server says that it sent within 10 ms."""
    async with httpx.AsyncClient(trust_env=False) as http:
        text = (await http.get(f"{_http_url(url)}/metrics")).text
    within, every = (
        re.search(rf"^{_LATENESS}_{series} (\S+)$", text, re.MULTILINE)
        for series in (r'bucket\{le="0.01"\}', "count")
    )
    assert within is not None
    assert every is not None
    return float(within[1]) / float(every[1])


def _http_url(url: str) -> str:
    return url.replace("ws", "http", 1).removesuffix("/ws")


class _Person:
    """Somebody with a microphone that is never off."""

    def __init__(self, client: ProtocolClient, language: str, participant_id: str):
        self.client = client
        self.participant_id = participant_id
        self.language = language
        self.phrases: list[str] = []
        self._to_say = bytearray()

    def say(self, phrase: str) -> None:
        """Say this; it was well said before."""
        self.phrases.append(phrase)
        self._to_say += words_only(phrase)

    async def speak(self) -> None:
        """Send what is said, and silence, in real time and for ever."""
        loop = asyncio.get_running_loop()
        started_at, number = loop.time(), 0
        while True:
            chunk = bytes(self._to_say[:_CHUNK_BYTES]).ljust(_CHUNK_BYTES, b"\0")
            del self._to_say[:_CHUNK_BYTES]
            await self.client.send_chunk(chunk)
            number += 1
            await asyncio.sleep(max(0.0, started_at + number * _CHUNK_SECS - loop.time()))

    async def told(self, count: int) -> None:
        """Wait for so many complete turns, of whomever."""
        await self.client.wait_for("turn_complete", count)


class _Talk:
    """One room, from its making to the end."""

    def __init__(self, url: str, chance: random.Random):
        self._url = url
        self._chance = chance
        self._people: list[_Person] = []
        self._at_once = 0
        self._stuck = ""

    async def run(self, secs: float) -> None:
        """Talk for so long."""
        room = await self._make()
        async with protocol_client(self._url) as korean, protocol_client(self._url) as english:
            for number, client in enumerate((korean, english)):
                connected = await client.init(**entry_of(room, number), audioEncoding="binary")
                self._people.append(_Person(client, _LANGUAGES[number], connected["participantId"]))
            speaking = [asyncio.create_task(person.speak()) for person in self._people]
            try:
                await self._converse(secs)
            except (TimeoutError, AssertionError) as error:
                self._stuck = (
                    f"{type(error).__name__} after {[len(p.client.turns) for p in self._people]} turns: {error}"
                )
            finally:
                for task in speaking:
                    task.cancel()
                await asyncio.gather(*speaking, return_exceptions=True)

    async def _make(self) -> dict[str, Any]:
        async with httpx.AsyncClient(trust_env=False, headers={"Authorization": f"Bearer {KEY}"}) as http:
            made = await http.post(
                f"{_http_url(self._url)}/rooms", json={"seats": [{"language": code} for code in _LANGUAGES]}
            )
        assert made.status_code == 201, made.text
        body: dict[str, Any] = made.json()
        return body

    async def _converse(self, secs: float) -> None:
        ends_at = time.monotonic() + secs
        turn = 0
        while time.monotonic() < ends_at:
            await asyncio.sleep(self._chance.uniform(0, _LONGEST_PAUSE_SECS))
            both = self._chance.random() < _AT_ONCE_SHARE
            speakers = self._people if both else [self._people[turn % 2]]
            for speaker in speakers:
                speaker.say(self._chance.choice(_PHRASES[speaker.language]))
            self._at_once += len(speakers) if both else 0
            turn += 1
            async with asyncio.timeout(_STUCK_SECS):
                for person in self._people:
                    await person.told(sum(len(each.phrases) for each in self._people))

    # What came of it

    def judge(self, name: str, result: Result) -> None:
        """Look at what each was told and heard."""
        if self._stuck:
            result.wrong.append(f"{name}: {self._stuck}")
        result.said += sum(len(person.phrases) for person in self._people)
        result.at_once += self._at_once
        for person in self._people:
            result.complete += len(person.client.turns)
            try:
                self._judge(person)
            except AssertionError as error:
                result.wrong.append(f"{name}, {person.language}: {str(error).splitlines()[0][:200]}")
            _judge_pace(person.client, result)

    def _judge(self, person: _Person) -> None:
        messages = person.client.messages
        beside = [message for message in messages if message["type"] in ("error", "warning", "interrupted")]
        assert not beside, f"got {beside[0]}"
        turns = turns_by_speaker(messages)
        for each in self._people:
            own = [turn for turn in turns if turn[0] == each.participant_id]
            assert own == [said(each.participant_id, phrase) for phrase in each.phrases], (
                "turns are missing or wrong"
            )
        (other,) = (each for each in self._people if each is not person)
        heard = sound_of_turns(messages, person.participant_id)
        assert heard == [(other.participant_id, _whole(phrase)) for phrase in other.phrases], (
            "what was heard is wrong"
        )


def _whole(phrase: str) -> bytes:
    """The interpretation of a phrase, in whole pieces."""
    audio = entry(phrase).audio
    return audio.ljust(-(-len(audio) // PIECE_BYTES) * PIECE_BYTES, b"\0")


def _judge_pace(client: ProtocolClient, result: Result) -> None:
    """Count pieces that come after the one before has been played."""
    for pieces in _turns_of_pieces(client.messages, client.arrivals):
        plays_until = pieces[0]
        for arrived_at in pieces[:-1]:
            late_secs = arrived_at - plays_until
            if late_secs > 0:
                result.late += 1
                result.worst_ms = max(result.worst_ms, 1000 * late_secs)
            plays_until = max(plays_until, arrived_at) + _CHUNK_SECS
        result.late_ends += pieces[-1] > plays_until
        result.pieces += len(pieces)
        result.played_secs += len(pieces) * _CHUNK_SECS


def _turns_of_pieces(messages: Sequence[Message], arrivals: Sequence[float]) -> list[list[float]]:
    """When the pieces of each turn came."""
    turns: list[list[float]] = [[]]
    for message, arrived_at in zip(messages, arrivals, strict=True):
        if message["type"] == "audio_response":
            turns[-1].append(arrived_at)
        elif message["type"] == "turn_complete" and turns[-1]:
            turns.append([])
    return [turn for turn in turns if turn]
