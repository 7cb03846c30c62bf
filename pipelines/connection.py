"""One client's connection, from accept to close.

Reads the socket all along. Before ``init`` it answers errors itself; then it belongs to a session: a fresh one, or
one that the client had before. Only here is the socket closed, with the code that the protocol gives the reason.
"""

import asyncio
import logging
import uuid

from fastapi import WebSocket

from metrics import RESUMES, SLOW_CLIENTS
from pipelines.choice import Choice, choose, choose_for_seat
from pipelines.client_socket import ClientSocket
from pipelines.endings import (
    CLIENT_TOO_SLOW,
    CLOSED_BY_CLIENT,
    SERVER_STOPPED,
    UPSTREAM_REFUSES,
    Ending,
    internal_fault,
    log_end,
)
from pipelines.jobs import Jobs
from pipelines.logs import log_event
from pipelines.resumption import Refusal
from pipelines.rooms import Rooms, SeatTicket
from pipelines.services import Services
from pipelines.session import InterpreterSession
from pipelines.sessions import Seat
from protocol.errors import ErrorCode, Fault
from protocol.messages import Claim, ClientMessage, Close, Error, Init, InitConfig
from protocol.serializer import ProtocolSerializer

logger = logging.getLogger(__name__)

_TURN_BYTES = 16 * 1024
_FRAME_BYTES = 2048
"""What a chunk of audio counts as, beside its content, so that up to eight are read in a turn: a session that read
one at a time would fall behind for good where the event loop has fewer turns than 50 a second."""
_CHUNK_BYTES = 256
"""Shorter frames are no chunk of audio that a client would send, and may cost more than one: each is a turn."""


