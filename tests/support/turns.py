"""A :class:`gemini.turns.TurnTracker` with a clock, driven as a session drives it."""

from gemini.events import UpstreamEvent
from gemini.turns import TurnEvent, TurnTimes, TurnTracker

TIMES = TurnTimes(timeout_secs=12.0, late_text_secs=1.5, end_silence_secs=0.5)


class TrackedTalk:
    """What happens to the turns of one session, in order and with the time of each.

    Attributes:
        now: Seconds.
        happened: What came out, with its time.
    """

    def __init__(self, *, manual_activity: bool = True) -> None:
        """Begin at second 0 with no turn."""
        self.tracker = TurnTracker(TIMES, manual_activity=manual_activity)
        self.now = 0.0
        self.happened: list[tuple[float, TurnEvent]] = []
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

    @property
    def events(self) -> list[TurnEvent]:
        """All that came out."""
        return [event for _, event in self.happened]

    def take(self) -> list[TurnEvent]:
        """What came out since the last call."""
        taken = self.events[self._taken :]
        self._taken += len(taken)
        return taken

    def _note(self, events: list[TurnEvent]) -> None:
        self.happened += [(self.now, event) for event in events]
