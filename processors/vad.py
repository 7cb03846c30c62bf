"""Voice activity and utterances, marked in the stream of input audio."""

import asyncio
from collections import deque
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameCallback, FrameDirection, FrameProcessor
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from processors.analyzer_detector import AnalyzerDetector
from processors.context import SessionContext
from processors.foreign_detector import ProviderName, UnusableDetectorError, check_detector, make_detector
from processors.frames import DrainFrame, UtteranceEndedFrame, UtteranceStartedFrame
from processors.segmentation import (
    Mark,
    SegmentationTimes,
    UtteranceEnded,
    UtteranceSegmenter,
    UtteranceStarted,
    VoiceStarted,
    VoiceStopped,
)
from processors.silero import UnusableModelError, load_model
from processors.silero_file import silero_file
from processors.voice_detectors import (
    OUR_PROVIDERS,
    RATE_HZ,
    EnergyDetector,
    Samples,
    SileroDetector,
    VoiceDetector,
)

_SAMPLE_BYTES = 2
_HANGOVER_FRAME_SECS = 0.02
_FULL_SCALE = np.float32(1 / 32768)
_BEHIND_FRAMES = 4
"""So many frames of audio that wait are a backlog, which the step judges alone, as fast as the processor goes."""
_WINDOWS_IN_A_ROW = 8
"""Less than a millisecond of Silero's model."""


class VadParams(BaseModel):
    """Parameters of :class:`Vad`.

    Attributes:
        provider: Who judges: Silero's model, loudness, or by import path (``package.module:Class``) somebody
            else's :class:`~processors.voice_detectors.VoiceDetector` or ``VADAnalyzer`` of pipecat's, which is made
            and tried once to check it.
        provider_params: Keyword arguments for such a class.
        model_file: For ``silero``: an ONNX file of the model; ``None`` becomes the one that is used then
            (:func:`~processors.silero_file.silero_file`).
        threshold: For ``energy``: mean absolute amplitude, 0 to 32768. 0 switches the step off whatever the
            provider, so that the engine detects activity itself.
        confidence: For ``silero`` and analyzers: the score from which a window is voice.
        hangover_frames: Frames of 20 ms of audio without voice after which voice is no longer active.
        end_of_utterance_ms: Silence that ends an utterance, in ms of audio; never less than the hangover.
        soft_utterance_secs: Length from which a long utterance is cut at a quiet place.
        max_utterance_secs: Length at which it is cut in any case; 0: never.
    """

    model_config = ConfigDict(extra="forbid")

    provider: ProviderName = "silero"
    provider_params: dict[str, Any] = Field(default_factory=dict)
    model_file: Path | None = None
    threshold: Annotated[float, Field(ge=0, le=32768)] = 500
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.5
    hangover_frames: Annotated[int, Field(ge=1)] = 15
    end_of_utterance_ms: Annotated[int, Field(ge=0)] = 700
    soft_utterance_secs: Annotated[float, Field(ge=0)] = 10.0
    max_utterance_secs: Annotated[float, Field(ge=0)] = 15.0

    @model_validator(mode="after")
    def _provider_is_usable(self) -> "VadParams":
        try:
            if self.provider not in OUR_PROVIDERS:
                check_detector(self.provider, self.provider_params, self.confidence)
            elif self.provider_params:
                message = f"expected none with provider '{self.provider}'"
                raise UnusableDetectorError(message, ("provider_params",), self.provider_params)
            self._use_model_file()
        except UnusableDetectorError as error:
            fault = PydanticCustomError("provider", str(error))
            raise ValidationError.from_exception_data(
                type(self).__name__, [InitErrorDetails(type=fault, loc=error.place, input=error.got)]
            ) from error
        return self

    def _use_model_file(self) -> None:
        named = self.model_file
        if self.provider != "silero":
            if named is not None:
                message = f"expected none with provider '{self.provider}'"
                raise UnusableDetectorError(message, ("model_file",), str(named))
            return
        self.model_file = file = silero_file(named)
        if named is None and not file.is_file():
            return  # a damaged installation, which Vad.missing tells
        try:
            load_model(file)
        except UnusableModelError as error:
            message = f"expected an ONNX file of Silero's voice activity model ({error})"
            raise UnusableDetectorError(message, ("model_file",), str(file)) from error

    def make_detector(self) -> VoiceDetector:
        """A detector for one session."""
        match self.provider:
            case "silero":
                return SileroDetector(load_model(self.model_file or silero_file()), self.confidence)
            case "energy":
                return EnergyDetector(self.threshold)
            case path:
                return make_detector(path, self.provider_params, self.confidence)

    def times(self) -> SegmentationTimes:
        """The same as times."""
        hangover_secs = self.hangover_frames * _HANGOVER_FRAME_SECS
        return SegmentationTimes(
            hangover_secs=hangover_secs,
            end_of_utterance_secs=max(hangover_secs, self.end_of_utterance_ms / 1000),
            soft_limit_secs=min(self.soft_utterance_secs, self.max_utterance_secs),
            hard_limit_secs=self.max_utterance_secs,
        )


