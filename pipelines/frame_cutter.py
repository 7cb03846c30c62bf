"""Where WebSocket frames end in a stream of bytes, so that a parser can be given one at a time (RFC 6455, 5.2)."""

_SHORT_LENGTH = 125
_MASKED = 0x80
_MASK_BYTES = 4
_LENGTH_BYTES = {126: 2, 127: 8}


class FrameCutter:
    """Follows the frames of one direction; knows nothing of their content, and refuses nothing."""

    def __init__(self) -> None:
        """Stand where a frame begins."""
        self._left_bytes = 0

    def next_step(self, data: bytes | bytearray, most_bytes: int) -> int:
        """How much of ``data`` belongs to one frame, ``most_bytes`` at most; 0: not even its header is whole.

        ``data`` begins where the step before ended.
        """
        step = min(self._left_bytes or _frame_bytes(data), len(data), most_bytes)
        self._left_bytes = (self._left_bytes or _frame_bytes(data)) - step
        return step


def _frame_bytes(data: bytes | bytearray) -> int:
    """The length of the frame at the start of ``data``, header included; 0: the header is not whole."""
    if len(data) < 2:
        return 0
    length = data[1] & 0x7F
    head = 2 + (_MASK_BYTES if data[1] & _MASKED else 0)
    if length > _SHORT_LENGTH:
        extra = _LENGTH_BYTES[length]
        if len(data) < 2 + extra:
            return 0
        head += extra
        length = int.from_bytes(data[2 : 2 + extra], "big")
    return head + length
