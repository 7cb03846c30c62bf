"""A server, a room and clients in it, over real sockets."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx

from emulator import EmulatorOptions, Scenario
from tests.support.client import Message, ProtocolClient, protocol_client
from tests.support.laws import lawful_turns, pcm_of
from tests.support.servers import RunningServer, running_server
from tests.support.speech import entry, samples_scenario, silence, spoken, texts, told

KEY = "a-key-of-the-tests"
PIECE_BYTES = 960
"""20 ms at 24 kHz."""
_END_OF_SPEECH_MS = 1200
_SPEED = 40.0


def whole_pieces(*entry_ids: str) -> Scenario:
    """The default scenario, with interpretations of these that are whole pieces of 20 ms."""
    return told(**{name.replace("-", "_"): {"audio": played(name)} for name in entry_ids})


def played(entry_id: str) -> bytes:
    """The interpretation of a phrase, as :func:`whole_pieces` has it."""
    audio = entry(entry_id).audio
    return audio[: len(audio) // PIECE_BYTES * PIECE_BYTES]


async def make_room(server: RunningServer, seats: Sequence[str | dict[str, Any]]) -> dict[str, Any]:
    """Make a room with a browser's seat for each language, or with seats as asked for; the answer."""
    asked = [{"language": seat} if isinstance(seat, str) else seat for seat in seats]
    async with httpx.AsyncClient(trust_env=False, headers={"Authorization": f"Bearer {KEY}"}) as http:
        made = await http.post(f"{server.http_url}/rooms", json={"seats": asked})
    assert made.status_code == 201, made.text
    body: dict[str, Any] = made.json()
    return body


def entry_of(room: dict[str, Any], number: int, name: str = "") -> dict[str, Any]:
    """What ``init`` of the client is to ask for that takes a seat, counted from 0."""
    seat = room["seats"][number]
    return {
        "language": seat["language"],
        "room": {"id": room["id"], "token": seat["token"], "name": name},
    }


class Guest:
    """A client in a room.

    Attributes:
        client: Its connection.
        participant_id: Who it is.
    """

    def __init__(self, client: ProtocolClient, participant_id: str):
        """Look on."""
        self.client, self.participant_id = client, participant_id

    async def say(self, *entry_ids: str) -> None:
        """Speak phrases in one go, and then be silent for long enough to end the utterance."""
        await self.client.stream(spoken(*entry_ids) + silence(_END_OF_SPEECH_MS), speed=_SPEED)

    async def told(self, count: int) -> None:
        """Wait for so many complete turns, of whomever."""
        await self.client.wait_for("turn_complete", count)

    @property
    def turns(self) -> list[tuple[str, str, str]]:
        """Who said what, and its interpretation; the laws were seen to hold."""
        return turns_by_speaker(self.client.messages)

    @property
    def heard(self) -> bytes:
        """Everything that was played to it."""
        return self.client.audio()


def turns_by_speaker(messages: Sequence[Message]) -> list[tuple[str, str, str]]:
    """Who said what, and its interpretation, in the order of the ends.

    Raises:
        AssertionError: A law of the protocol is broken: for one speaker, or for what is heard of one turn.
    """
    speakers = {message["speaker"] for message in messages if "speaker" in message}
    for speaker in speakers:
        lawful_turns([{"type": "connected"}, *(m for m in messages if m.get("speaker") == speaker)])
    return [(m["speaker"], m["inputText"], m["outputText"]) for m in messages if m["type"] == "turn_complete"]


def sound_of_turns(messages: Sequence[Message], own: str) -> list[tuple[str, bytes]]:
    """Of each turn of the others, in order: who spoke, and what was played before it was complete."""
    found, sound = [], b""
    for message in messages:
        if message["type"] == "audio_response":
            sound += pcm_of(message)
        elif message["type"] == "turn_complete" and message["speaker"] != own:
            found.append((message["speaker"], sound))
            sound = b""
    assert not sound, "something was played after the last turn"
    return found


def said(speaker: str, entry_id: str) -> tuple[str, str, str]:
    """A turn as everybody is told of it."""
    return (speaker, *texts(entry_id))


@contextlib.asynccontextmanager
async def room_server(
    scenario: Scenario | None = None, options: EmulatorOptions | None = None, **settings: Any
) -> AsyncIterator[RunningServer]:
    """A server whose rooms need :data:`KEY`."""
    async with running_server(
        options, scenario=scenario or samples_scenario(), **{"room_api_key": KEY, **settings}
    ) as server:
        yield server


@contextlib.asynccontextmanager
async def guest(server: RunningServer, room: dict[str, Any], number: int, **config: Any) -> AsyncIterator[Guest]:
    """Somebody takes a seat, and leaves at the end."""
    async with protocol_client(server.url) as client:
        connected = await client.init(**entry_of(room, number), **config)
        yield Guest(client, connected["participantId"])
