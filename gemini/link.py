"""One connection with the upstream: the turns that it answers, and when it is to be left for the next one."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from gemini.connector import LiveConnection
from gemini.events import UpstreamEvent
from gemini.turns import TurnEvent

_RENEWAL_LEAD_SECS = 60.0
"""How long before the announced end the next connection is opened; Google announces 50 s ahead."""
_LEAST_TIME_LEFT_SECS = 2.0
"""What a connection gets that is said to end at once, or at a time that can't be read: it may live longer."""
_LEAVE_MARGIN_SECS = 1.0
"""How long before the announced end speech moves to the next connection even in the middle of an utterance."""


class Tracker(Protocol):
    """What the upstream says over one connection, as turns; see :class:`gemini.turns.TurnTracker`.

    Attributes:
        dropped_repeats: Repetitions of earlier transcriptions that were dropped.
        timed_out_turns: Turns that the upstream did not end.
    """

    dropped_repeats: int
    timed_out_turns: int

    @property
    def idle(self) -> bool:
        """Whether no turn is open."""

    def handle(self, event: UpstreamEvent, now: float) -> list[TurnEvent]:
        """What an event of the upstream does to the turns."""

    def deadline(self) -> float | None:
        """When to call :meth:`advance` at the latest; ``None``: no need."""

    def advance(self, now: float) -> list[TurnEvent]:
        """What the passing of time does to the turns."""

    def cut(self, now: float) -> list[TurnEvent]:
        """The client wants no more of the turn whose output began."""

    def abandon(self, now: float) -> list[TurnEvent]:
        """The connection is lost: every turn ends with what there is of it."""


TrackerT = TypeVar("TrackerT", bound=Tracker)


@dataclass(slots=True, eq=False)
class Link(Generic[TrackerT]):
    """A connection, with what is known of its life; times are the session's clock's.

    Attributes:
        connection: The connection.
        tracker: Its turns.
        model: The model that it was set up with.
        opened_at: When it was ready.
        renew_at: From when on the next one is to be opened.
        renewal_reason: Why.
        ends_at: When the upstream closes it, as far as it said so.
        answered: It answered an utterance in full.
        resumed: It was set up with a resumption handle.
        overlapped: It was opened while another one of the session was open.
    """

    connection: LiveConnection
    tracker: TrackerT
    model: str
    opened_at: float
    renew_at: float
    renewal_reason: str = "max_age"
    ends_at: float | None = None
    answered: bool = False
    resumed: bool = False
    overlapped: bool = False
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def note_go_away(self, time_left_secs: float, now: float) -> None:
        """The upstream said that it will close the connection."""
        self.ends_at = now + max(time_left_secs, _LEAST_TIME_LEFT_SECS)
        self.renew_at = min(self.renew_at, max(now, self.ends_at - _RENEWAL_LEAD_SECS))
        self.renewal_reason = "go_away"

    @property
    def leave_at(self) -> float | None:
        """From when on not even an utterance that is being spoken stays."""
        return None if self.ends_at is None else self.ends_at - _LEAVE_MARGIN_SECS

    def run(
        self, work: Coroutine[Any, Any, None], *, on_end: Callable[["Link[TrackerT]", asyncio.Task[None]], None]
    ) -> None:
        """Work on the connection until it is closed; ``on_end`` is called with the task when that is over."""
        task = asyncio.create_task(work)
        self._tasks.append(task)
        task.add_done_callback(lambda ended: on_end(self, ended))

    def stop(self) -> None:
        """Let nothing work on the connection any more."""
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """Stop the work and close the connection, even where the caller is cancelled."""
        self.stop()
        try:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            await self.connection.close()
