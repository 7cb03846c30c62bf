"""A module in the place of faster-whisper, whose model says what a test says."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Segment:
    """A part of what was heard."""

    text: str


@dataclass
class FakeWhisper:
    """A model, and what was asked of it.

    Attributes:
        says: The text of some sound in a language.
        languages: Which it knows.
        probabilities: Of the languages of any sound.
        made_with: The arguments of the model.
        options: Of each transcription.
        niceness: Of a thread that the model started while it was made (Linux).
        threads: Names of those in which it transcribed.
        loaded: Cleared, a model takes until it is set to be made.
        held: Cleared, transcriptions wait until it is set.
    """

    says: Callable[[Samples, str], str]
    languages: list[str] = field(default_factory=lambda: ["de", "en", "ja", "ko"])
    probabilities: dict[str, float] = field(default_factory=lambda: {"ja": 0.6, "ko": 0.3, "en": 0.1})
    made_with: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    options: list[dict[str, Any]] = field(default_factory=list)
    niceness: list[int] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)
    loaded: threading.Event = field(default_factory=threading.Event)
    held: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """Begin with nothing held."""
        self.loaded.set()
        self.held.set()

    def make(self, name: str, **options: Any) -> "FakeWhisper":
        """What ``faster_whisper.WhisperModel`` does."""
        self.made_with.append((name, options))
        if sys.platform == "linux":
            started = threading.Thread(target=self._note_niceness)
            started.start()
            started.join()
        assert self.loaded.wait(30)
        if name == "broken":
            raise RuntimeError("Unable to open file 'model.bin' in model 'broken'")
        return self

    def _note_niceness(self) -> None:
        self.niceness.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    @property
    def supported_languages(self) -> list[str]:
        """The languages."""
        return self.languages

    def transcribe(self, audio: Samples, *, language: str, **options: Any) -> tuple[Iterator[Segment], object]:
        """The words in two segments, which are made as they are read."""
        assert audio.dtype == np.float32
        assert np.abs(audio).max(initial=0.0) <= 1.0
        self.options.append({"language": language, **options})

        def segments() -> Iterator[Segment]:
            self.threads.add(threading.current_thread().name)
            assert self.held.wait(30)
            text = self.says(audio, language)
            if text:
                first, _, rest = text.partition(" ")
                yield Segment(f" {first}")
                yield Segment(f" {rest}")

        return segments(), object()

    def detect_language(self, audio: Samples) -> tuple[str, float, list[tuple[str, float]]]:
        """All languages, whatever the sound."""
        first = max(self.probabilities, key=lambda language: self.probabilities[language])
        return first, self.probabilities[first], list(self.probabilities.items())


def install(monkeypatch: pytest.MonkeyPatch, model: FakeWhisper) -> None:
    """Let ``import faster_whisper`` find a module with this model."""
    module = ModuleType("faster_whisper")
    module.__spec__ = __import__("importlib.machinery").machinery.ModuleSpec("faster_whisper", None)
    module.WhisperModel = model.make  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "faster_whisper", module)
