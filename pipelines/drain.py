"""How the server stops: no new sessions, running turns finish, then every client is told and the process ends."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Protocol

import uvicorn

from pipelines.endings import SHUTTING_DOWN, Ending
from pipelines.logs import log_event
from pipelines.sessions import Sessions
from protocol.errors import Fault

logger = logging.getLogger(__name__)

DRAIN_STATE = "drain"
"""Where the application's lifespan state holds its :class:`Drain`."""
_GOODBYE_SECS = 5.0
"""For what clients are told last, where they read slowly."""
_HURRY_SECS = 1
"""How long sessions may take to let go after a second signal."""


class Connection(Protocol):
    """A client's connection."""

    def turn_away(self, fault: Fault) -> None:
        """Tell of a fatal fault and close, where no session does."""


class Drain:
    """Ends all sessions of the process, each when what was being said is answered."""

    def __init__(self, sessions: Sessions, *, drain_secs: float):
        """Make it in the loop that serves.

        Args:
            sessions: Of the process.
            drain_secs: How long turns may take to finish.
        """
        self._sessions = sessions
        self._drain_secs = drain_secs
        self._loop = asyncio.get_running_loop()
        self._connections: set[Connection] = set()
        self._left = asyncio.Event()
        self._left.set()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that serves."""
        return self._loop

    @contextlib.contextmanager
    def watch(self, connection: Connection) -> Iterator[None]:
        """Know a connection while it is served."""
        self._connections.add(connection)
        self._left.clear()
        try:
            yield
        finally:
            self._connections.discard(connection)
            if not self._connections:
                self._left.set()

    async def run(self, cause: str) -> None:
        """Drain; returns when nobody is there any more, or when they had the time to leave.

        Args:
            cause: For the log.
        """
        began_at, live = self._loop.time(), self._sessions.live
        self._sessions.shut = True
        if not (live or self._connections):
            return
        secs = self._drain_secs
        log_event(
            logger,
            logging.INFO,
            "draining; a second signal ends the server at once",
            cause=cause,
            sessions=len(live),
            drain_secs=secs,
        )
        for session in live:
            session.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(secs):
                await self._sessions.gone()
        cut = await self._dismiss()
        duration_secs = round(self._loop.time() - began_at, 1)
        log_event(logger, logging.INFO, "drained", sessions=len(live), cut=cut, duration_secs=duration_secs)

    async def _dismiss(self) -> int:
        """End what is left, and let everybody hear why; how many sessions there were."""
        live = self._sessions.live
        for session in live:
            session.end(Ending.by(SHUTTING_DOWN))
        for connection in tuple(self._connections):
            connection.turn_away(SHUTTING_DOWN)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECS):
                await self._left.wait()
        return len(live)


class DrainingServer(uvicorn.Server):
    """Drains at the first signal, and ends with exit code 0 when that is done; a second signal ends it at once.

    The application's lifespan puts its :class:`Drain` into the lifespan state. Where there is none (the application
    has not started), a signal does what it does to any other server.
    """

    _draining: asyncio.Future[None] | None = None
    _signalled = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal."""
        drain = self._drain
        if drain is None:
            super().handle_exit(sig, frame)
        elif not self._signalled:
            self._signalled = True
            drain.loop.call_soon_threadsafe(self._start, drain, signal.Signals(sig).name)
        else:
            drain.loop.call_soon_threadsafe(self._hurry, signal.Signals(sig).name)
            self.force_exit = self.should_exit  # a third one: not even the application's own end is waited for
            self.config.timeout_graceful_shutdown = _HURRY_SECS
            super().handle_exit(sig, frame)

    @property
    def _drain(self) -> Drain | None:
        drain = self.lifespan.state.get(DRAIN_STATE) if self.started else None
        return drain if isinstance(drain, Drain) else None

    def _start(self, drain: Drain, cause: str) -> None:
        self._draining = asyncio.ensure_future(drain.run(cause))
        self._draining.add_done_callback(self._finish)

    def _hurry(self, cause: str) -> None:
        log_event(logger, logging.WARNING, "stopping at once", cause=cause)
        if self._draining is not None:
            self._draining.cancel()

    def _finish(self, draining: asyncio.Future[None]) -> None:
        self.should_exit = True
        if not draining.cancelled() and (error := draining.exception()) is not None:
            logger.error("internal error", exc_info=error)
