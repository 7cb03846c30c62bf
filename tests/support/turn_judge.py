"""Who judges pauses, as a test wants it."""

import asyncio
from collections.abc import Iterable


class FakeJudge:
    """Gives the verdicts that it was given, each after a while.

    Attributes:
        heard: What it was asked about, in order.
        withdrawn: How many questions were withdrawn before they were answered.
    """

    def __init__(self, verdicts: Iterable[float | Exception | None], *, secs: float = 0.05):
        """``secs``: how long it takes."""
        self._verdicts = iter(verdicts)
        self._secs = secs
        self.heard: list[bytes] = []
        self.withdrawn = 0

    async def finished(self, pcm: bytes) -> float | None:
        """The next verdict."""
        self.heard.append(pcm)
        verdict = next(self._verdicts)
        try:
            await asyncio.sleep(self._secs)
        except asyncio.CancelledError:
            self.withdrawn += 1
            raise
        if isinstance(verdict, Exception):
            raise verdict
        return verdict
