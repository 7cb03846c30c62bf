"""One client's life: handshake, pipeline, limits of time, and how it ended.

Owns the socket from accept to close. One reader reads it all along, with the one serializer; before ``init`` it
answers errors itself, then it hands audio and interrupts to the pipeline through an inbox. Whatever ends the
session says so once, and only here is the socket closed, with the code that the protocol gives the reason.
"""

import asyncio
import logging
import uuid
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import WebSocket
from pipecat.frames.frames import ErrorFrame, Frame, InputTransportMessageFrame
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.utils.errors import ErrorCategory

from gemini.connector import OUTPUT_RATE_HZ, Connector
from pipelines.builder import build_steps, longest_gap_secs
from pipelines.client_socket import ClientSocket
from pipelines.gap import GapClock
from pipelines.inbox import Inbox
from pipelines.ingest import IngestMeter
from pipelines.logs import log_event
from pipelines.pipeline_run import PipelineRun
from pipelines.sessions import Seat, Sessions
from pipelines.settings import Settings
from pipelines.spec import PipelineSpec
from processors.context import SessionContext
from protocol.errors import CloseCode, ErrorCode, Fault, WarningCode
from protocol.messages import SAMPLE_BYTES, Close, Connected, Error, Init, InitConfig, Warning
from protocol.serializer import PIPELINE_RATE_HZ, ProtocolSerializer

logger = logging.getLogger(__name__)

_HANDSHAKE_INBOX_SECS = 30

UPSTREAM_REFUSES = Fault(ErrorCode.UPSTREAM_AUTH, "the interpreting service rejects the server's key or model")
_UPSTREAM_QUOTA = Fault(ErrorCode.UPSTREAM_QUOTA, "the interpreting service's quota is used up; try again later")
_UPSTREAM_LOST = Fault(
    ErrorCode.UPSTREAM_UNAVAILABLE, "the interpreting service can't be reached, or the connection to it is lost"
)
_FAULT_OF_CATEGORY = {
    ErrorCategory.AUTHENTICATION: UPSTREAM_REFUSES,
    ErrorCategory.AUTHORIZATION: UPSTREAM_REFUSES,
    ErrorCategory.INVALID_REQUEST: UPSTREAM_REFUSES,
    ErrorCategory.QUOTA: _UPSTREAM_QUOTA,
    ErrorCategory.RATE_LIMIT: _UPSTREAM_QUOTA,
    ErrorCategory.CONNECTIVITY: _UPSTREAM_LOST,
    ErrorCategory.SERVER: _UPSTREAM_LOST,
}


@dataclass(frozen=True, slots=True)
class Services:
    """What all sessions of the process share.

    Attributes:
        settings: The server's settings.
        pipeline: The checked pipeline file.
        connector: Opens sessions with the upstream.
        sessions: Who may come in.
    """

    settings: Settings
    pipeline: PipelineSpec
    connector: Connector
    sessions: Sessions


@dataclass(frozen=True, slots=True)
class Ending:
    """How a session ended.

    Attributes:
        reason: For the log.
        fault: What the client is told before the close.
        close_code: Sent to the client where it is still there, else the one with which the connection went.
    """

    reason: str
    fault: Fault | None = None
    close_code: int = CloseCode.NORMAL

    @classmethod
    def by(cls, fault: Fault) -> "Ending":
        """The end that a fatal fault makes."""
        return cls(fault.code.value, fault, fault.close_code or CloseCode.NORMAL)


_SERVER_STOPPED = Ending("server stopped", close_code=CloseCode.SERVICE_RESTART)
_CLOSED_BY_CLIENT = Ending("closed by client")
_CLIENT_TOO_SLOW = Ending("client does not read", close_code=CloseCode.TRY_AGAIN_LATER)


