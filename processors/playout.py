"""How long a client will still be playing what it was sent: it plays pieces one after the other, in real time."""

from collections.abc import Callable


class Playout:
    """The estimated end of what was sent for playing."""

    def __init__(self, clock: Callable[[], float]):
        """Nothing was sent; ``clock`` gives seconds."""
        self._clock = clock
        self._until = 0.0

    @property
    def left_secs(self) -> float:
        """How much the client has still to play."""
        return max(0.0, self._until - self._clock())

    def add(self, duration_secs: float) -> None:
        """A piece was sent."""
        self._until = self._clock() + self.left_secs + duration_secs

    def drop(self) -> None:
        """The client was told to drop what it holds."""
        self._until = 0.0
