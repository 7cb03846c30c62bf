"""What the upstream says, as turns: which utterance an event answers, and when a turn is over. Pure.

Google's turn marks are not enough: ``turnComplete`` comes seconds after the output, or never; transcriptions have
no order against anything and carry no turn id. :class:`TurnTracker` takes events and times, and gives back what
happens to turns; it reads no clock and waits for nothing, so its owner asks :meth:`TurnTracker.deadline` when to
come back.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto

from gemini.events import (
    GenerationComplete,
    InterimSourceText,
    Interrupted,
    SourceText,
    TargetAudio,
    TargetText,
    TurnComplete,
    UpstreamEvent,
)
from gemini.transcript import ClosedTexts, Transcript

_LONGEST_SILENT_AUDIO_SECS = 3.0
_LONGEST_OUTPUT_SECS = 120.0
"""Many times what a piece of speech of some seconds takes to interpret."""
_FASTEST_SPEECH_PER_SEC = 35.0
"""Characters; speech has 15 or so, and no voice that one can follow is twice as fast."""
_SHORTEST_JUDGED_SECS = 0.5
"""A text that needs less may be a word, and the sound of it anything."""
_CHARACTERS_OF_A_SYLLABLE = 2.5
"""What a character counts as that writes a whole syllable."""
_FIRST_SYLLABIC = "\u1100"
_SAMPLE_BYTES = 2
SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？", '"', "”", "’", ")")


@dataclass(frozen=True, slots=True)
class SourceChanged:
    """The turn's source text, whole so far."""

    text: str
    language: str | None


@dataclass(frozen=True, slots=True)
class SourceHeard:
    """Speech was recognised, whichever turn it belongs to: told at once, by sessions that hear without turns."""

    text: str
    language: str | None


@dataclass(frozen=True, slots=True)
class OutputStarted:
    """An utterance is being answered: the first text or audio of its interpretation follows."""


@dataclass(frozen=True, slots=True)
class TargetGrew:
    """A further piece of the turn's target text."""

    text: str
    language: str | None


@dataclass(frozen=True, slots=True)
class OutputAudio:
    """A piece of the interpretation's speech: PCM s16le mono."""

    pcm: bytes
    sample_rate_hz: int


@dataclass(frozen=True, slots=True)
class OutputEnded:
    """No more audio is expected; texts may still come."""


