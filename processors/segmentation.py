"""Where utterances start and end, from which windows hold voice. Pure; counts audio time only.

Voice *starts* with the first of two windows in a row that hold voice, and *stops* when the hangover has passed
without any; the utterance around it goes on until the longer end-of-utterance silence has passed. A long
utterance is cut into pieces at its quiet places, since a listener who hears nothing for half a minute gives up.

Somebody may judge in a pause whether the speaker is done: then an utterance ends as soon as voice has stopped, or
later than it would, if the speaker is not. The verdict may come at any time. It decides at which position the
utterance ends, never when it came, except where it comes too late to be heeded.
"""

import math
from dataclasses import dataclass

_STARTING_WINDOWS = 2
_DIP_MARGIN_DB = 12.0
_DIP_SECS = 0.06
_LONGEST_LEAD_IN_SECS = 0.7
_SILENCE_POWER = 1e-12


@dataclass(frozen=True, slots=True)
class VoiceStarted:
    """Voice is active."""


@dataclass(frozen=True, slots=True)
class VoiceStopped:
    """Voice is no longer active: the hangover passed."""


@dataclass(frozen=True, slots=True)
class UtteranceStarted:
    """An utterance, or with ``continued`` a further piece of one, starts at sample position ``at``."""

    at: int
    continued: bool


@dataclass(frozen=True, slots=True)
class UtteranceEnded:
    """The utterance, or this piece of it, ends at sample position ``at``."""

    at: int


@dataclass(frozen=True, slots=True)
class PauseReached:
    """Whether the speaker is done is to be judged by what was said from sample position ``start`` to ``at``.

    The verdict is for :meth:`UtteranceSegmenter.judge`.
    """

    start: int
    at: int


Mark = VoiceStarted | VoiceStopped | UtteranceStarted | UtteranceEnded | PauseReached


@dataclass(frozen=True, slots=True)
class SegmentationTimes:
    """Times that decide, in seconds of audio.

    Attributes:
        hangover_secs: Silence after which voice is no longer active.
        end_of_utterance_secs: Silence that ends an utterance; not less than the hangover.
        soft_limit_secs: Length from which an utterance is cut at the first quiet place.
        hard_limit_secs: Length at which it is cut in any case; 0: utterances are never cut.
        pause_secs: Silence after which it is to be judged whether the speaker is done; ``None``: it never is.
        unfinished_secs: Silence that ends an utterance whose speaker is not done.
    """

    hangover_secs: float
    end_of_utterance_secs: float
    soft_limit_secs: float
    hard_limit_secs: float
    pause_secs: float | None = None
    unfinished_secs: float = 0.0


