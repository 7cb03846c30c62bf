"""One case: which faults strike when, what is said meanwhile, and what must come of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator import EmulatorOptions
from emulator.faults import Fault
from emulator.options import Refusal
from tests.faults.judge import Expected


@dataclass(frozen=True)
class Case:
    """A case.

    Attributes:
        fault: What strikes, for the table.
        moment: When, for the table.
        times: How often, for the table.
        phrases: Names of what is said, in order.
        pauses_ms: The silence behind each, beside what ends the utterance.
        chunk_ms: How much audio the client sends at once.
        expected: What must come of it.
        faults: Strike from the first connection on.
        injected: Strike once the client is connected.
        refuse: How the upstream refuses every connection after the client's first.
        comes_back: It accepts again when all was said.
        waits: Each phrase is said when the one before it is answered.
        options: The upstream's, faults aside.
        settings: The server's, by field name.
        bound_secs: When a case that does not end is stopped.
    """

    fault: str
    moment: str
    times: int
    phrases: tuple[str, ...]
    pauses_ms: tuple[int, ...]
    chunk_ms: int
    expected: Expected
    options: EmulatorOptions
    settings: Mapping[str, Any]
    faults: tuple[Fault, ...] = ()
    injected: tuple[Fault, ...] = ()
    refuse: Refusal | None = None
    comes_back: bool = False
    waits: bool = False
    bound_secs: float = 60.0

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        return f"{self.fault.replace('_', '-')}:{self.moment}:{self.times}"
