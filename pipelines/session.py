"""One session: from an accepted ``init`` until something ends it, on whichever connection its client has.

Owns the pipeline, what goes in and what comes out, and the limits of time. Whatever ends the session says so once.
A session that can be resumed outlives its connections; any other ends with its one.
"""

import asyncio
import logging
from collections.abc import Sequence

from pipecat.frames.frames import ErrorFrame
from pipecat.processors.frame_processor import FrameProcessor

from gemini.connector import OUTPUT_RATE_HZ
from metrics import SESSIONS_STARTED
from pipelines.builder import build_steps, longest_gap_secs
from pipelines.choice import Choice
from pipelines.endings import (
    GIVEN_UP,
    SERVER_STOPPED,
    SHUTTING_DOWN,
    TAKEN_OVER,
    Ending,
    failure_of,
    internal_fault,
    log_end,
    not_back,
)
from pipelines.incoming import Incoming
from pipelines.jobs import Jobs
from pipelines.logs import log_event
from pipelines.outgoing import Outgoing, PipelineView
from pipelines.pipeline_run import PipelineRun
from pipelines.replay import ReplayBuffer
from pipelines.resumption import Client, Door, LeftOver, Refusal, audio_lost, log_resumed
from pipelines.services import HasQueues, Services
from pipelines.time_limits import TimeLimits
from pipelines.whisper import has_whisper
from processors.context import SessionContext
from processors.recognizer import Recognizer
from processors.whisper_source import WhisperSource
from protocol.errors import Fault, WarningCode
from protocol.messages import Claim, ClientMessage, Connected, Error, InitConfig, Warning
from protocol.serializer import ProtocolSerializer

logger = logging.getLogger(__name__)


