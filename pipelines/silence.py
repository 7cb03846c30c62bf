"""The silence that ends what is being said where nothing more will be heard of it."""

import math
from typing import Protocol

from pipecat.frames.frames import Frame, InputAudioRawFrame

from protocol.messages import SAMPLE_BYTES
from protocol.serializer import PIPELINE_RATE_HZ

_LONGEST_SECS = 5.0
"""Where the upstream finds the utterances, and any silence may be too short for it."""
_PIECE_MS = 100


class Hearer(Protocol):
    """What hears speech; see :class:`pipelines.strand.Strand`."""

    @property
    def longest_gap_secs(self) -> float:
        """How much silence has to stand for a gap in the speech that it hears."""

    def put(self, frame: Frame) -> None:
        """Let it hear audio at 16 kHz."""


def put_silence(hearer: Hearer) -> None:
    """Let what is being said come to its end."""
    secs = hearer.longest_gap_secs
    silence_ms = 1000 * (secs if math.isfinite(secs) else _LONGEST_SECS)
    audio = bytes(PIPELINE_RATE_HZ * _PIECE_MS // 1000 * SAMPLE_BYTES)
    for _ in range(math.ceil(silence_ms / _PIECE_MS)):
        hearer.put(InputAudioRawFrame(audio=audio, sample_rate=PIPELINE_RATE_HZ, num_channels=1))
