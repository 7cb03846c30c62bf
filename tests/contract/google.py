"""Google's service as a bench: how it is reached, how much of it may be used, and what that costs.

Key and address come from the environment alone, never from a ``.env``: whoever spends money says so on the spot.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from gemini.connector import INPUT_RATE_HZ, Connector, LiveConfig, LiveConnection
from gemini.connectors import ConnectorName, make_connector
from gemini.endpoint import Endpoint
from gemini.events import TargetAudio, TurnComplete, UpstreamEvent
from pipelines.settings import Settings, require_api_key
from tests.contract.bench import Bench, interpreter_config

MAX_SESSIONS = 120
"""More than a whole run opens; what opens sessions without end ends here."""
MAX_SENT_SECS = 300.0
"""More speech than a whole run sends."""
TOKENS_PER_SEC = 25
"""Of audio, both ways (ai.google.dev, pricing)."""
USD_PER_TOKEN_IN = 3.00 / 1_000_000
USD_PER_TOKEN_OUT = 12.00 / 1_000_000
"""Audio of gemini-3.8-live, as others quoted ai.google.dev/gemini-api/docs/pricing in September 2026."""
_ANSWER_SECS = 40.0
_TURN_COMPLETE_SECS = 20.0


class OverBudgetError(Exception):
    """The run wants more of the service than any run of these tests needs."""


@dataclass(slots=True)
class Spending:
    """What was used of the service.

    Attributes:
        sessions: Opened, or tried to open.
        turns: Utterances that were sent to their end.
        sent_secs: Audio that was sent.
        received_secs: Audio that came.
        billed_secs: Audio that is billed as input: each turn is billed with the whole session so far, both ways
            (Google staff, discuss.ai.google.dev 173248 and 140340).
    """

    sessions: int = 0
    turns: int = 0
    sent_secs: float = 0.0
    received_secs: float = 0.0
    billed_secs: float = 0.0

    @property
    def usd(self) -> float:
        """What it costs, text left out: it is some hundred tokens a session, at a quarter of the price."""
        return TOKENS_PER_SEC * (self.billed_secs * USD_PER_TOKEN_IN + self.received_secs * USD_PER_TOKEN_OUT)

    def __str__(self) -> str:
        return (
            f"{self.sessions} sessions, {self.turns} turns, {self.sent_secs:.1f} s sent,"
            f" {self.received_secs:.1f} s received, about {self.usd:.4f} USD"
        )


@dataclass
class Ledger:
    """What each test used of the service.

    Attributes:
        entries: By the name of the test.
        current: Who spends at the moment.
    """

    entries: dict[str, Spending] = field(default_factory=dict)
    current: str = ""

    @property
    def total(self) -> Spending:
        """The sum."""
        total = Spending()
        for entry in self.entries.values():
            for name in Spending.__slots__:
                setattr(total, name, getattr(total, name) + getattr(entry, name))
        return total

    def open_session(self) -> Spending:
        """Count a session; the entry that it goes on.

        Raises:
            OverBudgetError: There were :data:`MAX_SESSIONS`.
        """
        if self.total.sessions >= MAX_SESSIONS:
            raise OverBudgetError(f"expected at most {MAX_SESSIONS} sessions in a run: look for a loop")
        entry = self.entries.setdefault(self.current, Spending())
        entry.sessions += 1
        return entry

    def check(self) -> None:
        """Look at the sum.

        Raises:
            OverBudgetError: More than :data:`MAX_SENT_SECS` were sent.
        """
        if self.total.sent_secs > MAX_SENT_SECS:
            raise OverBudgetError(f"expected at most {MAX_SENT_SECS:g} s of audio in a run: look for a loop")


class MeteredConnector:
    """A connector whose sessions are counted."""

    def __init__(self, connector: Connector, ledger: Ledger):
        """Wrap ``connector``."""
        self._connector = connector
        self._ledger = ledger

    async def connect(self, config: LiveConfig) -> LiveConnection:
        """Open a session, if the budget allows it."""
        spending = self._ledger.open_session()
        connection = await self._connector.connect(config)
        return _MeteredConnection(connection, spending, self._ledger, manual=config.manual_activity)


class _MeteredConnection:
    """A connection whose audio is counted."""

    def __init__(self, connection: LiveConnection, spending: Spending, ledger: Ledger, *, manual: bool):
        self._connection = connection
        self._spending = spending
        self._ledger = ledger
        self._manual = manual
        self._context_secs = 0.0

    async def send_audio(self, pcm: bytes) -> None:
        secs = len(pcm) / 2 / INPUT_RATE_HZ
        self._spending.sent_secs += secs
        self._context_secs += secs
        self._ledger.check()
        await self._connection.send_audio(pcm)

    async def send_activity_start(self) -> None:
        await self._connection.send_activity_start()

    async def send_activity_end(self) -> None:
        self._count_turn()
        await self._connection.send_activity_end()

    async def send_text(self, text: str) -> None:
        self._count_turn()
        await self._connection.send_text(text)

    async def receive(self) -> AsyncGenerator[list[UpstreamEvent], None]:
        async with aclosing(self._connection.receive()) as messages:
            async for events in messages:
                for event in events:
                    self._count(event)
                yield events

    async def close(self) -> None:
        await self._connection.close()

    def _count(self, event: UpstreamEvent) -> None:
        if isinstance(event, TargetAudio):
            secs = len(event.pcm) / 2 / event.sample_rate_hz
            self._spending.received_secs += secs
            self._context_secs += secs
        if isinstance(event, TurnComplete) and not self._manual:
            self._count_turn()

    def _count_turn(self) -> None:
        self._spending.turns += 1
        self._spending.billed_secs += self._context_secs


def google_settings() -> Settings:
    """The settings of the environment without any ``.env``, for Korean and English.

    Raises:
        pydantic.ValidationError: One is wrong.
    """
    return Settings(_env_file=None, languages=("ko", "en"))


@dataclass(frozen=True)
class GoogleBench(Bench):
    """The service, or what stands in for it at ``GEMINI_BASE_URL``."""

    settings: Settings = field(kw_only=True)
    ledger: Ledger = field(kw_only=True)
    connector_name: ConnectorName = field(kw_only=True)

    def with_key(self, key: str) -> Connector:
        """A metered connector with another key."""
        return _connector(self.connector_name, self.settings, self.ledger, key)

    def refusing_voices(self) -> Connector:
        """Only Google itself is known to refuse voices."""
        return self.connector if self.settings.gemini_base_url is None else super().refusing_voices()


def google_bench(settings: Settings, ledger: Ledger, name: ConnectorName) -> GoogleBench:
    """The bench for these settings and this connector.

    Raises:
        SettingsError: There is no key.
    """
    return GoogleBench(
        f"{name}, google",
        _connector(name, settings, ledger, require_api_key(settings)),
        interpreter_config(settings.gemini_model, settings.gemini_voice),
        exact=False,
        answer_secs=_ANSWER_SECS,
        turn_complete_secs=_TURN_COMPLETE_SECS,
        speed=1.0,
        settings=settings,
        ledger=ledger,
        connector_name=name,
    )


def upstream_name(settings: Settings) -> str:
    """Where the speech goes, for people."""
    if settings.gemini_base_url is None:
        return "Google"
    return f"{settings.gemini_base_url} (GEMINI_BASE_URL), which is not Google"


def _connector(name: ConnectorName, settings: Settings, ledger: Ledger, key: str) -> MeteredConnector:
    connector = make_connector(
        name, Endpoint(api_key=key, base_url=settings.gemini_base_url, ca_file=settings.gemini_ca_file)
    )
    return MeteredConnector(connector, ledger)
