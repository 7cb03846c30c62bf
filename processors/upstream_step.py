"""What every engine step has to do with its session: connect, hand speech on, push what comes back, close."""

import asyncio
import logging
from abc import abstractmethod
from collections.abc import AsyncGenerator
from typing import Protocol

from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    StartFrame,
    TTSAudioRawFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat.utils.errors import ErrorCategory

from gemini.connector import INPUT_RATE_HZ
from gemini.errors import UpstreamError
from gemini.happenings import SessionEvent
from processors.direct_step import DirectStep
from processors.engine_report import EngineReport
from processors.failure_categories import CATEGORY_OF_FAILURE
from processors.frames import UtteranceEndedFrame, UtteranceStartedFrame

logger = logging.getLogger(__name__)

SAMPLE_BYTES = 2


class UpstreamSession(Protocol):
    """A session with the upstream, as a step uses it; see :class:`gemini.session.LiveSession`."""

    @property
    def held_secs(self) -> float:
        """How much audio is held."""

    @property
    def timed_out_turns(self) -> int:
        """Turns that the upstream did not end."""

    @property
    def dropped_repeats(self) -> int:
        """Repeated transcriptions that were dropped."""

    async def connect(self) -> None:
        """Connect; raises ``UpstreamError``."""

    async def close(self) -> None:
        """End the session at once."""

    def events(self) -> AsyncGenerator[SessionEvent, None]:
        """What happens, in order, without end; raises ``UpstreamError`` once the upstream is lost for good."""

    def append_audio(self, pcm: bytes) -> None:
        """Add the next audio of the stream."""

    def start_utterance(self, offset_samples: int, *, continued: bool = False) -> None:
        """An utterance, or a further piece of one, starts."""

    def end_utterance(self, offset_samples: int) -> None:
        """The utterance that was started last ends."""

    def cut(self) -> None:
        """The client wants no more of the output that plays."""


class UpstreamStep(DirectStep):
    """Between pipecat's frames and a session; a subclass says what frames tell of an event.

    Attributes:
        uses_upstream: The step talks to the upstream through the session's connector.
    """

    uses_upstream = True

    def __init__(self, session: UpstreamSession, session_id: str, *, speech_goes_on: bool = False):
        """Work for one session; it connects in :meth:`setup`.

        Args:
            session: With the upstream.
            session_id: Of the client's session.
            speech_goes_on: The client's speech is passed on, for a step after this one; else it ends here.
        """
        super().__init__()
        self._session = session
        self._session_id = session_id
        self._speech_goes_on = speech_goes_on
        self._report = EngineReport(session_id)
        self._failure: UpstreamError | None = None
        self._pusher: asyncio.Task[None] | None = None

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]  # pipecat's own narrowing
        """Connect; the pipeline holds its start until this is done. A failure is reported at the start."""
        await super().setup(setup)
        try:
            await self._session.connect()
        except UpstreamError as error:
            self._failure = error

    def queue_depths(self) -> dict[str, float]:
        """What is held of the speech that goes up, in bytes: unanswered, or kept as pre-roll."""
        return {"ring": self._session.held_secs * INPUT_RATE_HZ * SAMPLE_BYTES}

    async def cleanup(self) -> None:
        """Close the session with the upstream, and log at DEBUG what was counted in it."""
        await self._close()
        fields = {
            "session_id": self._session_id,
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
                if not self._speech_goes_on:
                    return
            case UtteranceStartedFrame():
                self._session.start_utterance(frame.offset_samples, continued=frame.continued)
            case UtteranceEndedFrame():
                self._session.end_utterance(frame.offset_samples)
            case InterruptionFrame():
                self.note_interruption()
                self._session.cut()
            case EndFrame() | CancelFrame():
                await self._close()
        self.note_mark(frame)
        await self.push_frame(frame, direction)

    # What engines differ in

    @abstractmethod
    def frames_of(self, event: SessionEvent) -> list[Frame]:
        """The frames that tell of ``event``, in order."""

    async def before(self, event: SessionEvent) -> None:
        """Wait until the frames of ``event`` may go out."""

    def note_interruption(self) -> None:
        """The output that plays is wanted no more."""

    def note_mark(self, frame: Frame) -> None:
        """A frame is about to be passed on, perhaps one that marks an utterance."""

    # Ends

    async def _close(self) -> None:
        pusher, self._pusher = self._pusher, None
        if pusher is not None:
            await self.cancel_task(pusher)
        await self._session.close()

    async def _push_failure(self, error: UpstreamError) -> None:
        category = CATEGORY_OF_FAILURE[error.kind]
        await self.push_error(f"upstream {error.kind}", error, category=category, force_treat_as_permanent=True)

    async def _push_events(self) -> None:
        try:
            async for event in self._session.events():
                self._report.note(event)
                await self.before(event)
                for frame in self.frames_of(event):
                    frame.interruptible = isinstance(frame, TTSAudioRawFrame)
                    await self.push_frame(frame)
        except UpstreamError as error:
            await self._push_failure(error)
        except Exception as error:  # or pipecat would only log it, and the session would hang
            await self.push_error("internal error", error, category=ErrorCategory.UNKNOWN)
