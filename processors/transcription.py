"""Engine frames to the protocol's texts and turns, in the protocol's order."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pipecat.frames.frames import (
    Frame,
    InputTransportMessageFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    VADUserStartedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pydantic import BaseModel, ConfigDict

from processors.context import SessionContext
from processors.direct_step import DirectStep
from processors.frames import (
    OutputRestartedFrame,
    ProtocolMessageFrame,
    SpeechDroppedFrame,
    UpstreamReconnectedFrame,
)
from processors.playout import Playout
from processors.script import language_of
from processors.text_frames import language_code
from protocol.errors import WarningCode
from protocol.messages import (
    Interrupt,
    Interrupted,
    ServerMessage,
    Transcription,
    TurnComplete,
    Warning,
)

_BYTES_PER_SAMPLE = 2
_TURN_MARKS = (LLMFullResponseStartFrame, LLMFullResponseEndFrame, TTSStartedFrame, TTSStoppedFrame)


class TranscriptionForwarderParams(BaseModel):
    """Parameters of :class:`TranscriptionForwarder`.

    Attributes:
        barge_in: Voice during output does what the client's ``interrupt`` does.
    """

    model_config = ConfigDict(extra="forbid")

    barge_in: bool = False


@dataclass(slots=True)
class _Turn:
    source: str = ""
    source_shown: str = ""
    """What stands at the client."""
    source_void: bool = False
    """It is of an attempt that is void: more, perhaps, than was recognised again so far."""
    source_code: str | None = None
    target: str = ""
    target_code: str | None = None
    output_begun: bool = False
    speech_open: bool = False
    response_ended: bool = False
    cut: bool = False
    """Its finals are out; whatever the engine still sends for it is dropped."""

    @property
    def shows_more(self) -> bool:
        """Whether what stands at the client stays, the attempt that follows having shown no more so far."""
        return not self.source or (self.source_void and self.source_shown.startswith(self.source))


class TranscriptionForwarder(DirectStep):
    """Gives the client the turns of any engine that emits pipecat's standard frames.

    Reads source text from ``InterimTranscriptionFrame`` and ``TranscriptionFrame`` (whole so far), target text from
    ``TTSTextFrame`` (pieces), speech from ``TTSAudioRawFrame``; a turn ends with ``LLMFullResponseEndFrame`` and
    ``TTSStoppedFrame``, whichever comes last. Answers ``interrupt``. Text frames end here, the rest passes.
    """

    Params = TranscriptionForwarderParams

    def __init__(
        self,
        params: TranscriptionForwarderParams,
        context: SessionContext,
        *,
        clock: Callable[[], float] = time.monotonic,
    ):
        """Make the step for one session; ``clock`` gives seconds."""
        super().__init__()
        self._params = params
        self._context = context
        self._languages = context.languages
        self._playout = Playout(clock)
        self._turn = _Turn()
        self._last_source_language = context.may_be_spoken[0]

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Turn engine frames into protocol messages."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.UPSTREAM:
            await self.push_frame(frame, direction)
            return
        match frame:
            case InterimTranscriptionFrame() | TranscriptionFrame():
                await self._take_source(frame)
            case TTSTextFrame():
                await self._take_target(frame)
            case TTSAudioRawFrame():
                await self._take_speech(frame)
            case InputTransportMessageFrame(message=Interrupt()):
                await self._interrupt("client")
            case SpeechDroppedFrame():
                await self.push_frame(frame)
                await self._warn_of_dropped_speech(frame)
            case OutputRestartedFrame():
                await self.push_frame(frame)
                await self._restart_turn()
            case UpstreamReconnectedFrame():
                message = "the connection to the interpreting service was lost, and is there again"
                await self._send(Warning(message=message, code=WarningCode.UPSTREAM_RECONNECTED))
            case _:
                await self._follow(frame)

    async def _follow(self, frame: Frame) -> None:
        """Frames that say where a turn stands, and all others: they pass."""
        match frame:
            case VADUserStartedSpeakingFrame() if self._params.barge_in and self._playing:
                await self._interrupt("barge_in")
            case TTSStartedFrame():
                self._turn.speech_open = True
            case TTSStoppedFrame():
                self._turn.speech_open = False
            case LLMFullResponseEndFrame():
                self._turn.response_ended = True
        if isinstance(frame, _TURN_MARKS):
            frame.interruptible = False  # an interruption drops speech, never what says where a turn stands
        await self.push_frame(frame)
        if self._turn.response_ended and not self._turn.speech_open:
            await self._end_turn()

    # Content

    async def _take_source(self, frame: InterimTranscriptionFrame | TranscriptionFrame) -> None:
        turn = self._turn
        turn.source_code = language_code(frame) or turn.source_code
        if turn.cut or frame.text == turn.source:
            return
        turn.source = frame.text
        if not turn.shows_more:
            turn.source_shown, turn.source_void = turn.source, False
            await self._send(Transcription(type="input_transcription", text=turn.source, is_final=False))

    async def _take_target(self, frame: TTSTextFrame) -> None:
        turn = self._turn
        turn.target_code = language_code(frame) or turn.target_code
        if turn.cut or not frame.text:
            return
        turn.output_begun = True
        joint = "" if frame.includes_inter_frame_spaces or not turn.target else " "
        turn.target += joint + frame.text
        await self._send(Transcription(type="output_transcription", text=turn.target, is_final=False))

    async def _take_speech(self, frame: TTSAudioRawFrame) -> None:
        if self._turn.cut:
            return
        self._turn.output_begun = True
        duration_secs = len(frame.audio) / (_BYTES_PER_SAMPLE * frame.num_channels * frame.sample_rate)
        self._playout.add(duration_secs)
        await self.push_frame(frame)

    # Ends

    @property
    def _playing(self) -> bool:
        """Whether output is on its way, or the client still plays what it was sent."""
        return (self._turn.output_begun and not self._turn.cut) or self._playout.left_secs > 0

    async def _interrupt(self, reason: Literal["client", "barge_in"]) -> None:
        """Stop the output: nothing queued is to be played, and a turn whose output has begun is cut."""
        self._playout.drop()
        turn = self._turn
        cuts_turn = turn.output_begun and not turn.cut
        turn.cut = turn.cut or cuts_turn  # first: the engine may go on while the frames below are on their way
        await self.push_frame(InterruptionFrame())
        await self._send(Interrupted(reason=reason))
        if cuts_turn:
            await self._send_finals(turn)
            await self.push_frame(InterruptionFrame(), FrameDirection.UPSTREAM)

    async def _restart_turn(self) -> None:
        """What the client has of the turn is void. A source text alone needs no word: the next one replaces it."""
        if self._turn.cut:
            return
        shown = self._turn.source_shown
        if self._turn.output_begun:
            self._playout.drop()
            await self.push_frame(InterruptionFrame())
            await self._send(Interrupted(reason="upstream"))
            shown = ""
        self._turn = _Turn(source_shown=shown, source_void=True)

    async def _end_turn(self) -> None:
        turn, self._turn = self._turn, _Turn()
        if not turn.cut and (turn.source_shown or turn.output_begun):
            await self._send_finals(turn)

    async def _send_finals(self, turn: _Turn) -> None:
        if turn.shows_more:
            turn.source = turn.source_shown
        source_language = self._source_language(turn)
        if turn.source:
            await self._send_final("input_transcription", turn.source, source_language)
        if turn.target:
            other = self._context.other_than(source_language)
            language = language_of(turn.target, self._languages, turn.target_code) or other
            await self._send_final("output_transcription", turn.target, language)
        await self._send(TurnComplete(input_text=turn.source, output_text=turn.target))

    def _source_language(self, turn: _Turn) -> str:
        """The language of the source text; without letters the upstream's, else the one detected before."""
        detected = language_of(turn.source, self._languages, turn.source_code)
        if detected is not None:
            self._last_source_language = detected
        return self._last_source_language

    async def _send_final(
        self, kind: Literal["input_transcription", "output_transcription"], text: str, language: str
    ) -> None:
        await self._send(Transcription(type=kind, text=text, is_final=True, language=language))

    async def _warn_of_dropped_speech(self, frame: SpeechDroppedFrame) -> None:
        secs = frame.duration_ms / 1000
        message = f"{secs:.1f} s of speech could not be interpreted in full"
        await self._send(Warning(message=message, code=WarningCode.SPEECH_DROPPED, ms=frame.duration_ms))

    async def _send(self, message: ServerMessage) -> None:
        await self.push_frame(ProtocolMessageFrame(message))
