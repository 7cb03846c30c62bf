"""The simultaneous engine: pipecat's frames on one side, translating sessions with Gemini Live on the other."""

import asyncio
from collections.abc import Callable
from typing import Annotated

from pipecat.frames.frames import Frame, LLMFullResponseStartFrame
from pydantic import BaseModel, ConfigDict, Field

from gemini.arbiter import Arbiter
from gemini.connector import LiveConfig
from gemini.continuous_speech import StreamTimes
from gemini.evidence import LanguageOf
from gemini.happenings import (
    Reconnected,
    Renewed,
    SessionEvent,
    SpeechDropped,
    StreamStopped,
    TokensCounted,
    TurnRestarted,
    UpstreamLost,
    UtteranceAnswered,
)
from gemini.translation_session import TranslationSession, TranslationSessionTimes
from gemini.translation_turns import Direction, TranslationTimes
from gemini.turns import OutputAudio, TargetGrew
from gemini.two_way_session import TwoWaySession
from processors.context import SessionContext
from processors.counted_connector import CountedConnector
from processors.frames import (
    SpeechDroppedFrame,
    UpstreamReconnectedFrame,
    UtteranceEndedFrame,
    UtteranceServedFrame,
    UtteranceStartedFrame,
)
from processors.playout import Playout
from processors.script import language_of
from processors.turn_frames import TurnFrames
from processors.upstream_step import SAMPLE_BYTES, UpstreamSession, UpstreamStep

_LONGEST_LAG_SECS = 5.0
"""What was said so long before a text came is answered; measured are 0.2 to 1.0 s after the end of speech, on
average (interpretab, August 2026)."""
_LONGEST_TAIL_SECS = 30.0
"""A model that goes on talking when nobody has spoken for so long is not listened to, nor paid."""
_BEHIND_SECS = 0.5
"""With more than this to play, a client lags behind the model, which sends sound in real time."""

_CODES_OF_THE_MODEL = {"pt": "pt-BR", "zh": "zh-Hans"}
"""It wants to know which variety (ai.google.dev, Live translation); these have most speakers."""


class GeminiTranslateParams(BaseModel):
    """Parameters of :class:`GeminiTranslate`.

    Attributes:
        model: Name of a translating model of the Live API.
        preroll_ms: How far before its first voice speech goes up.
        uplink_ring_secs: How much unanswered speech is kept.
        connect_timeout_secs: For a session that is ready: open, setup and retries together.
        reconnect_secs: For another connection after a loss; counted together until a turn has output.
        max_age_secs: Of a connection, from which on it is renewed.
        resumption: After a loss, resume the upstream's session by its handle rather than begin one.
        turn_timeout_secs: For anything at all to come back while speech goes up.
        stream_tail_secs: How long sound goes up after the last voice, and after the last text that came back.
        segment_silence_ms: Without text for so long, a turn's source is over, and its output.
        longest_segment_secs: How long the speech of one turn may be.
        arbiter_hold_ms: Where either language may be spoken: how long output waits until it is known to be right.
    """

    model_config = ConfigDict(extra="forbid")

    model: str
    preroll_ms: Annotated[int, Field(ge=0)] = 300
    uplink_ring_secs: Annotated[float, Field(gt=0)] = 60.0
    connect_timeout_secs: Annotated[float, Field(gt=0)] = 4.0
    reconnect_secs: Annotated[float, Field(ge=0)] = 30.0
    max_age_secs: Annotated[float, Field(gt=0)] = 3000.0
    resumption: bool = False
    turn_timeout_secs: Annotated[float, Field(gt=0)] = 12.0
    stream_tail_secs: Annotated[float, Field(ge=1, le=_LONGEST_TAIL_SECS)] = 5.0
    segment_silence_ms: Annotated[int, Field(ge=200)] = 2000
    longest_segment_secs: Annotated[float, Field(gt=0)] = 15.0
    arbiter_hold_ms: Annotated[int, Field(ge=0)] = 600

    def times(self) -> TranslationSessionTimes:
        """The same as times."""
        silence_secs = self.segment_silence_ms / 1000
        return TranslationSessionTimes(
            connect_timeout_secs=self.connect_timeout_secs,
            timeout_secs=self.turn_timeout_secs,
            turns=TranslationTimes(
                source_silence_secs=silence_secs,
                target_silence_secs=silence_secs,
                answer_secs=self.stream_tail_secs,
                longest_segment_secs=self.longest_segment_secs,
            ),
            stream=StreamTimes(
                preroll_secs=self.preroll_ms / 1000,
                tail_secs=self.stream_tail_secs,
                longest_tail_secs=_LONGEST_TAIL_SECS,
                longest_lag_secs=_LONGEST_LAG_SECS,
                ring_secs=self.uplink_ring_secs,
            ),
            reconnect_secs=self.reconnect_secs,
            max_age_secs=self.max_age_secs,
        )


