"""Plays a trace to two trackers and the arbiter, and says what became of every chunk of output."""

from dataclasses import dataclass, field
from functools import partial

from gemini.arbiter import Arbiter, ArbitratedEvent
from gemini.events import SourceText, TargetAudio, TargetText, UpstreamEvent
from gemini.translation_turns import Direction, TranslationTimes, TranslationTracker
from gemini.turns import OutputAudio, TargetGrew
from processors.script import language_of
from tests.gemini.arbiter.trace import Gone, Hears, Label, Speaks, Trace

PIECE_SECS = 0.25
_RATE_HZ = 400
"""So that a piece has 200 bytes only; its length in seconds is what counts."""
_ZEROS = bytes(round(PIECE_SECS * _RATE_HZ) * 2)
_AFTERWARDS_SECS = 12.0


@dataclass(slots=True)
class Chunk:
    """A piece of output of a trace, and when the client got it.

    Attributes:
        at: When it came.
        speaks: The line that it is of.
        first: It is the first one of its line.
        waited_for_order: While it waited, another turn was being given.
    """

    at: float
    speaks: Speaks
    first: bool
    text: str = ""
    heard_at: float | None = None
    waited_for_order: bool = False

    @property
    def label(self) -> Label:
        """What the trace says of it."""
        return self.speaks.label

    @property
    def delay_secs(self) -> float | None:
        """How long the arbiter kept it; ``None``: nobody heard it."""
        return None if self.heard_at is None else self.heard_at - self.at


@dataclass(slots=True)
class Played:
    """What became of a trace: its chunks, and all that the client was given, with times."""

    trace: Trace
    chunks: list[Chunk]
    given: list[tuple[float, ArbitratedEvent]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Message:
    at: float
    session: str
    event: UpstreamEvent


class _Player:
    def __init__(self, trace: Trace, hold_secs: float):
        pair = trace.targets
        languages = partial(_language_of, pair)
        self.arbiter = Arbiter(pair, languages, hold_secs=hold_secs)
        self.trackers = {
            target: TranslationTracker(TranslationTimes(), Direction(target, languages)) for target in pair
        }
        self.chunks: list[Chunk] = []
        self.messages = sorted(self._messages(trace), key=lambda message: message.at)
        self.given: list[tuple[float, ArbitratedEvent]] = []
        self._now = 0.0

    def play(self) -> None:
        """All of it, with a look at every deadline."""
        for message in self.messages:
            self._pass_time(message.at)
            for event in self.trackers[message.session].handle(message.event, message.at):
                self._note(self.arbiter.take(message.session, event, message.at), message.at)
        self._pass_time(self.messages[-1].at + _AFTERWARDS_SECS)

    def _pass_time(self, until: float) -> None:
        while (deadline := self._next_deadline()) is not None and deadline <= until:
            at = self._now = max(self._now, deadline)
            for target, tracker in self.trackers.items():
                for event in tracker.advance(at):
                    self._note(self.arbiter.take(target, event, at), at)
            self._note(self.arbiter.advance(at), at)
            after = self._next_deadline()
            assert after is None or after > at, "a deadline that was met stays"
        self._now = until

    def _next_deadline(self) -> float | None:
        times = [self.arbiter.deadline(), *(tracker.deadline() for tracker in self.trackers.values())]
        return min((time for time in times if time is not None), default=None)

    def _note(self, events: list[ArbitratedEvent], now: float) -> None:
        for event in events:
            self.given.append((now, event))
            if isinstance(event, OutputAudio) and any(event.pcm):
                self._hear(self.chunks[int.from_bytes(event.pcm[:4], "big") - 1], now)
            elif isinstance(event, TargetGrew):
                for chunk in self.chunks:
                    if chunk.text and chunk.heard_at is None and chunk.text in event.text:
                        self._hear(chunk, now)
                        break
                else:
                    raise AssertionError(f"text that nobody said: {event.text!r}")
        for chunk in self.chunks:
            if chunk.heard_at is None and self.arbiter.speaking not in (None, chunk.speaks.session):
                chunk.waited_for_order |= chunk.at <= now

    @staticmethod
    def _hear(chunk: Chunk, now: float) -> None:
        assert chunk.heard_at is None, "a piece was heard twice"
        chunk.heard_at = now

    # Messages

    def _messages(self, trace: Trace) -> list[_Message]:
        messages: list[_Message] = []
        for line in trace.lines:
            if isinstance(line, Hears):
                messages.append(_Message(line.at, line.session, SourceText(line.text, language=line.code)))
            elif isinstance(line, Speaks):
                messages += self._output(line)
        end = max((message.at for message in messages), default=0.0) + 3.0
        for target in trace.targets:
            messages += self._silence(trace, target, end)
        return messages

    def _output(self, speaks: Speaks) -> list[_Message]:
        messages: list[_Message] = []
        for number, text in enumerate(_fragments(speaks)):
            chunk = self._chunk(Chunk(speaks.at + number, speaks, number == 0, text))
            messages.append(_Message(chunk.at, speaks.session, TargetText(" " + text, language=speaks.session)))
        for number in range(round(speaks.secs / PIECE_SECS)):
            chunk = self._chunk(Chunk(speaks.at + number * PIECE_SECS, speaks, number == 0))
            pcm = len(self.chunks).to_bytes(4, "big").ljust(len(_ZEROS), b"\1")
            messages.append(_Message(chunk.at, speaks.session, TargetAudio(pcm, _RATE_HZ)))
        return messages

    def _chunk(self, chunk: Chunk) -> Chunk:
        self.chunks.append(chunk)
        return chunk

    def _silence(self, trace: Trace, target: str, end: float) -> list[_Message]:
        """Zeros wherever the session makes no sound."""
        sounds = [(line.at, line.at + line.secs) for line in trace.lines if isinstance(line, Speaks)
                  and line.session == target]  # fmt: skip
        gone = min(
            (line.at for line in trace.lines if isinstance(line, Gone) and line.session == target), default=end
        )
        times = [number * PIECE_SECS for number in range(round(min(end, gone) / PIECE_SECS))]
        silent = [at for at in times if not any(start - PIECE_SECS < at < stop for start, stop in sounds)]
        return [_Message(at, target, TargetAudio(_ZEROS, _RATE_HZ)) for at in silent]


def _fragments(speaks: Speaks) -> list[str]:
    """Its text in as many fragments as it has seconds, as far as it has words for them."""
    words = speaks.text.split()
    count = min(len(words), max(1, round(speaks.secs)))
    each = -(-len(words) // count) if count else 1
    return [" ".join(words[at : at + each]) for at in range(0, len(words), each)]


def _language_of(pair: tuple[str, str], text: str, code: str | None) -> str | None:
    return language_of(text, pair, code)


def play(trace: Trace, hold_secs: float = 0.6) -> Played:
    """What becomes of a trace."""
    player = _Player(trace, hold_secs)
    player.play()
    return Played(trace, player.chunks, player.given)
