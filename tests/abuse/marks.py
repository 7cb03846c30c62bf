"""Numbers in speech: which chunk of which client a stretch of audio is, wherever it turns up.

The lowest bit of each sample of a chunk is cleared; in the first samples it spells the client and the chunk. Nobody
hears it, voice activity does not change, and a receiver finds each chunk again in whatever pieces it comes.
"""

import numpy as np

CHUNK_SAMPLES = 320
"""20 ms at 16 kHz, the rate at which the server passes audio on unchanged."""
_MAGIC = np.array([1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 0, 1], np.uint8)
_CLIENT_BITS, _CHUNK_BITS = 8, 24
_CHECK_BITS = 16
_MARK_SAMPLES = len(_MAGIC) + _CLIENT_BITS + _CHUNK_BITS + _CHECK_BITS


def marked(pcm: bytes, client: int, chunk: int) -> bytes:
    """A chunk of PCM s16le mono with its numbers in it.

    Args:
        pcm: :data:`CHUNK_SAMPLES` samples.
        client: 0 to 255.
        chunk: 0 to 2**24 - 1.
    """
    samples = np.frombuffer(pcm, "<i2") & ~np.int16(1)
    number = (client << _CHUNK_BITS) | chunk
    bits = np.concatenate((_MAGIC, _bits(number, _CLIENT_BITS + _CHUNK_BITS), _bits(_check(number), _CHECK_BITS)))
    samples[:_MARK_SAMPLES] |= bits
    return samples.astype("<i2").tobytes()


def found_marks(pcm: bytes) -> list[tuple[int, int, int]]:
    """Where marks end in ``pcm``, and what they say: offset of the sample after the mark, client, chunk."""
    bits = (np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2") & 1).astype(np.uint8)
    if len(bits) < _MARK_SAMPLES:
        return []
    windows = np.lib.stride_tricks.sliding_window_view(bits, len(_MAGIC))
    starts = np.flatnonzero((windows == _MAGIC).all(axis=1))
    found = []
    for start in starts[starts <= len(bits) - _MARK_SAMPLES]:
        body = bits[start + len(_MAGIC) : start + _MARK_SAMPLES]
        number = _number(body[:-_CHECK_BITS])
        if _number(body[-_CHECK_BITS:]) == _check(number):
            found.append((int(start) + _MARK_SAMPLES, number >> _CHUNK_BITS, number & (2**_CHUNK_BITS - 1)))
    return found


def _check(number: int) -> int:
    return ((number * 40503 + 12345) >> 7) & 0xFFFF


def _bits(number: int, count: int) -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    return np.array([number >> place & 1 for place in reversed(range(count))], np.uint8)


def _number(bits: "np.ndarray[tuple[int], np.dtype[np.uint8]]") -> int:
    return int("".join(map(str, bits.tolist())), 2)
