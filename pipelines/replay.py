"""What was sent to a client, kept for a while: nobody knows how much of it arrived."""

from collections import deque
from itertools import islice

from protocol.numbering import numbered

_FRAME_BYTES = 128
"""What a frame counts as, beside its content."""


class ReplayBuffer:
    """Numbers frames, and keeps the newest of them.

    The frames are the very objects that wait to be written, so what is kept here and waits there costs memory once.

    Attributes:
        last_seq: The number of the newest frame; 0 before the first.
        held_bytes: What is kept; a character outside ASCII counts as the four bytes that it may take.
    """

    def __init__(self, capacity_bytes: int):
        """Keep up to ``capacity_bytes``: the oldest frames go first."""
        self._capacity_bytes = capacity_bytes
        self._frames: deque[str | bytes] = deque()
        self.last_seq = 0
        self.held_bytes = 0

    def add(self, frame: str | bytes) -> str | bytes:
        """Number and keep a frame.

        Args:
            frame: Content of a text frame, which is to carry its number, or of a binary one, which does not.

        Returns:
            The frame as it goes out.
        """
        self.last_seq += 1
        kept = numbered(frame, self.last_seq) if isinstance(frame, str) else frame
        self._frames.append(kept)
        self.held_bytes += _size_of(kept)
        while self.held_bytes > self._capacity_bytes:
            self._drop_oldest()
        return kept

    def after(self, seq: int) -> list[str | bytes] | None:
        """The frames after number ``seq``, or ``None`` where they are not all there, or ``seq`` is yet to come."""
        first_kept = self.last_seq - len(self._frames)
        if not first_kept <= seq <= self.last_seq:
            return None
        return list(islice(self._frames, seq - first_kept, None))

    def acknowledge(self, seq: int) -> None:
        """Drop the frames up to number ``seq``: the client has them."""
        while self._frames and self.last_seq - len(self._frames) < seq:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        self.held_bytes -= _size_of(self._frames.popleft())


def _size_of(frame: str | bytes) -> int:
    wide = isinstance(frame, str) and not frame.isascii()
    return _FRAME_BYTES + (4 * len(frame) if wide else len(frame))