class UtteranceSegmenter:
    """Turns judged windows of one stream into marks."""

    def __init__(self, times: SegmentationTimes, *, rate_hz: int, window_samples: int):
        """Start at sample position 0, in silence.

        Args:
            times: What decides.
            rate_hz: Samples a second.
            window_samples: Length of every window.
        """
        self._times = times
        self._rate_hz = rate_hz
        self._window = window_samples
        self._dip_windows = math.ceil(_DIP_SECS * rate_hz / window_samples)
        self._position = 0
        self._voiced_run = 0
        self._voice_active = False
        self._voice_end = 0
        self._in_utterance = False
        self._utterance_start = 0
        self._piece_start: int | None = None
        self._cut_at = 0
        self._voice_stopped_at = 0
        self._pause_at: int | None = None
        self._finished: bool | None = None
        self._speech_power = 0.0
        self._speech_windows = 0
        self._recent_power: list[float] = []

    @property
    def quiet(self) -> bool:
        """Whether no voice is active."""
        return not self._voice_active

    @property
    def awaits_verdict(self) -> bool:
        """Whether a verdict on the pause that was reached last would still be heeded."""
        return self._pause_at is not None and self._finished is None

    def feed(self, voiced: bool, power: float) -> list[Mark]:
        """Take the next window.

        Args:
            voiced: Whether it holds voice.
            power: Its mean square.

        Returns:
            What follows from it, in order. No position lies beyond the window's end; only the start of an
            utterance, and the end of one whose speaker is done, may lie before the window.
        """
        self._position += self._window
        self._voiced_run = self._voiced_run + 1 if voiced else 0
        marks: list[Mark] = []
        if voiced and (self._voice_active or self._voiced_run >= _STARTING_WINDOWS):
            marks += self._hear_voice(power)
        self._recent_power = [*self._recent_power, power][-self._dip_windows :]
        if self._piece_start is not None and self._must_cut(self._piece_start):
            marks += self._end_piece(self._position)
        marks += self._hear_silence()
        return marks

    def judge(self, pause: PauseReached, *, finished: bool) -> list[Mark]:
        """Take the verdict on a pause.

        Args:
            pause: The one that :meth:`feed` gave; any but the last is over, and nothing follows.
            finished: Whether the speaker is done.

        Returns:
            What follows from it. The utterance ends where voice had stopped, or at the pause if that came later.
        """
        if pause.at != self._pause_at or not self.awaits_verdict:
            return []
        self._finished = finished
        return self._end_if_over()

    def _hear_voice(self, power: float) -> list[Mark]:
        marks: list[Mark] = []
        if not self._voice_active:
            self._voice_active = True
            marks.append(VoiceStarted())
        first_voice = self._position - self._voiced_run * self._window
        if not self._in_utterance:
            self._in_utterance = True
            self._utterance_start = first_voice
            self._speech_power, self._speech_windows = 0.0, 0
            marks.append(self._start_piece(first_voice, continued=False))
        elif self._piece_start is None:
            lead_in = int(_LONGEST_LEAD_IN_SECS * self._rate_hz)
            marks.append(self._start_piece(max(self._cut_at, first_voice - lead_in), continued=True))
        self._voice_end = self._position
        self._pause_at = self._finished = None
        self._speech_windows += 1
        self._speech_power += (power - self._speech_power) / self._speech_windows
        return marks

    def _hear_silence(self) -> list[Mark]:
        marks: list[Mark] = []
        if self._voice_active and self._silence_secs >= self._times.hangover_secs:
            self._voice_active = False
            self._voice_stopped_at = self._position
            marks.append(VoiceStopped())
        marks += self._end_if_over()
        if self._is_pause():
            self._pause_at = self._position
            marks.append(PauseReached(self._utterance_start, self._position))
        return marks

    @property
    def _silence_secs(self) -> float:
        # A window that may be the first of returning voice is no silence, but may turn out to be.
        silent_until = self._position - self._voiced_run * self._window
        return (silent_until - self._voice_end) / self._rate_hz

    def _is_pause(self) -> bool:
        """Whether it is time to judge; not where a cut has ended all that was said: nothing depends on it then."""
        pause_secs = self._times.pause_secs
        if pause_secs is None or self._piece_start is None or self._pause_at is not None:
            return False
        return self._silence_secs >= pause_secs

    def _end_if_over(self) -> list[Mark]:
        if not self._in_utterance:
            return []
        times = self._times
        if self._finished and self._pause_at is not None and not (self._voice_active or self._voiced_run):
            return self._end_utterance(max(self._voice_stopped_at, self._pause_at))
        if self._silence_secs >= (times.end_of_utterance_secs if self._finished is None else times.unfinished_secs):
            return self._end_utterance(self._position)
        return []

    def _end_utterance(self, at: int) -> list[Mark]:
        self._in_utterance = False
        self._pause_at = self._finished = None
        return self._end_piece(at)

    def _start_piece(self, at: int, *, continued: bool) -> UtteranceStarted:
        self._piece_start = at
        return UtteranceStarted(at, continued)

    def _end_piece(self, at: int) -> list[Mark]:
        if self._piece_start is None:
            return []
        self._piece_start = None
        self._cut_at = at
        return [UtteranceEnded(at)]

    def _must_cut(self, piece_start: int) -> bool:
        """Whether the piece is so long, and the last moment so quiet, that it ends here."""
        soft, hard = self._times.soft_limit_secs, self._times.hard_limit_secs
        length_secs = (self._position - piece_start) / self._rate_hz
        if not hard or length_secs < soft:
            return False
        if length_secs >= hard:
            return True
        margin_db = _DIP_MARGIN_DB * (hard - length_secs) / (hard - soft)
        return self._dip_db() >= margin_db

    def _dip_db(self) -> float:
        """How far the last moment lies under the utterance's running speech level, in dB."""
        recent = sum(self._recent_power) / len(self._recent_power)
        return 10 * math.log10((self._speech_power + _SILENCE_POWER) / (recent + _SILENCE_POWER))
