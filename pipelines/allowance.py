"""How often something may happen: a number of times at once, then at a steady rate."""

from collections.abc import Callable


class Allowance:
    """A bucket that starts full and fills again as time passes."""

    def __init__(self, most: int, refill_secs: float, *, clock: Callable[[], float]):
        """Begin with all of it.

        Args:
            most: How often at once.
            refill_secs: After how long it may happen once more.
            clock: Gives seconds.
        """
        self._most = most
        self._refill_secs = refill_secs
        self._clock = clock
        self._left = float(most)
        self._counted_at = clock()

    @property
    def full(self) -> bool:
        """Whether nothing happened for so long that it does not count any more."""
        return self._count() >= self._most

    @property
    def used_up(self) -> bool:
        """Whether it may not happen at the moment."""
        return self._count() < 1

    def take(self) -> bool:
        """Let it happen once, where it may."""
        if self.used_up:
            return False
        self._left -= 1
        return True

    def _count(self) -> float:
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._counted_at) / self._refill_secs)
        self._counted_at = now
        return self._left
