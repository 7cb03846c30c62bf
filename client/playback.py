"""What a listener hears: pieces of speech queued on a time line, one after another, none overlapping."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from client.wav import Samples

PLAYBACK_RATE_HZ = 24000
"""Sample rate of the interpretation."""


_BLOCK_SAMPLES = 1 << 16


class _Piece(NamedTuple):
    start: int
    samples: Samples

    @property
    def end(self) -> int:
        return self.start + len(self.samples)


class Playback:
    """The loudspeaker's queue of a client, worked out rather than played.

    A piece starts when it arrives, or when the one before has ended, whichever is later. Times are seconds of
    audio, see :mod:`client.timeline`.
    """

    def __init__(self) -> None:
        self._pieces: list[_Piece] = []
        self._turns: dict[int, tuple[int, int]] = {}

    @property
    def heard_secs(self) -> float:
        """Seconds of interpretation on the time line, the silence between pieces left out."""
        return sum(len(piece.samples) for piece in self._pieces) / PLAYBACK_RATE_HZ

    @property
    def ends_secs(self) -> float:
        """When the last queued piece has been played; 0 where there is none."""
        return self._end / PLAYBACK_RATE_HZ

    def queue(self, pcm: bytes, at_secs: float, turn: int = 0) -> None:
        """Adds a piece that arrives now.

        Args:
            pcm: Signed 16 bit little endian, mono, 24000 Hz, whole samples.
            at_secs: Now.
            turn: Index of the turn that it belongs to.
        """
        if pcm:
            piece = _Piece(max(_sample_at(at_secs), self._end), np.frombuffer(pcm, "<i2").astype(np.int16))
            self._pieces.append(piece)
            self._turns[turn] = (self._turns.get(turn, piece)[0], piece.end)

    def interrupt(self, at_secs: float) -> None:
        """Drops whatever has not been played by now."""
        now = _sample_at(at_secs)
        self._pieces = [
            piece._replace(samples=piece.samples[: now - piece.start])
            for piece in self._pieces
            if piece.start < now
        ]
        spans = self._turns.items()
        self._turns = {turn: (start, min(end, now)) for turn, (start, end) in spans if start < now}

    def span(self, turn: int) -> tuple[float, float] | None:
        """From where to where a turn's interpretation plays; ``None`` where nothing of it does."""
        if turn not in self._turns:
            return None
        start, end = self._turns[turn]
        return start / PLAYBACK_RATE_HZ, end / PLAYBACK_RATE_HZ

    def rendered(self, min_secs: float = 0.0) -> Iterator[Samples]:
        """The time line from 0 on, in blocks, silence where nothing played; at least ``min_secs`` long."""
        position = 0
        for piece in self._pieces:
            yield from _silence(piece.start - position)
            yield piece.samples
            position = piece.end
        yield from _silence(_sample_at(min_secs) - position)

    @property
    def _end(self) -> int:
        return self._pieces[-1].end if self._pieces else 0


def _silence(samples: int) -> Iterator[Samples]:
    for first in range(0, samples, _BLOCK_SAMPLES):
        yield np.zeros(min(_BLOCK_SAMPLES, samples - first), np.int16)


def _sample_at(at_secs: float) -> int:
    return max(0, round(at_secs * PLAYBACK_RATE_HZ))
