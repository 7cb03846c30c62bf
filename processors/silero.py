"""Silero's model, a file of it once for the process: windows of many streams are scored in one call.

A call costs more than the model: a window alone takes four times as long as one of twelve. So windows wait for
each other, 10 ms at most, or 3 ms where more audio of their stream is there, which nobody notices in a decision
that takes two windows of 32 ms.
"""

import asyncio
import functools
import weakref
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from processors.silero_file import read_model

WINDOW_SAMPLES = 512
"""Length of a window: what the model takes at 16 kHz."""
_RATE_HZ = np.array(16_000, dtype=np.int64)
_CONTEXT_SAMPLES = 64
_STATE_SIZE = 128
_LONGEST_WAIT_SECS = 0.01
_HURRIED_WAIT_SECS = 0.003
"""With 100 streams, a fifth of the windows have another one of theirs behind them: calls that waited for nobody
would be calls of six windows, at a third more for each."""
_MOST_WINDOWS = 64
"""Of a call, which takes some 3 ms of a model that is not arranged for many: others have their turn before the
next."""
_INPUTS = {"input", "state"}
_RATE_INPUT = "sr"
"""Of files that hold the model for 8 kHz, too."""


class UnusableModelError(Exception):
    """A file is no model that can be used here; the text says in one line what is amiss."""


class SileroStream:
    """What the model remembers of one stream."""

    def __init__(self) -> None:
        """Remember nothing."""
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.state: NDArray[np.float32] = np.zeros((2, 1, _STATE_SIZE), dtype=np.float32)
        self.context: NDArray[np.float32] = np.zeros(_CONTEXT_SAMPLES, dtype=np.float32)


class SileroModel:
    """One inference session over a model's file."""

    def __init__(self, content: bytes):
        """Take the model in ``content``, a file of ONNX.

        Raises:
            UnusableModelError: It is none of Silero's, from its fifth version on, for speech at 16 kHz.
        """
        options = onnxruntime.SessionOptions()
        options.inter_op_num_threads = 1
        options.intra_op_num_threads = 1
        options.log_severity_level = 3  # errors; what is amiss with a file is raised
        try:
            self._session = onnxruntime.InferenceSession(
                content, sess_options=options, providers=["CPUExecutionProvider"]
            )
            self._fixed_inputs = self._check_inputs()
            silence = self.score([SileroStream() for _ in range(2)], [np.zeros(WINDOW_SAMPLES, np.float32)] * 2)
        except UnusableModelError:
            raise
        except Exception as error:  # onnxruntime has a class of its own for each of its faults
            raise UnusableModelError(" ".join(str(error).split())) from error
        if not all(0 <= value <= 1 for value in silence):
            raise UnusableModelError(f"it scores silence {silence[0]:g}, and not between 0 and 1")

    def _check_inputs(self) -> dict[str, NDArray[np.int64]]:
        names = {item.name for item in self._session.get_inputs()}
        if names - {_RATE_INPUT} != _INPUTS:
            expected = ", ".join(sorted({*_INPUTS, _RATE_INPUT}))
            raise UnusableModelError(f"it takes {', '.join(sorted(names))}, and not {expected}")
        return {_RATE_INPUT: _RATE_HZ} if _RATE_INPUT in names else {}

    def score(self, streams: list[SileroStream], windows: list[NDArray[np.float32]]) -> list[float]:
        """How much the next window of each stream sounds like voice, 0 to 1; blocks for the time of the model.

        Args:
            streams: Each at most once, since a window's score depends on the one before.
            windows: :data:`WINDOW_SAMPLES` mono samples at 16 kHz, -1.0 to 1.0, in the order of ``streams``.
        """
        samples = np.empty((len(streams), _CONTEXT_SAMPLES + WINDOW_SAMPLES), dtype=np.float32)
        state = np.empty((2, len(streams), _STATE_SIZE), dtype=np.float32)
        for row, (stream, window) in enumerate(zip(streams, windows, strict=True)):
            samples[row, :_CONTEXT_SAMPLES] = stream.context
            samples[row, _CONTEXT_SAMPLES:] = window
            state[:, row : row + 1] = stream.state
        scores, states = self._session.run(None, {"input": samples, "state": state, **self._fixed_inputs})
        for row, stream in enumerate(streams):
            stream.state = states[:, row : row + 1].copy()  # or each would keep those of all
            stream.context = samples[row, -_CONTEXT_SAMPLES:].copy()
        return [float(value) for value in scores[:, 0]]


@functools.cache
def load_model(file: Path) -> SileroModel:
    """The model of ``file``, one for the process; the first call reads it, which takes a tenth of a second.

    Raises:
        UnusableModelError: It can't be read, or holds no model of Silero's.
    """
    try:
        return SileroModel(read_model(file))
    except OSError as error:
        raise UnusableModelError(error.strerror or str(error)) from error


_Request = tuple[SileroStream, NDArray[np.float32], "asyncio.Future[float]"]


class SharedScoring:
    """Scores the windows of all streams of one event loop together."""

    def __init__(self, model: SileroModel) -> None:
        """Nothing waits."""
        self._model = model
        self._waiting: list[_Request] = []
        self._due: asyncio.Handle | None = None
        self._due_at = 0.0

    def score(self, stream: SileroStream, window: NDArray[np.float32], *, hurry: bool) -> "asyncio.Future[float]":
        """How much the next window of ``stream`` sounds like voice, 0 to 1.

        Args:
            stream: Must not wait for the score of another window.
            window: :data:`WINDOW_SAMPLES` mono samples at 16 kHz, -1.0 to 1.0.
            hurry: Wait 3 ms at most: more audio of the stream is there already.
        """
        future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting.append((stream, window, future))
        if len(self._waiting) >= _MOST_WINDOWS:
            self._run_within(0.0)
        else:
            self._run_within(_HURRIED_WAIT_SECS if hurry else _LONGEST_WAIT_SECS)
        return future

    def _run_within(self, wait_secs: float) -> None:
        loop = asyncio.get_running_loop()  # not kept: what a loop shares goes with it
        run_at = loop.time() + wait_secs
        if self._due is not None:
            if self._due_at <= run_at:
                return
            self._due.cancel()
        self._due, self._due_at = loop.call_at(run_at, self._run), run_at

    def _run(self) -> None:
        self._due = None
        batch = [item for item in self._waiting[:_MOST_WINDOWS] if not item[2].cancelled()]
        del self._waiting[:_MOST_WINDOWS]
        if self._waiting:
            self._run_within(0.0)
        if not batch:
            return
        try:
            scores = self._model.score([item[0] for item in batch], [item[1] for item in batch])
        except Exception:
            self._score_each(batch)
            return
        for (_, _, future), value in zip(batch, scores, strict=True):
            future.set_result(value)

    def _score_each(self, batch: list[_Request]) -> None:
        """Score the windows of a call that failed one by one, so that only those fail that can't be scored."""
        for stream, window, future in batch:
            try:
                future.set_result(self._model.score([stream], [window])[0])
            except Exception as error:
                future.set_exception(error)


_shared: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[SileroModel, SharedScoring]] = (
    weakref.WeakKeyDictionary()
)


def shared_scoring(model: SileroModel) -> SharedScoring:
    """The one of the running event loop for ``model``."""
    of_loop = _shared.setdefault(asyncio.get_running_loop(), {})
    if model not in of_loop:
        of_loop[model] = SharedScoring(model)
    return of_loop[model]
