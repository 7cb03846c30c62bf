"""The far side of :mod:`processors.engine_adapter`: what stock steps push, as the frames of our own engine."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    StartFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection

import metrics
from processors.direct_step import DirectStep
from processors.frames import SpeechDroppedFrame
from processors.source_text import SourceText
from processors.text_frames import language_code, source_frame

_SETTLING_SECS = 1.0
"""After a failure: what the failed steps had finished before may still be on its way."""
_ENDS_HERE = (
    InputAudioRawFrame,
    LLMContextFrame,
    LLMTextFrame,  # the same words come as TTSTextFrame
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
"""What the near side pushed for the stock steps, or what nobody behind them asked for."""


class Outcome(StrEnum):
    """How a turn ended; the values are those of ``metrics.TURNS``."""

    ANSWERED = "answered"
    EMPTY = "empty"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class OutputTimes:
    """How long the far side waits, in seconds.

    Attributes:
        turn_timeout_secs: For output after an utterance was sent whole, and between pieces of output.
        late_text_secs: For a missing or unfinished source text after the end of output.
    """

    turn_timeout_secs: float
    late_text_secs: float


class _Utterance(StrEnum):
    NONE = "none"
    BEING_SENT = "being sent"
    SENT = "sent"


@dataclass(slots=True)
class _Turn:
    source: SourceText
    expected: bool = False
    """Something was heard that this answers."""
    started: bool = False
    """The stock steps are at it."""
    begun: bool = False
    """Output came."""
    sounding: bool = False
    ended: bool = False
    cut: bool = False
    failed: bool = False


class EngineOutput(DirectStep):
    """Orders what stock steps push into turns, one for each utterance; see :class:`~processors.engine_adapter`.

    Source text goes on as ``InterimTranscriptionFrame`` (the whole so far) and once more as ``TranscriptionFrame``;
    of target text only ``TTSTextFrame``; speech between one pair of ``TTSStartedFrame`` and ``TTSStoppedFrame`` or
    several; a turn ends with ``LLMFullResponseEndFrame`` after all of it.
    """

    def __init__(
        self,
        times: OutputTimes,
        *,
        session_id: str,
        marked: bool,
        deltas: bool,
        answers_all: bool,
        on_turn_over: Callable[[Outcome], Awaitable[None]],
        on_interruption: Callable[[], Awaitable[None]],
        send_upstream: Callable[[Frame], Awaitable[None]],
    ):
        """Make the far side for one session.

        Args:
            times: How long to wait.
            session_id: For transcription frames.
            marked: The near side says where utterances start and end; else they show in what is recognised.
            deltas: Of interims; see :class:`~processors.source_text.SourceText`.
            answers_all: The stock steps answer every utterance, so one without any answer is lost speech.
            on_turn_over: Called when the turn of an utterance is over.
            on_interruption: Called when the output of the open turn is to stop.
            send_upstream: Takes what goes upstream past the stock steps.
        """
        super().__init__()
        self._times = times
        self._session_id = session_id
        self._marked = marked
        self._deltas = deltas
        self._answers_all = answers_all
        self._on_turn_over = on_turn_over
        self._on_interruption = on_interruption
        self._send_upstream = send_upstream
        self._utterance = _Utterance.NONE
        self._utterance_ms = 0
        self._turn = self._new_turn()
        self._last_source = ""
        self._lock = asyncio.Lock()
        self._deadline: float | None = None
        self._deadline_changed = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    async def cleanup(self) -> None:
        """End the task that watches the time."""
        await self._stop_watching()
        await super().cleanup()  # type: ignore[no-untyped-call]  # pipecat leaves its return type out

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Turn what the stock steps push into frames of our engine; send the rest on."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.UPSTREAM:
            await self._take_upstream(frame)
            return
        match frame:
            case StartFrame():
                self._watch = self.create_task(self._watch_time(), name="turns")
            case EndFrame() | CancelFrame():
                await self._stop_watching()
        async with self._lock:
            over = await self._follow(frame)
        await self._tell(over)

    async def _take_upstream(self, frame: Frame) -> None:
        if not isinstance(frame, InterruptionFrame):
            await self._send_upstream(frame)
        elif self._turn.started or self._turn.begun:
            self._turn.cut = True
            await self._on_interruption()

    # From the near side

    def begin_utterance(self) -> None:
        """An utterance goes to the stock steps."""
        self._utterance = _Utterance.BEING_SENT
        self._turn.expected = True

    def end_utterance(self, duration_ms: int) -> None:
        """It went whole, ``duration_ms`` of it: its answer is due."""
        self._utterance, self._utterance_ms = _Utterance.SENT, duration_ms
        self._wait(self._times.turn_timeout_secs)

    def fail(self) -> None:
        """A stock step failed, and did so with the utterance that is out, where there is one."""
        if self._utterance is not _Utterance.NONE or self._turn.begun:
            self._turn.failed = True
            self._wait(_SETTLING_SECS)

    async def take_source(self, frame: InterimTranscriptionFrame | TranscriptionFrame) -> None:
        """Take source text that a stock step pushed upstream."""
        async with self._lock:
            over = await self._take_source(frame)
        await self._tell(over)

    # From the stock steps

    async def _follow(self, frame: Frame) -> Outcome | None:
        """Take a frame; how the turn ended, where it is over with it."""
        turn = self._turn
        match frame:
            case InterimTranscriptionFrame() | TranscriptionFrame():
                return await self._take_source(frame)
            case LLMFullResponseStartFrame():
                turn.started = True
                self._go_on_waiting()
            case TTSTextFrame():
                await self._begin()
                frame.interruptible = False
                await self.push_frame(frame)
            case TTSAudioRawFrame():
                await self._take_speech(frame)
            case TTSStartedFrame():
                pass  # the first audio starts it
            case TTSStoppedFrame():
                await self._end_speech(turn)
            case LLMFullResponseEndFrame() | InterruptionFrame() if turn.started or turn.begun:
                turn.ended = True
                return await self._end_if_complete()
            case LLMFullResponseEndFrame() | InterruptionFrame():
                pass  # of a turn that was given up
            case _ if not isinstance(frame, _ENDS_HERE):
                await self.push_frame(frame)
        return None

    async def _take_source(self, frame: InterimTranscriptionFrame | TranscriptionFrame) -> Outcome | None:
        turn = self._turn
        source, before = turn.source, turn.source.text
        if self._is_repeated(frame.text):
            return None
        if isinstance(frame, TranscriptionFrame):
            source.add_final(frame.text, finalized=frame.finalized)
        else:
            source.add_interim(frame.text)
        source.language = language_code(frame) or source.language
        if not (self._marked or turn.expected or turn.begun):
            turn.expected = True
            await self.push_frame(UserStoppedSpeakingFrame())  # an utterance was heard; no mark of ours says so
        if source.text != before:
            await self._push_source(source, final=False)
        if self._utterance is _Utterance.NONE and not (turn.expected or turn.begun):
            self._wait(self._times.late_text_secs)  # it came too late, and is a turn of its own
        return await self._end_if_complete()

    def _is_repeated(self, text: str) -> bool:
        """Whether a text comes again: of the open turn, all of which is known, or of the last one."""
        turn, spoken = self._turn, _without_spaces(text)
        if turn.source.text:
            return turn.begun and spoken == _without_spaces(turn.source.text)
        unanswered = self._utterance is not _Utterance.NONE or turn.begun
        return not unanswered and bool(spoken) and _without_spaces(self._last_source).startswith(spoken)

    async def _take_speech(self, frame: TTSAudioRawFrame) -> None:
        await self._begin()
        if not self._turn.sounding:
            self._turn.sounding = True
            await self._push(TTSStartedFrame())
        metrics.AUDIO_OUT.inc(len(frame.audio) / (2 * frame.num_channels * frame.sample_rate))
        await self.push_frame(frame)

    async def _begin(self) -> None:
        """The first output of a turn; later output only says that there is more to wait for."""
        turn = self._turn
        self._go_on_waiting()
        if turn.begun:
            return
        turn.begun = True
        if turn.expected:  # else it would count as the answer to an utterance to come
            await self._push(LLMFullResponseStartFrame())

    # Ends

    async def _end_if_complete(self) -> Outcome | None:
        turn = self._turn
        if not turn.ended or self._utterance is _Utterance.BEING_SENT:
            return None
        if turn.source.complete or turn.cut or turn.failed or (self._marked and not turn.expected):
            return await self._end_turn()
        self._wait(self._times.late_text_secs)
        return None

    async def _end_turn(self) -> Outcome | None:
        """Push what ends a turn; how it ended, where it was the turn of an utterance."""
        turn, self._turn = self._turn, self._new_turn()
        self._last_source = turn.source.text
        sent, self._utterance = self._utterance, _Utterance.NONE
        self._wait(None)
        lost = turn.failed or (self._answers_all and not turn.ended)
        await self._end_speech(turn)
        if turn.source.text:
            await self._push_source(turn.source, final=True)
        if lost:
            dropped = SpeechDroppedFrame(self._utterance_ms, whole_utterance=turn.expected and not turn.begun)
            metrics.count_dropped_speech(dropped.duration_ms)
            await self._push(dropped)
        elif turn.expected and not turn.begun:
            await self._push(LLMFullResponseStartFrame())
        await self._push(LLMFullResponseEndFrame())
        if not turn.expected and sent is _Utterance.NONE:
            return None
        answered = Outcome.ANSWERED if turn.begun else Outcome.EMPTY
        outcome = Outcome.GIVEN_UP if lost or not (turn.ended or turn.begun) else answered
        metrics.TURNS.labels(outcome.value).inc()
        return outcome

    async def _end_speech(self, turn: _Turn) -> None:
        if turn.sounding:
            turn.sounding = False
            await self._push(TTSStoppedFrame())

    async def _tell(self, over: Outcome | None) -> None:
        if over is not None:
            await self._on_turn_over(over)

    def _new_turn(self) -> _Turn:
        return _Turn(SourceText(deltas=self._deltas))

    # Time

    def _go_on_waiting(self) -> None:
        """Something came: more of it may come for as long again."""
        self._wait(_SETTLING_SECS if self._turn.failed else self._times.turn_timeout_secs)

    def _wait(self, secs: float | None) -> None:
        """End the turn when ``secs`` have passed, unless something comes; ``None``: nothing is due."""
        self._deadline = asyncio.get_running_loop().time() + secs if secs is not None else None
        self._deadline_changed.set()

    async def _watch_time(self) -> None:
        while True:
            self._deadline_changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._deadline):
                    await self._deadline_changed.wait()
                    continue
            async with self._lock:
                over = await self._expire()
            await self._tell(over)

    async def _expire(self) -> Outcome | None:
        passed = self._deadline is not None and self._deadline <= asyncio.get_running_loop().time()
        if not passed or self._utterance is _Utterance.BEING_SENT:
            self._deadline = None if passed else self._deadline
            return None
        return await self._end_turn()

    async def _stop_watching(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            await self.cancel_task(watch)

    # Frames

    async def _push_source(self, source: SourceText, *, final: bool) -> None:
        await self.push_frame(source_frame(source.text, self._session_id, source.language, final=final))

    async def _push(self, frame: Frame) -> None:
        """Push a frame that no interruption drops."""
        frame.interruptible = False
        await self.push_frame(frame)


def _without_spaces(text: str) -> str:
    return "".join(text.split())
