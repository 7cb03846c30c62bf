"""Speech that is in no clip, while it is being said: everyday sentences stand for it, word by word."""

import time

from emulator.answering import Answerer, Piece
from emulator.scenario import Entry

_CERTAIN_SECS = 1.0
"""So much speech must have matched nothing before a sentence stands for it."""
_WORD_SECS = 0.4
_SAME_SPEECH_SECS = 0.5


class UnknownSpeech:
    """The sentences that stand for one utterance.

    Args:
        answerer: Has the sentences; sessions that hear one speaker get the same ones.
        began_at_secs: When the utterance began, by the monotonic clock.
        time_factor: How long a second of the client's sound takes.
    """

    def __init__(self, answerer: Answerer, began_at_secs: float, time_factor: float) -> None:
        self._answerer = answerer
        self._at_secs = began_at_secs
        self._tolerance_secs = _SAME_SPEECH_SECS * min(1.0, time_factor)
        self._entry: Entry | None = None
        self._share = 0.0
        self._secs = 0.0
        self._begun = False

    def pieces(self, secs: float, *, voiced: bool, last: bool) -> list[Piece]:
        """What was said in so much more of the utterance; at its end the rest of the sentence."""
        self._secs += secs if voiced else 0.0
        pieces = []
        while self._goes_on(last=last and not self._begun):
            if self._entry is None:
                break
            duration_secs = len(self._entry.source.split()) * _WORD_SECS
            share = 1.0 if last else min(1.0, self._share + self._secs / duration_secs)
            self._secs = max(0.0, self._secs - (share - self._share) * duration_secs)
            pieces.append(self._answerer.portion(self._entry, self._share, share))
            self._share = share
            if share < 1.0:
                break
            self._entry, self._at_secs = None, time.monotonic()
        return pieces

    def _goes_on(self, *, last: bool) -> bool:
        """Whether a sentence is being said; begins one when there was speech enough, or any at its end."""
        if self._entry is None and (self._secs >= _CERTAIN_SECS or (last and self._secs > 0)):
            self._entry = self._answerer.unknown_speech(self._at_secs, self._tolerance_secs)
            self._share, self._begun = 0.0, True
        return self._entry is not None
