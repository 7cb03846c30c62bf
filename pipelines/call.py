"""One phone call, from the accept of its provider's stream to its end.

A call is one of the process's sessions: admitted, limited and drained as they are. Whatever ends it says so once,
and it alone hangs up and closes the stream. What is said on the line is :mod:`pipelines.call_talk`'s.
"""

import asyncio
import logging
import uuid

from fastapi import WebSocket

from metrics import SESSIONS_STARTED, SLOW_CLIENTS
from pipelines.call_talk import CallTalk
from pipelines.client_socket import ClientSocket
from pipelines.endings import (
    CLIENT_TOO_SLOW,
    CLOSED_BY_CLIENT,
    SERVER_STOPPED,
    SHUTTING_DOWN,
    UPSTREAM_REFUSES,
    Ending,
    internal_fault,
    log_end,
)
from pipelines.jobs import Jobs
from pipelines.logs import log_event
from pipelines.phone_services import PhoneServices
from pipelines.resumption import Client, Refusal
from pipelines.seats import SeatTicket
from pipelines.sessions import Seat
from pipelines.time_limits import TimeLimits
from protocol.errors import ErrorCode, Fault
from protocol.messages import Claim
from telephony.phone_serializer import StreamStoppedFrame
from telephony.provider import MediaStart, Provider

logger = logging.getLogger(__name__)

_FRAMES_A_TURN = 8


