"""One session: from an accepted ``init`` until something ends it, on whichever connection its client has.

Owns what goes in and what comes out, and the limits of time; what becomes of speech in between is its
interpretation's: a pipeline of its own, or a seat of a room. Whatever ends the session says so once.
A session that can be resumed outlives its connections; any other ends with its one.
"""

import asyncio
import logging

from gemini.connector import OUTPUT_RATE_HZ
from metrics import SESSIONS_STARTED
from pipelines.choice import Choice
from pipelines.endings import (
    GIVEN_UP,
    SEAT_TAKEN,
    SERVER_STOPPED,
    SHUTTING_DOWN,
    TAKEN_OVER,
    Ending,
    internal_fault,
    log_end,
    not_back,
)
from pipelines.incoming import Incoming
from pipelines.interpretation import Interpretation, SessionEnds
from pipelines.jobs import Jobs
from pipelines.logs import log_event
from pipelines.outgoing import Outgoing
from pipelines.own_pipeline import OwnPipeline
from pipelines.replay import ReplayBuffer
from pipelines.resumption import Client, Door, LeftOver, Refusal, audio_lost, log_resumed
from pipelines.rooms import SeatTicket
from pipelines.seated import SeatedInterpretation
from pipelines.services import Services
from pipelines.time_limits import TimeLimits
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
        ticket: SeatTicket | None = None,
    ):
        """Make the session that ``config`` asks for; nothing runs yet.

        Args:
            session_id: UUID.
            config: What the client asks for.
            choice: The same, as far as it is a choice of what the server offers.
            services: Of the process.
            client: The connection that asked; the session belongs to it.
            serializer: Reads the client's frames, on every connection.
            ticket: The seat of a room that it is to take; missing: it is alone with the interpreter.
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
            participant_id=ticket.participant_id if ticket is not None else None,
        )
        self._door = Door(self._outgoing, self._connected) if resumable else None
        self._limits = TimeLimits(
            idle_secs=self._settings.idle_timeout_secs if ticket is None else 0,  # it may be there to listen
            age_secs=self._settings.max_session_secs,
            last_frame_at=lambda: max(self._incoming.received_at, self._outgoing.sent_at),
            clock=self._loop.time,
        )
        self._jobs = Jobs(self.fail)
        self._grace: asyncio.TimerHandle | None = None
        self._ending: Ending | None = None
        self._releasing: asyncio.Task[None] | None = None
        self._interpretation = self._make_interpretation(ticket)

    def start(self) -> None:
        """Start interpreting, and be one of the process's sessions."""
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
        self._interpretation.start()
        self._jobs.start(self._expire())

    @property
    def detached(self) -> bool:
        """Whether it waits for its client to come back."""
        return self._client is None

    def queue_depths(self) -> dict[str, float]:
        """What waits in its queues, in bytes: ``inbox``, ``outbox``, ``replay``, and its interpretation's."""
        depths = {**self._outgoing.queue_depths(), **self._interpretation.queue_depths()}
        depths["inbox"] = depths.get("inbox", 0) + self._incoming.held_bytes
        return depths

    # From the client

    async def room(self) -> None:
        """Wait until another frame may be taken."""
        await self._incoming.room()

    async def take(self, data: str | bytes) -> ClientMessage | Fault | None:
        """Take a frame's content; what is about the session itself, or wrong, is given back."""
        return await self._incoming.take(data)

    def needed_bytes(self) -> int:
        """How much the client has to send until that makes a difference to the pipeline."""
        return self._incoming.needed_bytes()

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
        if self._interpretation.started or self._incoming.held_bytes:
            self._jobs.start(self._drain())
        else:  # its upstream is being connected, and nobody has said anything
            self.end(Ending.by(SHUTTING_DOWN))

    async def _drain(self) -> None:
        self._incoming.drain()
        await self._interpretation.drained()
        await self._outgoing.written()
        self.end(Ending.by(SHUTTING_DOWN))

    def fail(self, error: BaseException) -> None:
        """A fault of ours: the log gets the stack trace, the client the session's id."""
        if self._ending is None:
            self.end(Ending.by(internal_fault(self.session_id, error)))

    async def _release(self, ending: Ending) -> None:
        await self._jobs.stop()
        await asyncio.gather(self._interpretation.stop(), return_exceptions=True)
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

    # Interpretation

    def _make_interpretation(self, ticket: SeatTicket | None) -> Interpretation:
        ends = SessionEnds(
            self.session_id, self._incoming, self._outgoing, self._serializer, self._greet, self._end_by_failure
        )
        if ticket is None:
            return OwnPipeline(self._choice, self._services, ends, use_whisper=self._config.use_whisper)
        return SeatedInterpretation(
            ticket,
            ends,
            pipeline=self._choice.pipeline,
            name=self._config.room.name if self._config.room is not None else "",
            away=lambda: self.detached,
            replaced=lambda: self.end(SEAT_TAKEN),
        )

    def _greet(self, longest_gap_secs: float, has_whisper: bool) -> None:
        """All is ready, the upstream included where it is needed: tell the client, and let its audio in."""
        if self._ending is not None:
            return
        connected = self._connected
        if self._door is not None:
            connected = self._door.connected(resumed=False, received_samples=self._incoming.expected_sample)
        self._outgoing.greet(connected)
        if self._config.use_whisper and not has_whisper:
            message = "there is no Whisper for this session; the source text comes from the interpreting service"
            self._outgoing.send_message(Warning(message=message, code=WarningCode.WHISPER_UNAVAILABLE))
        self._incoming.open(longest_gap_secs)
        self._jobs.start(self._incoming.fill_gaps())

    def _end_by_failure(self, failure: Fault | BaseException) -> None:
        if isinstance(failure, Fault):
            self.end(Ending.by(failure))
        else:
            self.fail(failure)
