"""When a client that stopped sending counts as silent."""

import asyncio
from collections.abc import Callable

_SILENCE_MS = 100


class GapClock:
    """Says when silence has to stand for audio that did not come.

    A client may stop at any moment (mute, push to talk). ``gap_secs`` after its last chunk's audio ran out, silence
    is due, in real time, until audio comes again.

    Attributes:
        filled_ms: Silence that was due since the last chunk.
    """

    def __init__(self, gap_secs: float, *, clock: Callable[[], float]):
        """Start with no audio due; ``clock`` gives seconds."""
        self._gap_secs = gap_secs
        self._clock = clock
        self._runs_out_at = float("inf")
        self.filled_ms = 0
        self._audio = asyncio.Event()

    def audio_arrived(self, duration_secs: float) -> None:
        """A chunk of ``duration_secs`` came just now."""
        self._runs_out_at = self._clock() + duration_secs
        self.filled_ms = 0
        self._audio.set()

    async def next_silence(self, longest_secs: Callable[[], float]) -> int:
        """Wait until silence is due.

        Args:
            longest_secs: Gives how much silence may stand for one gap; then nothing is due until audio comes again.

        Returns:
            How much is due, in ms.
        """
        while True:
            left_secs = self._runs_out_at + self._gap_secs + self.filled_ms / 1000 - self._clock()
            if self.filled_ms >= 1000 * longest_secs() or left_secs == float("inf"):
                self._audio.clear()
                await self._audio.wait()
            elif left_secs > 0:
                await asyncio.sleep(left_secs)
            else:
                self.filled_ms += _SILENCE_MS
                return _SILENCE_MS
