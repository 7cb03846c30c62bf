"""A voice detector of somebody else's: found by its import path, made, and tried before any client comes."""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, cast

import numpy as np
from pipecat.audio.vad.vad_analyzer import VADAnalyzer
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from processors.analyzer_detector import AnalyzerDetector
from processors.imports import ImportPathError, described, import_class, nearest
from processors.voice_detectors import OUR_PROVIDERS, RATE_HZ, VoiceDetector

SHORTEST_WINDOW_SAMPLES = RATE_HZ // 100
"""10 ms: a detector is called once a window, in every session."""
LONGEST_WINDOW_SAMPLES = RATE_HZ // 2
"""500 ms: two windows tell that voice started, and the engine keeps the last second for what they tell."""


def _provider_name(value: str) -> str:
    if value not in OUR_PROVIDERS and ":" not in value:
        ours = ", ".join(OUR_PROVIDERS)
        raise PydanticCustomError("provider", f"expected {ours} or an import path such as my_vad:MyDetector")
    return value


ProviderName = Annotated[str, AfterValidator(_provider_name)]
"""One of ours, or an import path; nothing is imported to check it."""


class UnusableDetectorError(Exception):
    """A detector can't be used; the text says what was expected, in one line.

    Attributes:
        place: Which of the step's parameters is at fault: its name, and the one inside it.
        got: What came.
    """

    def __init__(self, message: str, place: tuple[str, ...], got: object):
        """``message`` ends where ``, got …`` may follow."""
        super().__init__(message)
        self.place = place
        self.got = got


def make_detector(path: str, params: Mapping[str, Any], confidence: float) -> VoiceDetector:
    """A detector for one session.

    Args:
        path: Of a detector's class, or of one of pipecat's ``VADAnalyzer``.
        params: Its keyword arguments.
        confidence: For an analyzer: from which one on a window is voice.
    """
    return _made(import_class(path), params, confidence)


def _made(detector_class: type, params: Mapping[str, Any], confidence: float) -> VoiceDetector:
    detector = detector_class(**params)
    if isinstance(detector, VADAnalyzer):
        return AnalyzerDetector(detector, confidence)
    return cast(VoiceDetector, detector)


def check_detector(path: str, params: Mapping[str, Any], confidence: float) -> None:
    """Make a detector that serves nobody, and let it judge a window of silence.

    Takes the same as :func:`make_detector`.

    Raises:
        UnusableDetectorError: The path leads nowhere, the class does not take the parameters, or what it makes is
            neither a :class:`~processors.voice_detectors.VoiceDetector` nor an analyzer for 16 kHz.
    """
    try:
        detector_class = import_class(path)
    except ImportPathError as error:
        raise UnusableDetectorError(f"expected a detector ({error})", ("provider",), path) from error
    _check_names(path, detector_class, params)
    with _trial(path, detector_class, params, confidence) as detector:
        _check_window(path, detector)
        _check_verdict(path, detector)


@contextmanager
def _trial(
    path: str, detector_class: type, params: Mapping[str, Any], confidence: float
) -> Iterator[VoiceDetector]:
    try:
        detector = _made(detector_class, params, confidence)
    except Exception as error:  # somebody else's code may raise anything
        message = f"expected what '{path}' takes ({described(error)})"
        raise UnusableDetectorError(message, ("provider_params",), dict(params)) from error
    try:
        yield detector
    finally:
        if isinstance(detector, AnalyzerDetector):
            detector.close()


def _check_names(path: str, detector_class: type, params: Mapping[str, Any]) -> None:
    if issubclass(detector_class, VADAnalyzer) and "params" in params:
        message = "expected no VADParams: the step itself has confidence, hangover_frames and end_of_utterance_ms"
        raise UnusableDetectorError(message, ("provider_params", "params"), params["params"])
    try:
        signature = inspect.signature(detector_class)
    except ValueError:  # of a class that is written in C; its constructor will say
        return
    taken = signature.parameters.values()
    names = [p.name for p in taken if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    for name in params:
        if name not in names and not any(p.kind is p.VAR_KEYWORD for p in taken):
            hint = nearest(name, names).removeprefix("; ")
            message = f"expected a parameter of '{path}' ({hint})"
            raise UnusableDetectorError(message, ("provider_params", name), name)


def _check_window(path: str, detector: Any) -> None:
    for member in ("window_samples", "is_voice"):
        if not hasattr(detector, member):
            message = f"expected a detector with window_samples and is_voice(window, *, quiet) (it has no {member})"
            raise UnusableDetectorError(message, ("provider",), path)
    samples = detector.window_samples
    name = "num_frames_required()" if isinstance(detector, AnalyzerDetector) else "window_samples"
    if type(samples) is not int or not SHORTEST_WINDOW_SAMPLES <= samples <= LONGEST_WINDOW_SAMPLES:
        limits = f"{SHORTEST_WINDOW_SAMPLES} to {LONGEST_WINDOW_SAMPLES}"
        message = f"expected {name} of '{path}' to be a whole number from {limits}"
        raise UnusableDetectorError(message, ("provider",), samples)


def _check_verdict(path: str, detector: Any) -> None:
    if inspect.iscoroutinefunction(detector.is_voice):
        raise UnusableDetectorError("expected is_voice without 'async'", ("provider",), path)
    try:
        verdict = detector.is_voice(np.zeros(detector.window_samples, dtype=np.float32), quiet=True)
    except Exception as error:  # somebody else's code may raise anything
        name = (
            "voice_confidence(buffer)" if isinstance(detector, AnalyzerDetector) else "is_voice(window, *, quiet)"
        )
        message = f"expected {name} to judge a window of silence ({described(error)})"
        raise UnusableDetectorError(message, ("provider",), path) from error
    if not isinstance(verdict, bool | np.bool_):
        message = f"expected is_voice of '{path}' to return True or False for a window of silence"
        raise UnusableDetectorError(message, ("provider",), verdict)
