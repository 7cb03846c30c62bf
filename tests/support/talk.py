"""A session with a scripted upstream, and a speaker whose audio tells its position in the stream."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Any, Literal

import numpy as np

from gemini.base_session import BaseSession
from gemini.connector import LiveConfig
from gemini.events import GenerationComplete, SourceText, TargetAudio, TargetText, TurnComplete
from gemini.happenings import SessionEvent, SpeechDropped, TurnRestarted
from gemini.session import LiveSession, SessionTimes
from gemini.turns import TurnEnded
from tests.support.fake_upstream import FakeConnection, FakeConnector
from tests.support.pcm import counting_pcm
from tests.support.turns import TIMES

RATE_HZ = 16_000
ANSWER = (SourceText("안녕."), TargetText("Hi."), TargetAudio(b"\1\0", 24000), GenerationComplete(), TurnComplete())


class Talk:
    """A session, and a speaker whose audio tells its position in the stream.

    Attributes:
        session: The session.
        happened: Its events so far, each with the loop's time.
        failure: How its events ended.
    """

    def __init__(self, session: LiveSession, connector: FakeConnector) -> None:
        """Take a session that is connected, or will be."""
        self.session = session
        self.connector = connector
        self.happened: list[tuple[float, SessionEvent]] = []
        self.failure: Exception | None = None
        self.position = 0

    @property
    def upstream(self) -> FakeConnection:
        """The connection."""
        return self.connector.connection

    @property
    def events(self) -> list[SessionEvent]:
        """The session's events so far."""
        return [event for _, event in self.happened]

    @property
    def ends(self) -> list[TurnEnded]:
        """The ends of turns so far."""
        return [event for event in self.events if isinstance(event, TurnEnded)]

    @property
    def restarts(self) -> list[TurnRestarted]:
        """Where a turn began anew so far."""
        return [event for event in self.events if isinstance(event, TurnRestarted)]

    def times_of(self, kind: type[SessionEvent]) -> list[float]:
        """When events of a kind came."""
        return [at for at, event in self.happened if isinstance(event, kind)]

    @property
    def dropped(self) -> list[SpeechDropped]:
        """What was given up so far."""
        return [event for event in self.events if isinstance(event, SpeechDropped)]

    @property
    def dropped_samples(self) -> int:
        """How much that is."""
        return sum(event.duration_ms for event in self.dropped) * RATE_HZ // 1000

    def hear(self, samples: int, chunk: int = 4096) -> None:
        """The next audio of the stream, in chunks."""
        end = self.position + samples
        while self.position < end:
            step = min(chunk, end - self.position)
            self.session.append_audio(counting_pcm(self.position, self.position + step))
            self.position += step

    def utter(self, samples: int) -> tuple[int, int]:
        """An utterance without pre-roll audio of its own; its first and last position."""
        start = self.position
        self.session.start_utterance(0)
        self.hear(samples)
        self.session.end_utterance(0)
        return start, self.position

    async def follow(self) -> None:
        """Note events until they end."""
        try:
            async with aclosing(self.session.events()) as events:
                async for event in events:
                    self.happened.append((asyncio.get_running_loop().time(), event))
        except Exception as error:
            self.failure = error


@asynccontextmanager
async def followed(
    session: BaseSession[Any], follow: Callable[[], Coroutine[Any, Any, None]]
) -> AsyncIterator[None]:
    """A session that is connected, and whose events are noted by ``follow``."""
    await session.connect()
    following = asyncio.create_task(follow())
    try:
        yield
    finally:
        following.cancel()
        await session.close()
        await asyncio.gather(following, return_exceptions=True)


@asynccontextmanager
async def talking(
    *,
    overlap: Literal["hold", "stream"] = "hold",
    ring_secs: float = 60.0,
    manual_activity: bool = True,
    connector: FakeConnector | None = None,
    resumption: bool = False,
    fallback_models: tuple[str, ...] = (),
) -> AsyncIterator[Talk]:
    """A connected session."""
    connector = connector or FakeConnector()
    session = new_session(
        connector,
        overlap=overlap,
        ring_secs=ring_secs,
        manual_activity=manual_activity,
        resumption=resumption,
        fallback_models=fallback_models,
    )
    talk = Talk(session, connector)
    async with followed(session, talk.follow):
        yield talk


def new_session(
    connector: FakeConnector,
    *,
    overlap: Literal["hold", "stream"] = "hold",
    ring_secs: float = 60.0,
    manual_activity: bool = True,
    clock: Callable[[], float] | None = None,
    resumption: bool = False,
    fallback_models: tuple[str, ...] = (),
) -> LiveSession:
    """A session that is not connected."""
    times = SessionTimes(connect_timeout_secs=4.0, preroll_secs=0.3, ring_secs=ring_secs, turns=TIMES)
    config = LiveConfig(model="m", instruction="x", manual_activity=manual_activity, resumption=resumption)
    return LiveSession(connector, config, times, fallback_models=fallback_models, overlap=overlap, clock=clock)


def samples(start: int, end: int) -> bytes:
    """The stream from one position to another."""
    return counting_pcm(start, end)


def milliseconds(start: int, end: int) -> bytes:
    """The stream from one ms to another; its samples tell in which they lie."""
    return np.arange(start, end).astype("<u2").repeat(16).tobytes()
