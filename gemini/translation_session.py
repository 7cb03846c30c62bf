"""One direction of simultaneous interpreting: speech in, turns of its translation out.

:class:`TranslationSession` is to a translating model what :class:`~gemini.session.LiveSession` is to a dialogue
model. It is another class, since little of that one holds here: nothing is held back or answered one by one, the
model never says that an answer is complete, and a turn never begins anew, for its beginning was heard seconds ago.

A connection that is to end is left at the end of a piece of speech: what is said from there on goes over the next
one, and the old one is kept, with silence going up, until it has said what it owes. What the next one says
meanwhile waits. A connection that breaks owes what was said in the seconds before its last text, and everything
since: that goes up again, so that at a loss some words are said twice, and none is missing.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gemini.base_session import BaseSession
from gemini.connector import INPUT_RATE_HZ, Connector, LiveConfig
from gemini.continuous_speech import PIECE_MS, SILENT_PIECE, ContinuousSpeech, Feed, StreamTimes
from gemini.errors import FailureKind, UpstreamError
from gemini.events import SourceText, TargetAudio, TargetText, UpstreamEvent
from gemini.happenings import SpeechDropped, StreamStopped
from gemini.link import Link
from gemini.translation_turns import Direction, TranslationTimes, TranslationTracker
from gemini.turns import TurnEnded, TurnEvent, TurnFailure

_MOST_REFUSALS = 2
_MOST_MUTE_CONNECTIONS = 3
_HAND_OVER_LEAD_SECS = 15.0
"""How long before its announced end a connection is left in the middle of a word, if nobody paused until then."""
_LONGEST_FAREWELL_SECS = 10.0
"""How long a connection that was left may take to say what it owes."""


@dataclass(frozen=True, slots=True)
class TranslationSessionTimes:
    """How long a session waits for what, in seconds.

    Attributes:
        connect_timeout_secs: For the first connection: open, setup and retries together. For each attempt at a
            further one.
        timeout_secs: For anything at all to come back while speech goes up.
        turns: See :class:`~gemini.translation_turns.TranslationTimes`.
        stream: See :class:`~gemini.continuous_speech.StreamTimes`.
        reconnect_secs: For another connection after a loss; counted together until a turn has output.
        max_age_secs: Of a connection, from which on it is renewed.
    """

    connect_timeout_secs: float
    timeout_secs: float
    turns: TranslationTimes
    stream: StreamTimes
    reconnect_secs: float = 30.0
    max_age_secs: float = 3000.0


@dataclass(slots=True)
class _Farewell:
    """A connection that was left: it hears the rest of what it is to translate, then silence."""

    link: Link[TranslationTracker]
    feed: Feed
    began_at: float
    last_text_at: float


class TranslationSession(BaseSession[TranslationTracker]):
    """One session with the upstream, which says everything in one language.

    Not thread-safe: every method is called from the event loop. Positions of marks are given relative to the next
    sample that :meth:`append_audio` adds, so that marks come *before* the audio in which they lie.
    """

    def __init__(
        self,
        connector: Connector,
        config: LiveConfig,
        times: TranslationSessionTimes,
        direction: Direction,
        *,
        marked: bool,
        fallback_models: Sequence[str] = (),
        clock: Callable[[], float] | None = None,
    ):
        """Make a session that is not connected.

        Args:
            connector: Who connects.
            config: What to set the upstream up with.
            times: Waiting times and bounds.
            direction: What ``config`` says to translate into, and how to tell languages.
            marked: Utterances are marked; else everything goes up, silence included.
            fallback_models: Models that take over where the one of ``config`` fails, in this order.
            clock: Seconds, monotonic; default: the event loop's.
        """
        super().__init__(
            connector,
            config,
            connect_timeout_secs=times.connect_timeout_secs,
            send_timeout_secs=times.timeout_secs,
            reconnect_secs=times.reconnect_secs,
            max_age_secs=times.max_age_secs,
            fallback_models=fallback_models,
            clock=clock,
        )
        self._times = times
        self._direction = direction
        self._marked = marked
        self._speech = ContinuousSpeech(times.stream, marked=marked, clock=self._clock)
        self._farewell: _Farewell | None = None
        self._held: list[TurnEvent] = []
        self._heard_at: float | None = None
        self._mute_connections = 0
        self._refusals = 0

    @property
    def held_secs(self) -> float:
        """How much audio is held: what may be unanswered, or pre-roll."""
        return self._speech.held_secs

    # Speech

    def append_audio(self, pcm: bytes) -> None:
        """Add the next audio of the stream: PCM s16le mono at 16 kHz."""
        self._note_dropped(self._speech.append(pcm))
        self._to_send.set()

    def start_utterance(self, offset_samples: int, *, continued: bool = False) -> None:
        """An utterance starts.

        Args:
            offset_samples: Where its first voice lies; its pre-roll goes with it, where nothing goes up.
            continued: It is a further piece of an utterance that was cut, and goes up with the rest.
        """
        del continued
        if not self._speech.streaming:
            self._heard_at = None
        self._speech.start_voice(offset_samples)
        self._note_deadline_moved()

    def end_utterance(self, offset_samples: int) -> None:
        """The utterance, or the piece, that was started last ends ``offset_samples`` from the next sample."""
        self._speech.end_voice()
        self._hand_over(self._speech.end + offset_samples)
        self._note_deadline_moved()

    def cut(self) -> None:
        """The client wants no more of the output that plays."""
        link = self._farewell.link if self._farewell is not None else self._connections.current
        if link is not None:
            self._publish(link, link.tracker.cut(self._clock()))

    def _note_dropped(self, samples: int) -> None:
        if samples:
            self._events.put_nowait(SpeechDropped(samples * 1000 // INPUT_RATE_HZ, whole_utterance=False))

    # Work on a connection

    async def _send_speech(self, link: Link[TranslationTracker]) -> None:
        while True:
            farewell = self._farewell
            if farewell is not None and farewell.link is link:
                await self._send_piece(link, self._speech.take(farewell.feed) or SILENT_PIECE)
                await asyncio.sleep(PIECE_MS / 1000)
            elif pcm := self._speech.take(self._speech.feed):
                await self._send_piece(link, pcm)
            else:
                await self._to_send.wait()
                self._to_send.clear()

    async def _send_piece(self, link: Link[TranslationTracker], pcm: bytes) -> None:
        if self._heard_at is None:
            self._heard_at = self._clock()
            self._deadline_moved.set()
        await self._send_in_time(link.connection.send_audio(pcm))

    def _take(self, link: Link[TranslationTracker], event: UpstreamEvent, now: float) -> None:
        super()._take(link, event, now)
        self._connections.swap_between_turns()

    def _take_content(self, link: Link[TranslationTracker], event: UpstreamEvent, now: float) -> None:
        if link is self._connections.current or self._is_left(link):
            self._note_heard(link, event, now)
            self._publish(link, link.tracker.handle(event, now))

    def _new_tracker(self) -> TranslationTracker:
        return TranslationTracker(self._times.turns, self._direction)

    def _settled(self, link: Link[TranslationTracker]) -> bool:
        return link.tracker.idle and self._speech.settled

    def _unsaid(self, link: Link[TranslationTracker]) -> bool:
        return False  # speech is handed over in good time: see _hand_over_at

    def _note_heard(self, link: Link[TranslationTracker], event: UpstreamEvent, now: float) -> None:
        if not isinstance(event, SourceText | TargetText | TargetAudio):
            return
        self._heard_at = now
        self._mute_connections = 0
        if isinstance(event, TargetAudio):
            return  # comes in pauses, too
        self._speech.note_text()
        if self._farewell is not None and self._farewell.link is link:
            self._farewell.last_text_at = now

    # Turns

    def _publish(self, link: Link[TranslationTracker], events: list[TurnEvent]) -> None:
        """Let the turns of a connection that was left end before those of the next one begin."""
        if self._farewell is not None and self._farewell.link is not link:
            self._held += events
            return
        for event in events:
            self._events.put_nowait(event)
            if isinstance(event, TurnEnded) and event.had_output:
                self._refusals = 0
                self._connections.note_success()

    # Time

    def _act_on_time(self) -> None:
        if self._speech.advance():
            self._events.put_nowait(StreamStopped())
            self._to_send.set()
        if not self._speech.streaming and self._speech.settled:
            self._speech.note_done()
        for link in self._links:
            self._publish(link, link.tracker.advance(self._clock()))
        self._end_farewell()
        if self._is_mute:
            self._leave_mute_connection()
        if self._must_hand_over:
            self._hand_over(self._speech.feed.position)
        self._connections.swap_between_turns()
        self._connections.act_on_time(self._clock())

    def _deadlines(self) -> list[float]:
        own = (self._speech.deadline(), self._mute_at, self._farewell_ends_at, self._hand_over_at)
        trackers = (link.tracker.deadline() for link in self._links)
        return [deadline for deadline in (*own, *trackers) if deadline is not None]

    @property
    def _links(self) -> list[Link[TranslationTracker]]:
        """Connections that may say something, in the order of their turns."""
        left = [self._farewell.link] if self._farewell is not None else []
        current = self._connections.current
        return [*left, *([current] if current is not None else [])]

    # An upstream that says nothing

    @property
    def _mute_at(self) -> float | None:
        """When the connection in use counts as mute; a translating model sends sound as long as it hears any."""
        if self._heard_at is None or not self._speech.streaming or self._connections.current is None:
            return None
        return self._heard_at + self._times.timeout_secs

    @property
    def _is_mute(self) -> bool:
        return self._mute_at is not None and self._clock() >= self._mute_at

    def _leave_mute_connection(self) -> None:
        self._heard_at = None
        self._mute_connections += 1
        if self._mute_connections >= _MOST_MUTE_CONNECTIONS:
            detail = f"the upstream said nothing over {self._mute_connections} connections"
            self._give_up(UpstreamError(FailureKind.UNAVAILABLE, detail))
        else:
            self._connections.abandon(TurnFailure.NO_ANSWER.value)

    # From one connection to the next

    @property
    def _hand_over_at(self) -> float | None:
        """From when on speech goes over to the standby wherever it is."""
        link = self._connections.current
        if link is None or link.ends_at is None or self._farewell is not None or not self._connections.renewing:
            return None
        return link.ends_at - _HAND_OVER_LEAD_SECS

    @property
    def _must_hand_over(self) -> bool:
        """Whether speech goes over to the standby without waiting for the end of an utterance."""
        link, at = self._connections.current, self._hand_over_at
        in_time = at is not None and self._clock() >= at
        return in_time or (not self._marked and link is not None and link.tracker.idle)

    def _hand_over(self, at: int) -> None:
        """Let what is said from position ``at`` on go over the standby, where there is one."""
        link = self._connections.hand_over()
        if link is None:
            return
        now = self._clock()
        self._farewell = _Farewell(link, self._speech.divide(at), began_at=now, last_text_at=now)
        self._note_deadline_moved()

    def _is_left(self, link: Link[TranslationTracker]) -> bool:
        return self._farewell is not None and self._farewell.link is link

    @property
    def _farewell_ends_at(self) -> float | None:
        if self._farewell is None:
            return None
        quiet_at = max(
            self._farewell.began_at + self._times.stream.tail_secs,
            self._farewell.last_text_at + self._times.turns.target_silence_secs,
        )
        return min(quiet_at, self._farewell.began_at + _LONGEST_FAREWELL_SECS)

    def _end_farewell(self) -> None:
        """Leave for good the connection that has said what it owed."""
        farewell, ends_at = self._farewell, self._farewell_ends_at
        if farewell is None or ends_at is None or self._clock() < ends_at:
            return
        self._connections.leave(farewell.link)
        self._forget(farewell.link)

    def _forget(self, link: Link[TranslationTracker]) -> None:
        """Let the turns of a connection end that is not used any more, and those begin that waited for it."""
        self._count_turns_of(link)
        self._publish(link, link.tracker.abandon(self._clock()))
        if self._farewell is not None and self._farewell.link is link:
            self._farewell = None
            held, self._held = self._held, []
            current = self._connections.current
            if current is not None:
                self._publish(current, held)

    def _leave(self, link: Link[TranslationTracker], error: UpstreamError | None) -> None:
        """What a connection may not have answered goes up again, over the next one."""
        self._heard_at = None
        if error is not None and error.kind is FailureKind.INVALID:
            self._refusals += 1
        elif error is None and self._speech.settled:
            self._speech.note_done()
        farewell = self._farewell
        self._forget(link)
        if self._refusals >= _MOST_REFUSALS:
            self._refusals = 0
            self._note_dropped(self._speech.give_up())
        if farewell is None:
            self._speech.restart()
        elif farewell.link is not link:
            self._speech.restart(not_before=farewell.feed.until or 0)
        elif self._speech.owes_before(farewell.feed.until or 0):
            self._speech.restart()
        self._to_send.set()

    # Ends

    def _end_turns(self, link: Link[TranslationTracker] | None) -> None:
        for left in self._links:
            self._forget(left)
        if link is not None:
            self._publish(link, link.tracker.abandon(self._clock()))