class ClientConnection:
    """Serves one accepted connection to its end.

    Attributes:
        socket: Where the client is written to.
    """

    def __init__(self, websocket: WebSocket, services: Services, seat: Seat, rooms: Rooms | None = None):
        """Take over an accepted socket that holds ``seat`` among the pending connections.

        Args:
            websocket: The socket.
            services: Of the process.
            seat: The place that it holds.
            rooms: Where clients may take part in conversations between people; missing: nowhere.
        """
        settings = services.settings
        self._rooms = rooms
        self._services = services
        self._settings = settings
        self._seat = seat
        self._session_id = str(uuid.uuid4())
        self._session: InterpreterSession | None = None
        self._belonged = False
        self._init_came = False
        self._loop = asyncio.get_running_loop()
        self._started_at = self._loop.time()
        self._ending: asyncio.Future[Ending] = self._loop.create_future()
        self._jobs = Jobs(self._fail)
        self._refused_messages = 0
        self._serializer = ProtocolSerializer(
            max_message_bytes=settings.max_message_bytes, max_chunk_secs=settings.max_chunk_secs
        )
        self.socket = ClientSocket(
            websocket,
            max_backlog_bytes=settings.max_send_backlog_bytes,
            write_timeout_secs=settings.ws_ping_interval + settings.ws_ping_timeout,
            on_stuck=self._end_stuck,
        )

    async def run(self) -> None:
        """Serve the client until something ends the connection; a session that ended with it has released all."""
        self._jobs.start(self._read())
        self._jobs.start(self._expect_init())
        ending = SERVER_STOPPED
        try:
            ending = await self._ending
        finally:
            await self._finish(ending)

    async def refuse(self, fault: Fault) -> None:
        """Send the connection away without serving it."""
        self.turn_away(fault)
        await self._finish(await self._ending)

    def belong_to(self, session: InterpreterSession) -> None:
        """Serve ``session`` from here on."""
        self._session = session
        self.socket.wait_for(session.needed_bytes)

    def turn_away(self, fault: Fault) -> None:
        """Tell of a fatal fault and close, where there is no session that does."""
        if self._session is None and not self._ending.done():
            self.socket.send_message(Error.of(fault))
            self.end(Ending.by(fault))

    # Ends

    def end(self, ending: Ending) -> None:
        """Let the connection be closed; what the client is to be told before was handed to the socket."""
        if not self._ending.done():
            self.socket.seal()
            self._ending.set_result(ending)

    def _end_stuck(self) -> None:
        SLOW_CLIENTS.inc()
        self.end(CLIENT_TOO_SLOW)

    def _fail(self, error: BaseException) -> None:
        if self._session is not None:
            self._session.fail(error)
        elif not self._ending.done():
            self.turn_away(internal_fault(self._session_id, error))

    async def _finish(self, ending: Ending) -> None:
        self.socket.seal()
        if self._session is not None:
            self._session.lose_client(self, ending)
        releasing = asyncio.gather(
            self.socket.close(ending.close_code, flush=ending.fault is not None),
            self._jobs.stop(),
            self._session_ended(),
            return_exceptions=True,
        )
        try:
            await asyncio.shield(releasing)
        finally:  # a server that stops cancels connections that are about to end, too
            await releasing
            if not self._belonged:
                self._log_end(ending)

    def _log_end(self, ending: Ending) -> None:
        log_end(
            self._session_id,
            ending,
            duration_secs=self._loop.time() - self._started_at,
            audio_secs=0,
            unlogged=not self._services.sessions.unserved.may_log(ending.reason),
        )

    async def _session_ended(self) -> None:
        if self._session is not None:
            await self._session.ended()

    # Reading

    async def _read(self) -> None:
        turn_bytes = 0
        while (data := await self.socket.receive()) is not None:
            if self._session is not None:
                await self._session.room()
            if self._ending.done():  # a connection that was taken over has no say any more
                return
            message = await self._take(data)
            if message is not None:
                await self._take_message(message)
            turn_bytes += _FRAME_BYTES + len(data)
            if turn_bytes >= _TURN_BYTES or len(data) < _CHUNK_BYTES:
                # Nothing above waits while there are frames to read, and others want their turn.
                turn_bytes = 0
                await asyncio.sleep(0)
        self.end(Ending.by_client(self.socket.peer_close_code))

    async def _take(self, data: str | bytes) -> ClientMessage | Fault | None:
        """Read a frame; ``None`` where the session keeps it."""
        if self._session is not None:
            return await self._session.take(data)
        content = await self._serializer.read(data)
        return None if isinstance(content, bytes) else content

    async def _take_message(self, message: ClientMessage | Fault) -> None:
        match message:
            case Fault():
                self._refuse_message(message)
            case Init(config=config):
                await self._open(config)
            case Close() if self._session is not None:
                self._session.end(CLOSED_BY_CLIENT)
            case _:
                self.end(CLOSED_BY_CLIENT)

    def _refuse_message(self, fault: Fault) -> None:
        self._refused_messages += 1
        most = self._settings.max_client_errors
        if fault.close_code is None and self._refused_messages > most:
            fault = Fault(
                ErrorCode.RATE_LIMITED, f"more than {most} messages were refused, the last one with {fault.code}"
            )
        self._answer(fault)

    def _answer(self, fault: Fault) -> None:
        if self._session is not None:
            self._session.answer(fault)
        elif fault.close_code is None:
            self.socket.send_message(Error.of(fault))
        else:
            self.turn_away(fault)

    async def _expect_init(self) -> None:
        timeout_secs = self._settings.init_timeout_secs
        await asyncio.sleep(timeout_secs)
        if not (self._init_came or self._belonged):
            self.turn_away(Fault(ErrorCode.INIT_TIMEOUT, f"expected 'init' within {timeout_secs:g} s"))

    # Sessions

    async def _open(self, config: InitConfig) -> None:
        """Go on with the client's session, or admit it to a fresh one."""
        claim = config.resume.claim if config.resume is not None else None
        if claim is not None and self._resume(claim):
            return
        choice, ticket = self._choose(config)
        if isinstance(choice, Fault):
            self._refuse_message(choice)
            return
        self._init_came = True
        await self._services.sessions.turn_to_start()
        if (fault := self._refusal(choice)) is not None:
            self.turn_away(fault)
        if self._ending.done():
            return
        self._leave_seat()
        session = InterpreterSession(
            self._session_id, config, choice, self._services, self, self._serializer, ticket
        )
        self.belong_to(session)
        session.start()

    def _choose(self, config: InitConfig) -> tuple[Choice | Fault, SeatTicket | None]:
        """What the client asks for, or what is wrong with that; and its seat, where it wants one."""
        if config.room is None:
            return choose(config, self._settings, self._services.engines), None
        ticket = self._rooms.seat_of(config.room) if self._rooms is not None else None
        if ticket is None:
            message = "expected 'room' to name a room that there is, and the token of one of its seats"
            return Fault(ErrorCode.INVALID_MESSAGE, message), None
        return choose_for_seat(config, ticket.language, self._services.engines), ticket

    def _resume(self, claim: Claim) -> bool:
        found = self._services.sessions.resumable(claim.session_id)
        refusal = Refusal.NOT_THERE if found is None else found.resume(self, claim)
        if refusal is None:
            self._leave_seat()
            return True
        RESUMES.labels(refusal.value).inc()
        log_event(
            logger,
            logging.INFO,
            "resume refused",
            session_id=self._session_id,
            reason=refusal.value,
            wanted=claim.session_id if found is not None else None,
        )
        return False

    def _leave_seat(self) -> None:
        """The connection is a session's, and counts with it."""
        self._belonged = True
        self._seat.leave()

    def _refusal(self, choice: Choice) -> Fault | None:
        """Why no session can be had, if so, before anything is spent on one."""
        return self._services.sessions.busy() or self._upstream_fault(choice)

    def _upstream_fault(self, choice: Choice) -> Fault | None:
        return UPSTREAM_REFUSES if choice.pipeline.uses_upstream and self._services.upstream_refuses() else None
