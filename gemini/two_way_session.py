"""Both directions on one microphone: two translating sessions that hear the same, as one.

:class:`TwoWaySession` has the methods of :class:`~gemini.translation_session.TranslationSession`. Which of the two
is heard is the business of :mod:`gemini.arbiter`.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import get_args

from gemini.arbiter import Arbiter
from gemini.happenings import SessionEvent, StreamStopped, TurnRestarted
from gemini.translation_session import TranslationSession
from gemini.turns import TurnEvent

_ARBITRATED = (*get_args(TurnEvent), TurnRestarted)
_Told = tuple[str, SessionEvent] | BaseException


class TwoWaySession:
    """Two sessions, by what they translate into; what one of them tells may never reach anybody.

    Where one of them is lost for good both are: half of a conversation is none.
    """

    def __init__(
        self,
        sessions: Mapping[str, TranslationSession],
        arbiter: Arbiter,
        *,
        clock: Callable[[], float] | None = None,
    ):
        """Join sessions that are not connected.

        Args:
            sessions: By target language.
            arbiter: Between these languages.
            clock: Seconds, monotonic; default: the event loop's.
        """
        self._sessions = sessions
        self._arbiter = arbiter
        self._clock = clock or asyncio.get_running_loop().time
        self._streaming = dict.fromkeys(sessions, False)
        self._told: asyncio.Queue[_Told] = asyncio.Queue()
        self._listening: list[asyncio.Task[None]] = []

    @property
    def timed_out_turns(self) -> int:
        """Turns of either that ended by time alone."""
        return sum(session.timed_out_turns for session in self._sessions.values())

    @property
    def dropped_repeats(self) -> int:
        """Repeated transcriptions that were dropped."""
        return sum(session.dropped_repeats for session in self._sessions.values())

    @property
    def held_secs(self) -> float:
        """How much audio is held, that of each counted."""
        return sum(session.held_secs for session in self._sessions.values())

    # Life

    async def connect(self) -> None:
        """Connect both at once.

        Raises:
            UpstreamError: One of them has no session.
        """
        connecting = [asyncio.ensure_future(session.connect()) for session in self._sessions.values()]
        try:
            await asyncio.gather(*connecting)
        except BaseException:
            for task in connecting:
                task.cancel()
            await asyncio.gather(*connecting, return_exceptions=True)
            await self.close()
            raise
        self._listening = [asyncio.create_task(self._listen(target)) for target in self._sessions]

    async def close(self) -> None:
        """End both at once. May be called twice, or without :meth:`connect`."""
        listening, self._listening = self._listening, []
        for task in listening:
            task.cancel()
        closing = [session.close() for session in self._sessions.values()]
        await asyncio.gather(*listening, *closing, return_exceptions=True)

    async def events(self) -> AsyncGenerator[SessionEvent, None]:
        """What the client is to hear of, in order, without end.

        Raises:
            UpstreamError: One of them is lost for good.
            Exception: A fault of ours.
        """
        while True:
            for event in await self._next():
                yield event

    async def _next(self) -> list[SessionEvent]:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._deadline_on_loop()):
                told = await self._told.get()
                if isinstance(told, BaseException):
                    raise told
                return self._take(*told)
        return [*self._arbiter.advance(self._clock())]

    def _take(self, target: str, event: SessionEvent) -> list[SessionEvent]:
        if isinstance(event, _ARBITRATED):
            return [*self._arbiter.take(target, event, self._clock())]
        if isinstance(event, StreamStopped):
            self._streaming[target] = False
            return [] if any(self._streaming.values()) else [event]
        return [event]

    def _deadline_on_loop(self) -> float | None:
        deadline = self._arbiter.deadline()
        if deadline is None:
            return None
        return asyncio.get_running_loop().time() + max(0.0, deadline - self._clock())

    async def _listen(self, target: str) -> None:
        try:
            async for event in self._sessions[target].events():
                self._told.put_nowait((target, event))
        except Exception as error:
            self._told.put_nowait(error)

    # Speech

    def append_audio(self, pcm: bytes) -> None:
        """Add the next audio of the stream: PCM s16le mono at 16 kHz."""
        for session in self._sessions.values():
            session.append_audio(pcm)

    def start_utterance(self, offset_samples: int, *, continued: bool = False) -> None:
        """An utterance, or a further piece of one, starts."""
        for target, session in self._sessions.items():
            self._streaming[target] = True
            session.start_utterance(offset_samples, continued=continued)

    def end_utterance(self, offset_samples: int) -> None:
        """The utterance that was started last ends."""
        for session in self._sessions.values():
            session.end_utterance(offset_samples)

    def cut(self) -> None:
        """The client wants no more of the output that plays."""
        if self._arbiter.speaking is not None:
            self._sessions[self._arbiter.speaking].cut()
