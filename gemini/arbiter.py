"""Which of two sessions speaks, where either language may be spoken into one microphone. Pure.

There is one session per target language; both hear everything, and each has its turns
(:mod:`gemini.translation_turns`). :class:`Arbiter` takes ``(target, event, now)`` from both and gives what the
client is to hear, one turn at a time, by what :mod:`gemini.evidence` says:

* A turn whose speech is in the session's own target language is dropped, texts and all: the other session has it.
* Output is passed on where the evidence is for it; until then it waits, each piece ``hold_secs`` at most, then it
  is dropped: silence rather than the wrong direction. Where evidence comes later, what follows is heard.
* After a pause in a turn's output, what comes is judged anew.
* Where a turn of the other direction is still being spoken, the next one waits for its end however long: order goes
  first. This is the only wait that ``hold_secs`` does not bound.

What to call, by who owns both sessions: :meth:`Arbiter.take` with every :data:`~gemini.turns.TurnEvent` and
:class:`~gemini.happenings.TurnRestarted`, in the order in which a session gave them; :meth:`Arbiter.advance` at
:meth:`Arbiter.deadline`. Both give events for the client in the protocol's order, as one session would;
``SourceHeard`` is not among them. An interrupt by the client is for the session :attr:`Arbiter.speaking`.
"""

from collections import deque
from dataclasses import dataclass, field, replace

from gemini.evidence import Claim, Evidence, LanguageOf
from gemini.happenings import TurnRestarted
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

ArbitratedEvent = TurnEvent | TurnRestarted

_PAUSE_SECS = 0.5
"""After so much silence in a turn's output, what comes is judged anew."""
_STALLED_SECS = 8.0
"""A turn that says nothing for so long, while another one waits, gives way: its session ends it much sooner, or is
gone."""
_MOST_UNCLAIMED = 200
_SAME_SPEECH_SECS = 1.5
"""By so much, recognised speech of the two sessions lies apart that is the same."""


@dataclass(slots=True, eq=False)
class _Turn:
    claim: Claim
    began_at: float
    last_event_at: float
    source: SourceChanged | None = None
    held: deque[tuple[float, TargetGrew | OutputAudio]] = field(default_factory=deque)
    """Output that is not known to be right, with the time of its arrival."""
    ready: deque[ArbitratedEvent] = field(default_factory=deque)
    """What the client is to hear."""
    hold_over: bool = False
    """Its speech was heard long enough ago to believe what speaks for it."""
    belongs: bool = False
    speaks: bool = False
    target: str = ""
    """The last piece of its target text."""
    sounded_at: float | None = None
    """When output other than silence last came."""
    started: bool = False
    end: TurnEnded | None = None


class _Unclaimed:
    """When speech was heard that has not come in the text of a turn: that may be much later."""

    def __init__(self) -> None:
        self._fragments: deque[tuple[float, int]] = deque(maxlen=_MOST_UNCLAIMED)

    def add(self, text: str, now: float) -> None:
        """A fragment was heard."""
        self._fragments.append((now, _letters(text)))

    def claim(self, before: SourceChanged | None, after: SourceChanged, now: float) -> tuple[float, float]:
        """When the first and the last of the fragments was heard by which a text grew."""
        left = _letters(after.text) - (_letters(before.text) if before else 0)
        times: list[float] = []
        while self._fragments and left > 0:
            at, length = self._fragments.popleft()
            times.append(at)
            if length > left:
                self._fragments.appendleft((at, length - left))
            left -= length
        return (times[0], times[-1]) if times else (now, now)


def _letters(text: str) -> int:
    return sum(not character.isspace() for character in text)


