"""One Whisper model for the process, and the few threads in which it works; faster-whisper is imported on demand.

The model's own service in pipecat loads a model for each session (decision 0018), so faster-whisper is called
directly: its ``WhisperModel`` may be called from several threads (its documentation of ``num_workers``).
"""

import asyncio
import os
import sys
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
_FULL_SCALE = np.float32(1 / 32768)
_OTHER_CODES = {"fil": "tl", "jv": "jw"}
"""Where the model's code is not the one of ISO 639 (faster_whisper.tokenizer)."""
_NICENESS, _NICEST = 10, 19
"""So that the threads of the model get what the event loop leaves."""


class HeardSegment(Protocol):
    """A part of what the model heard."""

    @property
    def text(self) -> str:
        """Its words, with the space before them."""
        ...


class WhisperModel(Protocol):
    """What is used of ``faster_whisper.WhisperModel``."""

    @property
    def supported_languages(self) -> list[str]:
        """ISO 639-1 codes."""
        ...

    def transcribe(
        self, audio: NDArray[np.float32], *, language: str, **options: Any
    ) -> tuple[Iterable[HeardSegment], object]:
        """Segments, which are made as they are read, and what is known of the audio."""
        ...

    def detect_language(self, audio: NDArray[np.float32]) -> tuple[str, float, list[tuple[str, float]]]:
        """The likeliest language, its probability, and all of them with theirs."""
        ...


@dataclass(frozen=True, slots=True)
class Recognized:
    """What was said.

    Attributes:
        text: The words; empty where none were heard.
        language: Its code, as it was asked for.
    """

    text: str
    language: str


def load_model(name: str, workers: int) -> WhisperModel:
    """Load a model; takes seconds, and where it is downloaded minutes.

    Args:
        name: Of a model that faster-whisper knows, which it downloads, or a folder with one that was converted.
        workers: How many recognitions may run at once.

    Raises:
        Exception: faster-whisper is not installed, or the model is not there or broken.
    """
    from faster_whisper import WhisperModel as Model  # of the extra: only who set WHISPER_MODEL pays for it

    threads = max(1, (os.cpu_count() or 1) // workers)
    model: WhisperModel = Model(name, compute_type="auto", cpu_threads=threads, num_workers=workers)
    return model


class Recognizer:
    """Recognises speech for all sessions of the process, off the event loop, so many at once and no more."""

    def __init__(self, workers: int):
        """Make the threads; :meth:`load` has to come first."""
        self._workers = workers
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="whisper")
        self._asked = 0
        self._counting = threading.Lock()
        self._model: WhisperModel | None = None

    async def load(self, name: str) -> None:
        """Load the model; see :func:`load_model`. The process need not wait for that when it ends."""
        loaded: Future[WhisperModel] = Future()
        loaded.set_running_or_notify_cancel()

        def load() -> None:
            _step_back()
            try:
                loaded.set_result(load_model(name, self._workers))
            except BaseException as error:
                loaded.set_exception(error)

        threading.Thread(target=load, name="whisper-load", daemon=True).start()
        self._model = await asyncio.wrap_future(loaded)

    @property
    def idle(self) -> bool:
        """Whether a thread is free, so that what is asked begins at once."""
        return self._asked < self._workers

    def knows(self, languages: Iterable[str]) -> bool:
        """Whether the model is there and recognises all of these; there are models for English alone."""
        return self._model is not None and set(map(_code_of, languages)) <= {*self._model.supported_languages}

    async def recognize(self, pcm: bytes, languages: Sequence[str]) -> Recognized:
        """What was said in ``pcm``; waits while every thread is busy, and gives its place up when cancelled.

        Args:
            pcm: PCM s16le mono at 16 kHz.
            languages: Those that it may be in.

        Raises:
            Exception: The model failed.
        """
        if self._model is None:
            raise RuntimeError("the model is not loaded")
        work = self._threads.submit(_recognize, self._model, pcm, tuple(languages))
        with self._counting:
            self._asked += 1
        work.add_done_callback(self._note_done)
        return await asyncio.wrap_future(work)

    def close(self) -> None:
        """End the threads when what runs in them is done; what waits is given up."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _note_done(self, _: Future[Recognized]) -> None:
        """In a thread of the model, or where it was cancelled."""
        with self._counting:
            self._asked -= 1


def _step_back() -> None:
    """Lower the priority of this thread, and so of those that the model starts in it (Linux: setpriority(2)).

    Not that of a thread which runs Python while others wait: with the interpreter's lock in its hands it would make
    the event loop wait for whatever else the machine has to do.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        nice = min(_NICEST, os.getpriority(os.PRIO_PROCESS, thread) + _NICENESS)
        os.setpriority(os.PRIO_PROCESS, thread, nice)


def _recognize(model: WhisperModel, pcm: bytes, languages: tuple[str, ...]) -> Recognized:
    audio = np.frombuffer(pcm, "<i2").astype(np.float32) * _FULL_SCALE
    language = languages[0] if len(languages) == 1 else _detected(model, audio, languages)
    # Each utterance stands alone. One temperature: trying higher ones takes up to six times as long.
    segments, _ = model.transcribe(
        audio,
        language=_code_of(language),
        beam_size=1,
        temperature=0.0,
        condition_on_previous_text=False,
        without_timestamps=True,
    )
    return Recognized("".join(segment.text for segment in segments).strip(), language)


def _detected(model: WhisperModel, audio: NDArray[np.float32], languages: tuple[str, ...]) -> str:
    """The likeliest of ``languages``."""
    probabilities = dict(model.detect_language(audio)[2])
    return max(languages, key=lambda language: probabilities.get(_code_of(language), 0.0))


def _code_of(language: str) -> str:
    """The model's code for a language of ours: it has no regions and no scripts."""
    base = language.partition("-")[0]
    return _OTHER_CODES.get(base, base)
