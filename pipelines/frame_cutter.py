"""Where WebSocket frames end in a stream of bytes, so that a parser can be given one at a time (RFC 6455, 5.2).

Nearly all frames of a client are plain: a whole message, short, masked, of no extension. Those are read here: with
a parser that is ready for everything else, taking in a chunk of 20 ms costs twice as much.
"""

from typing import Literal

from websockets.frames import apply_mask  # type: ignore[attr-defined]  # in C, where there is a compiled one

_SHORT_LENGTH = 125
_MASKED = 0x80
_MASK_BYTES = 4
_LENGTH_BYTES = {126: 2, 127: 8}

MessageType = Literal["text", "bytes"]
_WHOLE: dict[int, MessageType] = {0x81: "text", 0x82: "bytes"}
"""The first byte of a frame that is a message by itself, and the type of that."""


class FrameCutter:
    """Follows the frames of one direction, and reads the plain ones; it refuses nothing."""

    def __init__(self) -> None:
        """Stand where a frame begins."""
        self._left_bytes = 0

    @property
    def between_frames(self) -> bool:
        """Whether all of the frame before has been taken."""
        return not self._left_bytes

    def next_step(self, data: bytes | bytearray, most_bytes: int) -> int:
        """How much of ``data`` belongs to one frame, ``most_bytes`` at most; 0: not even its header is whole.

        ``data`` begins where the step before ended.
        """
        step = min(self._left_bytes or _frame_bytes(data), len(data), most_bytes)
        self._left_bytes = (self._left_bytes or _frame_bytes(data)) - step
        return step

    def take_plain(self, data: bytearray, most_bytes: int) -> tuple[MessageType, bytes] | None:
        """Take the frame at the start of ``data`` out of it, where it is all there, and a whole message.

        ``data`` begins where the step before ended, and no message in fragments is under way.

        Returns:
            The message's type and content; ``None`` where it takes a parser to say what comes: a control frame, a
            fragment, more than ``most_bytes``, something that is missing or wrong.
        """
        if self._left_bytes or len(data) < 2 or not data[1] & _MASKED:
            return None
        message_type = _WHOLE.get(data[0])
        end = _frame_bytes(data)
        if message_type is None or not end or end > min(len(data), most_bytes):
            return None
        content_at = 2 + _MASK_BYTES + _LENGTH_BYTES.get(data[1] & 0x7F, 0)
        content = apply_mask(data[content_at:end], data[content_at - _MASK_BYTES : content_at])
        del data[:end]
        return message_type, content


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
