"""The model: one stream, and many of them in one call."""

import asyncio
import gc
import weakref
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pipecat.audio.vad.silero import SileroOnnxModel

from processors.silero import (
    WINDOW_SAMPLES,
    SharedScoring,
    SileroModel,
    SileroStream,
    UnusableModelError,
    load_model,
    shared_scoring,
)
from processors.silero_file import silero_file
from tests.support.pcm import read_sample
from tests.support.virtual_time import VirtualTimeLoop

Window = NDArray[np.float32]
_LONGEST_WAIT_SECS = 0.01
_HURRIED_WAIT_SECS = 0.003
_MOST_WINDOWS = 64
MODEL = load_model(silero_file())


def windows_of_speech(count: int, start: int = 0) -> list[Window]:
    """Windows of a recording, one after the other, from window ``start`` on."""
    pcm, _ = read_sample("en-11s-16k.wav")
    speech = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)
    return [speech[place * WINDOW_SAMPLES :][:WINDOW_SAMPLES] for place in range(start, start + count)]


def pipecats_model() -> SileroOnnxModel:
    """The model as pipecat runs it."""
    with resources.as_file(resources.files("pipecat.audio.vad.data").joinpath("silero_vad.onnx")) as file:
        return SileroOnnxModel(str(file), force_onnx_cpu=True)


def test_a_stream_is_scored_as_pipecat_scores_it() -> None:
    """Window by window the scores are those of pipecat's own wrapper of the same model, but for their rounding."""
    stream, reference = SileroStream(), pipecats_model()
    for window in windows_of_speech(300):
        assert MODEL.score([stream], [window])[0] == pytest.approx(float(reference(window, 16_000)[0, 0]), abs=5e-5)


def test_a_model_that_is_not_arranged_scores_as_the_arranged_one() -> None:
    """As of a release that nobody has arranged yet."""
    as_it_is = SileroModel(silero_file().read_bytes())
    streams, same_streams = ([SileroStream(), SileroStream()] for _ in range(2))
    for window, other in zip(windows_of_speech(100), windows_of_speech(100, start=100), strict=True):
        scores = MODEL.score(streams, [window, other])
        assert scores == pytest.approx(as_it_is.score(same_streams, [window, other]), abs=5e-5)


def test_streams_in_one_call_do_not_mix() -> None:
    """Each gets the scores that it gets alone, in whatever company."""
    speeches = [windows_of_speech(40, start) for start in (0, 30, 60, 90, 120)]
    alone = [
        [MODEL.score([stream], [window])[0] for window in speech]
        for speech in speeches
        for stream in [SileroStream()]
    ]
    streams = [SileroStream() for _ in speeches]
    together: list[list[float]] = [[] for _ in speeches]
    for place in range(40):
        rows = range(len(speeches)) if place % 2 else range(len(speeches) - 1, -1, -1)
        scores = MODEL.score([streams[row] for row in rows], [speeches[row][place] for row in rows])
        for row, value in zip(rows, scores, strict=True):
            together[row].append(value)
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_stream_that_forgets_begins_anew() -> None:
    """Its next score is that of a fresh one."""
    stream, window = SileroStream(), windows_of_speech(1, 100)[0]
    for earlier in windows_of_speech(100):
        MODEL.score([stream], [earlier])
    (with_memory,) = MODEL.score([stream], [window])
    stream.forget()
    (afresh,), (fresh,) = MODEL.score([stream], [window]), MODEL.score([SileroStream()], [window])
    assert afresh == fresh
    assert afresh != with_memory


# Files


def test_a_file_is_read_once() -> None:
    """All sessions share its model."""
    assert load_model(silero_file()) is MODEL


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "No graph was found"), (b"RIFF....WAVE", "Protobuf parsing failed|protobuf parsing failed")],
)
def test_a_file_of_something_else_is_refused(content: bytes, told: str, tmp_path: Path) -> None:
    """In one line, with onnxruntime's words."""
    file = tmp_path / "model.onnx"
    file.write_bytes(content)
    with pytest.raises(UnusableModelError, match=told) as raised:
        load_model(file)
    assert "\n" not in str(raised.value)


def test_another_model_is_refused() -> None:
    """What it takes, and what it should take."""
    file = resources.files("pipecat.audio.turn.smart_turn.data") / "smart-turn-v3.2-cpu.onnx"
    with pytest.raises(UnusableModelError, match=r"^it takes input_features, and not input, sr, state$"):
        load_model(Path(str(file)))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """In the system's words, for a folder, too."""
    with pytest.raises(UnusableModelError, match=r"^No such file or directory$"):
        load_model(tmp_path / "model.onnx")
    with pytest.raises(UnusableModelError, match=r"^Is a directory$"):
        load_model(tmp_path)


