"""Pieces of audio that may come in another order than they were spoken in, by their numbers (pure)."""

HELD_PIECES = 5
"""How many wait for one that has not come: 100 ms of pieces of 20 ms. Then it is given up."""
RESTART = 100
"""How far below what is expected a number is not late, but of a count that began anew: 2 s."""


class Reordering:
    """Hands on numbered pieces in the order of their numbers, each once."""

    def __init__(self) -> None:
        """Start with whatever number comes first."""
        self._next: int | None = None
        self._held: dict[int, bytes] = {}

    def take(self, number: int | None, piece: bytes) -> bytes:
        """Take a piece.

        Args:
            number: Its place; None where it has none: then it is handed on at once.
            piece: Its audio.

        Returns:
            All audio whose turn has come, in order; empty if an earlier piece is still to come, or if this one came
            before, or so late that it was given up.
        """
        if number is None:
            return piece
        if self._next is None or number < self._next - RESTART:
            self._next = number
            self._held.clear()
        if number < self._next:
            return b""
        self._held[number] = piece
        if len(self._held) > HELD_PIECES:
            self._next = min(self._held)
        due = bytearray()
        while self._next in self._held:
            due += self._held.pop(self._next)
            self._next += 1
        return bytes(due)
