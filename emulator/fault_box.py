"""The faults that are switched on, and those that struck. One box for all sessions of an emulator."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from emulator.faults import ALL_KINDS, Fault, FaultStrike, Moment
from emulator.languages import same_language

_KEPT_STRIKES = 100_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where something happens.

    Attributes:
        session: The session's number.
        model: What it was set up for; None before the setup.
        utterance: The number of the utterance that it concerns; None where there is none.
        entries: The scenario entries of the answer that it concerns.
        resumes: The setup came with a handle.
        translates: The session is one of the translate model.
        target: What it interprets into; None for other sessions.
        silent: What is being said is in that language already, so that it has nothing to say.
    """

    session: int
    model: str | None = None
    utterance: int | None = None
    entries: frozenset[str] = frozenset()
    resumes: bool = False
    translates: bool = False
    target: str | None = None
    silent: bool = False


@dataclass(slots=True, eq=False)
class Live:
    """A fault that is switched on, and how often it will strike yet."""

    fault: Fault
    left: int


class FaultBox:
    """Faults, consulted at every moment at which one might strike."""

    def __init__(self) -> None:
        self.live: list[Live] = []
        self.struck: list[FaultStrike] = []
        self.utterances = 0
        """How many utterances have begun, over all sessions."""

    def add(self, fault: Fault) -> Live:
        """Switch a fault on."""
        live = Live(fault, fault.times)
        self.live.append(live)
        return live

    def remove(self, some: Iterable[Live]) -> None:
        """Switch some faults off, those of them that have not struck often enough yet."""
        gone = set(some)
        self.live = [live for live in self.live if live not in gone]

    def clear(self) -> None:
        """Switch all faults off."""
        self.live.clear()

    def next_utterance(self) -> int:
        """Count an utterance that begins; its number."""
        self.utterances += 1
        return self.utterances

    def strikes(
        self,
        moment: Moment,
        place: Place,
        stages: Iterable[str],
        *,
        audio_ms: float = 0.0,
        spared: set[Live] | None = None,
    ) -> Iterator[tuple[Fault, FaultStrike]]:
        """The faults that strike at this moment, each counted when it is handed out.

        Args:
            moment: What is happening.
            place: Where.
            stages: Who asks; other faults are left alone.
            audio_ms: The sound that has passed, for ``during`` and ``output``.
            spared: Faults that have struck here already; those that strike are added.
        """
        wanted = frozenset(stages)
        for live in list(self.live):
            if live not in self.live or (spared is not None and live in spared):
                continue
            fault = live.fault
            if fault.moment != moment or ALL_KINDS[fault.name].stage not in wanted:
                continue
            if (moment in ("during", "output") and audio_ms < fault.at_ms) or not self._fits(fault, place):
                continue
            if spared is not None:
                spared.add(live)
            live.left -= 1
            if live.left == 0:
                self.live.remove(live)
            strike = FaultStrike(fault.name, moment, place.session, place.utterance, time.monotonic())
            self.struck.append(strike)
            del self.struck[:-_KEPT_STRIKES]
            yield fault, strike

    def _fits(self, fault: Fault, place: Place) -> bool:
        utterance = self.utterances if place.utterance is None else place.utterance
        return (
            fault.session in (None, place.session)
            and (fault.utterance is None or utterance >= fault.utterance)
            and (fault.model is None or fault.model == place.model)
            and (fault.entry is None or fault.entry in place.entries)
            and (fault.target is None or (place.target is not None and same_language(fault.target, place.target)))
            and (fault.name != "resume_1007" or place.resumes)
            and (fault.name != "leak" or place.silent)
            and _plays(place, fault)
        )


def _plays(place: Place, fault: Fault) -> bool:
    """Whether a session of that kind can play a fault: a translate session has no answers."""
    kind = ALL_KINDS[fault.name]
    if place.translates:
        return kind.stage != "answer" or (kind.translated and fault.moment == "output")
    return kind.stage != "translation"
