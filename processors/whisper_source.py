"""Source text by Whisper in the place of the engine's, for sessions that asked for it."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from pipecat.frames.frames import (
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
)
from pipecat.processors.frame_processor import FrameDirection
from pydantic import BaseModel, ConfigDict, Field

from metrics import WHISPER_DELAY, WHISPER_TURNS
from processors.context import SessionContext
from processors.direct_step import DirectStep
from processors.frames import (
    OutputRestartedFrame,
    SpeechDroppedFrame,
    UtteranceEndedFrame,
    UtteranceStartedFrame,
)
from processors.recognizer import Recognized
from processors.text_frames import source_frame
from processors.utterance_audio import RATE_HZ, HeardUtterance, UtteranceAudio

logger = logging.getLogger(__name__)

_LONGEST_SECS = 60.0
"""Of an utterance; of a longer one the engine's text is shown, for each partial text takes the whole again."""
_ENOUGH_TO_TELL_SECS = 3.0
"""From here on the language that was detected stays the utterance's."""
_Source = InterimTranscriptionFrame | TranscriptionFrame


class WhisperSourceParams(BaseModel):
    """Parameters of :class:`WhisperSource`.

    Attributes:
        preroll_ms: How far before its first voice an utterance starts.
        partial_ms: How much more has to be said before the text so far is made again.
        late_text_ms: How long the end of a turn waits for Whisper's last word on it.
    """

    model_config = ConfigDict(extra="forbid")

    preroll_ms: Annotated[int, Field(ge=0)] = 300
    partial_ms: Annotated[int, Field(ge=100)] = 1000
    late_text_ms: Annotated[int, Field(ge=0)] = 1500


