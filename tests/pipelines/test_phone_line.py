"""What a phone is sent: in order, with marks behind each stretch, and nothing that was cleared."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest
from prometheus_client import REGISTRY

from pipelines.client_socket import ClientSocket
from pipelines.phone_line import PhoneLine
from telephony.exotel import ExotelSerializer
from telephony.phone_serializer import PhoneSerializer
from telephony.twilio import TwilioSerializer
from tests.support.fake_network import FakeNetwork
from tests.support.virtual_time import settle
from tests.telephony.documented import STARTS

PIECE = b"\1\0" * 160


class Sent:
    """A line, and what its provider got.

    Attributes:
        line: The line.
    """

    def __init__(self, network: FakeNetwork, line: PhoneLine):
        """Look on."""
        self._network = network
        self.line = line

    @property
    def events(self) -> list[str]:
        """Kinds of the messages, in order, marks by their names."""
        messages = [json.loads(frame) for frame in self._network.frames]
        return [message.get("mark", {}).get("name") or message["event"] for message in messages]


@contextlib.asynccontextmanager
async def sending(serializer: PhoneSerializer) -> AsyncIterator[Sent]:
    """A line that is being written to."""
    network = FakeNetwork()
    socket = ClientSocket(
        await network.accepted(), max_backlog_bytes=10**6, write_timeout_secs=10, on_stuck=lambda: None
    )
    line = PhoneLine(socket, serializer, rate_hz=8000, clock=asyncio.get_running_loop().time)
    running = asyncio.create_task(line.run())
    try:
        yield Sent(network, line)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await socket.close(1000, flush=False)


def counted(result: str) -> float:
    """Stretches of which that is known."""
    return REGISTRY.get_sample_value("interpreter_phone_stretches_total", {"result": result}) or 0.0


def twilio() -> TwilioSerializer:
    """Sends each piece as it comes."""
    return TwilioSerializer("MZ1")


async def test_a_turn_ends_with_a_mark() -> None:
    """Behind its last piece; one that made no sound has none."""
    async with sending(twilio()) as sent:
        sent.line.mark()
        sent.line.play(PIECE)
        sent.line.play(PIECE)
        sent.line.mark()
        sent.line.mark()
        await settle(1)
        assert sent.events == ["media", "media", "1"]


async def test_sound_that_is_no_turn_has_a_mark_as_well() -> None:
    """A moment after its last piece: an announcement is heard, too."""
    async with sending(twilio()) as sent:
        for _ in range(3):
            sent.line.play(PIECE)
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        sent.line.play(PIECE)
        await asyncio.sleep(0.2)
        assert sent.events == ["media", "media", "media", "1", "media", "2"]


async def test_what_is_gathered_goes_out_in_the_end() -> None:
    """Exotel's messages are long: the rest of an announcement is not kept for the next one."""
    async with sending(ExotelSerializer(STARTS["exotel"])) as sent:
        sent.line.play(PIECE)
        await asyncio.sleep(0.5)
        assert sent.events == ["media", "1"]


async def test_clearing_drops_what_was_not_written() -> None:
    """And what the provider has; nothing is expected of marks any more."""
    before = counted("cleared")
    async with sending(twilio()) as sent:
        sent.line.play(PIECE)
        sent.line.mark()
        await settle(0.05)
        sent.line.play(PIECE)
        sent.line.clear()
        sent.line.play(PIECE)
        await settle(0.05)
        assert sent.events == ["media", "1", "clear", "media"]
        sent.line.reach("1")
        await asyncio.wait_for(sent.line.played(), 1)
    assert counted("cleared") - before == 2


async def test_a_mark_is_waited_for() -> None:
    """Until the provider says that it was reached."""
    async with sending(twilio()) as sent:
        sent.line.play(PIECE)
        sent.line.mark()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sent.line.played(), 1)
        sent.line.reach("1")
        await sent.line.played()


async def test_a_provider_that_reaches_no_mark_costs_no_memory() -> None:
    """So many are remembered; of the others nothing is known, as of those when the call ends."""
    before = counted("unknown")
    async with sending(twilio()) as sent:
        for _ in range(150):
            sent.line.play(PIECE)
            sent.line.mark()
        assert counted("unknown") - before == 50
        sent.line.close()
    assert counted("unknown") - before == 150
