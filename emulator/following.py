"""Follows somebody who is speaking: which stretches of known clips have been said since one last asked.

Each time the last seconds of the sound are compared with the clips (``hearing``), and what was reported before is
taken off. So the stretches of one speech, put together, are the stretches of the whole: no word is lost or doubled
where the sound was cut.
"""

import asyncio
from dataclasses import dataclass, replace

from emulator.audio import Samples, from_pcm
from emulator.hearing import Expected, Hearing, Stretch
from emulator.services import Ear

_CONTEXT_SECS = 2.0
"""Sound from before the last question that is compared again: by it, what follows is recognised however short."""
_KEPT_SECS = 6.0
_SAME_OFFSET_SECS = 0.02
_JOIN_GAP_SECS = 1.5
_SHORTEST_SECS = 0.02


@dataclass(frozen=True, slots=True)
class _Run:
    """What was heard last: a clip, its time minus the stream's, and how far of it has been reported."""

    clip: str
    offset_secs: float
    to_secs: float


class Follower:
    """The sound of a session, and what of it was recognised. Times are seconds since its first sample.

    Args:
        ear: Compares sound with clips; called in a thread.
        rate_hz: Rate of the sound.

    Attributes:
        rate_hz: Rate of the sound.
    """

    def __init__(self, ear: Ear, rate_hz: int) -> None:
        self._ear = ear
        self.rate_hz = rate_hz
        self._sound = bytearray()
        self._first = 0
        self._asked_secs = 0.0
        self._claimed_secs = 0.0
        self._last: _Run | None = None

    @property
    def now_secs(self) -> float:
        """The end of the sound that has come."""
        return (self._first + len(self._sound) // 2) / self.rate_hz

    @property
    def asked_secs(self) -> float:
        """The end of the sound that ``hear`` has covered, or the begin of the speech since."""
        return self._asked_secs

    def add(self, pcm: bytes) -> None:
        """Sound has come; the last six seconds are kept."""
        self._sound += pcm
        surplus = len(self._sound) // 2 - round(_KEPT_SECS * self.rate_hz)
        if surplus > 0:
            del self._sound[: 2 * surplus]
            self._first += surplus

    def begin(self, from_secs: float) -> None:
        """Speech begins: what came before ``from_secs`` is no part of it."""
        self._claimed_secs = max(self._claimed_secs, from_secs)
        self._asked_secs = max(self._asked_secs, from_secs)

    async def hear(self) -> Hearing:
        """What was said since the last call.

        Returns:
            The stretches, with ``at_secs`` in the session's sound; ``voiced`` also for voice that was there before.
        """
        start = max(self._first, round((self._asked_secs - _CONTEXT_SECS) * self.rate_hz))
        window = bytes(self._sound[2 * (start - self._first) :])
        self._asked_secs = self.now_secs
        last, start_secs = self._last, start / self.rate_hz
        expected = Expected(last.clip, last.offset_secs + start_secs) if last else None
        found = await asyncio.to_thread(self._ear.hear, window, self.rate_hz, expected)
        fresh = [self._fresh(stretch, start_secs) for stretch in found.stretches]
        return Hearing(tuple(stretch for stretch in fresh if stretch is not None), found.voiced)

    def sound(self, from_secs: float, to_secs: float) -> Samples:
        """A part of the sound, as far as it is kept."""
        first, last = (2 * max(0, round(edge * self.rate_hz) - self._first) for edge in (from_secs, to_secs))
        return from_pcm(bytes(self._sound[first:last]))

    def _fresh(self, stretch: Stretch, window_secs: float) -> Stretch | None:
        """The part of a stretch that was not reported yet; None when all of it was."""
        offset = stretch.from_secs - (window_secs + stretch.at_secs)
        begin, last = max(stretch.from_secs, self._claimed_secs + offset), self._last
        if (
            last is not None
            and last.clip == stretch.clip
            and abs(last.offset_secs - offset) <= _SAME_OFFSET_SECS
            and begin - last.to_secs <= _JOIN_GAP_SECS
        ):
            begin = last.to_secs
        if stretch.to_secs - begin < _SHORTEST_SECS:
            return None
        self._last = _Run(stretch.clip, offset, stretch.to_secs)
        self._claimed_secs = stretch.to_secs - offset
        return replace(stretch, from_secs=begin, at_secs=begin - offset)
