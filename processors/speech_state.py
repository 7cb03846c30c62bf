"""What the interpreter makes of the speaker: ``speaking``, ``processing`` or ``silent``."""

import time
from collections.abc import Callable
from typing import Literal

from pipecat.frames.frames import (
    Frame,
    LLMFullResponseStartFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pydantic import BaseModel, ConfigDict

from processors.context import SessionContext
from processors.direct_step import DirectStep
from processors.frames import (
    OutputRestartedFrame,
    ProtocolMessageFrame,
    SpeechDroppedFrame,
    UtteranceEndedFrame,
    UtteranceServedFrame,
)
from protocol.messages import SpeechState

State = Literal["speaking", "silent", "processing"]


class SpeechStateEmitterParams(BaseModel):
    """:class:`SpeechStateEmitter` has no parameters."""

    model_config = ConfigDict(extra="forbid")


class SpeechStateEmitter(DirectStep):
    """Sends ``speech_state`` on every change; passes every frame on.

    ``UserStoppedSpeakingFrame`` counts as an utterance that awaits output, ``LLMFullResponseStartFrame`` as the
    first output of the oldest one, or its being given up; ``OutputRestartedFrame`` takes that back. An engine that
    interprets while somebody speaks says in ``UtteranceEndedFrame`` that an utterance had output before its end,
    and by ``UtteranceServedFrame`` that one awaits none any more.
    """

    Params = SpeechStateEmitterParams

    def __init__(
        self,
        params: SpeechStateEmitterParams,
        context: SessionContext,
        *,
        wall_clock: Callable[[], float] = time.time,
    ):
        """Make the step for one session; ``wall_clock`` gives Unix seconds."""
        super().__init__()
        self._wall_clock = wall_clock
        self._voice_active = False
        self._awaiting_output = 0
        self._state: State = "silent"

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Follow voice, utterances and responses."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.DOWNSTREAM:
            await self._follow(frame)
        await self.push_frame(frame, direction)

    async def _follow(self, frame: Frame) -> None:
        match frame:
            case VADUserStartedSpeakingFrame():
                self._voice_active = True
            case VADUserStoppedSpeakingFrame():
                self._voice_active = False
                await self._show("silent")
            case UtteranceEndedFrame(awaits_output=False):
                return
            case UserStoppedSpeakingFrame() | OutputRestartedFrame(response_begun=True):
                self._awaiting_output += 1
            case LLMFullResponseStartFrame() | SpeechDroppedFrame(whole_utterance=True) | UtteranceServedFrame():
                self._awaiting_output = max(0, self._awaiting_output - 1)
            case _:
                return
        await self._show(self._current)

    @property
    def _current(self) -> State:
        if self._voice_active:
            return "speaking"
        return "processing" if self._awaiting_output > 0 else "silent"

    async def _show(self, state: State) -> None:
        if state == self._state:
            return
        self._state = state
        message = SpeechState(state=state, timestamp=int(self._wall_clock() * 1000))
        await self.push_frame(ProtocolMessageFrame(message))
