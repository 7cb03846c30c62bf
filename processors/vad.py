"""Voice activity and utterances, marked in the stream of input audio."""

import asyncio

import numpy as np
from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InputAudioRawFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.utils.errors import ErrorCategory

from processors.analyzer_detector import AnalyzerDetector
from processors.context import SessionContext
from processors.direct_step import DirectStep
from processors.frames import BACKLOG_BYTES, DrainFrame, UtteranceEndedFrame, UtteranceStartedFrame
from processors.pause_judging import PauseJudging
from processors.segmentation import (
    Mark,
    PauseReached,
    UtteranceEnded,
    UtteranceSegmenter,
    UtteranceStarted,
    VoiceStarted,
    VoiceStopped,
)
from processors.smart_turn import TurnJudge, smart_turn
from processors.vad_params import HANGOVER_FRAME_SECS, VadParams
from processors.voice_detectors import RATE_HZ, Samples, SileroDetector

_SAMPLE_BYTES = 2
_FULL_SCALE = np.float32(1 / 32768)
_WINDOWS_IN_A_ROW = 8
"""Less than a millisecond of Silero's model."""


class Vad(DirectStep):
    """Pushes marks into the stream, each before the audio in which it lies; never drops audio.

    Voice goes as pipecat's ``VADUserStartedSpeakingFrame`` and ``VADUserStoppedSpeakingFrame``, utterances as
    :class:`~processors.frames.UtteranceStartedFrame` and :class:`~processors.frames.UtteranceEndedFrame`. All that
    counts is audio time, so the client's chunk length makes no difference.

    It runs in pipecat's direct mode: who pushes audio waits for its scores.

    Where a pause is judged (``turn_end``), the audio goes on meanwhile. The end of the utterance is marked when the
    verdict comes, at the place where voice had stopped, which may lie in audio that went before.

    At a :class:`~processors.frames.DrainFrame` an utterance that is being spoken goes on to its end, or to the next
    cut; then, or where none is, the step hears nothing more.
    """

    Params = VadParams

    def __init__(self, params: VadParams, context: SessionContext, *, judge: TurnJudge | None = None):
        """Make the step for one session; input audio is PCM s16le mono at 16 kHz.

        Args:
            params: What decides.
            context: The session.
            judge: Who judges pauses, where the parameters want that; ``None``: pipecat's smart-turn model.
        """
        super().__init__()
        self._params = params
        self._pending = b""
        self._position = 0
        self._detector = params.make_detector()
        self._sharing = self._detector if isinstance(self._detector, SileroDetector) else None
        self._segmenter = UtteranceSegmenter(
            params.times(), rate_hz=RATE_HZ, window_samples=self._detector.window_samples
        )
        self._judging: PauseJudging | None = None
        if params.turn_end == "smart" and self.marks_utterances:
            self._judging = PauseJudging(
                judge or smart_turn(), params.smart_turn_confidence, self._heed, self._fail
            )
        self._pushing = asyncio.Lock()
        self._utterance_open = False
        self._voiced = False
        self._deaf = not self.marks_utterances
        self._draining = False
        self._held: DrainFrame | None = None
        self._judged_alone = 0

    @classmethod
    def missing(cls, params: VadParams) -> list[str]:
        """What is not there that the step needs: the model's file, where Silero's model judges."""
        if params.provider != "silero" or params.model_file is None or params.model_file.is_file():
            return []
        return [f"no model file {params.model_file}: pip install --force-reinstall pipecat-ai"]

    async def cleanup(self) -> None:
        """Ask nobody any more, and let an analyzer of pipecat's release what it holds."""
        if self._judging is not None:
            await self._judging.close()
        await super().cleanup()  # type: ignore[no-untyped-call]  # pipecat leaves its return type out
        if isinstance(self._detector, AnalyzerDetector):
            await self._detector.cleanup()

    @property
    def marks_utterances(self) -> bool:
        """Whether later steps can rely on utterance marks; ``False`` when the step is switched off."""
        return self._params.threshold > 0

    @property
    def silence_to_end_secs(self) -> float | None:
        """How much silence ends any utterance; ``None`` when the step is switched off."""
        if not self.marks_utterances:
            return None
        times = self._params.times()
        return times.end_of_utterance_secs if times.pause_secs is None else times.unfinished_secs

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Mark audio; pass everything on."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.UPSTREAM:
            await self.push_frame(frame, direction)
            return
        match frame:
            case DrainFrame():
                async with self._pushing:
                    await self._drain(frame)
            case InputAudioRawFrame() if not self._deaf:
                async with self._pushing:  # a verdict's marks go before the audio or after it
                    await self._hear(frame)
                    await self.push_frame(frame)
            case EndFrame():
                async with self._pushing:  # audio that waits for its scores goes before it
                    await self.push_frame(frame)
            case _:
                await self.push_frame(frame)

    async def _hear(self, frame: InputAudioRawFrame) -> None:
        if self._judging is not None:
            self._judging.hear(frame.audio)
        await self._push_marks(await self._analyze(frame.audio))
        self._position += len(frame.audio) // _SAMPLE_BYTES
        await self._release_drain()

    async def _push_marks(self, marks: list[Mark]) -> None:
        for mark in marks:
            if (frame := self._frame_of(mark)) is not None:
                await self.push_frame(frame)

    async def _analyze(self, audio: bytes) -> list[Mark]:
        """Hear the audio window by window."""
        self._pending += audio
        window_bytes = self._detector.window_samples * _SAMPLE_BYTES
        sharing = self._sharing if len(audio) < BACKLOG_BYTES else None
        marks: list[Mark] = []
        while len(self._pending) >= window_bytes and not self._deaf:
            pcm = np.frombuffer(self._pending, "<i2", self._detector.window_samples)
            self._pending = self._pending[window_bytes:]
            window = pcm.astype(np.float32) * _FULL_SCALE
            if sharing is not None:
                hurry = len(self._pending) >= window_bytes
                voiced = await sharing.hear(window, quiet=self._segmenter.quiet, hurry=hurry)
            else:
                voiced = await self._judge_alone(window)
            marks += self._follow(window, voiced)
        return marks

    async def _judge_alone(self, window: Samples) -> bool:
        self._judged_alone += 1
        if self._judged_alone % _WINDOWS_IN_A_ROW == 0:
            await asyncio.sleep(0)  # others have their turn
        return self._detector.is_voice(window, quiet=self._segmenter.quiet)

    def _follow(self, window: Samples, voiced: bool) -> list[Mark]:
        self._voiced = voiced
        marks = self._segmenter.feed(voiced, float(np.dot(window, window)) / len(window))
        if self._judging is not None:
            self._ask(marks, self._judging)
        return self._note(marks)

    def _note(self, marks: list[Mark]) -> list[Mark]:
        """Take note of ``marks``, and add what follows from them."""
        was_open = self._utterance_open
        for mark in marks:
            if isinstance(mark, UtteranceStarted | UtteranceEnded):
                self._utterance_open = isinstance(mark, UtteranceStarted)
        last_ended = was_open and not self._utterance_open
        if self._draining and not self._utterance_open and (last_ended or not self._voiced):
            marks += self._go_deaf()
        return marks

    # Judging pauses

    def _ask(self, marks: list[Mark], judging: PauseJudging) -> None:
        for mark in marks:
            if isinstance(mark, PauseReached):
                judging.ask(mark)
        if not self._segmenter.awaits_verdict:
            judging.withdraw(too_late=any(isinstance(mark, UtteranceEnded) for mark in marks))

    async def _heed(self, pause: PauseReached, finished: bool) -> None:
        """Mark what follows from a verdict."""
        async with self._pushing:
            if not self._deaf:
                await self._push_marks(self._note(self._segmenter.judge(pause, finished=finished)))
                await self._release_drain()

    async def _fail(self, error: Exception) -> None:
        await self.push_error("internal error", error, category=ErrorCategory.UNKNOWN)

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
        if self._judging is not None:
            self._judging.withdraw()
        return [] if self._segmenter.quiet else [VoiceStopped()]

    def _frame_of(self, mark: Mark) -> Frame | None:
        """The frame for ``mark``, if later steps are to know of it.

        Its offset is counted from the audio that is about to be pushed.
        """
        match mark:
            case VoiceStarted():
                return VADUserStartedSpeakingFrame()
            case VoiceStopped():
                return VADUserStoppedSpeakingFrame(stop_secs=self._params.hangover_frames * HANGOVER_FRAME_SECS)
            case UtteranceStarted():
                return UtteranceStartedFrame(mark.at - self._position, mark.continued)
            case UtteranceEnded():
                return UtteranceEndedFrame(mark.at - self._position)
            case PauseReached():
                return None
