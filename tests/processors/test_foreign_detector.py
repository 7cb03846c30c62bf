"""Somebody else's voice detector: made with its parameters, and refused where it could not serve a session."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from processors.analyzer_detector import AnalyzerDetector
from processors.foreign_detector import ProviderName, UnusableDetectorError, check_detector, make_detector
from processors.silero import load_model
from processors.silero_file import silero_file
from processors.voice_detectors import SileroDetector
from tests.support.foreign_detector import MODULE, AnyKeyword, Loud, LoudAnalyzer, NumpyVerdict
from tests.support.pcm import read_sample


def test_every_detector_is_one_of_its_own_and_has_its_parameters() -> None:
    """Two sessions never share a detector, and none has seen the window it was tried with."""
    params = {"level": 0.5}
    check_detector(f"{MODULE}:Loud", params, 0.5)
    first, second = (make_detector(f"{MODULE}:Loud", params, 0.5) for _ in range(2))
    assert isinstance(first, Loud)
    assert isinstance(second, Loud)
    assert first is not second
    assert (first.level, first.heard) == (0.5, 0)


@pytest.mark.parametrize(
    ("name", "params", "made"),
    [
        ("Loud", {}, Loud),
        ("AnyKeyword", {"level": 0.5}, AnyKeyword),
        ("NumpyVerdict", {}, NumpyVerdict),
        ("Sized", {"size": 160}, Loud),
        ("Sized", {"size": 8000}, Loud),
    ],
)
def test_what_serves_is_accepted(name: str, params: dict[str, Any], made: type[Loud]) -> None:
    """Defaults, a constructor that takes anything, numpy's booleans, the shortest and the longest window."""
    check_detector(f"{MODULE}:{name}", params, 0.5)
    detector = make_detector(f"{MODULE}:{name}", params, 0.5)
    assert isinstance(detector, made)
    assert not detector.is_voice(np.zeros(detector.window_samples, np.float32), quiet=True)


@pytest.mark.parametrize(
    ("name", "params", "told", "place"),
    [
        ("Lout", {}, "expected a detector (no 'Lout' in it; did you mean 'Loud'?)", ("provider",)),
        ("make_loud", {}, "expected a detector (expected 'make_loud' to be a class, got a ", ("provider",)),
        (
            "Loud",
            {"levle": 0.5},
            f"expected a parameter of '{MODULE}:Loud' (did you mean 'level'?)",
            ("provider_params", "levle"),
        ),
        (
            "OfNoUse",
            {"level": 1},
            f"expected a parameter of '{MODULE}:OfNoUse' (there are none)",
            ("provider_params", "level"),
        ),
        (
            "Sized",
            {},
            f"expected what '{MODULE}:Sized' takes (TypeError: Sized.__init__() missing 1 required positional"
            " argument: 'size')",
            ("provider_params",),
        ),
        (
            "Loud",
            {"level": -1},
            f"expected what '{MODULE}:Loud' takes (ValueError: the level must not be negative"
            " (foreign_detector.py, line ",
            ("provider_params",),
        ),
        ("AnyKeyword", {}, f"expected what '{MODULE}:AnyKeyword' takes (KeyError: 'level' (", ("provider_params",)),
        (
            "OfNoUse",
            {},
            "expected a detector with window_samples and is_voice(window, *, quiet) (it has no is_v",
            None,
        ),
        (
            "NoWindow",
            {},
            "expected a detector with window_samples and is_voice(window, *, quiet) (it has no win",
            None,
        ),
        (
            "Scoring",
            {},
            f"expected is_voice of '{MODULE}:Scoring' to return True or False for a window of sil",
            None,
        ),
        ("Waiting", {}, "expected is_voice without 'async'", None),
        (
            "NoQuiet",
            {},
            "expected is_voice(window, *, quiet) to judge a window of silence (TypeError: NoQuiet.is_voice() got an"
            " unexpected keyword argument 'quiet')",
            None,
        ),
    ],
)
def test_what_cannot_serve_says_why(
    name: str, params: dict[str, Any], told: str, place: tuple[str, ...] | None
) -> None:
    """One line, and which of the step's parameters is at fault: the class's own faults are the provider's."""
    with pytest.raises(UnusableDetectorError) as raised:
        check_detector(f"{MODULE}:{name}", params, 0.5)
    assert str(raised.value).startswith(told)
    assert "\n" not in str(raised.value)
    assert raised.value.place == (place or ("provider",))


@pytest.mark.parametrize("size", [159, 8001, 0, -320, 320.0, "320", True, None])
def test_a_window_that_no_session_can_cut_is_refused(size: object) -> None:
    """Too short costs every session its time, too long hears speech when it is gone."""
    with pytest.raises(UnusableDetectorError, match="to be a whole number from 160 to 8000") as raised:
        check_detector(f"{MODULE}:Sized", {"size": size}, 0.5)
    assert (raised.value.place, raised.value.got) == (("provider",), size)


