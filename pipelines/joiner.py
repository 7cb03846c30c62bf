"""Short chunks of audio, joined before they enter the pipeline.

What a chunk costs on its way through the steps and to the upstream hardly depends on its length, and Silero judges
windows of 32 ms, so that a chunk of 20 ms alone would decide nothing.
"""

import math

from pipecat.frames.frames import InputAudioRawFrame

from protocol.messages import SAMPLE_BYTES
from protocol.serializer import PIPELINE_RATE_HZ

_LEAST_SECS = 0.032
_LEAST_BYTES = int(_LEAST_SECS * PIPELINE_RATE_HZ) * SAMPLE_BYTES


class ChunkJoiner:
    """Holds back audio of less than 32 ms until more comes: one of two chunks of 20 ms waits for the other.

    A stream that stops is pushed out by the silence that stands for what does not come (:mod:`pipelines.gap`).

    Attributes:
        held_bytes: What is held back.
    """

    def __init__(self) -> None:
        """Hold nothing."""
        self._held: list[bytes] = []
        self.held_bytes = 0

    def add(self, pcm: bytes) -> InputAudioRawFrame | None:
        """Take the next audio of the stream, at the pipeline's rate; gives what is to go on, if it is enough."""
        self._held.append(pcm)
        self.held_bytes += len(pcm)
        return self.release() if self.held_bytes >= _LEAST_BYTES else None

    def release(self) -> InputAudioRawFrame | None:
        """Give what is held back, for something comes that must not overtake it."""
        if not self.held_bytes:
            return None
        joined = InputAudioRawFrame(b"".join(self._held), PIPELINE_RATE_HZ, num_channels=1)
        self._held.clear()
        self.held_bytes = 0
        return joined

    def missing_chunks(self, chunk_bytes: int) -> int:
        """How many chunks of ``chunk_bytes`` have to come until something goes on."""
        return math.ceil((_LEAST_BYTES - self.held_bytes) / chunk_bytes)
