"""When the speaker stopped: which end of speech a turn's output answers, told from the speech states.

Pure. The states say that voice ended, not which utterance; this module owns that guess.
"""

from typing import Literal

State = Literal["speaking", "silent", "processing"]

AT_ONCE_SECS = 0.1
"""``processing`` that follows ``silent`` within this time is about an utterance before the one that just ended."""

PAUSE_SECS = 0.4
"""Silence after which the speaker's next words are an utterance of their own: the server's default
``END_OF_UTTERANCE_MS`` less its default hangover."""


class EndsOfSpeech:
    """The ends of utterances that no turn has answered yet, oldest first.

    An end of speech is the arrival of the ``silent`` that ended ``speaking``, so the server's hangover lies before
    it. It counts once the utterance is known to be finished: ``processing`` follows it, or, while an earlier
    utterance is unanswered and ``processing`` hence says nothing, the speaker pauses for long enough. A voice that
    returns before that continues the same utterance. Once the server goes from ``processing`` to ``silent``,
    nothing that ended before waits for an answer any more: what is left is dropped when the speaker goes on.

    Attributes:
        state: The latest state.
    """

    def __init__(self) -> None:
        self.state: State = "silent"
        self._ends_secs: list[float] = []
        self._confirmed = 0
        self._answered = False

    def on_state(self, state: State, at_secs: float) -> None:
        """Takes a ``speech_state`` that arrived at ``at_secs``."""
        before, self.state = self.state, state
        if state == "speaking":
            self._voice_starts(at_secs)
        elif state == "processing":
            self._utterance_waits(at_secs)
        elif before == "speaking":
            self._ends_secs.append(at_secs)
        elif before == "processing":
            self._answered = True

    def take(self) -> float | None:
        """The oldest unanswered end of speech, which is answered with this; ``None`` where there is none."""
        if not self._ends_secs:
            return None
        self._confirmed = max(0, self._confirmed - 1)
        return self._ends_secs.pop(0)

    def _voice_starts(self, at_secs: float) -> None:
        if self._answered:
            self._ends_secs.clear()
        elif len(self._ends_secs) > self._confirmed and not self._paused(at_secs):
            self._ends_secs.pop()
        self._confirmed = len(self._ends_secs)
        self._answered = False

    def _paused(self, at_secs: float) -> bool:
        return self._confirmed > 0 and at_secs - self._ends_secs[-1] >= PAUSE_SECS

    def _utterance_waits(self, at_secs: float) -> None:
        self._answered = False
        if self._ends_secs and (self._confirmed == 0 or at_secs - self._ends_secs[-1] >= AT_ONCE_SECS):
            self._confirmed = len(self._ends_secs)
