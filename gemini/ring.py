"""Speech on its way up, addressed by position in the stream."""

from gemini.connector import INPUT_RATE_HZ

SAMPLE_BYTES = 2


class AudioRing:
    """The last part of a PCM stream (s16le mono at 16 kHz), by sample position since the stream's start.

    Holds what was appended and not yet released; memory follows what is held. Owns no policy: who appends more
    than ``capacity_samples`` holds decides what to release.
    """

    def __init__(self, capacity_secs: float):
        """Make an empty ring whose bound is ``capacity_secs`` of audio."""
        self.capacity_samples = int(capacity_secs * INPUT_RATE_HZ)
        self._pcm = bytearray()
        self._start = 0

    @property
    def start(self) -> int:
        """Position of the oldest sample held."""
        return self._start

    @property
    def end(self) -> int:
        """Position after the newest sample: how many were ever appended."""
        return self._start + len(self._pcm) // SAMPLE_BYTES

    @property
    def overflow_samples(self) -> int:
        """How many samples are held beyond the bound."""
        return max(0, self.end - self._start - self.capacity_samples)

    def append(self, pcm: bytes) -> None:
        """Add the next samples of the stream."""
        self._pcm += pcm

    def read(self, start: int, end: int) -> bytes:
        """The samples from ``start`` up to ``end``, as far as they are held."""
        first = max(start, self._start) - self._start
        last = max(end - self._start, first)
        return bytes(self._pcm[first * SAMPLE_BYTES : last * SAMPLE_BYTES])

    def release(self, before: int) -> None:
        """Forget the samples before position ``before``."""
        count = min(before, self.end) - self._start
        if count > 0:
            del self._pcm[: count * SAMPLE_BYTES]
            self._start += count
