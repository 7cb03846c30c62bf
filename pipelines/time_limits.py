"""How long a session may last, and how long it may be idle."""

import asyncio
from collections.abc import Callable

from protocol.errors import ErrorCode, Fault


class TimeLimits:
    """The two limits of time that a session has, from its start on."""

    def __init__(
        self,
        *,
        idle_secs: float,
        age_secs: float,
        last_frame_at: Callable[[], float],
        clock: Callable[[], float],
    ):
        """Begin to count.

        Args:
            idle_secs: How long nothing may be sent or received; 0: for ever.
            age_secs: How long the session may last; 0: for ever.
            last_frame_at: When something was sent or received last, on the clock.
            clock: Gives seconds.
        """
        self._idle_secs = idle_secs or float("inf")
        self._age_secs = age_secs or float("inf")
        self._last_frame_at = last_frame_at
        self._clock = clock
        self._started_at = clock()

    async def passed(self) -> Fault | None:
        """Wait until one is passed; ``None`` at once where there is neither."""
        while True:
            now = self._clock()
            idle_left_secs = self._last_frame_at() + self._idle_secs - now
            age_left_secs = self._started_at + self._age_secs - now
            if age_left_secs <= 0:
                return Fault(ErrorCode.SESSION_EXPIRED, f"the session reached its limit of {self._age_secs:g} s")
            if idle_left_secs <= 0:
                return Fault(ErrorCode.IDLE_TIMEOUT, f"nothing was sent or received for {self._idle_secs:g} s")
            if (left_secs := min(idle_left_secs, age_left_secs)) == float("inf"):
                return None
            await asyncio.sleep(left_secs)
