"""A bounded memory of requests that were believed, so that each is believed once (pure)."""

KEPT_REQUESTS = 10_000
"""How many are remembered at most: the oldest goes first."""


class Replays:
    """Knows which genuine requests came before, in this process.

    Nobody else's requests get in here, so a stranger cannot make it forget. Workers share no memory: what one has
    seen is new to another. Where the provider signs a time as well, what is forgotten is too old to be believed.
    """

    def __init__(self, kept: int = KEPT_REQUESTS):
        """Remember ``kept`` requests."""
        self._kept = kept
        self._seen: dict[str, None] = {}

    def is_first(self, key: str) -> bool:
        """Whether ``key``, which names a request and nobody can vary, is new; it is remembered from here on."""
        if key in self._seen:
            return False
        self._seen[key] = None
        if len(self._seen) > self._kept:
            del self._seen[next(iter(self._seen))]
        return True
