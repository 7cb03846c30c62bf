"""The conversation engine: pipecat's frames on one side, a session with Gemini Live on the other."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Annotated, Literal

from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    StartFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor, FrameProcessorSetup
from pipecat.utils.errors import ErrorCategory
from pipecat.utils.text.base_text_aggregator import TextType
from pipecat.utils.time import time_now_iso8601
from pydantic import BaseModel, ConfigDict, Field

from gemini.connector import INPUT_RATE_HZ, LiveConfig
from gemini.errors import FailureKind, UpstreamError
from gemini.happenings import (
    Reconnected,
    Renewed,
    SessionEvent,
    SpeechDropped,
    TokensCounted,
    TurnRestarted,
    UpstreamLost,
    UtteranceAnswered,
)
from gemini.instruction import interpreter_instruction
from gemini.session import LiveSession, SessionTimes
from gemini.turns import (
    OutputAudio,
    OutputEnded,
    OutputStarted,
    SourceChanged,
    TargetGrew,
    TurnEnded,
    TurnTimes,
)
from processors.context import SessionContext
from processors.counted_connector import CountedConnector
from processors.engine_report import EngineReport
from processors.frames import (
    OutputRestartedFrame,
    SpeechDroppedFrame,
    UpstreamReconnectedFrame,
    UtteranceEndedFrame,
    UtteranceStartedFrame,
)
from processors.glossary import GlossaryParam
from processors.playout import Playout

logger = logging.getLogger(__name__)

_SAMPLE_BYTES = 2
_LONGEST_WAIT_SECS = 10.0
"""For earlier turns to be played before output begins anew; who hears them from a file waits for nothing more."""
_CATEGORIES = {
    FailureKind.REJECTED: ErrorCategory.AUTHENTICATION,
    FailureKind.MODEL_REJECTED: ErrorCategory.AUTHENTICATION,
    FailureKind.QUOTA: ErrorCategory.QUOTA,
    FailureKind.INVALID: ErrorCategory.CONNECTIVITY,
    FailureKind.UNAVAILABLE: ErrorCategory.CONNECTIVITY,
}


class GeminiLiveParams(BaseModel):
    """Parameters of :class:`GeminiLive`.

    Attributes:
        model: Name of a dialogue model of the Live API.
        voice: Name of a prebuilt voice; missing: the model's default.
        instructions: Text that is added to the interpreter's instruction: domain, register.
        glossary: Terms that the instruction gives, those of the session's pair.
        preroll_ms: How far before its first voice an utterance starts.
        uplink_ring_secs: How much unanswered speech is kept.
        fallback_models: Models that take over, in this order, where ``model`` fails.
        connect_timeout_secs: For a session that is ready: open, setup and retries together.
        reconnect_secs: For another connection after a loss; counted together until an utterance is answered.
        max_age_secs: Of a connection, from which on it is renewed.
        resumption: After a loss, resume the upstream's session by its handle rather than begin one.
        turn_timeout_secs: For output after an utterance was sent whole, and between pieces of output.
        late_text_ms: How long the end of a turn waits for a missing or unfinished transcription.
        overlap: ``"hold"`` the next utterance while one is unanswered, or ``"stream"`` it at once, for trying.
    """

    model_config = ConfigDict(extra="forbid")

    model: str
    voice: str | None = None
    instructions: str = ""
    glossary: GlossaryParam = None
    preroll_ms: Annotated[int, Field(ge=0)] = 300
    uplink_ring_secs: Annotated[float, Field(gt=0)] = 60.0
    fallback_models: tuple[str, ...] = ()
    connect_timeout_secs: Annotated[float, Field(gt=0)] = 4.0
    reconnect_secs: Annotated[float, Field(ge=0)] = 30.0
    max_age_secs: Annotated[float, Field(gt=0)] = 3000.0
    resumption: bool = False
    turn_timeout_secs: Annotated[float, Field(gt=0)] = 12.0
    late_text_ms: Annotated[int, Field(ge=0)] = 1500
    overlap: Literal["hold", "stream"] = "hold"

    def instruction(self, pair: tuple[str, str], spoken: str) -> str:
        """The instruction for a session of this pair; see :func:`gemini.instruction.interpreter_instruction`."""
        source, target = (pair[1], pair[0]) if spoken == pair[1] else pair
        terms = self.glossary.between(source, target) if self.glossary is not None else ()
        return interpreter_instruction(pair, spoken, self.instructions, terms)

    def times(self) -> SessionTimes:
        """The same as times."""
        return SessionTimes(
            connect_timeout_secs=self.connect_timeout_secs,
            preroll_secs=self.preroll_ms / 1000,
            ring_secs=self.uplink_ring_secs,
            turns=TurnTimes(timeout_secs=self.turn_timeout_secs, late_text_secs=self.late_text_ms / 1000),
            reconnect_secs=self.reconnect_secs,
            max_age_secs=self.max_age_secs,
        )


class GeminiLive(FrameProcessor):
    """Interprets: speech and utterance marks in, texts and speech of the interpretation out.

    Where no step before it marks utterances, the upstream detects activity itself in a continuous stream. Source
    text goes as ``InterimTranscriptionFrame`` (whole so far) and once more as ``TranscriptionFrame``; target text
    as ``TTSTextFrame`` (pieces), speech as ``TTSAudioRawFrame``. Every utterance gets one pair of
    ``LLMFullResponseStartFrame`` and ``LLMFullResponseEndFrame``, even if nothing answered it.

    Attributes:
        uses_upstream: The step talks to the upstream through the session's connector.
    """

    Params = GeminiLiveParams
    uses_upstream = True

    def __init__(
        self,
        params: GeminiLiveParams,
        context: SessionContext,
        *,
        clock: Callable[[], float] = time.monotonic,
    ):
        """Make the step for one session; it connects in :meth:`setup`. ``clock`` gives seconds."""
        super().__init__(enable_direct_mode=True)
        self._context = context
        self._session = LiveSession(
            CountedConnector(context.connector),
            LiveConfig(
                model=params.model,
                instruction=params.instruction(context.pair, context.spoken),
                voice=params.voice,
                manual_activity=context.utterances_marked,
                resumption=params.resumption,
            ),
            params.times(),
            fallback_models=params.fallback_models,
            overlap=params.overlap,
        )
        self._report = EngineReport(context.session_id)
        self._clock = clock
        self._playout = Playout(clock)
        self._output_plays_at = 0.0
        self._interrupted = asyncio.Event()
        self._failure: UpstreamError | None = None
        self._pusher: asyncio.Task[None] | None = None
        self._response_open = False
        self._response_announced = False
        self._source_seen = False
        self._speech_open = False

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]  # pipecat's own narrowing
        """Connect; the pipeline holds its start until this is done. A failure is reported at the start."""
        await super().setup(setup)
        try:
            await self._session.connect()
        except UpstreamError as error:
            self._failure = error

    def queue_depths(self) -> dict[str, float]:
        """What is held of the speech that goes up, in bytes: unanswered, or kept as pre-roll."""
        return {"ring": self._session.held_secs * INPUT_RATE_HZ * _SAMPLE_BYTES}

    async def cleanup(self) -> None:
        """Close the session with the upstream, and log at DEBUG what was counted in it."""
        await self._close()
        fields = {
            "session_id": self._context.session_id,
            "timed_out_turns": self._session.timed_out_turns,
            "dropped_repeats": self._session.dropped_repeats,
        }
        logger.debug("upstream closed", extra={"fields": fields})
        await super().cleanup()  # type: ignore[no-untyped-call]  # pipecat leaves its return type out

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Hand speech and marks to the session, which sends from a task of its own; pass on the rest."""
        await super().process_frame(frame, direction)
        match frame:
            case StartFrame() if self._failure is not None:
                await self._push_failure(self._failure)
                return  # a pipeline whose engine is not connected never starts
            case StartFrame():
                await self.push_frame(frame, direction)
                self._pusher = self.create_task(self._push_events(), name="turns")
                return
            case InputAudioRawFrame():
                self._session.append_audio(frame.audio)
                return
            case UtteranceStartedFrame():
                self._session.start_utterance(frame.offset_samples, continued=frame.continued)
            case UtteranceEndedFrame():
                self._session.end_utterance(frame.offset_samples)
            case InterruptionFrame():
                self._playout.drop()
                self._output_plays_at = 0.0
                self._interrupted.set()
                self._session.cut()
            case EndFrame() | CancelFrame():
                await self._close()
        await self.push_frame(frame, direction)

    async def _close(self) -> None:
        pusher, self._pusher = self._pusher, None
        if pusher is not None:
            await self.cancel_task(pusher)
        await self._session.close()

    async def _push_failure(self, error: UpstreamError) -> None:
        await self.push_error(
            f"upstream {error.kind}", error, category=_CATEGORIES[error.kind], force_treat_as_permanent=True
        )

    async def _push_events(self) -> None:
        try:
            async for event in self._session.events():
                self._report.note(event)
                if isinstance(event, TurnRestarted):
                    await self._let_earlier_turns_play()
                for frame in self._frames_of(event):
                    frame.interruptible = isinstance(frame, TTSAudioRawFrame)
                    await self.push_frame(frame)
        except UpstreamError as error:
            await self._push_failure(error)
        except Exception as error:  # or pipecat would only log it, and the session would hang
            await self.push_error("internal error", error, category=ErrorCategory.UNKNOWN)

    async def _let_earlier_turns_play(self) -> None:
        """The client will drop all that it has not played: let that be no more than the turn that is void."""
        if not self._response_open:
            return
        wait_secs = min(_LONGEST_WAIT_SECS, max(0.0, self._output_plays_at - self._clock()))
        self._interrupted.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_secs):
                await self._interrupted.wait()

    def _frames_of(self, event: SessionEvent) -> list[Frame]:
        match event:
            case SourceChanged():
                return self._source_frames(event)
            case OutputStarted():
                return self._start_response()
            case TargetGrew():
                return [self._target_frame(event)]
            case OutputAudio():
                return self._speech_frames(event)
            case OutputEnded():
                return self._end_speech()
            case TurnEnded():
                return self._end_turn(event)
            case SpeechDropped():
                return [SpeechDroppedFrame(event.duration_ms, event.whole_utterance)]
            case TurnRestarted():
                return self._restart_turn()
            case Reconnected():
                return [UpstreamReconnectedFrame()]
            case Renewed() | UpstreamLost() | TokensCounted() | UtteranceAnswered():
                return []

    def _source_frames(self, event: SourceChanged) -> list[Frame]:
        frames: list[Frame] = []
        if not (self._context.utterances_marked or self._source_seen or self._response_open):
            frames.append(UserStoppedSpeakingFrame())  # the upstream heard an utterance; no mark of ours says so
        self._source_seen = True
        interim = InterimTranscriptionFrame(event.text, self._context.session_id, time_now_iso8601())
        return [*frames, _with_language(interim, event.language)]

    def _start_response(self) -> list[Frame]:
        self._response_open = True
        self._output_plays_at = self._clock() + self._playout.left_secs
        # An answer to speech that was never announced would count as the answer to an utterance to come.
        self._response_announced = self._context.utterances_marked or self._source_seen
        return [LLMFullResponseStartFrame()] if self._response_announced else []

    def _target_frame(self, event: TargetGrew) -> Frame:
        frame = TTSTextFrame(event.text, TextType.TOKEN)
        frame.includes_inter_frame_spaces = True
        return _with_language(frame, event.language)

    def _speech_frames(self, event: OutputAudio) -> list[Frame]:
        started: list[Frame] = []
        if not self._speech_open:
            self._speech_open = True
            started.append(TTSStartedFrame())
        self._playout.add(len(event.pcm) / (_SAMPLE_BYTES * event.sample_rate_hz))
        return [*started, TTSAudioRawFrame(event.pcm, event.sample_rate_hz, 1)]

    def _end_speech(self) -> list[Frame]:
        was_open, self._speech_open = self._speech_open, False
        return [TTSStoppedFrame()] if was_open else []

    def _restart_turn(self) -> list[Frame]:
        begun, self._response_open = self._response_open, False
        if begun:
            self._playout.drop()
            self._source_seen = self._source_seen and self._response_announced
        return [*self._end_speech(), OutputRestartedFrame(begun and self._response_announced)]

    def _end_turn(self, event: TurnEnded) -> list[Frame]:
        frames = self._end_speech()
        if event.source_text:
            final = TranscriptionFrame(event.source_text, self._context.session_id, time_now_iso8601())
            final.finalized = True
            frames.append(_with_language(final, event.source_language))
        if event.answers_utterance and not self._response_open:
            frames += self._start_response()
        self._response_open = self._source_seen = False
        return [*frames, LLMFullResponseEndFrame()]


def _with_language(frame: Frame, language: str | None) -> Frame:
    """``frame``, marked with the upstream's language code for its text."""
    if language is not None:
        frame.metadata["language"] = language
    return frame
