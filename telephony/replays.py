"""A bounded memory of requests that were believed, so that each is believed once."""

import time
from collections import OrderedDict
from collections.abc import Callable

KEPT_SECS = 600
"""How long a request is remembered; providers' timestamps are believed for less."""
KEPT_REQUESTS = 10_000
"""How many are remembered at most: the oldest goes first."""


class Replays:
    """Knows which signed requests came before, in this process.

    Workers share no memory: what one has seen is new to another.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic):
        """Start with no memory; ``clock`` gives seconds."""
        self._clock = clock
        self._seen: OrderedDict[str, float] = OrderedDict()

    def is_first(self, key: str) -> bool:
        """Whether ``key`` has not come in the last :data:`KEPT_SECS`; it is remembered from here on."""
        now = self._clock()
        while self._seen and (next(iter(self._seen.values())) < now - KEPT_SECS or len(self._seen) > KEPT_REQUESTS):
            self._seen.popitem(last=False)
        if key in self._seen:
            return False
        self._seen[key] = now
        return True
