"""Numbers in sound: which chunk of which client, or which piece of which answer, a stretch of PCM is.

The lowest bit of each sample of a piece is cleared; in its first samples it spells who sent it and its number.
Nobody hears it, voice activity does not change, and :class:`MarkFinder` finds each number again in whatever pieces
the sound comes. Both take a few µs for a piece: bytes are put together and searched, Python looks at no sample.
"""

import numpy as np

MARK_SAMPLES = 64
"""How many samples at the start of a piece carry its mark."""
_MAGIC = bytes([1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 0, 1])
_SENDER_BITS, _NUMBER_BITS, _CHECK_BITS = 12, 20, 16
_BITS_OF_BYTE = [bytes(value >> place & 1 for place in reversed(range(8))) for value in range(256)]
_LOWEST_BIT = bytes(value & 1 for value in range(256))
_DIGITS = bytes(b"01"[value] if value < 2 else 0 for value in range(256))
SENDERS = 2**_SENDER_BITS
"""How many senders can be told apart."""
NUMBERS = 2**_NUMBER_BITS
"""How many pieces of one sender can be told apart: chunks of five hours."""


def prepared(pcm: bytes) -> bytes:
    """PCM s16le with the lowest bit of each sample cleared."""
    return (np.frombuffer(pcm, "<i2") & ~np.int16(1)).astype("<i2").tobytes()


def low_bytes(pcm: bytes) -> int:
    """The low bytes of the samples that will carry the mark, as :func:`mark` wants them.

    Args:
        pcm: A piece from :func:`prepared`, of :data:`MARK_SAMPLES` samples or more.
    """
    return int.from_bytes(pcm[: 2 * MARK_SAMPLES : 2])


def mark(low: int, sender: int, number: int) -> bytes:
    """The low bytes of the first samples of a piece, with its mark in them: every second byte from its first on.

    Args:
        low: From :func:`low_bytes`.
        sender: Less than :data:`SENDERS`.
        number: Less than :data:`NUMBERS`.
    """
    content = sender << _NUMBER_BITS | number
    check = _check(content)
    table = _BITS_OF_BYTE
    bits = (
        _MAGIC
        + table[content >> 24]
        + table[content >> 16 & 255]
        + table[content >> 8 & 255]
        + table[content & 255]
        + table[check >> 8]
        + table[check & 255]
    )
    return (low | int.from_bytes(bits)).to_bytes(MARK_SAMPLES)


def marked(pcm: bytes, sender: int, number: int) -> bytes:
    """A piece from :func:`prepared`, with its mark in it."""
    piece = bytearray(pcm)
    piece[: 2 * MARK_SAMPLES : 2] = mark(low_bytes(pcm), sender, number)
    return bytes(piece)


class MarkFinder:
    """Finds the marks in a stream of PCM, however it is cut."""

    def __init__(self) -> None:
        """Start with an empty stream."""
        self._tail = b""

    def feed(self, pcm: bytes) -> list[tuple[int, int]]:
        """Take the next samples; senders and numbers of the marks that end in them, in order.

        Args:
            pcm: Whole samples, s16le.
        """
        bits = self._tail + pcm[::2].translate(_LOWEST_BIT)
        found = []
        begin, searched = 0, len(bits) - MARK_SAMPLES + 1
        while 0 <= (start := bits.find(_MAGIC, begin)) < searched:
            body = int(bits[start + len(_MAGIC) : start + MARK_SAMPLES].translate(_DIGITS), 2)
            content = body >> _CHECK_BITS
            if body & (2**_CHECK_BITS - 1) == _check(content):
                found.append((content >> _NUMBER_BITS, content & (NUMBERS - 1)))
                begin = start + MARK_SAMPLES
            else:
                begin = start + 1
        self._tail = bits[start if start >= 0 else max(begin, searched, 0) :]
        return found


def _check(content: int) -> int:
    """Never right by zeros alone, which follow a mark that is cut off."""
    return ((content * 0x9E3779B1 >> 16) & 0xFFFF) ^ 0x5A5A
