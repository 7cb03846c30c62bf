"""Writes finished turns to the log, for operators who asked for it."""

import logging

from pipecat.frames.frames import Frame
from pipecat.processors.frame_processor import FrameDirection
from pydantic import BaseModel, ConfigDict

from processors.context import SessionContext
from processors.direct_step import DirectStep
from processors.frames import ProtocolMessageFrame
from protocol.messages import TurnComplete

logger = logging.getLogger(__name__)


class TranscriptLogParams(BaseModel):
    """Parameters of :class:`TranscriptLog`.

    Attributes:
        enabled: Whether to write at all.
    """

    model_config = ConfigDict(extra="forbid")

    enabled: bool = True


class TranscriptLog(DirectStep):
    """Logs the texts of every turn at INFO; passes every frame on.

    Stands after the transcription forwarder, where it is enabled.
    """

    Params = TranscriptLogParams

    @classmethod
    def asked_for(cls, params: TranscriptLogParams, context: SessionContext) -> bool:
        """Whether the operator wants it."""
        return params.enabled

    def __init__(self, params: TranscriptLogParams, context: SessionContext):
        """Make the step for one session."""
        super().__init__()
        self._session_id = context.session_id

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Log finished turns."""
        await super().process_frame(frame, direction)
        if isinstance(frame, ProtocolMessageFrame) and isinstance(frame.message, TurnComplete):
            turn = frame.message
            fields = {"session_id": self._session_id, "source": turn.input_text, "target": turn.output_text}
            logger.info("turn", extra={"fields": fields})
        await self.push_frame(frame, direction)
