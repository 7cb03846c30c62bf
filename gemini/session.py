"""One client's conversation with the upstream: audio and utterance marks in, turns out.

:class:`LiveSession` owns the connection, the ring of speech on its way up and the order of utterances. It never
holds more than one unanswered utterance upstream (unless told to), since what the service does with overlap is
not known and its transcriptions carry no turn id: the next waits in the ring and follows in a burst, which costs
nothing in ordinary talk, generation being faster than speech.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from gemini.connector import INPUT_RATE_HZ, Connector, LiveConfig, LiveConnection
from gemini.errors import FailureKind, UpstreamError
from gemini.events import Usage
from gemini.ring import AudioRing
from gemini.turns import TurnEnded, TurnEvent, TurnTimes, TurnTracker

_RETAINED_SECS = 1.0
_BURST_SAMPLES = INPUT_RATE_HZ
_LEAST_DROPPED_SAMPLES = INPUT_RATE_HZ
_SILENT_TURNS_OF_A_LOST_UPSTREAM = 3
_FIRST_RETRY_SECS = 0.2
_LONGEST_RETRY_SECS = 1.0


@dataclass(frozen=True, slots=True)
class SpeechDropped:
    """Speech was given up before it could be sent, since more was waiting than the ring holds.

    Attributes:
        duration_ms: How much.
        whole_utterance: It was a finished utterance, which no turn will answer.
    """

    duration_ms: int
    whole_utterance: bool


SessionEvent = TurnEvent | SpeechDropped


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """How long a session waits for what, in seconds; and how much audio it keeps.

    Attributes:
        connect_timeout_secs: For a session that is ready: open, setup and retries together.
        preroll_secs: How far before its first voice an utterance starts.
        ring_secs: How much unanswered speech is kept.
        turns: See :class:`~gemini.turns.TurnTimes`.
    """

    connect_timeout_secs: float
    preroll_secs: float
    ring_secs: float
    turns: TurnTimes


@dataclass(slots=True)
class _Utterance:
    """A stretch of the stream, by sample positions; ``end`` is ``None`` while it is being spoken."""

    start: int
    sent: int
    end: int | None = None

    @property
    def sent_whole(self) -> bool:
        return self.end is not None and self.sent >= self.end


class LiveSession:
    """One session with the upstream, for as long as its connection lives.

    Not thread-safe: every method is called from the event loop. Positions of marks are given relative to the next
    sample that :meth:`append_audio` adds, so that marks come *before* the audio in which they lie, and nothing
    past the end of an utterance is ever sent.
    """

    def __init__(
        self,
        connector: Connector,
        config: LiveConfig,
        times: SessionTimes,
        *,
        overlap: Literal["hold", "stream"] = "hold",
        clock: Callable[[], float] | None = None,
    ):
        """Make a session that is not connected.

        Args:
            connector: Who connects.
            config: What to set the upstream up with.
            times: Waiting times and bounds.
            overlap: ``"hold"`` the next utterance while one is unanswered, or ``"stream"`` it at once.
            clock: Seconds, monotonic; default: the event loop's.
        """
        self._connector = connector
        self._config = config
        self._times = times
        self._overlap = overlap
        self._clock = clock or asyncio.get_running_loop().time
        self._ring = AudioRing(times.ring_secs)
        self._tracker = TurnTracker(times.turns, manual_activity=config.manual_activity)
        self._waiting: deque[_Utterance] = deque()
        self._sending: _Utterance | None = None
        self._unanswered: deque[_Utterance] = deque()
        self._claimed_until = 0
        self._stream_sent = 0
        self._connection: LiveConnection | None = None
        self._last_attempt = "the upstream said nothing"
        self._tasks: list[asyncio.Task[None]] = []
        self._to_send = asyncio.Event()
        self._deadline_moved = asyncio.Event()
        self._events: asyncio.Queue[SessionEvent | BaseException] = asyncio.Queue()
        self._heard = False
        self._silent_turns = 0
        self.prompt_tokens = 0
        """Tokens of input that the upstream counted."""
        self.response_tokens = 0
        """Tokens of output that the upstream counted."""

    @property
    def timed_out_turns(self) -> int:
        """Turns that the upstream did not end."""
        return self._tracker.timed_out_turns

    @property
    def dropped_repeats(self) -> int:
        """Repeated transcriptions that were dropped."""
        return self._tracker.dropped_repeats

    # Life

    async def connect(self) -> None:
        """Connect, with retries while the failure may pass and time is left.

        Raises:
            UpstreamError: No session within ``connect_timeout_secs``.
        """
        timeout_secs = self._times.connect_timeout_secs
        try:
            async with asyncio.timeout(timeout_secs):
                self._connection = await self._connect_with_retries()
        except TimeoutError as error:
            detail = f"no session within {timeout_secs:g} s; {self._last_attempt}"
            raise UpstreamError(FailureKind.UNAVAILABLE, detail) from error
        jobs = (self._send_speech(), self._receive(), self._watch_deadlines())
        self._tasks = [asyncio.create_task(job) for job in jobs]
        for task in self._tasks:
            task.add_done_callback(self._report_failure)

    async def close(self) -> None:
        """End the session at once, upstream included. May be called twice, or without :meth:`connect`."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        connection, self._connection = self._connection, None
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:  # whoever closes may be cancelled, too
            if connection is not None:
                await connection.close()

    async def events(self) -> AsyncGenerator[SessionEvent, None]:
        """What happens, in order, without end.

        Raises:
            UpstreamError: The connection is lost; what there was of the turns came before.
            Exception: A fault of ours.
        """
        while True:
            event = await self._events.get()
            if isinstance(event, BaseException):
                raise event
            yield event

    # Speech

    def append_audio(self, pcm: bytes) -> None:
        """Add the next audio of the stream: PCM s16le mono at 16 kHz."""
        self._ring.append(pcm)
        self._make_room()
        self._release()
        if self._sending is not None or not self._config.manual_activity:
            self._to_send.set()

    def start_utterance(self, offset_samples: int, *, continued: bool = False) -> None:
        """An utterance starts.

        Args:
            offset_samples: Where its first voice lies; its pre-roll goes with it.
            continued: It is a further piece of an utterance that was cut, and starts just there, without pre-roll.
        """
        preroll = 0 if continued else int(self._times.preroll_secs * INPUT_RATE_HZ)
        start = max(self._ring.end + offset_samples - preroll, self._claimed_until, self._ring.start)
        self._claimed_until = start
        self._waiting.append(_Utterance(start, sent=start))
        self._to_send.set()

    def end_utterance(self, offset_samples: int) -> None:
        """The utterance that was started last ends ``offset_samples`` from the next sample."""
        utterance = self._waiting[-1] if self._waiting else self._sending
        if utterance is None or utterance.end is not None:
            return
        utterance.end = max(self._ring.end + offset_samples, utterance.sent)
        self._claimed_until = utterance.end
        self._to_send.set()

    def cut(self) -> None:
        """The client wants no more of the output that plays: its turn need not wait for late text."""
        self._publish(self._tracker.cut(self._clock()))

    # Bounds

    def _make_room(self) -> None:
        """Keep the ring's bound: what nobody waits for goes first, then the oldest speech that was not sent."""
        if self._ring.overflow_samples:
            self._ring.release(self._first_unsent)
        while self._ring.overflow_samples:
            self._give_up_oldest()
            self._ring.release(self._first_unsent)

    def _give_up_oldest(self) -> None:
        oldest, start = self._oldest_unsent, self._first_unsent
        if oldest is not None and oldest is not self._sending and oldest.end is not None:
            self._waiting.popleft()
            self._note_dropped(start, oldest.end, whole_utterance=True)
            return
        known_end = self._ring.end if oldest is None or oldest.end is None else min(oldest.end, self._ring.end)
        end = min(start + max(self._ring.overflow_samples, _LEAST_DROPPED_SAMPLES), known_end)
        if oldest is None:
            self._stream_sent = end
        else:
            oldest.start = oldest.sent = end
        self._note_dropped(start, end, whole_utterance=False)

    def _note_dropped(self, start: int, end: int, *, whole_utterance: bool) -> None:
        self._events.put_nowait(SpeechDropped((end - start) * 1000 // INPUT_RATE_HZ, whole_utterance))

    @property
    def _oldest_unsent(self) -> _Utterance | None:
        """The first utterance that was not sent whole; ``None`` also where the upstream detects them."""
        if self._sending is not None and not self._sending.sent_whole:
            return self._sending
        return self._waiting[0] if self._waiting else None

    @property
    def _first_unsent(self) -> int:
        if not self._config.manual_activity:
            return self._stream_sent
        oldest = self._oldest_unsent
        return self._ring.end if oldest is None else oldest.sent

    def _release(self) -> None:
        """Forget what no utterance needs; the last second stays, for the pre-roll of the next."""
        if not self._config.manual_activity:
            self._ring.release(self._stream_sent)
            return
        retained = int((_RETAINED_SECS + self._times.preroll_secs) * INPUT_RATE_HZ)
        needed = [utterance.start for utterance in (*self._unanswered, *self._waiting)]
        self._ring.release(min([self._ring.end - retained, *needed]))

    # Tasks

    async def _connect_with_retries(self) -> LiveConnection:
        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, UpstreamError) and error.retryable),
            wait=wait_random_exponential(multiplier=_FIRST_RETRY_SECS, max=_LONGEST_RETRY_SECS),
            before_sleep=self._note_attempt,
            reraise=True,
        )
        return await retrying(self._connector.connect, self._config)

    def _note_attempt(self, state: RetryCallState) -> None:
        self._last_attempt = f"the last attempt: {state.outcome.exception() if state.outcome else None}"

    async def _send_speech(self) -> None:
        while True:
            await self._to_send.wait()
            self._to_send.clear()
            if self._config.manual_activity:
                await self._send_utterances()
            else:
                await self._send_stream()

    async def _send_utterances(self) -> None:
        while (utterance := await self._utterance_to_send()) is not None:
            until = self._ring.end if utterance.end is None else min(utterance.end, self._ring.end)
            if utterance.sent < until:
                start, utterance.sent = utterance.sent, min(until, utterance.sent + _BURST_SAMPLES)
                await self._send_audio(start, utterance.sent)
            elif utterance.sent_whole:
                await self._end_activity()
            else:
                return

    async def _utterance_to_send(self) -> _Utterance | None:
        """The utterance that is being sent, or the next one where it may be begun."""
        if self._sending is not None or not self._waiting:
            return self._sending
        if self._overlap == "hold" and self._tracker.unanswered:
            return None
        self._sending = self._waiting.popleft()
        self._unanswered.append(self._sending)
        self._publish(self._tracker.open(self._clock()))
        await self._send(self._connected.send_activity_start())
        return self._sending

    async def _end_activity(self) -> None:
        self._sending = None
        await self._send(self._connected.send_activity_end())
        self._tracker.sent_whole(self._clock())
        self._deadline_moved.set()

    async def _send_stream(self) -> None:
        while self._stream_sent < self._ring.end:
            start, self._stream_sent = self._stream_sent, min(self._ring.end, self._stream_sent + _BURST_SAMPLES)
            await self._send_audio(start, self._stream_sent)
        self._release()

    async def _send_audio(self, start: int, end: int) -> None:
        """Send a part of the ring, which counts as sent as soon as it is on its way."""
        await self._send(self._connected.send_audio(self._ring.read(start, end)))

    async def _send(self, sending: Awaitable[None]) -> None:
        timeout_secs = self._times.turns.timeout_secs
        try:
            async with asyncio.timeout(timeout_secs):
                await sending
        except TimeoutError as error:
            raise UpstreamError(FailureKind.UNAVAILABLE, f"nothing could be sent for {timeout_secs:g} s") from error

    async def _receive(self) -> None:
        async for events in self._connected.receive():
            now = self._clock()
            self._heard = True
            for event in events:
                if isinstance(event, Usage):
                    self.prompt_tokens += event.prompt_tokens
                    self.response_tokens += event.response_tokens
                self._publish(self._tracker.handle(event, now))
            self._deadline_moved.set()

    async def _watch_deadlines(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._deadline_on_loop()):
                    await self._deadline_moved.wait()
            self._deadline_moved.clear()
            self._publish(self._tracker.advance(self._clock()))

    def _deadline_on_loop(self) -> float | None:
        deadline = self._tracker.deadline()
        if deadline is None:
            return None
        return asyncio.get_running_loop().time() + max(0.0, deadline - self._clock())

    # Events

    def _publish(self, events: list[TurnEvent]) -> None:
        for event in events:
            self._events.put_nowait(event)
            if isinstance(event, TurnEnded) and event.answers_utterance:
                self._finish_utterance()
                self._watch_silence(event)

    def _watch_silence(self, ended: TurnEnded) -> None:
        """An upstream that says nothing at all, turn after turn, is gone, whatever its socket says."""
        self._silent_turns = self._silent_turns + 1 if ended.timed_out and not self._heard else 0
        self._heard = False
        if self._silent_turns == _SILENT_TURNS_OF_A_LOST_UPSTREAM:
            detail = f"the upstream said nothing for {self._silent_turns} turns"
            self._fail(UpstreamError(FailureKind.UNAVAILABLE, detail))

    def _finish_utterance(self) -> None:
        if self._unanswered:
            self._unanswered.popleft()
        self._release()
        self._to_send.set()

    def _report_failure(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._publish(self._tracker.abandon(self._clock()))
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._events.put_nowait(error)

    @property
    def _connected(self) -> LiveConnection:
        if self._connection is None:
            raise UpstreamError(FailureKind.UNAVAILABLE, "the session is not connected")
        return self._connection
