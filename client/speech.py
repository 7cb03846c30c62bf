"""What was spoken when, and which turn interprets it: told from the speech states.

Pure. The states say that voice began or ended, not which utterance or turn is meant; this module owns that guess.
Times come in pairs, in seconds of audio: when a message arrived, and what the server had heard when it sent it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

State = Literal["speaking", "silent", "processing"]

AT_ONCE_SECS = 0.1
"""``processing`` that follows ``silent`` within this time is about an utterance before the one that just ended."""

PAUSE_SECS = 0.4
"""Silence after which the speaker's next words are an utterance of their own: the server's default
``END_OF_UTTERANCE_MS`` less its default hangover."""

ONSET_SECS = 0.15
"""How long after speech began ``speaking`` is sent: two windows of 32 ms, and what a word takes to become voice."""

HANGOVER_SECS = 0.3
"""How long after voice ended ``silent`` is sent: the server's default ``VAD_HANGOVER_FRAMES``."""

LONGEST_PIECE_SECS = 15.0
"""Longer speech is cut, and has more than one turn: the server's default ``MAX_UTTERANCE_SECS``."""

SHORTEST_CUT_SECS = 10.0
"""Shorter speech is not cut: the server's default ``SOFT_UTTERANCE_SECS``."""

LEAST_SPAN_SECS = 0.1
"""No stretch of speech is shorter."""

Span = tuple[float, float]
"""From where to where, in seconds of audio."""


@dataclass(frozen=True, slots=True)
class _Moment:
    arrived_secs: float
    heard_secs: float


@dataclass(slots=True, eq=False)
class _Utterance:
    """``pieces`` are its turns, each with the moment in which its output began; there are ``least_pieces``."""

    started: _Moment
    ended: _Moment | None = None
    pieces: list[tuple[int, _Moment]] = field(default_factory=list)
    end_told: bool = False
    least_pieces: int = 1

    @property
    def expects_more(self) -> bool:
        """Whether there must be further turns of it."""
        by_length = math.ceil(self.secs / LONGEST_PIECE_SECS - LEAST_SPAN_SECS)
        return len(self.pieces) < max(by_length, self.least_pieces)

    @property
    def secs(self) -> float:
        """How long it is, once it has ended."""
        start, end = self.span(self.started.heard_secs)
        return end - start

    def span(self, last_secs: float) -> Span:
        """From where to where it was spoken; up to ``last_secs`` where it still is."""
        start = max(0.0, self.started.heard_secs - ONSET_SECS)
        end = last_secs if self.ended is None else self.ended.heard_secs - HANGOVER_SECS
        return start, max(end, start + LEAST_SPAN_SECS)