class Vad(FrameProcessor):
    """Pushes marks into the stream, each before the audio in which it lies; never drops audio.

    Voice goes as pipecat's ``VADUserStartedSpeakingFrame`` and ``VADUserStoppedSpeakingFrame``, utterances as
    :class:`~processors.frames.UtteranceStartedFrame` and :class:`~processors.frames.UtteranceEndedFrame`. All that
    counts is audio time, so the client's chunk length makes no difference.

    At a :class:`~processors.frames.DrainFrame` an utterance that is being spoken goes on to its end, or to the next
    cut; then, or where none is, the step hears nothing more.
    """

    Params = VadParams

    def __init__(self, params: VadParams, context: SessionContext):
        """Make the step for one session; input audio is PCM s16le mono at 16 kHz."""
        super().__init__()
        self._params = params
        self._pending = b""
        self._position = 0
        self._detector = params.make_detector()
        self._sharing = self._detector if isinstance(self._detector, SileroDetector) else None
        self._segmenter = UtteranceSegmenter(
            params.times(), rate_hz=RATE_HZ, window_samples=self._detector.window_samples
        )
        self._utterance_open = False
        self._voiced = False
        self._deaf = not self.marks_utterances
        self._draining = False
        self._held: DrainFrame | None = None
        self._waiting: deque[int] = deque()
        self._judged_alone = 0

    @classmethod
    def missing(cls, params: VadParams) -> list[str]:
        """What is not there that the step needs: the model's file, where Silero's model judges."""
        if params.provider != "silero" or params.model_file is None or params.model_file.is_file():
            return []
        return [f"no model file {params.model_file}: pip install --force-reinstall pipecat-ai"]

    async def cleanup(self) -> None:
        """Let an analyzer of pipecat's release what it holds."""
        await super().cleanup()  # type: ignore[no-untyped-call]  # pipecat leaves its return type out
        if isinstance(self._detector, AnalyzerDetector):
            await self._detector.cleanup()

    @property
    def marks_utterances(self) -> bool:
        """Whether later steps can rely on utterance marks; ``False`` when the step is switched off."""
        return self._params.threshold > 0

    @property
    def silence_to_end_secs(self) -> float | None:
        """How much silence ends an utterance; ``None`` when the step is switched off."""
        return self._params.times().end_of_utterance_secs if self.marks_utterances else None

    def queue_depths(self) -> dict[str, float]:
        """Audio that waits to be judged, in bytes."""
        return {"vad": sum(self._waiting)}

    async def queue_frame(
        self,
        frame: Frame,
        direction: FrameDirection = FrameDirection.DOWNSTREAM,
        callback: FrameCallback | None = None,
    ) -> None:
        """Take note of audio that comes."""
        if isinstance(frame, InputAudioRawFrame):
            self._waiting.append(len(frame.audio))
        await super().queue_frame(frame, direction, callback)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Mark audio; pass everything on."""
        if isinstance(frame, InputAudioRawFrame) and self._waiting:
            self._waiting.popleft()
        await super().process_frame(frame, direction)
        if isinstance(frame, DrainFrame):
            await self._drain(frame)
            return
        if not self._deaf and isinstance(frame, InputAudioRawFrame):
            await self._push_marks(await self._analyze(frame.audio))
            self._position += len(frame.audio) // _SAMPLE_BYTES
            await self._release_drain()
        await self.push_frame(frame, direction)

    async def _push_marks(self, marks: list[Mark]) -> None:
        for mark in marks:
            await self.push_frame(self._frame_of(mark))

    async def _analyze(self, audio: bytes) -> list[Mark]:
        """Hear the audio window by window."""
        self._pending += audio
        window_bytes = self._detector.window_samples * _SAMPLE_BYTES
        marks: list[Mark] = []
        while len(self._pending) >= window_bytes and not self._deaf:
            pcm = np.frombuffer(self._pending, "<i2", self._detector.window_samples)
            self._pending = self._pending[window_bytes:]
            window = pcm.astype(np.float32) * _FULL_SCALE
            marks += self._follow(window, await self._is_voice(window, hurry=len(self._pending) >= window_bytes))
        return marks

    async def _is_voice(self, window: Samples, *, hurry: bool) -> bool:
        quiet, hurry = self._segmenter.quiet, hurry or bool(self._waiting)
        if self._sharing is not None and len(self._waiting) < _BEHIND_FRAMES:
            return await self._sharing.hear(window, quiet=quiet, hurry=hurry)
        self._judged_alone += 1
        if hurry and self._judged_alone % _WINDOWS_IN_A_ROW == 0:
            await asyncio.sleep(0)  # others have their turn
        return self._detector.is_voice(window, quiet=quiet)

    def _follow(self, window: Samples, voiced: bool) -> list[Mark]:
        self._voiced = voiced
        marks = self._segmenter.feed(voiced, float(np.dot(window, window)) / len(window))
        was_open = self._utterance_open
        for mark in marks:
            if isinstance(mark, UtteranceStarted | UtteranceEnded):
                self._utterance_open = isinstance(mark, UtteranceStarted)
        last_ended = was_open and not self._utterance_open
        if self._draining and not self._utterance_open and (last_ended or not self._voiced):
            marks += self._go_deaf()
        return marks

    # Draining

    async def _drain(self, frame: DrainFrame) -> None:
        """Hear nothing more, as soon as no utterance is open."""
        self._draining, self._held = True, frame
        if not (self._deaf or self._utterance_open or self._voiced):
            await self._push_marks(self._go_deaf())
        await self._release_drain()

    async def _release_drain(self) -> None:
        """Pass the frame on once it is known which utterance is the last: voice may be the first of one."""
        if self._held is not None and (self._deaf or self._utterance_open):
            frame, self._held = self._held, None
            await self.push_frame(frame)

    def _go_deaf(self) -> list[Mark]:
        self._deaf = True
        return [] if self._segmenter.quiet else [VoiceStopped()]

    def _frame_of(self, mark: Mark) -> Frame:
        """The frame for ``mark``; its offset is counted from the audio that is about to be pushed."""
        match mark:
            case VoiceStarted():
                return VADUserStartedSpeakingFrame()
            case VoiceStopped():
                return VADUserStoppedSpeakingFrame(stop_secs=self._params.hangover_frames * _HANGOVER_FRAME_SECS)
            case UtteranceStarted():
                return UtteranceStartedFrame(mark.at - self._position, mark.continued)
            case UtteranceEnded():
                return UtteranceEndedFrame(mark.at - self._position)
