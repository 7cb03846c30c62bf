"""Is there voice in a window of audio? What a detector is, and two of them: a model, and loudness."""

import functools
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

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


def silero_model() -> Traversable:
    """The model file that pipecat ships."""
    return resources.files("pipecat.audio.vad.data").joinpath("silero_vad.onnx")


@functools.cache
def _silero_session() -> onnxruntime.InferenceSession:
    """The one inference session of the process, on the model file that pipecat ships."""
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        silero_model().read_bytes(), sess_options=options, providers=["CPUExecutionProvider"]
    )


class SileroDetector:
    """Voice is what Silero VAD says is voice; loudness has no say.

    The state of one stream over the inference session that all streams share. Runs inline: handing a window to a
    thread costs more than the model.
    """

    window_samples = 512
    _context_samples = 64

    def __init__(self, confidence: float):
        """``confidence``: from which score on (0 to 1) a window is voice."""
        self._confidence = confidence
        self._session = _silero_session()
        self._rate = np.array(RATE_HZ, dtype=np.int64)
        self._clear_windows = 0
        self._reset()

    def is_voice(self, window: Samples, *, quiet: bool) -> bool:
        """Whether the model hears voice in ``window``."""
        score = self._score(window)
        self._samples_since_reset += len(window)
        self._clear_windows = self._clear_windows + 1 if score < _RESET_BELOW_CONFIDENCE else 0
        if quiet and self._reset_due:
            self._reset()
        return score >= self._confidence

    @property
    def _reset_due(self) -> bool:
        return (
            self._samples_since_reset >= _RESET_INTERVAL_SAMPLES
            and self._clear_windows >= _RESET_AFTER_CLEAR_WINDOWS
        )

    def _reset(self) -> None:
        self._state = np.zeros((2, 1, 128), dtype=np.float32)
        self._context = np.zeros(self._context_samples, dtype=np.float32)
        self._samples_since_reset = 0
        self._clear_windows = 0

    def _score(self, window: Samples) -> float:
        samples = np.concatenate((self._context, window))
        inputs = {"input": samples[np.newaxis], "state": self._state, "sr": self._rate}
        score, self._state = self._session.run(None, inputs)
        self._context = samples[-self._context_samples :]
        return float(score[0, 0])
