"""What a pipeline still owes its client: utterances that have begun, by the frames that reach its end."""

import asyncio
import contextlib

from pipecat.frames.frames import (
    Frame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)

from processors.frames import DrainFrame, OutputRestartedFrame, SpeechDroppedFrame, UtteranceServedFrame

_SETTLING_SECS = 5.0
"""Where the upstream finds the utterances: how long nothing has to be heard of any. Its first text comes up to 2 s
after the end of speech (google-gemini/gemini-live-api-examples #37)."""


class OpenTurns:
    """Follows any engine that emits pipecat's standard frames.

    A response answers the oldest finished utterance: ``LLMFullResponseStartFrame`` as its first output, or as its
    being given up. Where no step marks utterances, one shows only when it is recognised.

    Attributes:
        ended: How many turns are over, those included of which nothing came.
    """

    def __init__(self, *, marked: bool):
        """Begin with none open.

        Args:
            marked: A step of the pipeline marks where utterances start and end.
        """
        self._marked = marked
        self._speaking = False
        self._unanswered = 0
        self._responding = False
        self._sounding = False
        self._draining = False
        self._changed = asyncio.Event()
        self.ended = 0

    @property
    def begun(self) -> int:
        """How many turns there were, with what is being said, waits for its answer, or is being answered."""
        return self.ended + self._speaking + self._unanswered + self._responding

    @property
    def open(self) -> bool:
        """Whether something is being said, waits for its answer, or is being answered."""
        return self._speaking or self._unanswered > 0 or self._responding or self._sounding

    def follow(self, frame: Frame) -> None:
        """Take notice of a frame that reached the end of the pipeline."""
        match frame:
            case UserStartedSpeakingFrame() if not self._draining:
                self._speaking = True
            case UserStoppedSpeakingFrame() if self._speaking or not self._marked:
                self._speaking = False
                self._unanswered += getattr(frame, "awaits_output", True)
            case OutputRestartedFrame(response_begun=True):
                self._responding = False
                self._unanswered += 1
            case LLMFullResponseStartFrame() if not self._responding:
                self._responding = True
                self._answer_oldest()
            case SpeechDroppedFrame(whole_utterance=True) | UtteranceServedFrame():
                self._answer_oldest()
            case LLMFullResponseEndFrame():
                self._responding = False
                self.ended += 1
            case TTSStartedFrame() | TTSStoppedFrame():
                self._sounding = isinstance(frame, TTSStartedFrame)
            case DrainFrame():
                self._draining = True
            case _:
                return
        self._changed.set()

    async def drained(self) -> None:
        """Wait until everything is answered that had begun before the ``DrainFrame``."""
        while self.open or not self._draining or not await self._settled():
            self._changed.clear()
            await self._changed.wait()

    async def _settled(self) -> bool:
        """Whether nothing shows that was not marked: somebody may be speaking without our knowing."""
        if self._marked:
            return True
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SETTLING_SECS):
                await self._changed.wait()
                return False
        return True

    def _answer_oldest(self) -> None:
        self._unanswered = max(0, self._unanswered - 1)
