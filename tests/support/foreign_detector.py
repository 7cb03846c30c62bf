"""Voice detectors of somebody else's, right ones and wrong ones, as a pipeline file names them by import path."""

from typing import Any, ClassVar

import numpy as np
from pipecat.audio.vad.vad_analyzer import VADAnalyzer

from processors.voice_detectors import Samples

MODULE = __name__


class Loud:
    """Voice is any sound above a level: a detector with a parameter and state.

    Attributes:
        heard: How many windows it was asked about.
    """

    window_samples = 160

    def __init__(self, *, level: float = 0.1):
        """``level``: of the mean absolute amplitude, 0 to 1."""
        if level < 0:
            raise ValueError("the level must not be\nnegative")
        self.level = level
        self.heard = 0

    def is_voice(self, window: Samples, *, quiet: bool) -> bool:
        """Whether it is loud."""
        assert len(window) == self.window_samples
        self.heard += 1
        return bool(np.abs(window).mean() >= self.level)


class AnyKeyword(Loud):
    """Takes whatever it is given."""

    def __init__(self, **kwargs: float):
        """``kwargs`` are for show."""
        super().__init__(level=kwargs["level"])


class FailsLater(Loud):
    """Judges silence, and raises at the first sound, with words that no client may see."""

    def is_voice(self, window: Samples, *, quiet: bool) -> bool:
        """Fail."""
        if window.any():
            raise RuntimeError("the secret is in /etc/interpreter/model.key")
        return False


class NumpyVerdict(Loud):
    """Returns what a comparison of numpy's returns."""

    def is_voice(self, window: Samples, *, quiet: bool) -> np.bool_:  # type: ignore[override]  # as newcomers do
        """Whether it is loud."""
        return np.bool_(np.abs(window).mean() >= self.level)


class OfNoUse:
    """Has a window's length and nothing else."""

    window_samples = 320


class NoWindow:
    """Does not say how long a window is."""

    def is_voice(self, window: Samples, *, quiet: bool) -> bool:
        """Nothing."""
        return False


class Sized(Loud):
    """Wants windows of any length."""

    def __init__(self, size: object):
        """``size``: of a window."""
        super().__init__()
        self.window_samples = size  # type: ignore[assignment]  # that is the point


class Scoring(Loud):
    """Returns a score in place of a verdict."""

    def is_voice(self, window: Samples, *, quiet: bool) -> float:  # type: ignore[override]  # as newcomers do
        """The score."""
        return 0.25


class Waiting(Loud):
    """Judges in a coroutine."""

    async def is_voice(self, window: Samples, *, quiet: bool) -> bool:  # type: ignore[override]  # as newcomers do
        """Whether it is loud."""
        return False


class NoQuiet(Loud):
    """Takes the window alone."""

    def is_voice(self, window: Samples) -> bool:  # type: ignore[override]  # as newcomers do
        """Whether it is loud."""
        return False


class LoudAnalyzer(VADAnalyzer):
    """An analyzer of pipecat's: its confidence is the loudest sample.

    Attributes:
        alive: Those that were made and not cleaned up.
    """

    alive: ClassVar[set[VADAnalyzer]] = set()

    def __init__(self, *, frames: Any = 320, **kwargs: Any):
        """``frames``: that it wants at once."""
        super().__init__(**kwargs)
        self._frames = frames
        self.alive.add(self)

    def num_frames_required(self) -> int:
        """As many as were asked for."""
        return self._frames  # type: ignore[no-any-return]  # that it may be wrong is the point

    def voice_confidence(self, buffer: bytes) -> float:
        """The loudest sample, 0 to 1."""
        assert len(buffer) == 2 * self._frames
        return float(np.abs(np.frombuffer(buffer, "<i2").astype(np.float32)).max() / 32768)

    async def cleanup(self) -> None:
        """Release what it holds."""
        await super().cleanup()  # type: ignore[no-untyped-call]  # pipecat leaves its return type out
        self.alive.remove(self)


class ArrayAnalyzer(LoudAnalyzer):
    """Is confident in an array of one number, as pipecat's Silero is."""

    def voice_confidence(self, buffer: bytes) -> Any:
        """The same."""
        return np.array([super().voice_confidence(buffer)], np.float32)


class SilentAnalyzer(LoudAnalyzer):
    """Says nothing."""

    def voice_confidence(self, buffer: bytes) -> Any:
        """Nothing."""


class TelephoneAnalyzer(LoudAnalyzer):
    """Works at 8 kHz only."""

    def set_sample_rate(self, sample_rate: int) -> None:
        """Refuse any other."""
        if sample_rate != 8000:
            raise ValueError(f"8000 Hz, not {sample_rate}")
        super().set_sample_rate(sample_rate)


def make_loud() -> Loud:
    """No class."""
    return Loud()
