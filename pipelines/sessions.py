"""All sessions of the process: who may come in."""

import asyncio
import contextlib
from collections.abc import Iterator

from protocol.errors import ErrorCode, Fault

_LAG_PROBE_SECS = 0.25
_LAG_SMOOTHING = 0.5


class Sessions:
    """Counts connections and sessions, and refuses beyond the limits before anything else is spent.

    Attributes:
        active: Sessions whose ``init`` was accepted and that have not ended.
        pending: Connections without an accepted ``init``.
        loop_lag_ms: How late the event loop is, smoothed; 0 until :meth:`watch_loop_lag` runs.
    """

    def __init__(self, *, max_sessions: int, max_pending: int, max_loop_lag_ms: float):
        """Count from zero; ``max_loop_lag_ms`` of 0 means that the event loop's lag refuses nobody."""
        self._max_sessions = max_sessions
        self._max_pending = max_pending
        self._max_loop_lag_ms = max_loop_lag_ms
        self.active = 0
        self.pending = 0
        self.loop_lag_ms = 0.0

    def busy(self) -> Fault | None:
        """Why no session can be admitted at the moment, if so."""
        if self.active >= self._max_sessions:
            return Fault(ErrorCode.SERVER_BUSY, f"all {self._max_sessions} sessions are taken; try again later")
        if self._max_loop_lag_ms and self.loop_lag_ms > self._max_loop_lag_ms:
            return Fault(ErrorCode.SERVER_BUSY, "the server is overloaded; try again later")
        return None

    def too_many_pending(self) -> Fault | None:
        """Why no further connection can wait for its ``init``, if so."""
        if self.pending < self._max_pending:
            return None
        return Fault(ErrorCode.SERVER_BUSY, "too many connections without init; try again later")

    @contextlib.contextmanager
    def waiting_for_init(self) -> Iterator["Seat"]:
        """Count a connection while it lasts: as pending until the seat is taken, then as active."""
        seat = Seat(self)
        self.pending += 1
        try:
            yield seat
        finally:
            if seat.taken:
                self.active -= 1
            else:
                self.pending -= 1

    async def watch_loop_lag(self) -> None:
        """Measure how late the event loop is, for as long as the server runs."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _LAG_PROBE_SECS
            await asyncio.sleep(_LAG_PROBE_SECS)
            late_ms = max(0.0, loop.time() - due) * 1000
            self.loop_lag_ms += _LAG_SMOOTHING * (late_ms - self.loop_lag_ms)


class Seat:
    """One connection's place among the sessions."""

    def __init__(self, sessions: Sessions):
        """Hold a place among the pending."""
        self._sessions = sessions
        self.taken = False

    def take(self) -> Fault | None:
        """Become a session, or learn why not."""
        fault = self._sessions.busy()
        if fault is None:
            self.taken = True
            self._sessions.pending -= 1
            self._sessions.active += 1
        return fault
