"""A phone call at a :class:`~pipelines.call.PhoneCall`, without a network and in virtual time; Twilio's wire."""

import asyncio
import audioop
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from pipelines.call import PhoneCall
from pipelines.engines import load_engines
from pipelines.phone_services import PhoneServices
from pipelines.seats import Seats, SeatTicket
from pipelines.services import Services
from pipelines.sessions import Sessions
from pipelines.settings import load_settings
from telephony.provider import MediaStart
from telephony.twilio import Twilio
from tests.support.fake_network import FakeNetwork
from tests.support.fake_upstream import FakeConnector
from tests.support.pcm import chunks_of
from tests.telephony import documented

RATE_HZ = 8000
CONFIGURED = {
    "gemini_api_key": "test-key",
    "public_url": "https://interpreter.example",
    "twilio_account_sid": "AC1",
    "twilio_auth_token": documented.TWILIO_TOKEN,
    "vad_provider": "energy",
    "telephony_notice": {},
}


class FakeTwilio(Twilio):
    """Twilio, whose REST interface is here.

    Attributes:
        hung_up: The calls that the server ended.
        fault: Raised instead, where a test sets it.
    """

    def __init__(self) -> None:
        """Take no calls yet."""
        super().__init__("AC1", documented.TWILIO_TOKEN)
        self.hung_up: list[str] = []
        self.fault: Exception | None = None

    async def hang_up(self, start: MediaStart) -> None:
        """Note it."""
        if self.fault is not None:
            raise self.fault
        self.hung_up.append(start.call_id)


class Caller:
    """Somebody on the phone.

    Attributes:
        network: What the provider sees.
        provider: The provider.
        upstream: Opens the upstream's sessions.
        sessions: The server's count.
        call: What serves.
        serving: Done once it ended.
    """

    def __init__(self, network: FakeNetwork, upstream: FakeConnector, sessions: Sessions):
        """Look on."""
        self.network, self.upstream, self.sessions = network, upstream, sessions
        self.provider = FakeTwilio()
        self.call: PhoneCall
        self.serving: asyncio.Task[None]

    def start(self) -> None:
        """Let the stream begin."""
        self.network.say(documented.TWILIO_CONNECTED)
        self.network.say(documented.TWILIO_START)

    def speak(self, pcm: bytes) -> None:
        """Say something, all at once: PCM at 8 kHz."""
        for number, chunk in enumerate(chunks_of(pcm, 20, RATE_HZ)):
            self.network.say(documented.twilio_media(audioop.lin2ulaw(chunk, 2), chunk=number + 1))

    def press(self, *keys: str) -> None:
        """Press keys."""
        for key in keys:
            self.network.say(documented.TWILIO_DTMF | {"dtmf": {"track": "inbound_track", "digit": key}})

    def reach(self, mark: str) -> None:
        """The provider has played what came before a mark."""
        self.network.say(documented.TWILIO_MARK | {"mark": {"name": mark}})

    def events(self, kind: str) -> list[dict[str, Any]]:
        """What the server sent of a kind."""
        return [message for frame in self.network.frames if (message := json.loads(frame)).get("event") == kind]

    @property
    def marks(self) -> list[str]:
        """The marks that the server sent."""
        return [message["mark"]["name"] for message in self.events("mark")]

    @property
    def heard(self) -> bytes:
        """All sound that came: PCM at 8 kHz."""
        pieces = (base64.b64decode(message["media"]["payload"]) for message in self.events("media"))
        return audioop.ulaw2lin(b"".join(pieces), 2)


@contextlib.asynccontextmanager
async def caller(
    upstream: FakeConnector | None = None,
    *,
    sessions: Sessions | None = None,
    seats: Seats | None = None,
    ticket: SeatTicket | None = None,
    **settings: Any,
) -> AsyncIterator[Caller]:
    """Somebody whose stream was just accepted; it breaks off at the end of the block, if it is still there."""
    configured = load_settings(**{**CONFIGURED, **settings})
    sessions = sessions or Sessions(max_sessions=2, max_pending=2, max_loop_lag_ms=0)
    user = Caller(FakeNetwork(), upstream or FakeConnector(), sessions)
    phones = PhoneServices.of(Services(configured, load_engines(configured), user.upstream, sessions), seats)
    assert phones is not None
    websocket = await user.network.accepted()

    async def serve() -> None:
        with sessions.waiting_for_init() as seat:
            user.call = PhoneCall(websocket, user.provider, phones, seat, ticket)
            await user.call.run()

    user.serving = asyncio.create_task(serve())
    await asyncio.sleep(0)
    try:
        yield user
    finally:
        user.network.may_write.set()
        user.network.leave()
        await asyncio.wait([user.serving])
        await phones.stop()
    if not user.serving.cancelled():
        user.serving.result()
    assert all(connection.closed for connection in user.upstream.connections), "a connection upstream is left"
    assert sessions.pending == 0
