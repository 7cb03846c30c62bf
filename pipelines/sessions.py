"""All sessions of the process: who may come in, who is there, and who may come back."""

import asyncio
import contextlib
from collections.abc import Collection, Iterator
from typing import Protocol

from pipelines.endings import SHUTTING_DOWN, Ending
from pipelines.loop_lag import PROBE_SECS, LoopLag
from pipelines.resumption import Resumable
from pipelines.sparing_log import SparingLog
from pipelines.turnstile import Turnstile
from protocol.errors import ErrorCode, Fault

_START_SPACING_SECS = 0.04
"""Starting a session takes 10 to 20 ms of a core; a client that is refused, 1 to 2 ms, and it comes back."""


class LiveSession(Resumable, Protocol):
    """A session that runs, whether its client is there or away."""

    @property
    def session_id(self) -> str:
        """UUID, as the client knows it."""

    @property
    def detached(self) -> bool:
        """Whether it waits for its client to come back."""

    def queue_depths(self) -> dict[str, float]:
        """What waits in its queues, in bytes, by the queue's name."""

    async def stop(self) -> None:
        """End it, as a server does that stops; returns when it has released everything."""

    def drain(self) -> None:
        """Let it end by itself, as soon as what is being said is answered."""

    def end(self, ending: Ending) -> None:
        """End it, where it has not ended; the client is told why."""


class Sessions:
    """Counts connections and sessions, refuses beyond the limits, and knows the sessions by their ids.

    Attributes:
        pending: Connections without an accepted ``init``.
        loop_lag: How late the event loop is; in time until :meth:`watch_loop_lag` runs.
        shut: Nobody comes in any more, since the server drains.
        unserved: Which connections that end without a session are logged.
    """

    def __init__(self, *, max_sessions: int, max_pending: int, max_loop_lag_ms: float):
        """Count from zero; ``max_loop_lag_ms`` of 0 means that the event loop's lag refuses nobody."""
        self._max_sessions = max_sessions
        self._max_pending = max_pending
        self._live: dict[str, LiveSession] = {}
        self._left_over: dict[str, tuple[Resumable, asyncio.TimerHandle]] = {}
        self._starts = Turnstile(_START_SPACING_SECS)
        self.unserved = SparingLog()
        self.pending = 0
        self.loop_lag = LoopLag(max_loop_lag_ms)
        self.shut = False
        self._gone = asyncio.Event()
        self._gone.set()

    @property
    def active(self) -> int:
        """Sessions whose ``init`` was accepted and that have not ended, those without their client included."""
        return len(self._live)

    @property
    def live(self) -> Collection[LiveSession]:
        """The sessions that :attr:`active` counts, as they are at this moment."""
        return tuple(self._live.values())

    def busy(self) -> Fault | None:
        """Why no session can be admitted at the moment, if so."""
        if self.shut:
            return SHUTTING_DOWN
        if self.active >= self._max_sessions:
            return Fault(ErrorCode.SERVER_BUSY, f"all {self._max_sessions} sessions are taken; try again later")
        if self.loop_lag.is_too_late:
            return Fault(ErrorCode.SERVER_BUSY, "the server is overloaded; try again later")
        return None

    async def turn_to_start(self) -> None:
        """Wait until one more may be started or refused, so that many at once don't hold up those that run."""
        await self._starts.pass_through()

    def too_many_pending(self) -> Fault | None:
        """Why no further connection can wait for its ``init``, if so."""
        if self.pending < self._max_pending:
            return None
        return Fault(ErrorCode.SERVER_BUSY, "too many connections without init; try again later")

    @contextlib.contextmanager
    def waiting_for_init(self) -> Iterator["Seat"]:
        """Count a connection as pending while it lasts, or until it belongs to a session."""
        seat = Seat(self)
        self.pending += 1
        try:
            yield seat
        finally:
            seat.leave()

    # Who is there

    def add(self, session: LiveSession) -> None:
        """Count a session, and let it be found."""
        self._live[session.session_id] = session
        self._gone.clear()

    def remove(self, session: LiveSession) -> None:
        """A session is over, or nobody's any more; harmless where it was removed before."""
        if self._live.get(session.session_id) is session:
            del self._live[session.session_id]
            if not self._live:
                self._gone.set()

    def leave_over(self, session_id: str, what: Resumable, secs: float) -> None:
        """Keep for ``secs`` what an ended session could not tell its client; ``max_sessions`` of them at most."""
        while len(self._left_over) >= self._max_sessions:
            self._forget(next(iter(self._left_over)))
        timer = asyncio.get_running_loop().call_later(secs, self._forget, session_id)
        self._left_over[session_id] = (what, timer)

    def resumable(self, session_id: str) -> Resumable | None:
        """The session of that id, or what it left over."""
        left_over = self._left_over.get(session_id)
        return self._live.get(session_id) if left_over is None else left_over[0]

    async def gone(self) -> None:
        """Wait until there is no session."""
        await self._gone.wait()

    async def stop(self) -> None:
        """End every session, as a server does that stops."""
        await asyncio.gather(*(session.stop() for session in self.live))
        for session_id in list(self._left_over):
            self._forget(session_id)
        self.unserved.tell()

    def _forget(self, session_id: str) -> None:
        _, timer = self._left_over.pop(session_id)
        timer.cancel()

    async def watch_loop_lag(self) -> None:
        """Measure how late the event loop is, for as long as the server runs."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + PROBE_SECS
            await asyncio.sleep(PROBE_SECS)
            self.loop_lag.observe(max(0.0, loop.time() - due) * 1000)


class Seat:
    """One connection's place among those that wait for their ``init``."""

    def __init__(self, sessions: Sessions):
        """Hold a place."""
        self._sessions = sessions
        self._held = True

    def leave(self) -> None:
        """Give the place back, where it is still held: the connection ended, or belongs to a session."""
        if self._held:
            self._held = False
            self._sessions.pending -= 1
