"""Is there voice in a window of audio? What a detector is, and two of them: a model, and loudness."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from processors.silero import WINDOW_SAMPLES, SharedScoring, SileroModel, SileroStream, shared_scoring

RATE_HZ = 16_000
OUR_PROVIDERS = ("silero", "energy")
"""Names of the detectors in this module."""
Samples = NDArray[np.float32]
"""Mono samples at :data:`RATE_HZ`, -1.0 to 1.0."""

# Non-speech shifts the model's recurrent state until speech is missed, so the state is reset about every two
# seconds of clear non-speech: the rule, and its figures, of pipecat's SileroVADAnalyzer.
_RESET_INTERVAL_SAMPLES = 2 * RATE_HZ
_RESET_BELOW_CONFIDENCE = 0.1
_RESET_AFTER_CLEAR_WINDOWS = 5


class VoiceDetector(Protocol):
    """Judges one stream, window by window; may carry state from one to the next.

    Every session has one of its own, and calls it in the server's event loop.
    """

    window_samples: int
    """Length of every window."""

    def is_voice(self, window: Samples, *, quiet: bool) -> bool:
        """Whether there is voice in ``window``; ``quiet``: no voice is active so far."""


class EnergyDetector:
    """Voice is what is loud: the mean absolute amplitude reaches a threshold."""

    window_samples = RATE_HZ * 20 // 1000

    def __init__(self, threshold: float):
        """``threshold``: mean absolute amplitude on the scale of 16 bit samples, 0 to 32768."""
        self._threshold = threshold / 32768

    def is_voice(self, window: Samples, *, quiet: bool) -> bool:
        """Whether ``window`` is loud enough."""
        return float(np.abs(window).mean()) >= self._threshold


class SileroDetector:
    """Voice is what Silero VAD says is voice; loudness has no say.

    One stream over a model that many streams share.
    """

    window_samples = WINDOW_SAMPLES

    def __init__(self, model: SileroModel, confidence: float):
        """``confidence``: from which score of ``model`` on (0 to 1) a window is voice."""
        self._model = model
        self._confidence = confidence
        self._stream = SileroStream()
        self._scoring: SharedScoring | None = None
        self._samples_since_reset = 0
        self._clear_windows = 0

    def is_voice(self, window: Samples, *, quiet: bool) -> bool:
        """Whether the model hears voice in ``window``; blocks for the time of the model."""
        return self._judge(self._model.score([self._stream], [window])[0], quiet=quiet)

    async def hear(self, window: Samples, *, quiet: bool, hurry: bool) -> bool:
        """The same, together with the windows of other streams of the event loop.

        Args:
            window: As for :meth:`is_voice`.
            quiet: The same.
            hurry: More audio is there: wait for fewer others.
        """
        if self._scoring is None:
            self._scoring = shared_scoring(self._model)
        return self._judge(await self._scoring.score(self._stream, window, hurry=hurry), quiet=quiet)

    def _judge(self, value: float, *, quiet: bool) -> bool:
        self._samples_since_reset += self.window_samples
        self._clear_windows = self._clear_windows + 1 if value < _RESET_BELOW_CONFIDENCE else 0
        if quiet and self._reset_due:
            self._stream.forget()
            self._samples_since_reset = self._clear_windows = 0
        return value >= self._confidence

    @property
    def _reset_due(self) -> bool:
        return (
            self._samples_since_reset >= _RESET_INTERVAL_SAMPLES
            and self._clear_windows >= _RESET_AFTER_CLEAR_WINDOWS
        )
