"""Target ``pcm``: the audio in a message or a binary frame, against a second reading of base64 and of PCM.

The first byte of an input is the longest chunk that is allowed, in pairs of bytes; the rest is the audio.
"""

import base64
import re

from protocol.errors import ErrorCode, Fault
from protocol.messages import Audio, checked_pcm

LONGEST_BYTES = 1024
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def check(data: bytes) -> None:
    """Read the input as PCM, as base64, and as what base64 makes of it.

    Raises:
        AssertionError: A law is broken.
    """
    most, content = 2 * (data[0] if data else 0), data[1:]
    _same(checked_pcm(content, most), _samples(content, most))
    text = content.decode(errors="replace")
    raw = text.encode()
    read = base64.b64decode(raw) if _BASE64.fullmatch(raw) else b""
    _same(Audio(data=text).pcm(most), _samples(read, most))
    _same(Audio(data=base64.b64encode(content).decode()).pcm(most), _samples(content, most))


def _samples(pcm: bytes, most: int) -> bytes | None:
    return pcm if 0 < len(pcm) <= most and len(pcm) % 2 == 0 else None


def _same(got: bytes | Fault, expected: bytes | None) -> None:
    if isinstance(got, Fault):
        assert got.code is ErrorCode.INVALID_AUDIO
        assert got.message.isprintable()
        got_pcm = None
    else:
        got_pcm = got
    assert got_pcm == expected, f"{got!r}, expected {expected!r}"
