"""One client's conversation with the upstream, over as many connections as it takes: speech in, turns out.

:class:`LiveSession` says which utterance goes up when, over which connection, and again where the upstream failed.
What is kept of the speech is the business of :mod:`gemini.speech`, what an answer is that of :mod:`gemini.turns`,
and which connection is in use that of :mod:`gemini.connections`.

It never holds more than one unanswered utterance upstream (unless told to), since what the service does with
overlap is not known and its transcriptions carry no turn id: the next waits in the ring and follows in a burst,
which costs nothing in ordinary talk, generation being faster than speech. So only the connection in use has turns
open, and the turns of one connection end before those of the next begin.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from gemini.base_session import BaseSession
from gemini.connector import INPUT_RATE_HZ, Connector, LiveConfig
from gemini.errors import FailureKind, UpstreamError
from gemini.events import UpstreamEvent, Usage
from gemini.happenings import (
    SpeechDropped,
    TurnRestarted,
    UtteranceAnswered,
)
from gemini.link import Link
from gemini.speech import Dropped, Progress, UplinkSpeech, UplinkStream, Utterance
from gemini.turns import (
    OutputAudio,
    OutputStarted,
    TargetGrew,
    TurnEnded,
    TurnEvent,
    TurnFailure,
    TurnTimes,
    TurnTracker,
)

_MOST_REPLAYS = 3
_MOST_REFUSALS = 2
_UNHEARD_UTTERANCES_OF_A_LOST_UPSTREAM = 3


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """How long a session waits for what, in seconds; and how much audio it keeps.

    Attributes:
        connect_timeout_secs: For the first connection: open, setup and retries together. For each attempt at a
            further one.
        preroll_secs: How far before its first voice an utterance starts.
        ring_secs: How much unanswered speech is kept.
        turns: See :class:`~gemini.turns.TurnTimes`.
        reconnect_secs: For another connection after a loss; counted together until an utterance is answered.
        max_age_secs: Of a connection, from which on it is renewed.
    """

    connect_timeout_secs: float
    preroll_secs: float
    ring_secs: float
    turns: TurnTimes
    reconnect_secs: float = 30.0
    max_age_secs: float = 3000.0


class LiveSession(BaseSession[TurnTracker]):
    """One session with the upstream.

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
        fallback_models: Sequence[str] = (),
        overlap: Literal["hold", "stream"] = "hold",
        clock: Callable[[], float] | None = None,
    ):
        """Make a session that is not connected.

        Args:
            connector: Who connects.
            config: What to set the upstream up with.
            times: Waiting times and bounds.
            fallback_models: Models that take over where the one of ``config`` fails, in this order.
            overlap: ``"hold"`` the next utterance while one is unanswered, or ``"stream"`` it at once.
            clock: Seconds, monotonic; default: the event loop's.
        """
        super().__init__(
            connector,
            config,
            connect_timeout_secs=times.connect_timeout_secs,
            send_timeout_secs=times.turns.timeout_secs,
            reconnect_secs=times.reconnect_secs,
            max_age_secs=times.max_age_secs,
            fallback_models=fallback_models,
            clock=clock,
        )
        self._config = config
        self._times = times
        self._overlap = overlap
        self._speech = UplinkSpeech(ring_secs=times.ring_secs, preroll_secs=times.preroll_secs)
        self._stream = UplinkStream(ring_secs=times.ring_secs)
        self._stream_replays = 0
        self._stream_refusals = 0
        self._unfinished: dict[Utterance | None, TurnEnded] = {}
        self._heard = False
        self._unheard_utterances = 0

    @property
    def held_secs(self) -> float:
        """How much speech the ring holds: unanswered, or kept as pre-roll."""
        return self._speech.held_secs if self._manual else self._stream.held_secs

    # Speech

    def append_audio(self, pcm: bytes) -> None:
        """Add the next audio of the stream: PCM s16le mono at 16 kHz."""
        dropped = self._speech.append(pcm) if self._manual else self._stream.append(pcm)
        for item in dropped:
            self._note_dropped(item)
        if not self._manual or self._speech.sending is not None:
            self._to_send.set()

    def start_utterance(self, offset_samples: int, *, continued: bool = False) -> None:
        """An utterance starts.

        Args:
            offset_samples: Where its first voice lies; its pre-roll goes with it.
            continued: It is a further piece of an utterance that was cut, and starts just there, without pre-roll.
        """
        self._speech.start_utterance(offset_samples, continued=continued)
        self._to_send.set()

    def end_utterance(self, offset_samples: int) -> None:
        """The utterance that was started last ends ``offset_samples`` from the next sample."""
        self._speech.end_utterance(offset_samples, self._clock())
        self._to_send.set()

    def cut(self) -> None:
        """The client wants no more of the output that plays: its turn need not wait for late text."""
        link = self._connections.current
        if link is not None:
            self._publish(link.tracker.cut(self._clock()))

    def _note_dropped(self, dropped: Dropped) -> None:
        end = self._unfinished.pop(dropped.utterance, None) if dropped.utterance is not None else None
        if end is not None:
            self._events.put_nowait(end)
        self._give_notice_of(dropped.samples, whole_utterance=dropped.utterance is not None and end is None)

    def _give_notice_of(self, samples: int, *, whole_utterance: bool) -> None:
        behind = self._speech.begun if whole_utterance else 0
        self._events.put_nowait(SpeechDropped(samples * 1000 // INPUT_RATE_HZ, whole_utterance, behind))

    # Work on a connection

    async def _send_speech(self, link: Link[TurnTracker]) -> None:
        while True:
            await self._to_send.wait()
            self._to_send.clear()
            await (self._send_utterances(link) if self._manual else self._send_stream(link))

    async def _send_utterances(self, link: Link[TurnTracker]) -> None:
        while (utterance := await self._utterance_to_send(link)) is not None:
            if pcm := self._speech.take(utterance):
                await self._send_in_time(link.connection.send_audio(pcm))
            elif utterance.sent_whole:
                await self._end_activity(link, utterance)
            else:
                return

    async def _utterance_to_send(self, link: Link[TurnTracker]) -> Utterance | None:
        """The utterance that is being sent, or the next one where it may be begun."""
        if (utterance := self._speech.sending) is not None:
            return utterance
        if link.tracker.unanswered and (self._overlap == "hold" or self._connections.renewing):
            return None
        if (utterance := self._speech.begin_next()) is not None:
            self._publish(link.tracker.open(self._clock()))
            await self._send_in_time(link.connection.send_activity_start())
        return utterance

    async def _end_activity(self, link: Link[TurnTracker], utterance: Utterance) -> None:
        utterance.progress = Progress.AWAITING_ANSWER
        await self._send_in_time(link.connection.send_activity_end())
        now = self._clock()
        utterance.told_at = utterance.told_at or now
        link.tracker.sent_whole(now)
        self._deadline_moved.set()

    async def _send_stream(self, link: Link[TurnTracker]) -> None:
        while pcm := self._stream.take():
            await self._send_in_time(link.connection.send_audio(pcm))

    def _take(self, link: Link[TurnTracker], event: UpstreamEvent, now: float) -> None:
        self._heard = self._heard or isinstance(event, Usage)
        super()._take(link, event, now)

    def _take_content(self, link: Link[TurnTracker], event: UpstreamEvent, now: float) -> None:
        if link is self._connections.current:
            self._heard = True
            self._publish(link.tracker.handle(event, now))

    def _new_tracker(self) -> TurnTracker:
        return TurnTracker(self._times.turns, manual_activity=self._manual)

    def _settled(self, link: Link[TurnTracker]) -> bool:
        return link.tracker.idle

    def _unsaid(self, link: Link[TurnTracker]) -> bool:
        return link.tracker.unsaid

    # Time

    def _act_on_time(self) -> None:
        now = self._clock()
        if (link := self._connections.current) is not None:
            self._publish(link.tracker.advance(now))
        self._connections.act_on_time(now)

    def _deadlines(self) -> list[float]:
        link = self._connections.current
        deadline = link.tracker.deadline() if link is not None else None
        return [] if deadline is None else [deadline]

    # Turns

    def _publish(self, events: list[TurnEvent]) -> None:
        for event in events:
            if isinstance(event, TurnEnded):
                self._end_turn(event)
            else:
                self._note_delay(event)
                self._events.put_nowait(event)

    def _note_delay(self, event: TurnEvent) -> None:
        if isinstance(event, OutputStarted) and not self._manual:
            self._stream.note_output()
        if not isinstance(event, (TargetGrew, OutputAudio)):
            return
        utterance = self._speech.unanswered if self._manual else None
        if utterance is None:
            return
        if isinstance(event, TargetGrew):
            utterance.first_text_at = utterance.first_text_at or self._clock()
        else:
            utterance.first_audio_at = utterance.first_audio_at or self._clock()

    def _end_turn(self, event: TurnEnded) -> None:
        if not event.answers_utterance:
            self._events.put_nowait(event)
        elif not self._restart(event):
            self._finish(event)
        self._to_send.set()
        if event.failure is not None:
            self._connections.abandon(event.failure.value)
        self._connections.swap_between_turns()

    def _restart(self, event: TurnEnded) -> bool:
        """Let what was not answered in full go up again; whether it will."""
        if event.failure is None or self._over:
            return False
        restart = self._restart_utterance if self._manual else self._restart_stream
        return restart(event, event.failure)

    def _restart_utterance(self, event: TurnEnded, failure: TurnFailure) -> bool:
        utterance = self._speech.unanswered
        if utterance is None or not self._speech.holds(utterance):
            return False
        refused = utterance.refusals >= _MOST_REFUSALS
        if refused and utterance.end is not None:
            return False
        if failure is not TurnFailure.LOST:
            if utterance.replays >= _MOST_REPLAYS:
                return False
            utterance.replays += 1
        self._unfinished[utterance] = event
        self._events.put_nowait(TurnRestarted(failure, utterance.replays))
        if refused:
            self._note_dropped(self._speech.skip(utterance))
        for dropped in self._speech.restart(utterance):
            self._note_dropped(dropped)
        return True

    def _restart_stream(self, event: TurnEnded, failure: TurnFailure) -> bool:
        if self._stream_refusals >= _MOST_REFUSALS:
            return False
        if failure is not TurnFailure.LOST:
            if self._stream_replays >= _MOST_REPLAYS:
                return False
            self._stream_replays += 1
        self._unfinished[None] = event
        self._events.put_nowait(TurnRestarted(failure, self._stream_replays))
        return True

    def _finish(self, event: TurnEnded) -> None:
        """What was said is answered, or given up."""
        self._events.put_nowait(event)
        if self._manual:
            self._finish_utterance(event)
        else:
            self._finish_stream(event)
        if event.failure is None:
            self._stream_replays = self._stream_refusals = self._unheard_utterances = 0
            self._heard = False
            self._connections.note_success()

    def _finish_utterance(self, event: TurnEnded) -> None:
        utterance = self._speech.finish()
        if utterance is None:
            return
        self._unfinished.pop(utterance, None)
        if event.failure is None:
            self._events.put_nowait(_answered(utterance))
        elif not self._over:
            self._give_notice_of(self._speech.samples_of(utterance), whole_utterance=False)
            self._note_unheard(event.failure)

    def _finish_stream(self, event: TurnEnded) -> None:
        self._unfinished.pop(None, None)
        if event.failure is None:
            self._stream.note_answered()
        else:
            self._give_up_stream(told=event.had_output)

    def _give_up_stream(self, *, told: bool) -> None:
        samples = self._stream.give_up()
        if samples and not (told or self._over):
            self._give_notice_of(samples, whole_utterance=False)

    def _note_unheard(self, failure: TurnFailure) -> None:
        """An upstream that says nothing at all, whatever the utterance and the connection, is gone."""
        mute = failure in (TurnFailure.NO_ANSWER, TurnFailure.MUTE_AFTER_INTERRUPTED) and not self._heard
        self._heard = False
        self._unheard_utterances = self._unheard_utterances + 1 if mute else 0
        if self._unheard_utterances == _UNHEARD_UTTERANCES_OF_A_LOST_UPSTREAM:
            detail = f"the upstream said nothing to {self._unheard_utterances} utterances"
            self._give_up(UpstreamError(FailureKind.UNAVAILABLE, detail))

    # Ends

    def _leave(self, link: Link[TurnTracker], error: UpstreamError | None) -> None:
        """What a connection has not answered in full is for the next one."""
        self._count_turns_of(link)
        if error is not None and error.kind is FailureKind.INVALID:
            self._note_refusal()
        self._publish(link.tracker.abandon(self._clock()))
        if not self._manual:
            self._leave_stream()

    def _note_refusal(self) -> None:
        utterance = self._speech.unanswered
        if utterance is not None:
            utterance.refusals += 1
        self._stream_refusals += 1

    def _leave_stream(self) -> None:
        if self._stream_refusals >= _MOST_REFUSALS:
            self._stream_refusals = 0
            self._give_up_stream(told=False)
        self._stream.restart()

    def _end_turns(self, link: Link[TurnTracker] | None) -> None:
        link = link or self._connections.current
        if link is not None:
            self._publish(link.tracker.abandon(self._clock()))
        for end in self._unfinished.values():
            self._events.put_nowait(end)
        self._unfinished.clear()

    @property
    def _manual(self) -> bool:
        return self._config.manual_activity


def _answered(utterance: Utterance) -> UtteranceAnswered:
    def secs_until(moment: float | None) -> float | None:
        return None if moment is None or utterance.ended_at is None else moment - utterance.ended_at

    return UtteranceAnswered(
        secs_until(utterance.told_at), secs_until(utterance.first_text_at), secs_until(utterance.first_audio_at)
    )
