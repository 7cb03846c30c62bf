"""What a listener hears: pieces of speech queued on a time line, one after another, none overlapping."""

import numpy as np

from client.wav import Samples

PLAYBACK_RATE_HZ = 24000
"""Sample rate of the interpretation."""


class Playback:
    """The loudspeaker's queue of a client, worked out rather than played.

    A piece starts when it arrives, or when the one before has ended, whichever is later. Times are seconds since
    the first sample of the original was spoken.
    """

    def __init__(self) -> None:
        self._pieces: list[tuple[int, Samples]] = []

    @property
    def heard_secs(self) -> float:
        """Seconds of interpretation on the time line, the silence between pieces left out."""
        return sum(len(samples) for _, samples in self._pieces) / PLAYBACK_RATE_HZ

    @property
    def ends_secs(self) -> float:
        """When the last queued piece has been played; 0 where there is none."""
        return self._end / PLAYBACK_RATE_HZ

    def queue(self, pcm: bytes, at_secs: float) -> None:
        """Adds a piece that arrives now: signed 16 bit little endian PCM, mono, 24000 Hz, whole samples."""
        if pcm:
            start = max(_sample_at(at_secs), self._end)
            self._pieces.append((start, np.frombuffer(pcm, "<i2").astype(np.int16)))

    def interrupt(self, at_secs: float) -> None:
        """Drops whatever has not been played by now."""
        now = _sample_at(at_secs)
        self._pieces = [(start, samples[: now - start]) for start, samples in self._pieces if start < now]

    def rendered(self, min_secs: float = 0.0) -> Samples:
        """The time line from 0 on as samples, silence where nothing played; at least ``min_secs`` long."""
        line = np.zeros(max(self._end, _sample_at(min_secs)), np.int16)
        for start, samples in self._pieces:
            line[start : start + len(samples)] = samples
        return line

    @property
    def _end(self) -> int:
        if not self._pieces:
            return 0
        start, samples = self._pieces[-1]
        return start + len(samples)


def _sample_at(at_secs: float) -> int:
    return max(0, round(at_secs * PLAYBACK_RATE_HZ))
