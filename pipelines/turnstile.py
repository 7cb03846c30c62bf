"""One after the other, with a pause between: for what costs so much that many at once would hold up everybody."""

import asyncio


class Turnstile:
    """Lets callers through in the order in which they come, ``spacing_secs`` apart; who comes alone, at once."""

    def __init__(self, spacing_secs: float):
        """Begin with nobody waiting."""
        self._spacing_secs = spacing_secs
        self._free_at = 0.0

    async def pass_through(self) -> None:
        """Wait for one's turn, which is used up also where the caller is cancelled."""
        now = asyncio.get_running_loop().time()
        turn_at = max(now, self._free_at)
        self._free_at = turn_at + self._spacing_secs
        if turn_at > now:
            await asyncio.sleep(turn_at - now)