def test_a_class_without_a_readable_signature_is_left_to_its_constructor() -> None:
    """Some that are written in C tell no names."""
    with pytest.raises(UnusableDetectorError, match="it has no window_samples"):
        check_detector("builtins:dict", {"level": 1}, 0.5)


# Analyzers of pipecat's


@pytest.fixture
def all_are_cleaned_up() -> Iterator[None]:
    """Who makes an analyzer cleans it up."""
    LoudAnalyzer.alive.clear()
    yield
    assert not LoudAnalyzer.alive


@pytest.mark.parametrize("name", ["LoudAnalyzer", "ArrayAnalyzer"])
async def test_an_analyzer_is_a_detector(name: str, all_are_cleaned_up: None) -> None:
    """It is asked about windows of the length that it wants, and voice is what reaches the step's confidence."""
    path = f"{MODULE}:{name}"
    check_detector(path, {"frames": 160}, 0.5)
    assert not LoudAnalyzer.alive  # also while an event loop runs
    detector = make_detector(path, {"frames": 160}, 0.5)
    assert isinstance(detector, AnalyzerDetector)
    assert detector.window_samples == 160
    levels = (0.0, 0.49, 0.5, -0.5, -1.0)
    verdicts = [detector.is_voice(np.full(160, level, np.float32), quiet=True) for level in levels]
    assert verdicts == [False, False, True, True, True]
    await detector.cleanup()


def test_an_analyzer_of_pipecats_hears_what_our_detector_hears() -> None:
    """Silero's model through pipecat's own analyzer, named by its import path, agrees with ours on real speech."""
    path = "pipecat.audio.vad.silero:SileroVADAnalyzer"
    check_detector(path, {}, 0.5)
    pcm, _ = read_sample("ko-30s-16k.wav")
    speech = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)
    detectors = make_detector(path, {}, 0.5), SileroDetector(load_model(silero_file()), 0.5)
    heard = [
        [detector.is_voice(speech[start : start + 512], quiet=True) for start in range(0, len(speech) - 512, 512)]
        for detector in detectors
    ]
    assert sum(one == other for one, other in zip(*heard, strict=True)) > 0.97 * len(heard[0])
    assert 0 < sum(heard[0]) < len(heard[0])


@pytest.mark.parametrize(
    ("name", "params", "told", "place"),
    [
        ("LoudAnalyzer", {"params": {"stop_secs": 1}}, "expected no VADParams: ", ("provider_params", "params")),
        (
            "LoudAnalyzer",
            {"sample_rate": 8000},
            f"expected what '{MODULE}:LoudAnalyzer' takes (ValueError: expected an analyzer for 16000 Hz,"
            " got one for 8000 Hz)",
            ("provider_params",),
        ),
        (
            "TelephoneAnalyzer",
            {},
            f"expected what '{MODULE}:TelephoneAnalyzer' takes (ValueError: 8000 Hz, not 16000 (",
            ("provider_params",),
        ),
        (
            "LoudAnalyzer",
            {"frames": 80},
            f"expected num_frames_required() of '{MODULE}:LoudAnalyzer' to be a whole number from 160",
            None,
        ),
        (
            "SilentAnalyzer",
            {},
            "expected voice_confidence(buffer) to judge a window of silence (TypeError: float() argument must be",
            None,
        ),
    ],
)
def test_an_analyzer_that_cannot_serve_says_why(
    name: str, params: dict[str, Any], told: str, place: tuple[str, ...] | None
) -> None:
    """In one line, at the parameter that is at fault, in words of pipecat's."""
    with pytest.raises(UnusableDetectorError) as raised:
        check_detector(f"{MODULE}:{name}", params, 0.5)
    assert str(raised.value).startswith(told)
    assert "\n" not in str(raised.value)
    assert raised.value.place == (place or ("provider",))


# Names


@pytest.mark.parametrize("name", ["silero", "energy", "my_vad:MyDetector"])
def test_a_name_is_ours_or_a_path(name: str) -> None:
    """Nothing is imported to see it."""
    assert TypeAdapter(ProviderName).validate_python(name) == name


@pytest.mark.parametrize("name", ["webrtc", "", "my_vad.MyDetector"])
def test_another_name_says_what_there_is(name: str) -> None:
    """Ours by name, and the form of a path."""
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(ProviderName).validate_python(name)
    (fault,) = raised.value.errors()
    assert fault["msg"] == "expected silero, energy or an import path such as my_vad:MyDetector"
