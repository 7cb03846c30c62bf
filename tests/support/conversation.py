"""A server, an emulator and one connected client, for tests that only talk."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from emulator import Emulator, EmulatorOptions, Scenario, SessionRecord, Variant
from tests.support.client import ProtocolClient, protocol_client
from tests.support.laws import HeardTurn, lawful_turns, states_of
from tests.support.servers import RunningServer, running_server
from tests.support.speech import samples_scenario, silence, spoken

_END_OF_SPEECH_MS = 1200
NO_GAPS = {"audio_gap_ms": 60_000}
"""For clients that never stop sending: where the machine stands still for half a second, nobody paused."""
_STUCK_SECS = 60
"""A wait for what never comes ends in order; a test that is stopped from outside may hang in its end."""
SLOW_OUTPUT = EmulatorOptions(
    variant=Variant(response_delay_ms=100, transcription_delay_ms=50, audio_speed=2, playback_factor=0)
)
"""Output at twice real time, so that a test can act while it comes."""


@dataclass
class Conversation:
    """One session in progress.

    Attributes:
        server: The server.
        client: The client, which is connected.
        source_grows: See :func:`tests.support.laws.lawful_turns`.
        pause_ms: Silence that ends an utterance, and lets its interpretation come.
    """

    server: RunningServer
    client: ProtocolClient
    source_grows: bool = True
    pause_ms: int = _END_OF_SPEECH_MS

    @property
    def emulator(self) -> Emulator:
        """The upstream."""
        return self.server.emulator

    @property
    def upstream(self) -> SessionRecord:
        """What the upstream saw of the session."""
        return self.emulator.sessions[-1]

    async def say(self, *entry_ids: str, speed: float = 40.0) -> None:
        """Speak phrases in one go, and then be silent for long enough to end the utterance."""
        await self.client.stream(spoken(*entry_ids) + silence(self.pause_ms), speed=speed)

    async def interpret(self, *entry_ids: str) -> HeardTurn:
        """Say phrases and wait until the turn that follows is complete."""
        complete = len(self.client.turns)
        await self.say(*entry_ids)
        await self.client.wait_for("turn_complete", complete + 1)
        return self.turns[complete]

    @property
    def turns(self) -> list[HeardTurn]:
        """The turns so far; the laws were seen to hold."""
        return lawful_turns(self.client.messages, source_grows=self.source_grows)

    @property
    def states(self) -> list[str]:
        """The states that were sent."""
        return states_of(self.client.messages)


@contextlib.asynccontextmanager
async def conversation(
    options: EmulatorOptions | None = None,
    *,
    scenario: Scenario | None = None,
    config: Mapping[str, Any] | None = None,
    source_grows: bool = True,
    pause_ms: int = _END_OF_SPEECH_MS,
    **settings: Any,
) -> AsyncIterator[Conversation]:
    """Start everything and connect; the protocol's laws are checked on all messages at the end of the block.

    Args:
        options: Of the emulator; missing: no delays.
        scenario: Of the emulator; missing: the default one.
        config: Of the ``init`` message.
        source_grows: See :func:`tests.support.laws.lawful_turns`.
        pause_ms: See :class:`Conversation`.
        settings: Of the server, by field name.
    """
    scenario = scenario or samples_scenario()
    async with (
        asyncio.timeout(_STUCK_SECS),
        running_server(options, scenario=scenario, **settings) as server,
        protocol_client(server.url) as client,
    ):
        await client.init(**(config or {}))
        talk = Conversation(server, client, source_grows, pause_ms)
        yield talk
        lawful_turns(client.messages, source_grows=source_grows)
