"""The targets by name: what each one runs, which modules it is about, and where its corpus is."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from loguru import logger

logger.remove()  # pipecat greets when it is imported
CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True, slots=True)
class Target:
    """Something to fuzz.

    Attributes:
        name: Of the module beside this one, and of the corpus.
        about: The modules whose branches guide the fuzzer, and whose coverage is told.
        json: Its inputs are JSON texts.
    """

    name: str
    about: Sequence[str]
    json: bool

    @property
    def corpus(self) -> Path:
        """The folder with its inputs, a file each."""
        return CORPUS / self.name

    def load(self) -> tuple[Callable[[bytes], None], int]:
        """What checks one input, and how long an input may be, in bytes."""
        module = importlib.import_module(f"tests.fuzz.{self.name}")
        return module.check, module.LONGEST_BYTES


_PROTOCOL = ("protocol.decoding", "protocol.messages", "protocol.serializer", "protocol.errors")
_TURNS = ("gemini.turns", "gemini.transcript")

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target("wire", _PROTOCOL, json=True),
        Target("pcm", ("protocol.messages",), json=False),
        Target("events", ("gemini.events", *_TURNS), json=True),
        Target("turns", _TURNS, json=False),
    )
}
