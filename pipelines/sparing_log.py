"""A bound on what clients that were not let in can make the server write."""

import asyncio
import logging
from dataclasses import dataclass

from pipelines.logs import log_event

logger = logging.getLogger(__name__)

_LINES_AT_ONCE = 100
_LINES_PER_SEC = 1.0
_TELL_SECS = 5.0


@dataclass(slots=True)
class _Account:
    """Of one reason: how many lines may be written, as of when; how many were not."""

    lines: float
    counted_at: float
    unlogged: int = 0


class SparingLog:
    """Decides which of the connections that end without a session get a line of the log.

    A hundred of them for each reason do, then one a second; how many got none is a line of its own, soon after.
    """

    def __init__(self) -> None:
        """Begin with nothing written."""
        self._accounts: dict[str, _Account] = {}
        self._timer: asyncio.TimerHandle | None = None

    def may_log(self, reason: str) -> bool:
        """Whether one more end for ``reason`` gets a line; else it is counted."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        account = self._accounts.setdefault(reason, _Account(_LINES_AT_ONCE, now))
        account.lines = min(_LINES_AT_ONCE, account.lines + (now - account.counted_at) * _LINES_PER_SEC)
        account.counted_at = now
        if account.lines >= 1:
            account.lines -= 1
            return True
        account.unlogged += 1
        if self._timer is None:
            self._timer = loop.call_later(_TELL_SECS, self.tell)
        return False

    def tell(self) -> None:
        """Say how many got no line, where some did."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for reason, account in self._accounts.items():
            if account.unlogged:
                log_event(logger, logging.INFO, "ends not logged", reason=reason, count=account.unlogged)
                account.unlogged = 0
