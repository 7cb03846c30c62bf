"""What all sessions of an emulator share."""

from dataclasses import dataclass
from typing import Protocol

from emulator.answering import Answerer
from emulator.fault_box import FaultBox
from emulator.handles import HandleBook
from emulator.hearing import Expected, Hearing


class Ear(Protocol):
    """Finds the known clips in an utterance."""

    def hear(self, pcm: bytes, rate_hz: int, expected: Expected | None = None) -> Hearing:
        """See ``hearing.ClipIndex.hear``."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """The parts that there are one of; where they keep count, all sessions count together."""

    ear: Ear
    answerer: Answerer
    handles: HandleBook
    faults: FaultBox
