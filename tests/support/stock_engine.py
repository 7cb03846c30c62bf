"""A stand-in for a stock realtime service of pipecat's: says what a test lets it say, in the ways of those."""

from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

BEGIN, END = "begin", "end"


class StockEngine(FrameProcessor):
    """Notes what it hears and passes everything on, as such services do.

    Attributes:
        heard: Audio, and ``BEGIN`` and ``END`` where it was told of an utterance.
        contexts: How many contexts came.
    """

    def __init__(self) -> None:
        """Hear nothing so far."""
        super().__init__()
        self.heard: list[bytes | str] = []
        self.contexts = 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take note; pass on."""
        await super().process_frame(frame, direction)
        match frame:
            case InputAudioRawFrame():
                self.heard.append(frame.audio)
            case UserStartedSpeakingFrame():
                self.heard.append(BEGIN)
            case UserStoppedSpeakingFrame():
                self.heard.append(END)
            case LLMContextFrame():
                self.contexts += 1
        await self.push_frame(frame, direction)

    async def say(self, *frames: Frame) -> None:
        """Push frames downstream."""
        for frame in frames:
            await self.push_frame(frame)

    async def say_upstream(self, *frames: Frame) -> None:
        """Push frames upstream, as such services do with the source text."""
        for frame in frames:
            await self.push_frame(frame, FrameDirection.UPSTREAM)

    async def begin_answer(self, text: str = "Hello.", audio: bytes = b"\1\0") -> None:
        """The first of an answer: its start twice, its text twice, a piece of speech."""
        await self.say(LLMFullResponseStartFrame(), TTSStartedFrame(), LLMFullResponseStartFrame())
        await self.say(LLMTextFrame(text), target_text(text), speech(audio))

    async def end_answer(self) -> None:
        """The end of it."""
        await self.say(TTSStoppedFrame(), LLMFullResponseEndFrame())

    async def answer(self, text: str = "Hello.", audio: bytes = b"\1\0") -> None:
        """A whole answer."""
        await self.begin_answer(text, audio)
        await self.end_answer()


def target_text(text: str) -> TTSTextFrame:
    """A piece of target text with its spaces."""
    frame = TTSTextFrame(text, "token")
    frame.includes_inter_frame_spaces = True
    return frame


def speech(audio: bytes) -> TTSAudioRawFrame:
    """A piece of speech at 24 kHz."""
    return TTSAudioRawFrame(audio, 24_000, 1)
