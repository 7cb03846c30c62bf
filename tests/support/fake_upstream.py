"""An upstream that a test scripts: the seam of :mod:`gemini.connector`, without a network."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field

from gemini.connector import LiveConfig
from gemini.errors import FailureKind, UpstreamError
from gemini.events import UpstreamEvent

ACTIVITY_START = "start"
ACTIVITY_END = "end"
Sent = str | bytes


class FakeConnection:
    """One session, in memory.

    Attributes:
        sent: What came, in order: PCM, :data:`ACTIVITY_START` and :data:`ACTIVITY_END`.
        sent_at: The loop's time of each.
        closed: Whether the client closed it.
        may_send: Cleared by a test to let every further send wait.
        on_audio: Called after each piece of audio, with it.
        on_activity_end: Called after each end of an activity, to answer it.
        on_text: Called after each text, with it.
        texts: What came in writing, in order.
    """

    def __init__(self) -> None:
        """Make an open session that says nothing."""
        self.sent: list[Sent] = []
        self.sent_at: list[float] = []
        self.closed = False
        self.may_send = asyncio.Event()
        self.may_send.set()
        self.on_audio: Callable[[bytes], None] | None = None
        self.on_activity_end: Callable[[], None] | None = None
        self.on_text: Callable[[str], None] | None = None
        self.texts: list[str] = []
        self._messages: asyncio.Queue[list[UpstreamEvent] | Exception] = asyncio.Queue()
        self._receive_failure: Exception | None = None
        self._send_failure: Exception | None = None

    # For the test

    def say(self, *events: UpstreamEvent) -> None:
        """Send one server message."""
        self._messages.put_nowait(list(events))

    def lose(self, error: Exception | None = None) -> None:
        """Break the connection: receiving fails."""
        self._messages.put_nowait(error or UpstreamError(FailureKind.UNAVAILABLE, "lost"))

    def refuse_sending(self, error: Exception | None = None) -> None:
        """Break the connection: sending fails."""
        self._send_failure = error or UpstreamError(FailureKind.UNAVAILABLE, "lost")

    @property
    def pcm(self) -> bytes:
        """All audio that came, joined."""
        return b"".join(item for item in self.sent if isinstance(item, bytes))

    @property
    def activities(self) -> list[bytes]:
        """The audio of each activity; the last one may still be open."""
        activities: list[bytes] = []
        for item in self.sent:
            if item == ACTIVITY_START:
                activities.append(b"")
            elif isinstance(item, bytes):
                activities[-1] += item
        return activities

    # For the client

    async def send_audio(self, pcm: bytes) -> None:
        """Take audio."""
        await self._take(pcm)
        if self.on_audio is not None:
            self.on_audio(pcm)

    async def send_activity_start(self) -> None:
        """Take the start of an activity."""
        await self._take(ACTIVITY_START)

    async def send_activity_end(self) -> None:
        """Take the end of an activity."""
        await self._take(ACTIVITY_END)
        if self.on_activity_end is not None:
            self.on_activity_end()

    async def send_text(self, text: str) -> None:
        """Take a text."""
        await self._check()
        self.texts.append(text)
        if self.on_text is not None:
            self.on_text(text)

    async def receive(self) -> AsyncGenerator[list[UpstreamEvent], None]:
        """Give what the test says; once that was a failure, nothing else."""
        while self._receive_failure is None:
            message = await self._messages.get()
            if isinstance(message, Exception):
                self._receive_failure = message
            else:
                yield message
        raise self._receive_failure

    async def close(self) -> None:
        """Close: what was said before may still be received."""
        if not self.closed:
            self.closed = True
            self.lose(UpstreamError(FailureKind.UNAVAILABLE, "closed"))

    async def _check(self) -> None:
        await self.may_send.wait()
        if self.closed:
            raise UpstreamError(FailureKind.UNAVAILABLE, "closed")
        if self._send_failure is not None:
            raise self._send_failure

    async def _take(self, item: Sent) -> None:
        await self._check()
        self.sent.append(item)
        self.sent_at.append(asyncio.get_running_loop().time())


@dataclass
class FakeConnector:
    """Opens :class:`FakeConnection` sessions.

    Attributes:
        failures: Raised one after the other by the first attempts.
        delay_secs: How long an attempt takes.
        down: Raised by every attempt while it is set.
        on_open: Called with each connection that is opened.
        configs: What each attempt asked for.
        connections: The sessions that were opened.
    """

    failures: Sequence[Exception] = ()
    delay_secs: float = 0.0
    down: Exception | None = None
    on_open: Callable[[FakeConnection], None] | None = None
    configs: list[LiveConfig] = field(default_factory=list)
    connections: list[FakeConnection] = field(default_factory=list)

    async def connect(self, config: LiveConfig) -> FakeConnection:
        """Open a session, or fail as scripted."""
        self.configs.append(config)
        await asyncio.sleep(self.delay_secs)
        if len(self.configs) <= len(self.failures):
            raise self.failures[len(self.configs) - 1]
        if self.down is not None:
            raise self.down
        self.connections.append(FakeConnection())
        if self.on_open is not None:
            self.on_open(self.connections[-1])
        return self.connections[-1]

    @property
    def connection(self) -> FakeConnection:
        """The session that was opened last."""
        return self.connections[-1]