class Arbiter:
    """One conversation's two sessions, as one.

    Attributes:
        dropped_pieces: Pieces of output, silence aside, that nobody heard.
    """

    def __init__(self, targets: tuple[str, str], language_of: LanguageOf, *, hold_secs: float = 0.6):
        """Have heard nothing.

        Args:
            targets: The target languages of the two sessions, which are the pair.
            language_of: The language of a text, by the text and the upstream's code.
            hold_secs: How long output waits for evidence at most.
        """
        self._evidence = Evidence(targets, language_of, hold_secs=hold_secs)
        self._hold_secs = hold_secs
        self._turns: dict[str, deque[_Turn]] = {target: deque() for target in targets}
        self._unclaimed = {target: _Unclaimed() for target in targets}
        self._front: _Turn | None = None
        self._shown_at: deque[float] = deque(maxlen=8)
        self.dropped_pieces = 0

    @property
    def speaking(self) -> str | None:
        """The target language of the turn that the client is given; ``None``: of none."""
        return None if self._front is None else self._front.claim.target

    def take(self, target: str, event: ArbitratedEvent, now: float) -> list[ArbitratedEvent]:
        """What an event of the session with ``target`` brings the client."""
        if isinstance(event, SourceHeard):
            self._evidence.note_source(target, event.text, event.language, now)
            self._unclaimed[target].add(event.text, now)
        elif isinstance(event, TurnRestarted):
            self._restart(target, event)
        else:
            self._note(self._open_turn(target, now), event, now)
        return self.advance(now)

    def deadline(self) -> float | None:
        """When to call :meth:`advance` at the latest, on the clock of the times given; ``None``: no need."""
        times = [turn.held[0][0] + self._hold_secs for turn in self._all() if turn.held]
        times += [
            turn.claim.spoken_from + self._hold_secs
            for turn in self._all()
            if not (turn.belongs or turn.hold_over) and turn.claim.spoken_from is not None
        ]
        if self._front is not None and self._next() is not None:
            times.append(self._front.last_event_at + _STALLED_SECS)
        return min(times, default=None)

    def advance(self, now: float) -> list[ArbitratedEvent]:
        """What the passing of time brings the client."""
        for turn in self._all():
            self._judge(turn, now)
        return self._give(now)

    # Turns

    def _all(self) -> list[_Turn]:
        return [turn for turns in self._turns.values() for turn in turns]

    def _open_turn(self, target: str, now: float) -> _Turn:
        """The turn of a session that is not over; there is one at a time."""
        turns = self._turns[target]
        if not turns or turns[-1].end is not None:
            turns.append(_Turn(Claim(target), now, now))
        return turns[-1]

    def _note(self, turn: _Turn, event: TurnEvent, now: float) -> None:
        turn.last_event_at = now
        match event:
            case SourceChanged():
                self._note_source(turn, event, now)
            case TargetGrew() | OutputAudio():
                self._note_output(turn, event, now)
            case TurnEnded():
                turn.end = event

    def _note_source(self, turn: _Turn, event: SourceChanged, now: float) -> None:
        claim = turn.claim
        first_at, last_at = self._unclaimed[claim.target].claim(turn.source, event, now)
        turn.source = event
        claim.language = self._evidence.language_of(event.text, event.language)
        claim.spoken_from = first_at if claim.spoken_from is None else claim.spoken_from
        claim.spoken_until = last_at
        if turn.belongs:
            turn.ready.append(event)

    def _note_output(self, turn: _Turn, event: TargetGrew | OutputAudio, now: float) -> None:
        if isinstance(event, TargetGrew) or event.pcm.count(0) < len(event.pcm):
            self._note_sound(turn, event, now)
        if turn.speaks:
            self._pass(turn, event)
        elif turn.held or turn.sounded_at == now:
            turn.held.append((now, event))

    def _note_sound(self, turn: _Turn, event: TargetGrew | OutputAudio, now: float) -> None:
        claim = turn.claim
        onset = turn.sounded_at is None or now - turn.sounded_at > _PAUSE_SECS
        self._evidence.note_output(claim.target, now, onset=onset)
        if onset:
            claim.onset_at, claim.texted = now, False
            claim.unfinished = bool(turn.target) and not turn.target.endswith(SENTENCE_ENDS)
            turn.speaks = turn.speaks and self._evidence.speaks(claim, now)
        turn.sounded_at = now
        if isinstance(event, TargetGrew):
            claim.texted, turn.target = True, event.text.rstrip()

    def _pass(self, turn: _Turn, event: TargetGrew | OutputAudio) -> None:
        if not turn.started:
            turn.started = True
            turn.ready.append(OutputStarted())
        turn.ready.append(event)

    # Judgement

    def _judge(self, turn: _Turn, now: float) -> None:
        claim = turn.claim
        if not turn.belongs:
            since = claim.spoken_from
            turn.hold_over = turn.end is not None or (since is not None and now >= since + self._hold_secs)
            if self._evidence.belongs(claim, hold_over=turn.hold_over) or self._unseen(turn):
                self._show(turn)
        if turn.held:
            turn.speaks = self._evidence.speaks(claim, now)
            if turn.speaks:
                self._release(turn)
        while turn.held and now >= turn.held[0][0] + self._hold_secs:
            self._drop(turn.held.popleft()[1])

    def _unseen(self, turn: _Turn) -> bool:
        """Whether a turn is over whose speech each session takes for the other's language, and nobody has shown."""
        if turn.end is None or not turn.end.source_text or turn.claim.language in (None, turn.claim.target):
            return False
        spoken_from = turn.claim.spoken_from or 0.0
        return all(abs(shown_at - spoken_from) > _SAME_SPEECH_SECS for shown_at in self._shown_at)

    def _show(self, turn: _Turn) -> None:
        turn.belongs = True
        if turn.source is not None:
            turn.ready.append(turn.source)
            self._shown_at.append(turn.claim.spoken_from or 0.0)

    def _release(self, turn: _Turn) -> None:
        if not turn.belongs:
            self._show(turn)
        while turn.held:
            self._pass(turn, turn.held.popleft()[1])

    def _drop(self, event: TargetGrew | OutputAudio) -> None:
        self.dropped_pieces += isinstance(event, TargetGrew) or any(event.pcm)

    # What the client is given

    def _give(self, now: float) -> list[ArbitratedEvent]:
        events: list[ArbitratedEvent] = []
        while True:
            self._forget_losers()
            if self._front is None:
                self._front = self._next()
            if self._front is None:
                return events
            events += self._front.ready
            self._front.ready.clear()
            if self._front.end is None or self._front.held:
                if not self._stalled(self._front, now):
                    return events
                self._front.end = self._given_up(self._front)
            events += self._ending(self._front, self._front.end)
            self._turns[self._front.claim.target].remove(self._front)
            self._front = None

    def _next(self) -> _Turn | None:
        """The turn that the client is to hear after the one in front: the one whose speech began first."""
        firsts = [
            turn for turns in self._turns.values() for turn in turns if turn is not self._front and turn.belongs
        ]
        return min(firsts, key=lambda turn: turn.began_at, default=None)

    def _forget_losers(self) -> None:
        for target, turns in self._turns.items():
            self._turns[target] = deque(turn for turn in turns if turn.belongs or turn.end is None or turn.held)

    def _stalled(self, turn: _Turn, now: float) -> bool:
        return now >= turn.last_event_at + _STALLED_SECS and self._next() is not None

    def _given_up(self, turn: _Turn) -> TurnEnded:
        source = turn.source or SourceChanged("", None)
        return TurnEnded(True, turn.started, TurnFailure.LOST, source.text, source.language)

    def _ending(self, turn: _Turn, end: TurnEnded) -> list[ArbitratedEvent]:
        ended: list[ArbitratedEvent] = [OutputEnded()] if turn.started else []
        return [*ended, replace(end, had_output=turn.started)]

    # Loss

    def _restart(self, target: str, event: TurnRestarted) -> None:
        """What came of a session's turn is void; what the client has of it too."""
        turns = self._turns[target]
        if not turns or turns[-1].end is not None:
            return
        turn = turns[-1]
        turn.claim, turn.source, turn.speaks, turn.sounded_at = Claim(target), None, False, None
        turn.hold_over = False
        turn.held.clear()
        turn.ready.clear()
        if turn is self._front:
            turn.started = False
            turn.ready.append(event)
        else:
            turn.belongs = turn.started = False