class Speech:
    """The utterances of a session, and which turns answer them.

    Turns come in the order in which their speech began, so the oldest utterance without an answer is the next
    one's; but a cough gets no turn, and speech that is cut gets several. An utterance waits for its answer once it
    is known to be finished: ``processing`` follows its end, or, while an earlier one waits and ``processing`` hence
    says nothing, the speaker pauses for long enough. A voice that returns before that continues the same
    utterance. Once the server goes from ``processing`` to ``silent``, only the newest can still be answered, and at
    once.

    Attributes:
        state: The latest state.
    """

    def __init__(self) -> None:
        self.state: State = "silent"
        self._open: _Utterance | None = None
        self._waiting: list[_Utterance] = []
        self._answered: list[_Utterance] = []
        self._latest: _Utterance | None = None
        self._due: tuple[_Utterance, float] | None = None

    @property
    def waiting(self) -> bool:
        """Whether a finished utterance seems to have no answer yet."""
        return self.state == "processing" or bool(self._waiting)

    def on_state(self, state: State, arrived_secs: float, heard_secs: float | None = None) -> None:
        """Takes a ``speech_state``.

        Args:
            state: What it says.
            arrived_secs: When it arrived.
            heard_secs: What the server had heard when it sent it; default: ``arrived_secs``.
        """
        before, self.state = self.state, state
        moment = _Moment(arrived_secs, arrived_secs if heard_secs is None else heard_secs)
        if state == "speaking":
            self._voice_starts(moment)
        elif state == "processing":
            self._utterance_waits(moment)
        elif before == "speaking" and self._open is not None:
            self._open.ended = moment
        elif before == "processing":
            self._output_begins(moment)

    def answered_by(self, turn: int, arrived_secs: float) -> float | None:
        """The output of the turn with this index begins.

        Returns:
            When the end of its speech arrived; ``None`` where the speaker goes on, or nothing is known of it.
        """
        utterance = self._next()
        self._due = None
        if utterance is None:
            return None
        self._latest = utterance
        if not utterance.pieces:
            self._answered.append(utterance)
        utterance.pieces.append((turn, _Moment(arrived_secs, arrived_secs)))
        if utterance in self._waiting:
            self._waiting.remove(utterance)
        if utterance.ended is None or utterance.end_told:
            return None
        utterance.end_told = True
        return utterance.ended.arrived_secs

    def spans(self, texts: Mapping[int, str], last_secs: float) -> dict[int, Span]:
        """Where the speech of each turn lies, by the turn's index; turns of which nothing is known are left out.

        Where speech was cut nobody says where: its turns share it in proportion to their texts, as far as each was
        over when its output began.

        Args:
            texts: The turns' source texts.
            last_secs: How much audio there is: the end of speech that still goes on.
        """
        spans: dict[int, Span] = {}
        before = 0.0
        for utterance in self._answered:
            start, end = utterance.span(last_secs)
            start = max(start, before)
            before = max(min(end, last_secs), start + LEAST_SPAN_SECS)
            spans |= _shared(utterance.pieces, (start, before), texts)
        return spans

    def _next(self) -> _Utterance | None:
        """The utterance whose answer begins."""
        if self._due is not None:
            return self._due[0]
        if self._waiting:
            cut = self._latest is not None and self._latest.ended is not None and self._latest.expects_more
            return self._latest if cut else self._waiting[0]
        if self._open is not None:
            return self._open
        return self._latest if self.state == "processing" else None

    def _voice_starts(self, moment: _Moment) -> None:
        if self._due is not None and moment.arrived_secs - self._due[1] >= AT_ONCE_SECS:
            self._waiting.clear()  # given up: its answer would have come at once
            self._due = None
        if self._open is not None and self._open.ended is not None:
            if not self._paused(self._open, self._open.ended, moment):
                self._open.ended = None
                return
            if self._waiting or not self._open.pieces:
                self._waiting.append(self._open)
        self._open = _Utterance(moment)

    def _paused(self, utterance: _Utterance, ended: _Moment, moment: _Moment) -> bool:
        """Whether speech that goes on is another utterance, although no ``processing`` said so."""
        unsaid = bool(self._waiting or utterance.pieces)
        return unsaid and moment.arrived_secs - ended.arrived_secs >= PAUSE_SECS

    def _utterance_waits(self, moment: _Moment) -> None:
        self._due = None
        if self._open is None or self._open.ended is None:
            return
        if moment.arrived_secs - self._open.ended.arrived_secs < AT_ONCE_SECS:
            if self._waiting:
                return
            if self._open.secs >= SHORTEST_CUT_SECS:  # what waits is a piece of it; another one has just ended
                self._open.least_pieces = len(self._open.pieces) + 2
        self._waiting.append(self._open)
        self._open = None

    def _output_begins(self, moment: _Moment) -> None:
        """Nothing that is finished waits any more, but for what is answered, or given up, with this."""
        ended = None if self._open is None else self._open.ended
        if self._open is not None and ended is not None and moment.arrived_secs - ended.arrived_secs >= PAUSE_SECS:
            self._waiting.append(self._open)
            self._open = None
        self._waiting = self._waiting[-1:]
        newest = self._waiting[0] if self._waiting else self._latest
        self._due = None if newest is None else (newest, moment.arrived_secs)


def _shared(pieces: list[tuple[int, _Moment]], span: Span, texts: Mapping[int, str]) -> dict[int, Span]:
    """Parts of ``span`` for the turns of one utterance."""
    start, end = span
    sizes = [max(1, len(texts.get(turn, ""))) for turn, _ in pieces]
    shared: dict[int, Span] = {}
    from_secs = start
    for number, (turn, output) in enumerate(pieces, 1):
        to_secs = start + (end - start) * sum(sizes[:number]) / sum(sizes)
        to_secs = end if number == len(pieces) else min(to_secs, output.heard_secs)
        to_secs = max(to_secs, from_secs)
        shared[turn] = (from_secs, to_secs)
        from_secs = to_secs
    return shared
