"""Voice detectors of somebody else's, right ones and wrong ones, as a pipeline file names them by import path."""

import numpy as np

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


def make_loud() -> Loud:
    """No class."""
    return Loud()
