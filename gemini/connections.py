"""Which connection with the upstream is in use, and which one comes after it.

A connection that is to end is renewed by overlap: a standby is opened while it still answers, and takes over at the
end of a turn, or shortly before the end that the upstream announced. A connection that failed is closed and
replaced, by the standby where there is one. What goes over a connection is its owner's business.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic

from gemini.dialer import Dialed, Dialer
from gemini.errors import FailureKind, UpstreamError
from gemini.happenings import Reconnected, Renewed, UpstreamLost
from gemini.link import Link, TrackerT

_PROVEN_SECS = 60.0
"""A connection that lived so long was good, even if nothing was said in it."""
_NEXT_RENEWAL_SECS = 60.0
"""After a renewal that was refused; quota asks for as much (GEMINI.md, section 5)."""


@dataclass(frozen=True, slots=True)
class Owner(Generic[TrackerT]):
    """Whom connections work for, as far as they call it.

    Attributes:
        new_tracker: Gives the turns of a connection that was opened.
        receive: Takes what comes until the connection is closed; raises ``UpstreamError`` when it is lost.
        send: Sends over the connection in use until it is closed; raises ``UpstreamError`` when it is lost.
        left: A connection is not in use any more, by an error or as planned; no other one is so far.
        settled: Whether nothing is owed over the connection in use, so that another one may take over.
        unsaid: Whether an utterance that is being spoken keeps it from ever being settled.
        note: Something became of a connection.
        over: There will be no connection any more, and why; the link was in use until just before.
        deadline_moved: What :meth:`Connections.deadlines` gives has changed.
    """

    new_tracker: Callable[[], TrackerT]
    receive: Callable[[Link[TrackerT]], Coroutine[Any, Any, None]]
    send: Callable[[Link[TrackerT]], Coroutine[Any, Any, None]]
    left: Callable[[Link[TrackerT], UpstreamError | None], None]
    settled: Callable[[Link[TrackerT]], bool]
    unsaid: Callable[[Link[TrackerT]], bool]
    note: Callable[[UpstreamLost | Reconnected | Renewed], None]
    over: Callable[[BaseException, Link[TrackerT] | None], None]
    deadline_moved: Callable[[], None]


class Connections(Generic[TrackerT]):
    """The connections of one session: one in use, perhaps one in reserve, one being opened, one being left.

    Attributes:
        current: The one in use; ``None`` while there is none.
    """

    def __init__(
        self,
        dialer: Dialer,
        owner: Owner[TrackerT],
        *,
        reconnect_secs: float,
        max_age_secs: float,
        resumption: bool,
        clock: Callable[[], float],
    ):
        """Open nothing yet.

        Args:
            dialer: Opens them.
            owner: Whom they are for.
            reconnect_secs: How long there may be none, counted together until :meth:`note_success`.
            max_age_secs: From which age on one is renewed.
            resumption: After a loss, resume by handle.
            clock: Seconds, monotonic.
        """
        self._dialer = dialer
        self._owner = owner
        self._reconnect_secs = reconnect_secs
        self._max_age_secs = max_age_secs
        self._resumption = resumption
        self._clock = clock
        self.current: Link[TrackerT] | None = None
        self._standby: Link[TrackerT] | None = None
        self._leaving: Link[TrackerT] | None = None
        self._dialing: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._lost_at = 0.0
        self._down_secs = 0.0
        self._stopped = False

    # Life

    async def open(self, timeout_secs: float) -> None:
        """Open the first connection, with retries while the failure may pass and time is left.

        Raises:
            UpstreamError: None within ``timeout_secs``.
        """
        try:
            async with asyncio.timeout(timeout_secs):
                dialed = await self._dialer.dial()
        except TimeoutError as error:
            detail = f"no session within {timeout_secs:g} s; {self._last_attempt}"
            raise UpstreamError(FailureKind.UNAVAILABLE, detail) from error
        if self._stopped:
            await dialed.connection.close()
            raise UpstreamError(FailureKind.UNAVAILABLE, "the session was closed before it was open")
        self._take_over(self._new_link(dialed))

    def stop(self) -> None:
        """Open no further connection."""
        self._stopped = True
        if self._dialing is not None:
            self._dialing.cancel()

    async def close(self) -> None:
        """Close all of them at once; where the caller is cancelled, closing goes on."""
        self.stop()
        for link in (self.current, self._standby, self._leaving):
            if link is not None:
                self._close(link)
        self.current = self._standby = self._leaving = None
        ending = [*self._closing, *([self._dialing] if self._dialing is not None else [])]
        await asyncio.shield(asyncio.gather(*ending, return_exceptions=True))

    # Loss

    def lose(self, link: Link[TrackerT], error: UpstreamError) -> None:
        """A connection failed; one that is not in use any more makes no difference."""
        if self._stopped:
            return
        if link is self._standby:
            self._lose_standby(link, error)
        elif link is self.current:
            self._lose_current(link, error)
        elif link is self._leaving:
            self.leave(link)
            self._owner.left(link, error)

    def abandon(self, reason: str) -> None:
        """Do without the connection in use, since what comes over it is no good; ``reason`` is static text."""
        link = self.current
        if link is not None and not self._stopped:
            age_secs = self._let_go(link)
            self._owner.note(UpstreamLost(reason, "an utterance was not answered as it should be", age_secs))
            self._dialer.note_bad_answer(model=link.model)
            self._dialer.drop_handle()  # a session that is mute stays so when it is resumed (agents-js PR #2507)
            self._owner.left(link, None)
            self._replace(link)

    def _lose_standby(self, link: Link[TrackerT], error: UpstreamError) -> None:
        self._standby = None
        self._close(link)
        self._dialer.note_failure(error, model=link.model, resumed=link.resumed)
        self._put_off_renewal(_NEXT_RENEWAL_SECS if self._dialer.is_final(error, model=link.model) else 0.0)

    def _lose_current(self, link: Link[TrackerT], error: UpstreamError) -> None:
        age_secs = self._let_go(link)
        self._owner.note(UpstreamLost(error.kind.value, str(error), age_secs))
        # Quota may be for one connection at a time, which an overlap exceeds: alone it gets another try.
        due_to_overlap = error.kind is FailureKind.QUOTA and link.overlapped and not link.answered
        if self._dialer.is_final(error, model=link.model) and not due_to_overlap:
            self._owner.over(error, link)
            return
        if error.kind is FailureKind.INVALID:
            self._dialer.drop_handle()
        if age_secs >= _PROVEN_SECS:
            self.note_success()
        elif not link.answered:
            self._dialer.note_failure(error, model=link.model, resumed=link.resumed)
        self._owner.left(link, error)
        self._replace(link)

    def note_success(self) -> None:
        """The connection in use did what it is there for."""
        self._dialer.note_success()
        self._down_secs = 0.0
        if self.current is not None:
            self.current.answered = True

    def _let_go(self, link: Link[TrackerT]) -> float:
        """Close the connection in use; gives its age in seconds."""
        self.current = None
        self._close(link)
        return self._clock() - link.opened_at

    def _close(self, link: Link[TrackerT]) -> None:
        link.stop()  # at once: what it was about to send goes elsewhere
        closing = asyncio.create_task(link.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _replace(self, lost: Link[TrackerT]) -> None:
        self._lost_at = self._clock()
        standby, self._standby = self._standby, None
        if standby is not None:
            self._take_over(standby)
            self._note_renewal(lost, standby)
        elif not self._is_dialing:
            self._dial(resume_after=lost if self._resumption else None)
        self._owner.deadline_moved()

    # Opening

    def _dial(self, *, resume_after: Link[TrackerT] | None = None) -> None:
        self._dialing = asyncio.create_task(self._connect(resume_after))
        self._dialing.add_done_callback(self._note_end_of_dialing)

    @property
    def _is_dialing(self) -> bool:
        return self._dialing is not None and not self._dialing.done()

    async def _connect(self, resume_after: Link[TrackerT] | None) -> None:
        if resume_after is not None:
            await resume_after.close()  # a session is not resumed while its connection is open (sip-to-ai PR #14)
        link = self._new_link(await self._dialer.dial(resume=resume_after is not None))
        if self.current is not None:
            link.overlapped = True
            self._standby = link
            self.swap_between_turns()
            return
        self._take_over(link)
        after_secs = self._clock() - self._lost_at
        self._down_secs += after_secs
        self._owner.note(Reconnected(link.model, after_secs))

    def _note_end_of_dialing(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, UpstreamError) and self.current is not None:
            self._put_off_renewal(_NEXT_RENEWAL_SECS)
        elif error is not None:
            self._owner.over(error, None)
        self._owner.deadline_moved()

    def _new_link(self, dialed: Dialed) -> Link[TrackerT]:
        now = self._clock()
        link = Link(
            dialed.connection,
            self._owner.new_tracker(),
            model=dialed.config.model,
            opened_at=now,
            renew_at=now + self._max_age_secs,
            resumed=dialed.config.handle is not None,
        )
        link.run(self._owner.receive(link), on_end=self._note_end_of_work)
        return link

    def _take_over(self, link: Link[TrackerT]) -> None:
        self.current = link
        link.run(self._owner.send(link), on_end=self._note_end_of_work)
        self._owner.deadline_moved()

    def _note_end_of_work(self, link: Link[TrackerT], task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, UpstreamError):
            self.lose(link, error)
        elif error is not None:
            self._owner.over(error, link)

    # Renewal

    def renew(self) -> None:
        """Go over to another connection at the next end of a turn."""
        if self.current is not None:
            self.current.renew_at, self.current.renewal_reason = self._clock(), "request"
            self._owner.deadline_moved()

    @property
    def renewing(self) -> bool:
        """Whether the connection in use is to take no further utterance."""
        return self._standby is not None

    def swap_between_turns(self) -> None:
        """Go over to the standby, where there is one and nothing is owed any more."""
        if self.current is not None and self._standby is not None and self._owner.settled(self.current):
            self._swap(self.current, self._standby)

    def hand_over(self) -> Link[TrackerT] | None:
        """Go over to the standby, where there is one, in the middle of speech.

        Returns:
            The connection that was in use, which stays open until :meth:`leave`, so that it says what it owes.
        """
        old, standby = self.current, self._standby
        if old is None or standby is None or self._leaving is not None or self._stopped:
            return None
        self._leaving, self._standby = old, None
        self._take_over(standby)
        self._note_renewal(old, standby)
        return old

    def leave(self, link: Link[TrackerT]) -> None:
        """Close the connection that was handed over: it owes nothing any more."""
        if link is self._leaving:
            self._leaving = None
            self._close(link)

    def _swap(self, old: Link[TrackerT], standby: Link[TrackerT]) -> None:
        """Go over to the standby; an utterance that was not sent whole goes with it."""
        self._let_go(old)
        self._standby = None
        self._owner.left(old, None)
        self._take_over(standby)
        self._note_renewal(old, standby)

    def _note_renewal(self, old: Link[TrackerT], link: Link[TrackerT]) -> None:
        self._owner.note(Renewed(old.renewal_reason, link.model, self._clock() - old.opened_at))

    def _start_renewal(self, link: Link[TrackerT], now: float) -> None:
        if not link.answered and now - link.opened_at < _PROVEN_SECS:
            error = UpstreamError(FailureKind.UNAVAILABLE, "the upstream ends connections as soon as they are open")
            self._dialer.note_failure(error, model=link.model)
        else:
            self._dialer.prefer_first_model()
        self._dial()

    def _put_off_renewal(self, secs: float) -> None:
        if self.current is not None:
            self.current.renew_at = self._clock() + secs
            self._owner.deadline_moved()

    # Time

    def deadlines(self) -> list[float]:
        """When to call :meth:`act_on_time`."""
        link = self.current
        if self._stopped:
            return []
        if link is None:
            return [self._reconnect_until]
        renew_at = link.renew_at if self._standby is None and not self._is_dialing else None
        leave_at = link.leave_at if self._standby is not None and self._owner.unsaid(link) else None
        return [time for time in (renew_at, leave_at, link.ends_at) if time is not None]

    def act_on_time(self, now: float) -> None:
        """Do what is due."""
        link = self.current
        if self._stopped:
            return
        if link is None:
            self._end_if_away_too_long(now)
        elif link.ends_at is not None and now >= link.ends_at:
            self.lose(link, UpstreamError(FailureKind.UNAVAILABLE, "the time that the upstream gave is over"))
        elif self._standby is not None:
            if self._owner.unsaid(link) and link.leave_at is not None and now >= link.leave_at:
                self._swap(link, self._standby)
        elif not self._is_dialing and now >= link.renew_at:
            self._start_renewal(link, now)

    def _end_if_away_too_long(self, now: float) -> None:
        if now >= self._reconnect_until:
            detail = f"no connection within {self._reconnect_secs:g} s; {self._last_attempt}"
            self._owner.over(UpstreamError(FailureKind.UNAVAILABLE, detail), None)

    @property
    def _reconnect_until(self) -> float:
        return self._lost_at + max(0.0, self._reconnect_secs - self._down_secs)

    @property
    def _last_attempt(self) -> str:
        error = self._dialer.last_failure
        return "the upstream said nothing" if error is None else f"the last attempt: {error}"