@dataclass(slots=True, eq=False)
class _Utterance:
    audio: HeardUtterance
    text: str = ""
    language: str | None = None
    samples_heard: int = 0
    """Of which ``text`` is."""
    ended_at: float = 0.0
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Nothing more comes of it: it was recognised as a whole, or given up."""
    whole: bool = False
    """``text`` is of all of it."""


class WhisperSource(DirectStep):
    """Stands between an engine and the transcription forwarder, and tells the source text of each turn itself.

    Reads the marks and the speech that the engine passes on (:attr:`SessionContext.speech_goes_on`), which end
    here, as the engine's source texts do. An utterance's text goes as ``InterimTranscriptionFrame`` (whole so far)
    from when its turn has come, and once more as ``TranscriptionFrame`` before the ``LLMFullResponseEndFrame`` that
    answers it. That frame waits for Whisper's last word for a while; then the engine's text is the turn's, which is
    whole, and where it has none, Whisper's so far. Everything else passes at once.

    A step of a session that did not ask for it is not made at all.
    """

    Params = WhisperSourceParams

    def __init__(
        self,
        params: WhisperSourceParams,
        context: SessionContext,
        *,
        clock: Callable[[], float] = time.monotonic,
    ):
        """Make the step for one session whose ``context`` has a recogniser; ``clock`` gives seconds."""
        super().__init__()
        if context.recognizer is None:
            raise ValueError("expected a session with a recogniser, got one without")
        self._recognizer = context.recognizer
        self._session_id = context.session_id
        self._languages = context.may_be_spoken
        self._partial_samples = params.partial_ms * RATE_HZ // 1000
        self._late_text_secs = params.late_text_ms / 1000
        self._clock = clock
        self._audio = UtteranceAudio(preroll_secs=params.preroll_ms / 1000)
        self._utterances: deque[_Utterance] = deque()
        self._heard_more = asyncio.Event()
        self._working: asyncio.Task[None] | None = None
        self._failed = False
        self._engine_source: _Source | None = None
        self._responding = False
        self._output_seen = False
        self._speech_open = False
        self._turn_closing = False

    @classmethod
    def asked_for(cls, params: WhisperSourceParams, context: SessionContext) -> bool:
        """Whether the client wants it, and can have it."""
        return context.speech_goes_on

    async def cleanup(self) -> None:
        """Stop recognising."""
        working, self._working = self._working, None
        if working is not None:
            await self.cancel_task(working)
        await super().cleanup()  # type: ignore[no-untyped-call]  # pipecat leaves its return type out

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Keep speech and source texts, follow utterances and turns, pass on the rest."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.UPSTREAM:
            if isinstance(frame, InterruptionFrame):
                self._give_up_turn()
            await self.push_frame(frame, direction)
            return
        match frame:
            case InputAudioRawFrame():
                self._hear(frame.audio)
            case InterimTranscriptionFrame() | TranscriptionFrame():
                self._engine_source = frame
            case LLMFullResponseEndFrame():
                await self._end_turn(frame)
            case _:
                self._follow(frame)
                await self.push_frame(frame, direction)
                await self._show_after(frame)

    def _follow(self, frame: Frame) -> None:
        match frame:
            case StartFrame():
                self._working = self.create_task(self._recognize_all(), name="whisper")
            case UtteranceStartedFrame():
                audio = self._audio.start(frame.offset_samples, continued=frame.continued)
                self._utterances.append(_Utterance(audio))
            case UtteranceEndedFrame() if self._utterances:
                self._audio.end(self._utterances[-1].audio, frame.offset_samples)
                self._utterances[-1].ended_at = self._clock()
                self._heard_more.set()
            case SpeechDroppedFrame(whole_utterance=True, behind=behind) if behind < len(self._utterances):
                self._forget(self._utterances[behind])
            case LLMFullResponseStartFrame():
                self._responding = True
            case OutputRestartedFrame():
                self._responding = self._responding and not frame.response_begun
                self._engine_source = None
            case TTSStartedFrame() | TTSStoppedFrame():
                self._speech_open = isinstance(frame, TTSStartedFrame)
            case TTSTextFrame() | TTSAudioRawFrame():
                self._output_seen = True

    async def _show_after(self, frame: Frame) -> None:
        """After what voids a text, or lets the next turn begin: tell the text again, or for the first time."""
        if isinstance(frame, OutputRestartedFrame):
            await self._show()
        elif isinstance(frame, TTSStoppedFrame):
            await self._begin_next_turn()

    # Turns

    @property
    def _current(self) -> _Utterance | None:
        """The utterance of the turn that the forwarder has open, or will open next."""
        return self._utterances[0] if self._utterances and not self._turn_closing else None

    async def _end_turn(self, frame: LLMFullResponseEndFrame) -> None:
        """Tell the text of the utterance that was answered, and let its turn end."""
        if not self._responding:
            await self._end_late_text(frame)
            return
        utterance = self._current
        if utterance is not None and utterance.audio.end is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._late_text_secs):
                    await utterance.settled.wait()
        final = self._final_of(utterance)
        if utterance is not None:
            self._forget(utterance)
        self._turn_closing, self._responding, self._engine_source = True, False, None
        if final is not None:
            await self.push_frame(final)
        await self.push_frame(frame)
        await self._begin_next_turn()

    async def _end_late_text(self, frame: LLMFullResponseEndFrame) -> None:
        """Of a turn that answers no utterance only an interpretation is worth telling: its source text was told."""
        self._engine_source = None
        if self._output_seen:
            self._turn_closing = True
            await self.push_frame(frame)
            await self._begin_next_turn()

    async def _begin_next_turn(self) -> None:
        if self._turn_closing and not self._speech_open:
            self._turn_closing = self._output_seen = False
            await self._show()

    def _final_of(self, utterance: _Utterance | None) -> Frame | None:
        """The source text of a turn: Whisper's of all of it, else the engine's, else Whisper's so far."""
        has_text = utterance is not None and utterance.text != ""
        if self._engine_source is not None and not (has_text and utterance is not None and utterance.whole):
            WHISPER_TURNS.labels("upstream").inc()
            return self._engine_source
        if utterance is None or not has_text:
            return None
        WHISPER_TURNS.labels("whisper" if utterance.whole else "whisper_so_far").inc()
        return source_frame(utterance.text, self._session_id, utterance.language, final=True)

    def _give_up_turn(self) -> None:
        """The client wants no more of the turn: its end waits for nothing."""
        if self._responding and (utterance := self._current) is not None:
            utterance.settled.set()

    def _forget(self, utterance: _Utterance) -> None:
        utterance.audio.needed = False
        utterance.settled.set()
        self._utterances.remove(utterance)

    async def _show(self) -> None:
        if (utterance := self._current) is not None and utterance.text:
            frame = source_frame(utterance.text, self._session_id, utterance.language, final=False)
            await self.push_frame(frame)

    # Recognising

    def _hear(self, pcm: bytes) -> None:
        self._audio.append(pcm)
        if not self._utterances:
            return
        newest = self._utterances[-1]
        if self._audio.samples_of(newest.audio) > _LONGEST_SECS * RATE_HZ and not newest.settled.is_set():
            newest.text, newest.audio.needed = "", False
            newest.settled.set()
        self._heard_more.set()

    async def _recognize_all(self) -> None:
        while True:
            await self._heard_more.wait()
            self._heard_more.clear()
            while (utterance := self._to_recognize()) is not None:
                await self._recognize(utterance)

    def _to_recognize(self) -> _Utterance | None:
        """The oldest utterance that is over, else the one that is being spoken, where its turn has come."""
        open_ones = [item for item in self._utterances if not item.settled.is_set()]
        for utterance in open_ones:
            if self._audio.complete(utterance.audio):
                if self._audio.samples_of(utterance.audio):
                    return utterance
                utterance.settled.set()  # an engine that keeps the speech to itself
        current = self._current
        if current not in open_ones or current is None or not self._recognizer.idle:
            return None
        more = self._audio.samples_of(current.audio) - current.samples_heard
        return current if more >= self._partial_samples and current.audio.end is None else None

    async def _recognize(self, utterance: _Utterance) -> None:
        whole = self._audio.complete(utterance.audio)
        utterance.samples_heard = self._audio.samples_of(utterance.audio)
        languages = (utterance.language,) if utterance.language is not None else self._languages
        heard = await self._heard_in(utterance, self._audio.read(utterance.audio), languages)
        if heard is None or (utterance.settled.is_set() and not whole):
            return
        if heard.text:
            utterance.text = heard.text
        if whole or utterance.samples_heard >= _ENOUGH_TO_TELL_SECS * RATE_HZ:
            utterance.language = heard.language
        if whole:
            utterance.whole = True
            utterance.audio.needed = False
            WHISPER_DELAY.observe(self._clock() - utterance.ended_at)
            utterance.settled.set()
        if utterance is self._current:
            await self._show()

    async def _heard_in(self, utterance: _Utterance, pcm: bytes, languages: tuple[str, ...]) -> Recognized | None:
        """What Whisper makes of it; nothing where the turn ended before it began to, or where it failed."""
        work = asyncio.ensure_future(self._recognizer.recognize(pcm, languages))
        settled = asyncio.ensure_future(utterance.settled.wait())
        try:
            await asyncio.wait([work, settled], return_when=asyncio.FIRST_COMPLETED)
            return work.result() if work.done() else None
        except Exception as error:  # whatever a model may raise: the engine's text is still there
            self._note_failure(error)
            utterance.settled.set()
            return None
        finally:
            for task in (work, settled):
                task.cancel()
            await asyncio.gather(work, settled, return_exceptions=True)

    def _note_failure(self, error: Exception) -> None:
        if not self._failed:
            self._failed = True
            fields = {"session_id": self._session_id, "error": type(error).__name__}
            logger.warning("whisper failed", extra={"fields": fields})
