"""The conversation engine: pipecat's frames on one side, a session with Gemini Live on the other."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Annotated, Literal

from pipecat.frames.frames import Frame
from pydantic import Field

from gemini.connector import LiveConfig
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
from gemini.session import LiveSession, SessionTimes
from gemini.turns import OutputAudio, OutputStarted, TurnTimes
from processors.context import SessionContext
from processors.counted_connector import CountedConnector
from processors.frames import SpeechDroppedFrame, UpstreamReconnectedFrame
from processors.instructed import Instructed
from processors.playout import Playout
from processors.turn_frames import TurnFrames
from processors.upstream_step import SAMPLE_BYTES, UpstreamStep

_LONGEST_WAIT_SECS = 10.0
"""For earlier turns to be played before output begins anew; who hears them from a file waits for nothing more."""


class GeminiLiveParams(Instructed):
    """Parameters of :class:`GeminiLive`.

    Attributes:
        model: Name of a dialogue model of the Live API.
        voice: Name of a prebuilt voice; missing: the model's default.
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

    model: str
    voice: str | None = None
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


class GeminiLive(UpstreamStep):
    """Interprets: speech and utterance marks in, texts and speech of the interpretation out.

    Where no step before it marks utterances, the upstream detects activity itself in a continuous stream. What
    comes out is told by :class:`~processors.turn_frames.TurnFrames`.
    """

    Params = GeminiLiveParams

    def __init__(
        self,
        params: GeminiLiveParams,
        context: SessionContext,
        *,
        clock: Callable[[], float] = time.monotonic,
    ):
        """Make the step for one session; it connects in :meth:`setup`. ``clock`` gives seconds."""
        session = LiveSession(
            CountedConnector(context.connector),
            LiveConfig(
                model=params.model,
                instruction=params.instruction(context.pair, context.spoken, context.also_spoken),
                voice=params.voice,
                manual_activity=context.utterances_marked,
                resumption=params.resumption,
            ),
            params.times(),
            fallback_models=params.fallback_models,
            overlap=params.overlap,
        )
        super().__init__(session, context.session_id, speech_goes_on=context.speech_goes_on)
        self._turns = TurnFrames(context.session_id, utterances_marked=context.utterances_marked)
        self._clock = clock
        self._playout = Playout(clock)
        self._output_plays_at = 0.0
        self._interrupted = asyncio.Event()

    def note_interruption(self) -> None:
        """The client drops what it has not played: nobody need wait for that."""
        self._playout.drop()
        self._output_plays_at = 0.0
        self._interrupted.set()

    async def before(self, event: SessionEvent) -> None:
        """Let earlier turns play before the client drops all that it has not played of the turn that is void."""
        if not isinstance(event, TurnRestarted) or not self._turns.response_open:
            return
        wait_secs = min(_LONGEST_WAIT_SECS, max(0.0, self._output_plays_at - self._clock()))
        self._interrupted.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_secs):
                await self._interrupted.wait()

    def frames_of(self, event: SessionEvent) -> list[Frame]:
        """The frames that tell of ``event``, in order."""
        match event:
            case SpeechDropped():
                return [SpeechDroppedFrame(event.duration_ms, event.whole_utterance, event.behind)]
            case TurnRestarted():
                return self._restart_turn()
            case Reconnected():
                return [UpstreamReconnectedFrame()]
            case Renewed() | UpstreamLost() | TokensCounted() | StreamStopped() | UtteranceAnswered():
                return []
            case OutputStarted():
                self._output_plays_at = self._clock() + self._playout.left_secs
            case OutputAudio():
                self._playout.add(len(event.pcm) / (SAMPLE_BYTES * event.sample_rate_hz))
        return self._turns.frames_of(event)

    def _restart_turn(self) -> list[Frame]:
        if self._turns.response_open:
            self._playout.drop()
        return self._turns.restart()