# One call for many


class Calls(SileroModel):
    """Stands in for the model, and counts how many windows each call has."""

    def __init__(self) -> None:
        """Find that the n-th window of a call scores n."""
        self.sizes: list[int] = []

    def score(self, streams: list[SileroStream], windows: list[Window]) -> list[float]:
        """Count, and score by place."""
        self.sizes.append(len(windows))
        return [float(place) for place in range(len(streams))]


WINDOW = np.zeros(WINDOW_SAMPLES, np.float32)


async def test_windows_wait_for_each_other() -> None:
    """Those that come within 10 ms are scored in one call, each with its own score."""
    scoring, loop = SharedScoring(calls := Calls()), asyncio.get_running_loop()
    began_at = loop.time()
    first = scoring.score(SileroStream(), WINDOW, hurry=False)
    await asyncio.sleep(_LONGEST_WAIT_SECS / 2)
    second = scoring.score(SileroStream(), WINDOW, hurry=False)
    assert [await first, await second] == [0.0, 1.0]
    assert calls.sizes == [2]
    assert loop.time() - began_at == pytest.approx(_LONGEST_WAIT_SECS)


async def test_who_hurries_takes_the_others_along() -> None:
    """After 3 ms, with all that came until then, and nothing is left for later."""
    scoring, loop = SharedScoring(calls := Calls()), asyncio.get_running_loop()
    began_at = loop.time()
    patient = scoring.score(SileroStream(), WINDOW, hurry=False)
    hasty = [scoring.score(SileroStream(), WINDOW, hurry=True) for _ in range(2)]
    await asyncio.sleep(_HURRIED_WAIT_SECS / 2)
    last = scoring.score(SileroStream(), WINDOW, hurry=False)
    await asyncio.gather(patient, *hasty, last)
    assert calls.sizes == [4]
    assert loop.time() - began_at == pytest.approx(_HURRIED_WAIT_SECS)
    await asyncio.sleep(1)
    assert calls.sizes == [4]


async def test_a_call_takes_a_bounded_number() -> None:
    """Others have their turn between two calls."""
    scoring = SharedScoring(calls := Calls())
    waiting = [scoring.score(SileroStream(), WINDOW, hurry=False) for _ in range(2 * _MOST_WINDOWS + 1)]
    await asyncio.gather(*waiting)
    assert calls.sizes == [_MOST_WINDOWS, _MOST_WINDOWS, 1]


async def test_who_left_is_not_scored() -> None:
    """A session that ends while its window waits takes no time of the model, and harms nobody."""
    scoring = SharedScoring(calls := Calls())
    left, stays = (scoring.score(SileroStream(), WINDOW, hurry=False) for _ in range(2))
    left.cancel()
    assert await stays == 0.0
    lonely = scoring.score(SileroStream(), WINDOW, hurry=False)
    lonely.cancel()
    await asyncio.sleep(1)
    assert calls.sizes == [1]


async def test_a_window_that_cannot_be_scored_harms_nobody_else() -> None:
    """Only who asked for it hears of the fault."""
    bad = SileroStream()

    class FailsForOne(Calls):
        def score(self, streams: list[SileroStream], windows: list[Window]) -> list[float]:
            if bad in streams:
                raise RuntimeError("broken")
            return [0.5 for _ in streams]

    scoring = SharedScoring(FailsForOne())
    streams = [SileroStream(), bad, SileroStream()]
    scores = [scoring.score(stream, WINDOW, hurry=False) for stream in streams]
    outcomes = await asyncio.gather(*scores, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["0.5", "broken", "0.5"]


async def test_all_of_a_loop_share() -> None:
    """There is one for the event loop that runs, and for the model."""
    assert shared_scoring(MODEL) is shared_scoring(MODEL)
    assert shared_scoring(MODEL) is not shared_scoring(Calls())


def test_what_a_loop_shares_goes_with_it() -> None:
    """A process may have many loops, one after the other."""

    async def share() -> None:
        await shared_scoring(MODEL).score(SileroStream(), WINDOW, hurry=True)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(share())
        loop = weakref.ref(runner.get_loop())
    del runner
    gc.collect()
    assert loop() is None
