"""A :class:`gemini.turns.TurnTracker` with a clock, driven as a session drives it, and what an upstream says."""

from typing import Generic, Protocol, TypeVar

from gemini.events import GenerationComplete, SourceText, TargetAudio, TargetText, TurnComplete, UpstreamEvent
from gemini.turns import OutputAudio, TurnEnded, TurnEvent, TurnFailure, TurnTimes, TurnTracker

TIMES = TurnTimes(timeout_secs=12.0, late_text_secs=1.5, end_silence_secs=0.5)
AUDIO = TargetAudio(b"\1\0", 24000)
HEARD = OutputAudio(b"\1\0", 24000)
"""What the tracker makes of :data:`AUDIO`."""
ZEROS = TargetAudio(bytes(24000), 24000)
"""Half a second of nothing."""
SOURCE = SourceText("안녕하세요.", language="ko")
TARGET = TargetText("Hello.", language="en")
ANSWER = (SOURCE, TARGET, AUDIO)
ENDS = (GenerationComplete(), TurnComplete())


def ended(
    source_text: str = "안녕하세요.",
    source_language: str | None = "ko",
    *,
    answers_utterance: bool = True,
    had_output: bool = True,
    failure: TurnFailure | None = None,
) -> TurnEnded:
    """The end of a turn; by default of one that :data:`ANSWER` answered."""
    return TurnEnded(answers_utterance, had_output, failure, source_text, source_language)


class Tracker(Protocol):
    """What the trackers of both kinds of session have in common."""

    def handle(self, event: UpstreamEvent, now: float) -> list[TurnEvent]:
        """The upstream says something."""
        ...

    def deadline(self) -> float | None:
        """When to advance."""
        ...

    def advance(self, now: float) -> list[TurnEvent]:
        """Time has passed."""
        ...

    def cut(self, now: float) -> list[TurnEvent]:
        """The client interrupts."""
        ...

    def abandon(self, now: float) -> list[TurnEvent]:
        """The connection is lost."""
        ...


TrackerT = TypeVar("TrackerT", bound=Tracker)


class Clocked(Generic[TrackerT]):
    """A tracker with a clock; what happens to its turns, in order and with the time of each.

    Attributes:
        tracker: The tracker.
        now: Seconds.
        happened: What came out, with its time.
    """

    def __init__(self, tracker: TrackerT) -> None:
        """Begin at second 0 with no turn."""
        self.tracker = tracker
        self.now = 0.0
        self.happened: list[tuple[float, TurnEvent]] = []

    def say(self, *events: UpstreamEvent) -> None:
        """The upstream says something."""
        for event in events:
            self._note(self.tracker.handle(event, self.now))

    def cut(self) -> None:
        """The client interrupts."""
        self._note(self.tracker.cut(self.now))

    def wait(self, secs: float) -> None:
        """Let time pass, with a look at every deadline on the way."""
        until = self.now + secs
        while (deadline := self.tracker.deadline()) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            self._note(self.tracker.advance(self.now))
            after = self.tracker.deadline()
            assert after is None or after > self.now, "a deadline that was met stays"
        self.now = until

    def lose(self) -> None:
        """The connection breaks."""
        self._note(self.tracker.abandon(self.now))

    @property
    def events(self) -> list[TurnEvent]:
        """All that came out."""
        return [event for _, event in self.happened]

    def _note(self, events: list[TurnEvent]) -> None:
        self.happened += [(self.now, event) for event in events]


class TrackedTalk(Clocked[TurnTracker]):
    """What happens to the turns of a session that answers utterances."""

    def __init__(self, *, manual_activity: bool = True) -> None:
        """Begin at second 0 with no turn."""
        super().__init__(TurnTracker(TIMES, manual_activity=manual_activity))
        self.opened = 0
        self.sent = 0
        self._taken = 0

    def speak(self) -> None:
        """An utterance is sent from start to end."""
        self.open()
        self.send_whole()

    def open(self) -> None:
        """An utterance begins to be sent."""
        self.opened += 1
        self._note(self.tracker.open(self.now))

    def send_whole(self) -> None:
        """The utterance that was opened last is sent to its end."""
        self.sent += 1
        self.tracker.sent_whole(self.now)

    def lose(self) -> None:
        """The connection breaks; what is not answered is sent again."""
        super().lose()
        self.opened = self.sent = sum(end.answers_utterance for end in self.ends)

    @property
    def ends(self) -> list[TurnEnded]:
        """The ends of turns so far."""
        return [event for event in self.events if isinstance(event, TurnEnded)]

    def take(self) -> list[TurnEvent]:
        """What came out since the last call."""
        taken = self.events[self._taken :]
        self._taken += len(taken)
        return taken


def spoken(*, manual_activity: bool = True) -> TrackedTalk:
    """A talk with one utterance that was sent whole; without activity marks the upstream heard it."""
    talk = TrackedTalk(manual_activity=manual_activity)
    if manual_activity:
        talk.speak()
    else:
        talk.say(SOURCE)
        talk.take()
    return talk
