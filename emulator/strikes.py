"""The faults of one session: asked at every moment, they act on the connection or are handed to the answer."""

from dataclasses import replace

from emulator.acts import act
from emulator.fault_box import FaultBox, Live, Place
from emulator.faults import ALL_KINDS, INVALID_REASON, QUOTA_REASON, Fault, FaultStrike, Moment
from emulator.link import Link
from emulator.record import UtteranceRecord
from emulator.setup import Setup, unknown_model
from emulator.wire import WireError

BAD_KEY = WireError(1007, "API key not valid. Please pass a valid API key.")


class SessionFaults:
    """What may strike a session.

    Args:
        box: The faults of the emulator.
        link: The session's connection.
    """

    def __init__(self, box: FaultBox, link: Link) -> None:
        self._box = box
        self._link = link
        self._place = Place(link.record.number)
        self._spared: dict[int, set[Live]] = {}

    def next_utterance(self) -> int:
        """Count an utterance that begins; its number over the emulator's life."""
        return self._box.next_utterance()

    async def strike_setup(self, setup: Setup, api_version: str) -> None:
        """Play what strikes in place of ``setupComplete``.

        Raises:
            WireError: A fault closes the connection.
            ConnectionReset: A fault resets it.
        """
        self._place = replace(
            self._place, model=setup.model, translates=setup.translates, target=self._link.record.target
        )
        place = replace(self._place, resumes=bool(setup.handle))
        for fault, strike in self._box.strikes("setup", place, ("setup", "link")):
            self._note(strike)
            await refuse(self._link, fault, setup, api_version)

    async def strike_greeted(self) -> None:
        """Play what strikes right after ``setupComplete``; raises what ``strike_setup`` raises."""
        for fault, strike in self._box.strikes("setup", self._place, ("voice",)):
            self._note(strike)
            await act(self._link, fault)

    async def strike(
        self,
        moment: Moment,
        utterance: UtteranceRecord,
        *,
        audio_ms: float = 0.0,
        silent: bool = False,
    ) -> list[Fault]:
        """Play what strikes at a moment of an utterance, each fault once.

        Args:
            moment: Which.
            utterance: Which; strikes are noted in it.
            audio_ms: Sound that has passed, for ``during`` and ``output``.
            silent: See ``Place``.

        Returns:
            The faults that the answer, or the interpretation, itself has to play.

        Raises:
            WireError: A fault closes the connection.
            ConnectionReset: A fault resets it.
            ConnectionClosed: The client was faster.
        """
        if not self._box.live:
            return []
        entries = frozenset(utterance.answered)
        place = replace(self._place, utterance=utterance.number, entries=entries, silent=silent)
        spared = self._spared.setdefault(utterance.number, set())
        shaping = []
        stages = ("link", "voice", "answer", "translation")
        for fault, strike in self._box.strikes(moment, place, stages, audio_ms=audio_ms, spared=spared):
            self._note(strike)
            utterance.faults.append(strike)
            if ALL_KINDS[fault.name].stage in ("answer", "translation"):
                shaping.append(fault)
            else:
                await act(self._link, fault)
        return shaping

    def forget(self, utterance: UtteranceRecord) -> None:
        """An utterance is done: nothing strikes it any more."""
        self._spared.pop(utterance.number, None)

    def _note(self, strike: FaultStrike) -> None:
        self._link.record.note_fault(strike)
        if self._link.recorder:
            self._link.recorder.fault(strike)


async def refuse(link: Link, fault: Fault, setup: Setup, api_version: str) -> None:
    """Play a fault of the stages ``setup`` and ``link`` in place of ``setupComplete``.

    Raises:
        WireError: It closes the connection.
        ConnectionReset: It resets it.
    """
    if fault.name == "refuse_key":
        raise BAD_KEY
    if fault.name == "refuse_model":
        raise unknown_model(setup.model, api_version)
    if fault.name == "refuse_quota":
        raise WireError(1011, QUOTA_REASON)
    if fault.name == "resume_1007":
        raise WireError(1007, INVALID_REASON)
    await act(link, fault)