class PhoneCall:
    """Serves one accepted stream to its end.

    Attributes:
        session_id: UUID.
    """

    def __init__(
        self,
        websocket: WebSocket,
        provider: Provider,
        phones: PhoneServices,
        seat: Seat,
        ticket: SeatTicket | None = None,
    ):
        """Take over an accepted socket.

        Args:
            websocket: The stream.
            provider: Whose it is.
            phones: Of the process.
            seat: Its place among the pending connections.
            ticket: For the seat of a room that the caller takes; ``None``: whatever callers get.
        """
        self.session_id = str(uuid.uuid4())
        self._provider = provider
        self._phones = phones
        self._sessions = phones.services.sessions
        self._settings = settings = phones.services.settings
        self._seat = seat
        self._ticket = ticket
        self._loop = asyncio.get_running_loop()
        self._started_at = self._loop.time()
        self._ending: asyncio.Future[Ending] = self._loop.create_future()
        self._released = asyncio.Event()
        self._jobs = Jobs(self.fail)
        self._socket = ClientSocket(
            websocket,
            max_backlog_bytes=settings.max_send_backlog_bytes,
            write_timeout_secs=settings.ws_ping_interval + settings.ws_ping_timeout,
            on_stuck=self._end_stuck,
        )
        self._media: MediaStart | None = None
        self._talk: CallTalk | None = None

    @property
    def detached(self) -> bool:
        """Never: a call without its line is over."""
        return False

    def queue_depths(self) -> dict[str, float]:
        """What waits in its queues, in bytes, by the queue's name."""
        depths = {"outbox": float(self._socket.backlog_bytes)}
        return depths | (self._talk.queue_depths() if self._talk is not None else {})

    async def run(self) -> None:
        """Serve the call until something ends it."""
        self._jobs.start(self._read())
        self._jobs.start(self._expect_start())
        ending = SERVER_STOPPED
        try:
            ending = await self._ending
        finally:
            await self._finish(ending)

    async def refuse(self, fault: Fault) -> None:
        """Send the call away without serving it."""
        self.turn_away(fault)
        await self._finish(await self._ending)

    # Ends

    def end(self, ending: Ending) -> None:
        """Say why the call is over; only the first end counts."""
        if not self._ending.done():
            self._socket.seal()
            self._ending.set_result(ending)

    def turn_away(self, fault: Fault) -> None:
        """End a call that is no session yet."""
        if self._talk is None:
            self.end(Ending.by(fault))

    def fail(self, failure: Fault | BaseException) -> None:
        """The call can't go on: a fault that is known, or one of ours, of which the log gets the stack trace."""
        if not self._ending.done():
            fault = failure if isinstance(failure, Fault) else internal_fault(self.session_id, failure)
            self.end(Ending.by(fault))

    async def stop(self) -> None:
        """End, as a server does that stops; returns when everything is released."""
        self.end(SERVER_STOPPED)
        await self._released.wait()

    def drain(self) -> None:
        """Hear no further utterance, and hang up when everything was answered and heard that was said before."""
        self._jobs.start(self._drain())

    async def _drain(self) -> None:
        if self._talk is not None:
            await self._talk.drained()
        self.end(Ending.by(SHUTTING_DOWN))

    def resume(self, client: Client, claim: Claim) -> Refusal | None:
        """Nobody comes back to a call."""
        return Refusal.NOT_THERE

    def _end_stuck(self) -> None:
        SLOW_CLIENTS.inc()
        self.end(CLIENT_TOO_SLOW)

    async def _finish(self, ending: Ending) -> None:
        releasing = asyncio.ensure_future(self._release(ending))
        try:
            await asyncio.shield(releasing)
        finally:  # a server that stops cancels connections that are about to end, too
            await releasing

    async def _release(self, ending: Ending) -> None:
        await self._jobs.stop()
        releasing = [self._close(ending), *([self._talk.stop()] if self._talk is not None else [])]
        for result in await asyncio.gather(*releasing, return_exceptions=True):
            if isinstance(result, Exception):
                internal_fault(self.session_id, result)
        self._seat.leave()
        self._sessions.remove(self)
        self._released.set()
        log_end(
            self.session_id,
            ending,
            duration_secs=self._loop.time() - self._started_at,
            audio_secs=self._talk.incoming.audio_secs if self._talk is not None else 0,
            unlogged=self._talk is None and not self._sessions.unserved.may_log(ending.reason),
        )

    async def _close(self, ending: Ending) -> None:
        """Hang up, unless the caller has, and close the stream."""
        try:
            if self._media is not None and ending is not CLOSED_BY_CLIENT:
                await self._provider.hang_up(self._media)
        finally:
            await self._socket.close(ending.close_code, flush=False)

    # Reading

    async def _read(self) -> None:
        number = 0
        while (data := await self._socket.receive()) is not None:
            if self._talk is None:
                await self._look_for_start(data)
            else:
                await self._take(self._talk, data)
            number += 1
            if number % _FRAMES_A_TURN == 0:
                await asyncio.sleep(0)  # nothing above waits while there are frames to read
        self.end(Ending.by_client(self._socket.peer_close_code))

    async def _take(self, talk: CallTalk, data: str | bytes) -> None:
        heard = await talk.incoming.take(data)
        if isinstance(heard, Fault):
            self.fail(heard)
        elif isinstance(heard, StreamStoppedFrame):
            self.end(CLOSED_BY_CLIENT)
        elif heard is not None:
            talk.take(heard)

    async def _look_for_start(self, data: str | bytes) -> None:
        try:
            media = self._provider.start_of(data)
        except ValueError as error:
            self.turn_away(Fault(ErrorCode.INIT_TIMEOUT, str(error)))
            return
        if media is not None:
            await self._open(media)

    async def _expect_start(self) -> None:
        timeout_secs = self._settings.init_timeout_secs
        await asyncio.sleep(timeout_secs)
        if self._media is None:
            self.turn_away(Fault(ErrorCode.INIT_TIMEOUT, f"expected the stream to start within {timeout_secs:g} s"))

    # The session

    async def _open(self, media: MediaStart) -> None:
        """The stream begins: be a session, where one can be had."""
        self._media = media
        fault = self._refusal()
        if fault is None:
            await self._sessions.turn_to_start()
            fault = self._refusal()
        if fault is not None:
            self.turn_away(fault)
        elif not self._ending.done():
            self._begin(media)

    def _refusal(self) -> Fault | None:
        """Why no session can be had, if so, before anything is spent on one."""
        refused = self._phones.pipeline.uses_upstream and self._phones.services.upstream_refuses()
        return self._sessions.busy() or (UPSTREAM_REFUSES if refused else None)

    def _begin(self, media: MediaStart) -> None:
        self._talk = talk = CallTalk(
            self.session_id,
            self._socket,
            self._provider,
            media,
            self._phones,
            ticket=self._ticket,
            fail=self.fail,
        )
        self._seat.leave()
        self._sessions.add(self)
        SESSIONS_STARTED.inc()
        log_event(
            logger,
            logging.INFO,
            "call started",
            session_id=self.session_id,
            provider=self._provider.name,
            engine=self._phones.pipeline.name,
            language=talk.language,
            sample_rate_hz=media.rate_hz,
            encoding=media.encoding,
        )
        self._jobs.start(self._expire(talk))
        talk.start()

    async def _expire(self, talk: CallTalk) -> None:
        limits = TimeLimits(
            idle_secs=self._settings.idle_timeout_secs,
            age_secs=self._settings.max_session_secs,
            last_frame_at=lambda: talk.last_frame_at,
            clock=self._loop.time,
        )
        fault = await limits.passed()
        if fault is not None:
            self.end(Ending.by(fault))
