"""What a translating session says, as turns: it never ends one, so silence and length do. Pure.

``gemini-3.5-live-translate-preview`` hears and speaks without a pause: recognised speech and the text of the
interpretation come in fragments about a second apart, audio every 250 ms whether anything is said or not, and no
mark ever ends a turn (GEMINI.md, section 2.3: measured by sokuji #399 and interpretab; the marks of a report of
June 2026 mean nothing here). :class:`TranslationTracker` has the methods of :class:`gemini.turns.TurnTracker`:

* Source text is cut into *segments*: where none came for a while, where its language changes, and where it grows
  too long, then at the end of a sentence if there is one. Each is a turn.
* Output goes to the oldest turn that may still get some, at once; it is never held, so that nothing lags. It goes
  over to the next turn where by the lag that was seen it must speak of the next segment, at the end of a sentence.
  Which words answer which is a guess, then; order, and all of them, are not.
* What is recognised meanwhile of the next turn waits for the end of the one in front. :class:`SourceHeard` tells of
  it at once, for who must know what is being spoken.
* Zeros are no sound. They are passed on inside of an interpretation, as long as it may be pausing.

A turn never counts as failed, except by the loss of its connection: a session says nothing on purpose where its
target language is spoken, and its texts and sounds are not in step.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from gemini.events import InterimSourceText, SourceText, TargetAudio, TargetText, UpstreamEvent
from gemini.script import main_script, weights_of_scripts
from gemini.transcript import ClosedTexts, Transcript
from gemini.turns import (
    SENTENCE_ENDS,
    OutputAudio,
    OutputEnded,
    OutputStarted,
    SourceChanged,
    SourceHeard,
    TargetGrew,
    TurnEnded,
    TurnEvent,
    TurnFailure,
)

_FIRST_LAG_SECS = 2.0
"""Of output behind its source, until one was seen."""
_LONGEST_LAG_SECS = 8.0
_BORDER_SILENCE_SECS = 0.5
"""So much silence between sounds is where a sentence may end."""
_LONGEST_SOUND_WITHOUT_TEXT_SECS = 10.0
"""A turn that has text lasts no longer than this without any, however it sounds."""
_SHORTEST_REPEAT_LETTERS = 24.0
"""No fragment of a second has so many, so a message that has is no fragment: see :class:`ClosedTexts`."""
_LONGEST_TEXT = 4000
"""Characters of one side of a turn; speech of the longest segment has some hundred."""


@dataclass(frozen=True, slots=True)
class TranslationTimes:
    """How long which silence is, and a turn, in seconds.

    Attributes:
        source_silence_secs: Without recognised speech, a segment is over.
        target_silence_secs: Without text or sound of the interpretation, it is over.
        answer_secs: After the last of its source text, a turn without output is over.
        longest_segment_secs: From two thirds of it on, a segment ends with a sentence; then with a fragment.
    """

    source_silence_secs: float = 2.0
    target_silence_secs: float = 2.0
    answer_secs: float = 5.0
    longest_segment_secs: float = 15.0


@dataclass(frozen=True, slots=True)
class Direction:
    """What a session translates into, and how to tell.

    Attributes:
        target: The language that comes out.
        language_of: The language of a text, by the text and the upstream's code; ``None``: neither tells.
    """

    target: str
    language_of: Callable[[str, str | None], str | None]


@dataclass(slots=True)
class _Turn:
    source: Transcript
    target: Transcript
    language: str | None = None
    source_at: float | None = None
    """When the first of its source text came."""
    last_source_at: float = 0.0
    source_over: bool = False
    output_at: float | None = None
    """When the first of its output came."""
    last_text_at: float | None = None
    last_sound_at: float | None = None
    shown: str = ""
    cut: bool = False
    events: list[TurnEvent] = field(default_factory=list)

    @property
    def last_output_at(self) -> float:
        """When the last text or sound came; sound alone does not go on forever."""
        sound_at = self.last_sound_at if self.last_sound_at is not None else -1.0
        if self.last_text_at is None:
            return sound_at
        return max(self.last_text_at, min(sound_at, self.last_text_at + _LONGEST_SOUND_WITHOUT_TEXT_SECS))


class TranslationTracker:
    """Turns of one translating session, in the order in which their speech began.

    Attributes:
        dropped_repeats: Repetitions of earlier transcriptions that were dropped.
        timed_out_turns: Turns with speech of another language than the target's that nothing answered.
    """

    def __init__(self, times: TranslationTimes, direction: Direction | None = None):
        """Track a session.

        Args:
            times: How long what lasts.
            direction: Without it, a change of script is what tells languages apart, else one of the upstream's
                code, and output is expected for every segment.
        """
        self._times = times
        self._direction = direction
        self._turns: deque[_Turn] = deque()
        self._closed_source = ClosedTexts()
        self._lag_secs = _FIRST_LAG_SECS
        self._silent_from = 0.0
        self.dropped_repeats = 0
        self.timed_out_turns = 0

    @property
    def unanswered(self) -> int:
        """How many turns are open."""
        return len(self._turns)

    @property
    def idle(self) -> bool:
        """Whether no turn is open."""
        return not self._turns

    @property
    def unsaid(self) -> bool:
        """Whether something is still being said, as far as one can tell."""
        return bool(self._turns) and not self._turns[-1].source_over

    def open(self, now: float) -> list[TurnEvent]:
        """Nothing: the upstream finds utterances itself."""
        return []

    def sent_whole(self, now: float) -> None:
        """Nothing, likewise."""

    def cut(self, now: float) -> list[TurnEvent]:
        """The client wants no more of the turn whose output began: its end will count as an answer.

        What is said from here on is another turn: nobody wanted less of that.
        """
        if self._turns and self._turns[0].output_at is not None:
            self._turns[0].cut = self._turns[0].source_over = True
        return self.advance(now)

    def handle(self, event: UpstreamEvent, now: float) -> list[TurnEvent]:
        """What an event of the upstream does to the turns; marks of turns do nothing."""
        happened = self.advance(now)
        match event:
            case SourceText() | InterimSourceText():
                happened += self._take_source(event, now)
            case TargetText() if event.text.strip():
                happened += self._take_target(event, now)
            case TargetAudio():
                happened += self._take_audio(OutputAudio(event.pcm, event.sample_rate_hz), now)
        return happened + self.advance(now)

    def deadline(self) -> float | None:
        """When to call :meth:`advance` at the latest, on the clock of the times given; ``None``: no need."""
        return self._over_at(self._turns[0]) if self._turns else None

    def advance(self, now: float) -> list[TurnEvent]:
        """What the passing of time does to the turns."""
        events: list[TurnEvent] = []
        while self._turns and now >= self._over_at(self._turns[0]):
            events += self._close_front()
        if self._turns and now >= self._source_over_at(self._turns[-1]):
            self._turns[-1].source_over = True
        return events

    def abandon(self, now: float) -> list[TurnEvent]:
        """The connection is lost: every turn ends with what there is of it."""
        events: list[TurnEvent] = []
        while self._turns:
            turn = self._turns[0]
            said = turn.source_over and turn.target.text.endswith(SENTENCE_ENDS)
            whole = said or turn.cut or (turn.output_at is None and self._is_target(turn.language))
            events += self._close_front(None if whole else TurnFailure.LOST)
        return events

    # Source

    def _take_source(self, event: SourceText | InterimSourceText, now: float) -> list[TurnEvent]:
        if not event.text.strip():
            return []
        if isinstance(event, SourceText) and self._is_repeat(event.text):
            self.dropped_repeats += 1
            return []
        if isinstance(event, InterimSourceText):
            turn = self._turn_for_source(event.text, event.language, now)
            turn.source.set_interim(event.text, event.language)
            return self._show_source()
        for text in self._split(event.text, now):
            turn = self._turn_for_source(text, event.language, now)
            turn.source.append(text, finished=event.finished, language=event.language)
        return [SourceHeard(event.text, event.language), *self._show_source()]

    def _is_repeat(self, text: str) -> bool:
        """Whether a whole turn is said once more in one message, as Gemini does (live-api-examples #48)."""
        return sum(weights_of_scripts(text).values()) >= _SHORTEST_REPEAT_LETTERS and self._closed_source.equals(
            text
        )

    def _split(self, text: str, now: float) -> list[str]:
        """``text``, in two where a sentence ends in it that ends the segment."""
        tail = self._turns[-1] if self._turns else None
        if tail is None or tail.source_at is None or tail.source_over:
            return [text]
        if now - tail.source_at < self._times.longest_segment_secs * 2 / 3:
            return [text]
        if tail.source.text.endswith(SENTENCE_ENDS):
            return [text]
        ends = [at for at in range(1, len(text)) if text[at].isspace() and text[:at].endswith(SENTENCE_ENDS)]
        return [text[: ends[-1]], text[ends[-1] :]] if ends else [text]

    def _turn_for_source(self, text: str, code: str | None, now: float) -> _Turn:
        language = self._language_of(text, code)
        tail = self._turns[-1] if self._turns else None
        if tail is None or self._ends_before(tail, language, now):
            if tail is not None:
                tail.source_over = True
            tail = self._new_turn()
        if tail.source_at is None:
            tail.source_at = now
        tail.language = tail.language or language
        tail.last_source_at = now
        return tail

    def _ends_before(self, turn: _Turn, language: str | None, now: float) -> bool:
        """Whether text in ``language`` that comes now begins another segment."""
        if turn.source_over:
            return True
        if turn.source_at is None:
            return self._is_target(language)
        if None not in (language, turn.language) and language != turn.language:
            return True
        secs, longest_secs = now - turn.source_at, self._times.longest_segment_secs
        too_long = secs >= longest_secs or len(turn.source.text) >= _LONGEST_TEXT
        return too_long or (secs >= longest_secs * 2 / 3 and turn.source.text.endswith(SENTENCE_ENDS))

    def _show_source(self) -> list[TurnEvent]:
        """The source text of the turn in front, where it changed."""
        turn = self._turns[0]
        if turn.source.text == turn.shown:
            return []
        turn.shown = turn.source.text
        return [SourceChanged(turn.source.text, turn.source.language)]

    # Output

    def _take_target(self, event: TargetText, now: float) -> list[TurnEvent]:
        events, turn = self._turn_for_output(now, border=True)
        before = len(turn.target.text)
        if not turn.target.append(event.text, finished=event.finished, language=event.language):
            return events
        events += self._begin_output(turn, now)
        turn.last_text_at = now
        self._note_output(now)
        return [*events, TargetGrew(turn.target.text[before:], turn.target.language)]

    def _take_audio(self, audio: OutputAudio, now: float) -> list[TurnEvent]:
        if audio.pcm.count(0) == len(audio.pcm):
            return [audio] if self._pausing(now) else []
        front = self._turns[0] if self._turns else None
        border = front is not None and now - (front.last_sound_at or 0.0) >= _BORDER_SILENCE_SECS
        events, turn = self._turn_for_output(now, border=border)
        events += self._begin_output(turn, now)
        turn.last_sound_at = now
        self._note_output(now)
        return [*events, audio]

    def _pausing(self, now: float) -> bool:
        """Whether zeros may be a pause in an interpretation."""
        turn = self._turns[0] if self._turns else None
        if turn is None or turn.output_at is None:
            return False
        return now < turn.last_output_at + self._times.target_silence_secs

    def _turn_for_output(self, now: float, *, border: bool) -> tuple[list[TurnEvent], _Turn]:
        """The turn that output belongs to, and what ends before it; ``border``: a sentence may begin with it."""
        events: list[TurnEvent] = []
        while self._turns and self._goes_on(self._turns[0], now, border=border):
            events += self._close_front()
        if not self._turns:
            self._new_turn()
        return events, self._turns[0]

    def _goes_on(self, turn: _Turn, now: float, *, border: bool) -> bool:
        """Whether output that comes now belongs to a later turn."""
        if turn.output_at is None:
            return self._is_target(turn.language)
        longest_secs = self._times.longest_segment_secs
        if turn.source_at is None or len(self._turns) == 1:
            lasts_too_long = now - turn.output_at >= longest_secs + (
                0.0 if turn.source_at is None else longest_secs
            )
            return (lasts_too_long and (border or turn.target.empty)) or len(turn.target.text) >= _LONGEST_TEXT
        begins_at = next(
            (later.source_at for later in self._turns if later is not turn and self._expects(later)), None
        )
        if begins_at is None:
            return False
        overdue_secs = now - self._lag_secs - begins_at
        ends_here = turn.target.empty or turn.target.text.endswith(SENTENCE_ENDS)
        return border and overdue_secs >= (0.0 if ends_here else self._times.target_silence_secs)

    def _expects(self, turn: _Turn) -> bool:
        return not self._is_target(turn.language)

    def _begin_output(self, turn: _Turn, now: float) -> list[TurnEvent]:
        if turn.output_at is not None:
            return []
        turn.output_at = now
        if turn.source_at is not None and now >= self._silent_from:
            self._lag_secs = min(now - turn.source_at, _LONGEST_LAG_SECS)
        return [OutputStarted()]

    def _note_output(self, now: float) -> None:
        """Only output after silence tells how far it lags: what follows on other output was told to by the lag."""
        self._silent_from = now + self._times.target_silence_secs

    # Ends

    def _source_over_at(self, turn: _Turn) -> float:
        if turn.source_at is None:
            return turn.last_output_at + self._times.target_silence_secs
        return turn.last_source_at + self._times.source_silence_secs

    def _over_at(self, turn: _Turn) -> float:
        """When the turn in front is over."""
        source_over_at = turn.last_source_at if turn.source_over else self._source_over_at(turn)
        if turn.output_at is not None:
            return max(source_over_at, turn.last_output_at + self._times.target_silence_secs)
        if self._is_target(turn.language):
            return source_over_at
        return max(source_over_at, turn.last_source_at + self._times.answer_secs)

    def _close_front(self, failure: TurnFailure | None = None) -> list[TurnEvent]:
        """End the turn in front, and show what is known of the one behind it."""
        turn = self._turns.popleft()
        self._closed_source.add(turn.source.text)
        self.dropped_repeats += turn.source.repeats + turn.target.repeats
        answered = turn.output_at is not None
        self.timed_out_turns += not (answered or failure or self._is_target(turn.language))
        events: list[TurnEvent] = [OutputEnded()] if answered else []
        events.append(TurnEnded(True, answered, failure, turn.source.text, turn.source.language))
        return events + (self._show_source() if self._turns else [])

    def _new_turn(self) -> _Turn:
        nothing = ClosedTexts()
        self._turns.append(_Turn(Transcript(nothing), Transcript(nothing)))
        return self._turns[-1]

    # Languages

    def _language_of(self, text: str, code: str | None) -> str | None:
        if self._direction is not None:
            return self._direction.language_of(text, code)
        return main_script(text) or code

    def _is_target(self, language: str | None) -> bool:
        return self._direction is not None and language == self._direction.target