class TurnFailure(StrEnum):
    """Why an utterance counts as not answered in full. The issues are those of GEMINI.md, section 6.1."""

    NO_ANSWER = "no_answer"
    """Nothing came back in time after the utterance was sent whole (gemini-live-api-examples #38, #48)."""

    MUTE_AFTER_INTERRUPTED = "mute_after_interrupted"
    """The same, after the upstream had sent ``interrupted`` (python-genai #2333)."""

    BROKEN_OFF = "broken_off"
    """``interrupted`` in the middle of output, and nothing after it."""

    NO_END = "no_end"
    """Output stopped and no mark ended it (examples #52, #54), or it goes on far too long."""

    EMPTY_TURN = "empty_turn"
    """``turnComplete`` and nothing else (examples #56, js-genai #707)."""

    NO_AUDIO = "no_audio"
    """Text of an interpretation without its speech, or with less of it than any voice needs."""

    SILENT_AUDIO = "silent_audio"
    """Nothing but zeros for speech: with the text of an interpretation, or for seconds."""

    LOST = "lost"
    """The connection broke."""


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The turn is over.

    Attributes:
        answers_utterance: The turn answers (or gives up) an utterance; else it is late text that belongs to none.
        had_output: There was text or audio of an interpretation.
        failure: Why the utterance was not answered in full; ``None``: it was, or the client wanted no more of it.
        source_text: The whole source text.
        source_language: The upstream's code for it.
    """

    answers_utterance: bool
    had_output: bool
    failure: TurnFailure | None
    source_text: str
    source_language: str | None


TurnEvent = SourceChanged | SourceHeard | OutputStarted | TargetGrew | OutputAudio | OutputEnded | TurnEnded


@dataclass(frozen=True, slots=True)
class TurnTimes:
    """How long a turn waits for what, in seconds.

    Attributes:
        timeout_secs: For output after the utterance was sent whole, and for more output once it began.
        late_text_secs: After the end of output, for a missing or unfinished transcription.
        end_silence_secs: After ``generationComplete``, for ``turnComplete`` or more output.
    """

    timeout_secs: float
    late_text_secs: float
    end_silence_secs: float = 0.3


class _Kind(Enum):
    UTTERANCE = auto()
    """We sent its speech, between activity marks."""
    DETECTED = auto()
    """The upstream detected its speech."""
    LATE = auto()
    """It belongs to no utterance: text or audio that came when nothing was unanswered."""


@dataclass(slots=True)
class _Turn:
    kind: _Kind
    source: Transcript
    target: Transcript
    last_event_at: float
    sent_whole_at: float | None = None
    has_audio: bool = False
    audio_secs: float = 0.0
    sounding_secs: float = 0.0
    """Of pieces of audio that are not all zeros."""
    silent_audio: list[OutputAudio] = field(default_factory=list)
    """Audio of zeros, held back until it is known to begin speech."""
    output_started: bool = False
    output_started_at: float = 0.0
    interrupted: bool = False
    generation_complete: bool = False
    turn_complete: bool = False
    turn_complete_premature: bool = False
    output_ended_at: float | None = None
    timed_out: bool = False
    lost: bool = False
    cut: bool = False
    events: list[TurnEvent] = field(default_factory=list)

    @property
    def unsaid(self) -> bool:
        """Whether the utterance has not been sent whole: nothing that comes can be the end of its answer."""
        return self.kind is _Kind.UTTERANCE and self.sent_whole_at is None

    @property
    def ended_by_upstream(self) -> bool:
        """Whether the upstream said that there is no more to come."""
        return self.generation_complete or self.turn_complete


class TurnTracker:
    """Turns of one upstream session, in the order in which their utterances were sent.

    Attributes:
        dropped_repeats: Repetitions of earlier transcriptions that were dropped.
        timed_out_turns: Turns that the upstream did not end.
    """

    def __init__(self, times: TurnTimes, *, manual_activity: bool):
        """Track a session.

        Args:
            times: How long to wait for what.
            manual_activity: Utterances are opened by :meth:`open`; else any output opens a turn.
        """
        self._times = times
        self._manual = manual_activity
        self._turns: deque[_Turn] = deque()
        self._closed_source = ClosedTexts()
        self._closed_target = ClosedTexts()
        self._marks_source_finished = False
        self._marks_target_finished = False
        self._turn_complete_owed = False
        self._interrupted_seen = False
        self.dropped_repeats = 0
        self.timed_out_turns = 0

    @property
    def unanswered(self) -> int:
        """How many utterances were opened and have not ended."""
        return sum(turn.kind is not _Kind.LATE for turn in self._turns)

    @property
    def idle(self) -> bool:
        """Whether no turn is open, not even one of late text."""
        return not self._turns

    @property
    def unsaid(self) -> bool:
        """Whether the utterance opened last has not been sent whole."""
        return bool(self._turns) and self._turns[-1].unsaid

    def open(self, now: float) -> list[TurnEvent]:
        """An utterance begins to be sent."""
        ended = self._end_late_turn()
        self._turns.append(self._new_turn(_Kind.UTTERANCE, now))
        return ended

    def sent_whole(self, now: float) -> None:
        """The utterance opened last was sent to its end."""
        turn = self._turns[-1]
        turn.sent_whole_at = turn.last_event_at = now

    def cut(self, now: float) -> list[TurnEvent]:
        """The client wants no more of the turn whose output began: it need not wait for late text."""
        if self._turns and self._turns[0].output_started:
            self._turns[0].cut = True
        return self.advance(now)

    def handle(self, event: UpstreamEvent, now: float) -> list[TurnEvent]:
        """What an event of the upstream does to the turns."""
        match event:
            case SourceText() | TargetText() | InterimSourceText() | TargetAudio():
                turn = self._turn_for(event, now)
                if turn is None:
                    return []
                turn.last_event_at = now
                self._take_content(turn, event)
                return self._drain(turn) + self.advance(now)
            case TurnComplete():
                return self._take_turn_complete(now)
            case GenerationComplete():
                return self._take_generation_complete(now)
            case Interrupted():
                return self._take_interrupted(now)
        return []

    def deadline(self) -> float | None:
        """When to call :meth:`advance` at the latest, on the clock of the times given; ``None``: no need."""
        if not self._turns:
            return None
        return (
            self._end_of_output_at(self._turns[0]) if self._turns[0].output_ended_at is None else self._close_at()
        )

    def advance(self, now: float) -> list[TurnEvent]:
        """What the passing of time does to the turns."""
        events: list[TurnEvent] = []
        while self._turns:
            turn = self._turns[0]
            if turn.output_ended_at is None:
                ends_at = self._end_of_output_at(turn)
                if ends_at is None or now < ends_at:
                    break
                turn.timed_out = not (turn.ended_by_upstream or turn.interrupted or turn.kind is _Kind.LATE)
                events += self._end_output(turn, now)
            if now < self._close_at():
                break
            events += self._close_turn()
        return events

    def abandon(self, now: float) -> list[TurnEvent]:
        """The connection is lost: every turn ends with what there is of it."""
        events: list[TurnEvent] = []
        while self._turns:
            turn = self._turns[0]
            turn.lost = turn.output_ended_at is None and not turn.ended_by_upstream and turn.kind is not _Kind.LATE
            events += self._end_output(self._turns[0], now)
            events += self._close_turn()
        return events

    # Events

    def _turn_for(
        self, event: SourceText | TargetText | InterimSourceText | TargetAudio, now: float
    ) -> _Turn | None:
        if self._turns:
            return self._turns[0]
        if not isinstance(event, TargetAudio):
            if not event.text.strip():
                return None
            if self._repeats_closed(event):
                self.dropped_repeats += 1
                return None
        self._turns.append(self._new_turn(_Kind.LATE if self._manual else _Kind.DETECTED, now))
        return self._turns[0]

    def _repeats_closed(self, event: SourceText | TargetText | InterimSourceText) -> bool:
        """Whether text that came while nothing is unanswered was said in a closed turn.

        Where the upstream detects activity, a whole text is the beginning of a turn, even if it was said before.
        """
        if not self._manual and not isinstance(event, TargetText):
            return False
        closed = self._closed_target if isinstance(event, TargetText) else self._closed_source
        return closed.repeats(event.text)

    def _take_content(self, turn: _Turn, event: SourceText | TargetText | InterimSourceText | TargetAudio) -> None:
        match event:
            case TargetAudio():
                self._take_audio(turn, OutputAudio(event.pcm, event.sample_rate_hz))
            case TargetText():
                self._marks_target_finished |= event.finished
                before = len(turn.target.text)
                if turn.target.append(event.text, finished=event.finished, language=event.language):
                    turn.interrupted = False
                    self._grow_target(turn, before)
            case SourceText():
                self._marks_source_finished |= event.finished
                if turn.source.append(
                    event.text, finished=event.finished, language=event.language, answered=turn.output_started
                ):
                    turn.events.append(SourceChanged(turn.source.text, turn.source.language))
            case InterimSourceText():
                if turn.source.set_interim(event.text, event.language):
                    turn.events.append(SourceChanged(turn.source.text, turn.source.language))

    def _take_audio(self, turn: _Turn, audio: OutputAudio) -> None:
        turn.output_ended_at = None  # it had only paused; late text alone does not resume it
        turn.interrupted = False
        if turn.turn_complete and not turn.generation_complete:
            turn.turn_complete, turn.turn_complete_premature = False, True
        turn.audio_secs += len(audio.pcm) / (_SAMPLE_BYTES * audio.sample_rate_hz)
        silent = audio.pcm.count(0) == len(audio.pcm)
        if not silent:
            turn.sounding_secs += len(audio.pcm) / (_SAMPLE_BYTES * audio.sample_rate_hz)
        if silent and not turn.has_audio and turn.kind is not _Kind.LATE:
            turn.silent_audio.append(audio)
        else:
            self._release_audio(turn)
            turn.events.append(audio)

    def _release_audio(self, turn: _Turn) -> None:
        """Let audio go out, with the zeros before it."""
        self._begin_output(turn)
        turn.has_audio = True
        turn.events += turn.silent_audio
        turn.silent_audio = []

    def _grow_target(self, turn: _Turn, before: int) -> None:
        self._begin_output(turn)
        turn.events.append(TargetGrew(turn.target.text[before:], turn.target.language))

    def _begin_output(self, turn: _Turn) -> None:
        if not turn.output_started:
            turn.output_started, turn.output_started_at = True, turn.last_event_at
            turn.output_ended_at = None
            if turn.kind is not _Kind.LATE:
                turn.events.append(OutputStarted())

    def _take_turn_complete(self, now: float) -> list[TurnEvent]:
        owed, self._turn_complete_owed = self._turn_complete_owed, False
        if not self._turns:
            return []
        turn = self._turns[0]
        if owed and not turn.generation_complete:
            return []  # of the turn before, which ended without it
        if turn.unsaid:
            return []  # it cannot be the end of what has not been said
        turn.turn_complete = True
        turn.last_event_at = now
        if turn.output_started and not turn.generation_complete:
            return self.advance(now)  # it may be premature (gemini-live-api-examples #56)
        return self._end_output(turn, now) + self.advance(now)

    def _take_generation_complete(self, now: float) -> list[TurnEvent]:
        turn = self._turns[0] if self._turns else None
        if turn is None or turn.unsaid:
            return []
        turn.generation_complete = True
        turn.interrupted = False
        turn.last_event_at = now
        return self.advance(now)

    def _take_interrupted(self, now: float) -> list[TurnEvent]:
        """Believed where output is under way, and none follows."""
        self._interrupted_seen = True
        turn = self._turns[0] if self._turns else None
        if turn is None or turn.unsaid or not turn.output_started or turn.ended_by_upstream:
            return []
        turn.interrupted = True
        turn.last_event_at = now
        return self.advance(now)

    # Ends

    def _end_of_output_at(self, turn: _Turn) -> float | None:
        if turn.unsaid:
            return None
        if turn.audio_secs > (_LONGEST_OUTPUT_SECS if turn.has_audio else _LONGEST_SILENT_AUDIO_SECS):
            return turn.last_event_at
        if turn.kind is _Kind.LATE and not turn.has_audio:
            return turn.last_event_at + self._times.end_silence_secs
        if turn.output_started and (turn.ended_by_upstream or turn.interrupted):
            return turn.last_event_at + self._times.end_silence_secs
        if turn.sent_whole_at is not None and not turn.output_started:
            return turn.sent_whole_at + self._times.timeout_secs
        timeout_at = turn.last_event_at + self._times.timeout_secs
        return min(timeout_at, turn.output_started_at + _LONGEST_OUTPUT_SECS) if turn.output_started else timeout_at

    def _end_output(self, turn: _Turn, now: float) -> list[TurnEvent]:
        if turn.output_ended_at is not None:
            return []
        turn.output_ended_at = now
        return [OutputEnded()] if turn.output_started else []

    def _close_at(self) -> float:
        """When the turn in front closes; only for one whose output has ended."""
        turn = self._turns[0]
        ended_at = turn.output_ended_at or 0.0
        return ended_at + (self._times.late_text_secs if self._awaits_text(turn) else 0.0)

    def _awaits_text(self, turn: _Turn) -> bool:
        if turn.cut or turn.timed_out or turn.interrupted or turn.kind is _Kind.LATE:
            return False
        if not turn.output_started and not turn.generation_complete:
            return True  # a premature ``turnComplete``: output may follow
        return self._source_unfinished(turn) or self._target_unfinished(turn)

    def _source_unfinished(self, turn: _Turn) -> bool:
        source = turn.source
        return source.empty or source.interim_only or (self._marks_source_finished and not source.finished)

    def _target_unfinished(self, turn: _Turn) -> bool:
        """Whether target text is still to come: the last of it may travel with a late ``turnComplete``."""
        target = turn.target
        if not (turn.output_started or turn.silent_audio) or target.finished:
            return False
        if target.empty or self._marks_target_finished:
            return True
        return not turn.turn_complete and not target.text.endswith(SENTENCE_ENDS)

    def _close_turn(self) -> list[TurnEvent]:
        turn = self._turns.popleft()
        if turn.silent_audio and turn.target.empty and not (turn.lost or turn.timed_out or turn.cut):
            self._release_audio(turn)  # with no text that it should speak, silence is an answer
            turn.events.append(OutputEnded())
        if turn.kind is _Kind.DETECTED and not turn.output_started:
            turn.source.discard_repeat()
        if turn.source.settle():
            turn.events.append(SourceChanged(turn.source.text, turn.source.language))
        before = len(turn.target.text)
        if turn.target.settle():
            self._grow_target(turn, before)
        self.dropped_repeats += turn.source.repeats + turn.target.repeats
        self.timed_out_turns += turn.timed_out
        self._turn_complete_owed = turn.output_started and not turn.turn_complete
        self._closed_source.add(turn.source.text)
        self._closed_target.add(turn.target.text)
        ended = TurnEnded(
            answers_utterance=turn.kind is not _Kind.LATE,
            had_output=turn.output_started,
            failure=self._failure(turn),
            source_text=turn.source.text,
            source_language=turn.source.language,
        )
        self._interrupted_seen = False
        return [*self._drain(turn), ended]

    def _failure(self, turn: _Turn) -> TurnFailure | None:
        if turn.cut or turn.kind is _Kind.LATE:
            return None
        if turn.lost:
            return TurnFailure.LOST
        if turn.silent_audio and (not turn.target.empty or turn.audio_secs > _LONGEST_SILENT_AUDIO_SECS):
            return TurnFailure.SILENT_AUDIO
        if turn.timed_out:
            return None if turn.turn_complete_premature and turn.has_audio else self._timeout_of(turn)
        if turn.interrupted:
            return TurnFailure.BROKEN_OFF
        if turn.audio_secs > _LONGEST_OUTPUT_SECS:
            return TurnFailure.NO_END
        if turn.output_started:
            spoken = turn.has_audio and not _far_too_short(turn.sounding_secs, turn.target.text)
            return None if spoken else TurnFailure.NO_AUDIO
        marked = turn.generation_complete or turn.kind is _Kind.DETECTED
        return None if marked else TurnFailure.EMPTY_TURN

    def _timeout_of(self, turn: _Turn) -> TurnFailure:
        if turn.output_started:
            return TurnFailure.NO_END
        return TurnFailure.MUTE_AFTER_INTERRUPTED if self._interrupted_seen else TurnFailure.NO_ANSWER

    def _end_late_turn(self) -> list[TurnEvent]:
        if self._turns and self._turns[0].kind is _Kind.LATE:
            return self._close_turn()
        return []

    def _new_turn(self, kind: _Kind, now: float) -> _Turn:
        return _Turn(kind, Transcript(self._closed_source), Transcript(self._closed_target), now)

    @staticmethod
    def _drain(turn: _Turn) -> list[TurnEvent]:
        events, turn.events = turn.events, []
        return events


def _far_too_short(sounding_secs: float, text: str) -> bool:
    """Whether so much sound can't be the speech of ``text``, however fast."""
    characters = sum(_CHARACTERS_OF_A_SYLLABLE if character >= _FIRST_SYLLABIC else 1 for character in text)
    needed_secs = characters / _FASTEST_SPEECH_PER_SEC
    return needed_secs >= _SHORTEST_JUDGED_SECS and sounding_secs < needed_secs