class InterpreterSession:
    """Interprets for one client, until :meth:`end`.

    Attributes:
        session_id: UUID, as the client knows it.
    """

    def __init__(
        self,
        session_id: str,
        config: InitConfig,
        choice: Choice,
        services: Services,
        client: Client,
        serializer: ProtocolSerializer,
    ):
        """Make the session that ``config`` asks for; nothing runs yet.

        Args:
            session_id: UUID.
            config: What the client asks for.
            choice: The same, as far as it is a choice of what the server offers.
            services: Of the process.
            client: The connection that asked; the session belongs to it.
            serializer: Reads the client's frames, on every connection.
        """
        self.session_id = session_id
        self._config = config
        self._choice = choice
        self._services = services
        self._settings = services.settings
        self._client: Client | None = client
        self._loop = asyncio.get_running_loop()
        self._started_at = self._lost_at = self._loop.time()
        serializer.accept(config)
        self._serializer = serializer
        self._incoming = Incoming(serializer, self._settings)
        resumable = config.resume is not None and self._settings.resume_grace_secs > 0
        replay = ReplayBuffer(self._settings.resume_buffer_bytes) if resumable else None
        self._outgoing = Outgoing(client.socket, replay)
        self._connected = Connected(
            session_id=session_id,
            input_sample_rate=config.sample_rate,
            output_sample_rate=OUTPUT_RATE_HZ,
            engine=choice.pipeline.name,
        )
        self._door = Door(self._outgoing, self._connected) if resumable else None
        self._limits = TimeLimits(
            idle_secs=self._settings.idle_timeout_secs,
            age_secs=self._settings.max_session_secs,
            last_frame_at=lambda: max(self._incoming.received_at, self._outgoing.sent_at),
            clock=self._loop.time,
        )
        self._jobs = Jobs(self.fail)
        self._steps: Sequence[FrameProcessor] = ()
        self._pipeline: PipelineRun | None = None
        self._pipeline_started = False
        self._grace: asyncio.TimerHandle | None = None
        self._ending: Ending | None = None
        self._releasing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the pipeline, and be one of the process's sessions."""
        self._services.sessions.add(self)
        SESSIONS_STARTED.inc()
        log_event(
            logger,
            logging.INFO,
            "session started",
            session_id=self.session_id,
            engine=self._choice.pipeline.name,
            language=self._config.language,
            target_language=self._config.target_language,
            sample_rate_hz=self._config.sample_rate,
            encoding=self._config.audio_encoding,
        )
        self._start_pipeline()
        self._jobs.start(self._expire())

    @property
    def detached(self) -> bool:
        """Whether it waits for its client to come back."""
        return self._client is None

    def queue_depths(self) -> dict[str, float]:
        """What waits in its queues, in bytes: ``inbox``, ``outbox``, ``replay``, and those of steps."""
        depths = {"inbox": self._incoming.held_bytes, **self._outgoing.queue_depths()}
        for step in self._steps:
            if isinstance(step, HasQueues):
                depths |= step.queue_depths()
        return depths

    # From the client

    async def room(self) -> None:
        """Wait until another frame may be taken."""
        await self._incoming.room()

    async def take(self, data: str | bytes) -> ClientMessage | Fault | None:
        """Take a frame's content; what is about the session itself, or wrong, is given back."""
        return await self._incoming.take(data)

    def answer(self, fault: Fault) -> None:
        """Tell the client what is wrong; a fatal fault ends the session."""
        if fault.close_code is None:
            self._outgoing.send_message(Error.of(fault))
        else:
            self.end(Ending.by(fault))

    # Ends

    def end(self, ending: Ending) -> None:
        """Say why, let the connection close, and release everything; only the first end counts."""
        if self._ending is not None:
            return
        self._ending = ending
        if ending.fault is not None:
            self._outgoing.send_message(Error.of(ending.fault))
            self._leave_over(ending)
        self._outgoing.seal()
        if self._grace is not None:
            self._grace.cancel()
        if self._client is not None:
            self._client.end(ending)
        self._outgoing.detach()
        self._releasing = asyncio.create_task(self._release(ending))

    async def _expire(self) -> None:
        fault = await self._limits.passed()
        if fault is not None:
            self.end(Ending.by(fault))

    async def ended(self) -> None:
        """Where the session is over, wait until it has released everything."""
        if self._releasing is not None:
            await asyncio.shield(self._releasing)

    async def stop(self) -> None:
        """End, as a server does that stops; returns when everything is released."""
        self.end(SERVER_STOPPED)
        await self.ended()

    def drain(self) -> None:
        """Hear no further utterance, and end when everything is answered and told that was said before."""
        if self._pipeline_started or self._incoming.held_bytes:
            self._jobs.start(self._drain())
        else:  # its upstream is being connected, and nobody has said anything
            self.end(Ending.by(SHUTTING_DOWN))

    async def _drain(self) -> None:
        self._incoming.drain()
        if self._pipeline is not None:
            await self._pipeline.drained()
        await self._outgoing.written()
        self.end(Ending.by(SHUTTING_DOWN))

    def fail(self, error: BaseException) -> None:
        """A fault of ours: the log gets the stack trace, the client the session's id."""
        if self._ending is None:
            self.end(Ending.by(internal_fault(self.session_id, error)))

    async def _release(self, ending: Ending) -> None:
        await self._jobs.stop()
        if self._pipeline is not None:
            await asyncio.gather(self._pipeline.stop(), return_exceptions=True)
        self._services.sessions.remove(self)
        log_end(
            self.session_id,
            ending,
            duration_secs=self._loop.time() - self._started_at,
            audio_secs=self._incoming.audio_secs,
        )

    # Connections that go and come

    def lose_client(self, client: Client, ending: Ending) -> None:
        """A connection is over: wait for the client, where it may come back, else end."""
        if client is not self._client or self._ending is not None:
            return
        if self._door is None or not self._outgoing.greeted or ending is SERVER_STOPPED:
            self.end(ending)
            return
        self._detach(ending)
        timeout = not_back(ending.close_code)
        self._grace = self._loop.call_later(self._settings.resume_grace_secs, self.end, timeout)

    def resume(self, client: Client, claim: Claim) -> Refusal | None:
        """Go on with ``client``, in place of a connection that is still open, or say why not."""
        if self._door is None or not self._outgoing.greeted or self._ending is not None:
            return Refusal.NOT_THERE
        refusal = self._door.refusal(claim)
        if refusal is None:
            self._attach(client, claim, self._door)
        elif refusal is Refusal.OUT_OF_REACH:  # it is its client, and can't go on
            self._services.sessions.remove(self)
            self.end(GIVEN_UP)
        return refusal

    def _detach(self, ending: Ending) -> None:
        self._client = None
        self._outgoing.detach()
        self._lost_at = self._loop.time()
        log_event(
            logger,
            logging.INFO,
            "client lost",
            session_id=self.session_id,
            reason=ending.reason,
            close_code=ending.close_code,
        )

    def _attach(self, client: Client, claim: Claim, door: Door) -> None:
        if self._client is not None:
            self._client.end(TAKEN_OVER)
            self._detach(TAKEN_OVER)
        if self._grace is not None:
            self._grace.cancel()
        self._client = client
        client.belong_to(self)
        messages = door.let_in(client, claim, received_samples=self._incoming.expected_sample)
        lost_ms = self._incoming.go_on_at(claim.first_sample)
        if lost_ms:
            self._outgoing.send_message(audio_lost(lost_ms))
        log_resumed(self.session_id, self._loop.time() - self._lost_at, messages=messages, lost_ms=lost_ms)

    def _leave_over(self, ending: Ending) -> None:
        """Keep what the client may lack, since nobody knows how much of it arrives."""
        if self._door is None or not self._outgoing.greeted:
            return
        left_over = LeftOver(self._door, ending, received_samples=self._incoming.expected_sample)
        self._services.sessions.leave_over(self.session_id, left_over, self._settings.resume_grace_secs)

    # Pipeline

    def _start_pipeline(self) -> None:
        languages = self._choice.languages
        context = SessionContext(
            session_id=self.session_id,
            pair=languages.pair,
            spoken=languages.spoken,
            connector=self._services.connector,
            also_spoken=languages.also_spoken,
            endpoint=self._services.endpoint,
            recognizer=self._recognizer(languages.may_be_spoken),
        )
        self._steps = steps = build_steps(self._choice.pipeline, context)
        self._pipeline = PipelineRun(
            PipelineView(self._outgoing.send, self._incoming.receive),
            self._serializer,
            steps,
            on_started=lambda: self._greet(steps),
            on_error=self._end_by_error,
            on_ended=self._end_with_pipeline,
        )
        self._pipeline.start()

    def _recognizer(self, languages: Sequence[str]) -> Recognizer | None:
        """What gives the client its source text in the upstream's place, if it asked for that and it is there."""
        whisper = self._services.whisper
        if not self._config.use_whisper or whisper is None or not has_whisper(self._choice.pipeline):
            return None
        return whisper.recognizer_for(languages)

    def _greet(self, steps: Sequence[FrameProcessor]) -> None:
        """The pipeline runs, upstream included: tell the client, and let its audio in."""
        self._pipeline_started = True
        if self._ending is not None:
            return
        connected = self._connected
        if self._door is not None:
            connected = self._door.connected(resumed=False, received_samples=self._incoming.expected_sample)
        self._outgoing.greet(connected)
        if self._config.use_whisper and not any(isinstance(step, WhisperSource) for step in steps):
            message = "there is no Whisper for this session; the source text comes from the interpreting service"
            self._outgoing.send_message(Warning(message=message, code=WarningCode.WHISPER_UNAVAILABLE))
        self._incoming.open(longest_gap_secs(steps))
        self._jobs.start(self._incoming.fill_gaps())

    def _end_by_error(self, frame: ErrorFrame) -> None:
        """Any step's failure ends the session: what it would have done is lost to the client."""
        failure = failure_of(frame, self.session_id)
        if isinstance(failure, Fault):
            self.end(Ending.by(failure))
        else:
            self.fail(failure)

    def _end_with_pipeline(self, error: BaseException | None) -> None:
        hint = "" if self._pipeline_started else " before it started: does a step hold StartFrame back?"
        self.fail(error or RuntimeError(f"the pipeline ended by itself{hint}"))
