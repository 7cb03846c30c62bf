"""What our steps have in common: each runs in the task of who pushes to it, and hands audio on for little."""

from pipecat.frames.frames import AudioRawFrame, Frame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor


class DirectStep(FrameProcessor):
    """A step in pipecat's direct mode: a push is a call (docs/decisions/0014).

    Audio that goes downstream is given to the next step without pipecat's events and trace line for a push, which
    nobody hears or reads, and which take three times as long as all the rest.
    """

    def __init__(self) -> None:
        """Have no queue."""
        super().__init__(enable_direct_mode=True)

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Push a frame to the next step, or the one before."""
        following = self.next
        if isinstance(frame, AudioRawFrame) and direction is FrameDirection.DOWNSTREAM and following is not None:
            await following.queue_frame(frame, direction)
        else:
            await super().push_frame(frame, direction)
