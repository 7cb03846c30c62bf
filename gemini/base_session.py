"""What every session with the upstream does, whatever it makes of speech: connect, receive, watch the time, end.

:class:`BaseSession` owns the connections, the queue of what happens and the watch over deadlines. Which speech goes
up, and which turns come of the answers, is the business of its two kinds: :mod:`gemini.session` for models that
answer utterances, :mod:`gemini.translation_session` for those that translate without end.
"""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Generic

from gemini.connections import Connections, Owner
from gemini.connector import Connector, LiveConfig
from gemini.dialer import Dialer
from gemini.errors import FailureKind, UpstreamError
from gemini.events import GoAway, Resumable, TargetAudio, UpstreamEvent, Usage
from gemini.happenings import SessionEvent, tokens_counted
from gemini.link import Link, TrackerT

_AUDIO_UNWATCHED_SECS = 0.2
"""How late a deadline may be acted on that audio brought nearer; nearly all are moved away by it."""


class BaseSession(ABC, Generic[TrackerT]):
    """One session with the upstream, over as many connections as it takes.

    Not thread-safe: every method is called from the event loop.
    """

    def __init__(
        self,
        connector: Connector,
        config: LiveConfig,
        *,
        connect_timeout_secs: float,
        send_timeout_secs: float,
        reconnect_secs: float,
        max_age_secs: float,
        fallback_models: Sequence[str],
        clock: Callable[[], float] | None,
    ):
        """Make a session that is not connected.

        Args:
            connector: Who connects.
            config: What to set the upstream up with.
            connect_timeout_secs: For the first connection: open, setup and retries together. For each attempt at a
                further one.
            send_timeout_secs: For a piece of speech to be taken by the connection.
            reconnect_secs: For another connection after a loss; counted together until one proved good.
            max_age_secs: Of a connection, from which on it is renewed.
            fallback_models: Models that take over where the one of ``config`` fails, in this order.
            clock: Seconds, monotonic; default: the event loop's.
        """
        self._connect_timeout_secs = connect_timeout_secs
        self._send_timeout_secs = send_timeout_secs
        self._clock = clock or asyncio.get_running_loop().time
        self._dialer = Dialer(
            connector,
            config,
            fallback_models=fallback_models,
            attempt_secs=connect_timeout_secs,
            clock=self._clock,
        )
        self._connections: Connections[TrackerT] = Connections(
            self._dialer,
            Owner(
                new_tracker=self._new_tracker,
                receive=self._receive,
                send=self._send_speech,
                left=self._leave,
                settled=self._settled,
                unsaid=self._unsaid,
                note=lambda happening: self._events.put_nowait(happening),
                over=self._give_up,
                deadline_moved=self._note_deadline_moved,
            ),
            reconnect_secs=reconnect_secs,
            max_age_secs=max_age_secs,
            resumption=config.resumption,
            clock=self._clock,
        )
        self._watching: asyncio.Task[None] | None = None
        self._over = False
        self._to_send = asyncio.Event()
        self._deadline_moved = asyncio.Event()
        self._look_soon: asyncio.TimerHandle | None = None
        self._events: asyncio.Queue[SessionEvent | BaseException] = asyncio.Queue()
        self._dropped_repeats = 0
        self._timed_out_turns = 0

    @property
    def timed_out_turns(self) -> int:
        """Turns that the upstream did not end."""
        link = self._connections.current
        return self._timed_out_turns + (link.tracker.timed_out_turns if link else 0)

    @property
    def dropped_repeats(self) -> int:
        """Repeated transcriptions that were dropped."""
        link = self._connections.current
        return self._dropped_repeats + (link.tracker.dropped_repeats if link else 0)

    # Life

    async def connect(self) -> None:
        """Connect, with retries while the failure may pass and time is left.

        Raises:
            UpstreamError: No session within ``connect_timeout_secs``.
        """
        await self._connections.open(self._connect_timeout_secs)
        self._watching = asyncio.create_task(self._watch_deadlines())
        self._watching.add_done_callback(self._note_end_of_watch)

    async def close(self) -> None:
        """End the session at once, upstream included. May be called twice, or without :meth:`connect`."""
        self._over = True
        self._forget_look()
        watching, self._watching = self._watching, None
        try:
            if watching is not None:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
        finally:  # whoever closes may be cancelled, too
            await self._connections.close()

    async def events(self) -> AsyncGenerator[SessionEvent, None]:
        """What happens, in order, without end.

        Raises:
            UpstreamError: The upstream is lost for good; what there was of the turns came before.
            Exception: A fault of ours.
        """
        while True:
            event = await self._events.get()
            if isinstance(event, BaseException):
                raise event
            yield event

    def renew(self) -> None:
        """Go over to another connection as soon as that disturbs nobody."""
        self._connections.renew()

    # What sessions differ in

    @abstractmethod
    def _new_tracker(self) -> TrackerT:
        """The turns of a connection that was opened."""

    @abstractmethod
    async def _send_speech(self, link: Link[TrackerT]) -> None:
        """Send over a connection until it is closed; raises ``UpstreamError`` when it is lost."""

    @abstractmethod
    def _take_content(self, link: Link[TrackerT], event: UpstreamEvent, now: float) -> None:
        """Take what the upstream says of speech and turns."""

    @abstractmethod
    def _settled(self, link: Link[TrackerT]) -> bool:
        """Whether nothing is owed over the connection in use, so that another one may take over."""

    @abstractmethod
    def _unsaid(self, link: Link[TrackerT]) -> bool:
        """Whether an utterance that is being spoken keeps the connection from ever being settled."""

    @abstractmethod
    def _leave(self, link: Link[TrackerT], error: UpstreamError | None) -> None:
        """A connection is not in use any more, by an error or as planned."""

    @abstractmethod
    def _deadlines(self) -> list[float]:
        """When to call :meth:`_act_on_time`, those of the connections aside."""

    @abstractmethod
    def _act_on_time(self) -> None:
        """Do what is due, with the connections, too."""

    @abstractmethod
    def _end_turns(self, link: Link[TrackerT] | None) -> None:
        """Tell what there is of the turns, for nothing more comes; ``link`` was in use until just before."""

    # Work on a connection

    async def _send_in_time(self, sending: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(self._send_timeout_secs):
                await sending
        except TimeoutError as error:
            detail = f"nothing could be sent for {self._send_timeout_secs:g} s"
            raise UpstreamError(FailureKind.UNAVAILABLE, detail) from error

    async def _receive(self, link: Link[TrackerT]) -> None:
        async for events in link.connection.receive():
            for event in events:
                self._take(link, event, self._clock())
            if all(isinstance(event, TargetAudio) for event in events):
                self._note_audio()
            else:
                self._deadline_moved.set()

    def _note_audio(self) -> None:
        """Look at the deadlines soon: most of what comes is audio, which moves them into the future."""
        if self._look_soon is None and not self._over:
            loop = asyncio.get_running_loop()
            self._look_soon = loop.call_later(_AUDIO_UNWATCHED_SECS, self._deadline_moved.set)

    def _take(self, link: Link[TrackerT], event: UpstreamEvent, now: float) -> None:
        match event:
            case GoAway(time_left_secs=time_left_secs):
                link.note_go_away(time_left_secs, now)
            case Resumable(handle=handle):
                self._dialer.keep_handle(handle)
            case Usage():
                self._events.put_nowait(tokens_counted(link.model, event))
            case _:
                self._take_content(link, event, now)

    def _count_turns_of(self, link: Link[TrackerT]) -> None:
        """Keep what was counted over a connection that is left."""
        self._dropped_repeats += link.tracker.dropped_repeats
        self._timed_out_turns += link.tracker.timed_out_turns

    # Time

    async def _watch_deadlines(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._deadline_on_loop()):
                    await self._deadline_moved.wait()
            self._deadline_moved.clear()
            self._forget_look()
            self._act_on_time()

    def _forget_look(self) -> None:
        if self._look_soon is not None:
            self._look_soon.cancel()
            self._look_soon = None

    def _deadline_on_loop(self) -> float | None:
        if self._over:
            return None
        deadlines = [*self._connections.deadlines(), *self._deadlines()]
        if not deadlines:
            return None
        return asyncio.get_running_loop().time() + max(0.0, min(deadlines) - self._clock())

    def _note_deadline_moved(self) -> None:
        self._deadline_moved.set()
        self._to_send.set()

    # Ends

    def _give_up(self, error: BaseException, link: Link[TrackerT] | None = None) -> None:
        """The session is over: what there is of its turns, then why."""
        if self._over:
            return
        self._over = True
        self._connections.stop()
        self._end_turns(link)
        self._events.put_nowait(error)

    def _note_end_of_watch(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._give_up(error)
