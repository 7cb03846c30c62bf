"""Short chunks of audio, joined before they enter the pipeline.

What a chunk costs on its way through the steps and to the upstream hardly depends on its length, and Silero judges
windows of 32 ms, so that a chunk of 20 ms alone would decide nothing.
"""

from pipecat.frames.frames import Frame, InputAudioRawFrame

from protocol.messages import SAMPLE_BYTES
from protocol.serializer import PIPELINE_RATE_HZ

_LEAST_SECS = 0.032
_LEAST_BYTES = int(_LEAST_SECS * PIPELINE_RATE_HZ) * SAMPLE_BYTES


class ChunkJoiner:
    """Holds back audio of less than 32 ms until more comes: one of two chunks of 20 ms waits for the other.

    Other frames keep their place in the stream, and push out what is held back. A stream that stops is pushed out
    by the silence that stands for what does not come (:mod:`pipelines.gap`).

    Attributes:
        held_bytes: What is held back.
    """

    def __init__(self) -> None:
        """Hold nothing."""
        self._held: list[bytes] = []
        self.held_bytes = 0

    def add(self, frame: Frame) -> list[Frame]:
        """Take the next frame of the stream; gives what is to go on, in order."""
        if not isinstance(frame, InputAudioRawFrame):
            return [*self._release(), frame]
        if not self._held and len(frame.audio) >= _LEAST_BYTES:
            return [frame]
        self._held.append(frame.audio)
        self.held_bytes += len(frame.audio)
        return self._release() if self.held_bytes >= _LEAST_BYTES else []

    def _release(self) -> list[Frame]:
        if not self.held_bytes:
            return []
        joined = InputAudioRawFrame(b"".join(self._held), PIPELINE_RATE_HZ, num_channels=1)
        self._held.clear()
        self.held_bytes = 0
        return [joined]