class GeminiTranslate(UpstreamStep):
    """Interprets while somebody speaks: speech and utterance marks in, texts and speech of the translation out.

    Where no step before it marks utterances, everything goes up, silence included. What comes out is told by
    :class:`~processors.turn_frames.TurnFrames`; turns are not utterances here, so that
    :class:`~processors.frames.UtteranceServedFrame` says of each utterance that it awaits nothing any more.
    """

    Params = GeminiTranslateParams

    def __init__(
        self,
        params: GeminiTranslateParams,
        context: SessionContext,
        *,
        clock: Callable[[], float] | None = None,
    ):
        """Make the step for one session; it connects in :meth:`setup`. ``clock``: seconds; default: the loop's."""
        super().__init__(_session(params, context), context.session_id)
        self._turns = TurnFrames(context.session_id, utterances_marked=context.utterances_marked)
        self._playout = Playout(clock or asyncio.get_running_loop().time)
        self._has_output = False
        self._awaits_output = False

    def note_interruption(self) -> None:
        """The client drops what it has not played."""
        self._playout.drop()

    @property
    def silence_to_end_secs(self) -> float:
        """How much silence has to stand for what a client does not send, so that lagging output comes."""
        return _LONGEST_TAIL_SECS

    def note_mark(self, frame: Frame) -> None:
        """Say of an utterance whether it awaits output; one that was interpreted while it was spoken does not."""
        match frame:
            case UtteranceStartedFrame(continued=False):
                self._has_output = False
            case UtteranceEndedFrame():
                frame.awaits_output = not (self._has_output or self._awaits_output)
                self._awaits_output = self._awaits_output or frame.awaits_output

    def frames_of(self, event: SessionEvent) -> list[Frame]:
        """The frames that tell of ``event``, in order."""
        match event:
            case SpeechDropped():
                return [SpeechDroppedFrame(event.duration_ms, event.whole_utterance)]
            case Reconnected():
                return [UpstreamReconnectedFrame()]
            case StreamStopped():
                return self._serve()
            case TurnRestarted():
                return self._turns.restart()
            case Renewed() | UpstreamLost() | TokensCounted() | UtteranceAnswered():
                return []
            case OutputAudio() if self._is_needless(event):
                return []
            case TargetGrew() | OutputAudio():
                self._has_output = True
                return [*self._serve(), *self._turns.frames_of(event)]
        frames = self._turns.frames_of(event)
        if any(isinstance(frame, LLMFullResponseStartFrame) for frame in frames):
            self._awaits_output = False
        return frames

    def _is_needless(self, audio: OutputAudio) -> bool:
        """Whether it is a pause by which a client that is behind can catch up; any other sound it will play."""
        if self._playout.left_secs > _BEHIND_SECS and audio.pcm.count(0) == len(audio.pcm):
            return True
        self._playout.add(len(audio.pcm) / (SAMPLE_BYTES * audio.sample_rate_hz))
        return False

    def _serve(self) -> list[Frame]:
        awaited, self._awaits_output = self._awaits_output, False
        return [UtteranceServedFrame()] if awaited else []


def _session(params: GeminiTranslateParams, context: SessionContext) -> UpstreamSession:
    """One session where it is known what is spoken, else one for each direction."""
    if context.target is not None:
        return _one_way(params, context, context.target)
    sessions = {target: _one_way(params, context, target) for target in context.pair}
    arbiter = Arbiter(context.pair, _teller(context), hold_secs=params.arbiter_hold_ms / 1000)
    return TwoWaySession(sessions, arbiter)


def _one_way(params: GeminiTranslateParams, context: SessionContext, target: str) -> TranslationSession:
    return TranslationSession(
        CountedConnector(context.connector),
        LiveConfig(
            model=params.model,
            translation_target=_CODES_OF_THE_MODEL.get(target, target),
            resumption=params.resumption,
        ),
        params.times(),
        Direction(target, _teller(context)),
        marked=context.utterances_marked,
    )


def _teller(context: SessionContext) -> LanguageOf:
    expected = context.languages
    return lambda text, code: language_of(text, expected, code)
