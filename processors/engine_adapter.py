"""Stock services of pipecat's in the place of our engine: a step in front of them, and its far side behind them."""

import inspect
import logging
from collections import deque
from typing import Annotated, Literal

from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InputTransportMessageFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMContextFrame,
    StartFrame,
    TranscriptionFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pipecat.utils.errors import ErrorCategory, classify_http_exception, extract_http_status_code
from pydantic import BaseModel, ConfigDict, Field

import metrics
from gemini.connector import INPUT_RATE_HZ
from gemini.errors import UpstreamError
from processors.context import SessionContext
from processors.direct_step import DirectStep
from processors.engine_output import EngineOutput, Outcome, OutputTimes
from processors.frames import DrainFrame, SpeechDroppedFrame, UtteranceEndedFrame, UtteranceStartedFrame
from processors.utterance_queue import Begun, Ended, Piece, UtteranceCutter, UtteranceQueue

logger = logging.getLogger(__name__)

_GOES_ROUND = (
    DrainFrame,
    InputTransportMessageFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
"""What is for the steps behind the stock ones; those would take voice for an utterance."""
_UNEXPLAINED = (None, ErrorCategory.UNKNOWN)


class EngineAdapterParams(BaseModel):
    """Parameters of :class:`EngineAdapter`.

    Attributes:
        engine: ``"realtime"``: one service with a connection of its own, whose failure ends the session;
            ``"cascade"``: services that work on each utterance anew, so one that fails costs that utterance.
        interims: What an ``InterimTranscriptionFrame`` of theirs holds: the ``"whole"`` since the last final, or
            ``"deltas"``.
        empty_context: Give them an empty ``LLMContextFrame`` at the start, for a service that waits for one.
        preroll_ms: How far before its first voice an utterance starts.
        uplink_ring_secs: How much speech may wait for earlier utterances to be answered.
        turn_timeout_secs: For output after an utterance was sent whole, and between pieces of output.
        late_text_ms: How long the end of a turn waits for a missing or unfinished source text.
        max_failures: Of a cascade: so many utterances in a row that are not answered end the session.
    """

    model_config = ConfigDict(extra="forbid")

    engine: Literal["realtime", "cascade"] = "realtime"
    interims: Literal["whole", "deltas"] = "whole"
    empty_context: bool = False
    preroll_ms: Annotated[int, Field(ge=0)] = 300
    uplink_ring_secs: Annotated[float, Field(gt=0)] = 60.0
    turn_timeout_secs: Annotated[float, Field(gt=0)] = 12.0
    late_text_ms: Annotated[int, Field(ge=0)] = 1500
    max_failures: Annotated[int, Field(ge=1)] = 3


class EngineAdapter(DirectStep):
    """Makes the steps between itself and the transcription forwarder behave as our engine step does.

    Where a step before it marks utterances, the stock steps get the audio of one utterance at a time, pre-roll
    included and nothing between utterances, inside of ``UserStartedSpeakingFrame`` and ``UserStoppedSpeakingFrame``
    and pipecat's voice frames; the next one waits until that is answered. Without marks they get the stream.

    What a service pushes upstream, as realtime services do with the source text, is turned round; errors get a
    category that says what the client is told. The rest is the far side's: :class:`~processors.engine_output`.

    Attributes:
        far_side: Belongs before the transcription forwarder; the builder puts it there.
    """

    Params = EngineAdapterParams

    def __init__(self, params: EngineAdapterParams, context: SessionContext):
        """Make both sides for one session.

        Raises:
            ValueError: No step before it marks utterances, which a cascade could not find itself.
        """
        if params.engine == "cascade" and not context.utterances_marked:
            raise ValueError("expected a step before a cascade that marks utterances, such as vad with a threshold")
        super().__init__()
        self._params = params
        self._session_id = context.session_id
        self._marked = context.utterances_marked
        self._cascade = params.engine == "cascade"
        self._cutter = UtteranceCutter(preroll_secs=params.preroll_ms / 1000, rate_hz=INPUT_RATE_HZ)
        self._queue = UtteranceQueue(most_secs=params.uplink_ring_secs, rate_hz=INPUT_RATE_HZ)
        self._outbox: deque[Piece] = deque()
        self._sending = False
        self._failures = 0
        self.far_side = EngineOutput(
            OutputTimes(params.turn_timeout_secs, params.late_text_ms / 1000),
            session_id=context.session_id,
            marked=self._marked,
            deltas=params.interims == "deltas",
            answers_all=self._cascade,
            on_turn_over=self._go_on,
            on_interruption=self._interrupt,
            send_upstream=self._send_upstream,
        )

    def queue_depths(self) -> dict[str, float]:
        """Speech that waits for earlier utterances to be answered, in bytes."""
        return {"ring": self._queue.held_bytes}

    async def cleanup(self) -> None:
        """Close what the stock steps leave open.

        pipecat's services on openai leave their HTTP client to the garbage collector (1.14: none has a cleanup of
        its own), and so every connection of every session that is over.
        """
        step = self.next
        while step is not None and step is not self.far_side:
            close = getattr(getattr(step, "_client", None), "close", None)
            if inspect.iscoroutinefunction(close):
                await close()
            step = step.next
        await super().cleanup()  # type: ignore[no-untyped-call]  # pipecat leaves its return type out

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Give the stock steps what they listen to; let the rest of our frames go round them."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.UPSTREAM:
            await self._take_upstream(frame)
            return
        match frame:
            case StartFrame():
                await self.push_frame(frame)
                if self._params.empty_context:
                    await self.push_frame(LLMContextFrame(LLMContext()))
            case UtteranceStartedFrame():
                self._cutter.start(frame.offset_samples, continued=frame.continued)
                await self.far_side.push_frame(frame)
            case UtteranceEndedFrame():
                self._cutter.end(frame.offset_samples)
                await self.far_side.push_frame(frame)
            case InputAudioRawFrame() if self._marked:
                await self._hear(frame.audio)
            case _ if isinstance(frame, _GOES_ROUND):
                await self.far_side.push_frame(frame)
            case _:
                await self.push_frame(frame)

    # To the stock steps

    async def _hear(self, pcm: bytes) -> None:
        for piece in self._cutter.hear(pcm):
            self._outbox += self._queue.put(piece)
        await self._send()
        for dropped in self._queue.take_dropped():
            metrics.count_dropped_speech(dropped.duration_ms)
            self._log(logging.WARNING, "speech dropped", duration_ms=dropped.duration_ms)
            await self.far_side.push_frame(SpeechDroppedFrame(dropped.duration_ms, dropped.whole_utterance))

    async def _send(self) -> None:
        """Push what may go, piece after piece, whoever comes meanwhile with more."""
        if self._sending:
            return
        self._sending = True
        try:
            while self._outbox:
                await self._push_piece(self._outbox.popleft())
        finally:
            self._sending = False

    async def _push_piece(self, piece: Piece) -> None:
        match piece:
            case Begun():
                self.far_side.begin_utterance()
                await self.push_frame(VADUserStartedSpeakingFrame())
                await self.push_frame(UserStartedSpeakingFrame())
            case Ended():
                await self.push_frame(VADUserStoppedSpeakingFrame())
                await self.push_frame(UserStoppedSpeakingFrame())
                self.far_side.end_utterance(piece.duration_ms)
            case bytes():
                await self.push_frame(InputAudioRawFrame(piece, INPUT_RATE_HZ, 1))

    async def _interrupt(self) -> None:
        """Stop output: services of a cascade stop their work; a realtime one would lose what it hears meanwhile."""
        if self._cascade:
            await self.push_frame(InterruptionFrame())

    async def _go_on(self, outcome: Outcome) -> None:
        """The turn of an utterance is over: send the next one, unless too many in a row came to nothing."""
        self._failures = self._failures + 1 if outcome is Outcome.GIVEN_UP else 0
        if self._cascade and self._failures >= self._params.max_failures:
            await self._fail(f"{self._failures} utterances in a row were not answered")
            return
        if outcome is Outcome.GIVEN_UP:
            self._log(logging.WARNING, "utterance not answered", in_a_row=self._failures)
            await self._interrupt()
        self._outbox += self._queue.answered()
        await self._send()

    # From the stock steps

    async def _take_upstream(self, frame: Frame) -> None:
        match frame:
            case InterimTranscriptionFrame() | TranscriptionFrame():
                await self.far_side.take_source(frame)
            case ErrorFrame():
                await self._take_error(frame)
            case InterruptionFrame():
                pass  # a service's own, of which the far side has the other half
            case _:
                await self._send_upstream(frame)

    async def _take_error(self, frame: ErrorFrame) -> None:
        """Pass on what ends the session, with a category; let anything else cost the utterance that is out."""
        category = frame.category
        if category in _UNEXPLAINED and frame.exception is not None:
            category = classify_http_exception(frame.exception)
        if category is None or category in _UNEXPLAINED:
            category = ErrorCategory.CONNECTIVITY  # a service says no more than that it failed
        if self._cascade and not category.is_permanent and category is not ErrorCategory.QUOTA:
            error = _described(frame.exception) if frame.exception is not None else None
            fields = {"step": str(frame.processor), "category": category.value, "error": error}
            self._log(logging.WARNING, "step of the engine failed", **fields)
            self.far_side.fail()
            return
        frame.category = category
        if frame.exception is not None and not isinstance(frame.exception, UpstreamError):
            # Its words go to the log, and may quote a key or what was said.
            frame.error, frame.exception = f"{frame.processor}: {_described(frame.exception)}", None
        await self._send_upstream(frame)

    async def _fail(self, detail: str) -> None:
        await self.push_error(detail, category=ErrorCategory.CONNECTIVITY, force_treat_as_permanent=True)

    async def _send_upstream(self, frame: Frame) -> None:
        await self.push_frame(frame, FrameDirection.UPSTREAM)

    def _log(self, level: int, text: str, **fields: object) -> None:
        logger.log(level, text, extra={"fields": {"session_id": self._session_id, **fields}})


def _described(error: Exception) -> str:
    """The kind of an error, and the status of the answer where there was one."""
    status = extract_http_status_code(error)
    return f"{type(error).__name__}, status {status}" if status is not None else type(error).__name__