class InterpreterSession:
    """Runs one accepted connection to its end."""

    def __init__(self, websocket: WebSocket, services: Services, seat: Seat):
        """Take over an accepted socket that holds ``seat`` among the pending connections."""
        self._services = services
        self._settings = services.settings
        self._seat = seat
        self._session_id = str(uuid.uuid4())
        self._loop = asyncio.get_running_loop()
        self._started_at = self._loop.time()
        self._received_at = self._started_at
        self._ending: asyncio.Future[Ending] = self._loop.create_future()
        self._tasks: list[asyncio.Task[None]] = []
        self._socket = ClientSocket(
            websocket,
            max_backlog_bytes=self._settings.max_send_backlog_bytes,
            write_timeout_secs=self._settings.ws_ping_interval + self._settings.ws_ping_timeout,
            on_stuck=lambda: self._end(_CLIENT_TOO_SLOW),
        )
        self._serializer = ProtocolSerializer(
            max_message_bytes=self._settings.max_message_bytes, max_chunk_secs=self._settings.max_chunk_secs
        )
        self._inbox = Inbox(_HANDSHAKE_INBOX_SECS * PIPELINE_RATE_HZ * SAMPLE_BYTES)
        self._ingest = IngestMeter(
            max_ahead_secs=self._settings.max_ahead_secs,
            max_rate=self._settings.max_ingest_rate,
            clock=self._loop.time,
        )
        self._refused_messages = 0
        self._gap = GapClock(self._settings.audio_gap_ms / 1000, clock=self._loop.time)
        self._pipeline: PipelineRun | None = None
        self._pipeline_started = False

    async def run(self) -> None:
        """Serve the client until something ends the session, then release everything."""
        self._spawn(self._read())
        self._spawn(self._expect_init())
        try:
            ending = await self._ending
        except asyncio.CancelledError:
            ending = _SERVER_STOPPED
            raise
        finally:
            await self._finish(ending)

    async def refuse(self, fault: Fault) -> None:
        """Send the connection away without serving it."""
        await self._finish(Ending.by(fault))

    # Ends

    def _end(self, ending: Ending) -> None:
        if not self._ending.done():
            self._ending.set_result(ending)

    async def _finish(self, ending: Ending) -> None:
        if ending.fault is not None:
            self._socket.send_message(Error.of(ending.fault))
        self._socket.seal()
        closing = self._socket.close(ending.close_code, flush=ending.fault is not None)
        releasing = asyncio.gather(closing, self._stop_jobs(), return_exceptions=True)
        try:
            await asyncio.shield(releasing)
        finally:  # a server that stops cancels sessions that are about to end, too
            await releasing
            self._log_end(ending)

    def _log_end(self, ending: Ending) -> None:
        log_event(
            logger,
            logging.INFO,
            "session ended",
            session_id=self._session_id,
            reason=ending.reason,
            detail=ending.fault.message if ending.fault is not None else None,
            close_code=ending.close_code,
            duration_secs=round(self._loop.time() - self._started_at, 1),
            audio_secs=round(self._serializer.received_samples / self._serializer.sample_rate_hz, 1),
        )

    async def _stop_jobs(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._pipeline is not None:
            await self._pipeline.stop()

    def _spawn(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(job)
        task.add_done_callback(self._end_if_failed)
        self._tasks.append(task)

    def _end_if_failed(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """A fault of ours: the log gets the stack trace, the client the session's id."""
        if self._ending.done():
            return
        logger.error("internal error", exc_info=error, extra={"fields": {"session_id": self._session_id}})
        message = f"internal error; the server's log knows it as session {self._session_id}"
        self._end(Ending.by(Fault(ErrorCode.INTERNAL, message)))

    # Reading

    async def _read(self) -> None:
        while (data := await self._socket.receive()) is not None:
            self._received_at = self._loop.time()
            samples_before = self._serializer.received_samples
            frame = await self._serializer.deserialize(data)
            if isinstance(frame, InputTransportMessageFrame):
                await self._take_message(frame)
            else:
                samples = self._serializer.received_samples - samples_before
                await self._take_audio(frame, samples / self._serializer.sample_rate_hz)
            await asyncio.sleep(
                0
            )  # nothing above waits while frames are there to be read, and others want their turn
        code = self._socket.peer_close_code
        self._end(
            _SERVER_STOPPED if code == CloseCode.SERVICE_RESTART else Ending("client disconnected", close_code=code)
        )

    async def _take_audio(self, frame: Frame, duration_secs: float) -> None:
        fault = self._ingest.take(duration_secs)
        if fault is not None:
            self._answer(fault)
            return
        self._gap.audio_arrived(duration_secs)
        await self._inbox.put(frame)

    async def _take_message(self, frame: InputTransportMessageFrame) -> None:
        match frame.message:
            case Fault() as fault:
                self._refuse_message(fault)
            case Init(config=config):
                self._open(config)
            case Close():
                self._end(_CLOSED_BY_CLIENT)
            case _:
                await self._inbox.put(frame)

    def _refuse_message(self, fault: Fault) -> None:
        self._refused_messages += 1
        most = self._settings.max_client_errors
        if fault.close_code is None and self._refused_messages > most:
            fault = Fault(
                ErrorCode.RATE_LIMITED, f"more than {most} messages were refused, the last one with {fault.code}"
            )
        self._answer(fault)

    def _answer(self, fault: Fault) -> None:
        if fault.close_code is None:
            self._socket.send_message(Error.of(fault))
        else:
            self._end(Ending.by(fault))

    def _open(self, config: InitConfig) -> None:
        """Admit the session, and start its pipeline."""
        fault = self._language_fault(config.language) or self._seat.take()
        if fault is not None:
            self._answer(fault)
            return
        self._serializer.accept(config)
        log_event(
            logger,
            logging.INFO,
            "session started",
            session_id=self._session_id,
            engine=self._services.pipeline.name,
            language=config.language,
            sample_rate_hz=config.sample_rate,
            encoding=config.audio_encoding,
        )
        self._start_pipeline(config)
        self._spawn(self._expire())

    def _language_fault(self, language: str) -> Fault | None:
        known = ("auto", *self._settings.pair)
        if language in known:
            return None
        return Fault(ErrorCode.UNSUPPORTED_LANGUAGE, f"expected 'language' to be one of {', '.join(known)}")

    # Time

    async def _expect_init(self) -> None:
        timeout_secs = self._settings.init_timeout_secs
        await asyncio.sleep(timeout_secs)
        if not self._serializer.initialized:
            self._end(Ending.by(Fault(ErrorCode.INIT_TIMEOUT, f"expected 'init' within {timeout_secs:g} s")))

    async def _expire(self) -> None:
        """End the session when it is idle or old, where there is a limit."""
        idle_secs = self._settings.idle_timeout_secs or float("inf")
        age_secs = self._settings.max_session_secs or float("inf")
        opened_at = self._loop.time()
        while True:
            now = self._loop.time()
            idle_left = max(self._received_at, self._socket.sent_at) + idle_secs - now
            age_left = opened_at + age_secs - now
            if age_left <= 0:
                fault = Fault(ErrorCode.SESSION_EXPIRED, f"the session reached its limit of {age_secs:g} s")
                return self._end(Ending.by(fault))
            if idle_left <= 0:
                fault = Fault(ErrorCode.IDLE_TIMEOUT, f"nothing was sent or received for {idle_secs:g} s")
                return self._end(Ending.by(fault))
            if (left := min(idle_left, age_left)) == float("inf"):
                return None
            await asyncio.sleep(left)

    async def _fill_gaps(self, longest_secs: float) -> None:
        """Let silence stand for audio that does not come, for ``longest_secs`` of each gap."""
        while True:
            silence_ms = await self._gap.next_silence(longest_secs)
            await self._inbox.put(await self._serializer.silence(silence_ms))

    # Pipeline

    def _start_pipeline(self, config: InitConfig) -> None:
        context = SessionContext(
            session_id=self._session_id,
            pair=self._settings.pair,
            spoken=config.language,
            connector=self._services.connector,
        )
        steps = build_steps(self._services.pipeline, context)
        self._pipeline = PipelineRun(
            self._socket.pipeline_view(self._inbox.receive),
            self._serializer,
            steps,
            on_started=lambda: self._greet(config, steps),
            on_error=self._end_by_error,
            on_ended=self._end_with_pipeline,
        )
        self._pipeline.start()

    def _greet(self, config: InitConfig, steps: Sequence[FrameProcessor]) -> None:
        """The pipeline runs, upstream included: tell the client, and let its audio in."""
        self._pipeline_started = True
        if self._ending.done():
            return
        self._socket.send_message(
            Connected(
                session_id=self._session_id,
                input_sample_rate=config.sample_rate,
                output_sample_rate=OUTPUT_RATE_HZ,
                engine=self._services.pipeline.name,
            )
        )
        if config.use_whisper:
            message = "this server has no Whisper; the source text comes from the interpreting service"
            self._socket.send_message(Warning(message=message, code=WarningCode.WHISPER_UNAVAILABLE))
        self._inbox.open()
        self._spawn(self._fill_gaps(longest_gap_secs(steps)))

    def _end_by_error(self, frame: ErrorFrame) -> None:
        """Any step's failure ends the session: what it would have done is lost to the client."""
        fault = _FAULT_OF_CATEGORY.get(frame.category or ErrorCategory.UNKNOWN)
        if fault is None:
            self._fail(frame.exception or RuntimeError(frame.error))
            return
        log_event(
            logger,
            logging.WARNING,
            "upstream failed",
            session_id=self._session_id,
            code=fault.code.value,
            detail=str(frame.exception or frame.error),
        )
        self._end(Ending.by(fault))

    def _end_with_pipeline(self, error: BaseException | None) -> None:
        hint = "" if self._pipeline_started else " before it started: does a step hold StartFrame back?"
        self._fail(error or RuntimeError(f"the pipeline ended by itself{hint}"))
