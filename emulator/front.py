"""Where an emulator listens: who is let in, who is refused, and the session of each connection."""

import asyncio
import http
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from emulator.door import Door
from emulator.fault_box import Place
from emulator.faults import ALL_KINDS, Fault, FaultName, Stage
from emulator.link import Link
from emulator.options import EmulatorOptions, Refusal
from emulator.record import SessionRecord, masked_headers, masked_path
from emulator.recording import SessionRecorder, next_folder
from emulator.services import Services
from emulator.session import Session
from emulator.wire import Endpoint, parse_endpoint

_MAX_FRAME_BYTES = 16 * 2**20
_CLOSE_TIMEOUT_SECS = 2
_KEPT_SESSIONS = 200
_REFUSALS: Mapping[Refusal, FaultName] = {
    "401": "refuse_401",
    "403": "refuse_403",
    "404": "refuse_404",
    "429": "refuse_429",
    "503": "refuse_503",
    "bad_key": "refuse_key",
    "1007": "close_1007",
    "1008": "refuse_model",
    "1011": "close_1011",
    "quota": "quota_close",
    "quota_setup": "refuse_quota",
    "mute": "mute",
    "black_hole": "black_hole",
}


class Front:
    """All connections of an emulator.

    Args:
        options: Gives what a connection that comes now is to use.
        services: Shared by all sessions.
        record_dir: Folder that gets a folder for each session; None to write nothing.

    Attributes:
        sessions: The records of the connections that were upgraded.
        connections: How many TCP connections came, refused ones included.
        links: The open sessions by number.
    """

    def __init__(self, options: Callable[[], EmulatorOptions], services: Services, record_dir: Path | None) -> None:
        self.sessions: list[SessionRecord] = []
        self.connections = 0
        self.links: dict[int, Link] = {}
        self._options = options
        self._services = services
        self._record_dir = record_dir
        self._server: Server | None = None
        self._doors: set[Door] = set()
        self._session_count = 0

    async def listen(self, host: str, port: int, context: ssl.SSLContext) -> int:
        """Accept connections; the port.

        Raises:
            OSError: The address cannot be used.
        """
        by_hand = isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop)
        self._server = await serve(
            self._serve_session,
            host or None,
            port,
            process_request=self._process_request,
            create_connection=self._door_class(context if by_hand else None),
            ssl=None if by_hand else context,
            compression=None,
            ping_interval=None,
            max_size=_MAX_FRAME_BYTES,
            close_timeout=_CLOSE_TIMEOUT_SECS,
            server_header=None,
        )
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def stop(self) -> None:
        """End all connections and stop listening."""
        if self._server is not None:
            for door in list(self._doors):
                door.abandon()
            self._server.close()
            await self._server.wait_closed()

    def _door_class(self, context: ssl.SSLContext | None) -> type[Door]:
        front = self

        class OurDoor(Door):
            tls = context
            doors = front._doors

            def admit(self) -> None:
                self.options = front._options()
                self.refusal = front._next_refusal(self.options)

        return OurDoor

    def _next_refusal(self, options: EmulatorOptions) -> Fault | None:
        self.connections += 1
        limit = options.refuse_first
        if options.refuse is None or (limit is not None and self.connections > limit):
            return self._struck("door")
        return Fault(name=_REFUSALS[options.refuse], moment="setup")

    def _struck(self, stage: Stage) -> Fault | None:
        """The fault that strikes a connection before there is a session."""
        place = Place(self._session_count + 1)
        return next((fault for fault, _ in self._services.faults.strikes("setup", place, (stage,))), None)

    def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        assert isinstance(connection, Door)
        refusal = connection.refusal or self._struck("upgrade")
        if refusal is not None and ALL_KINDS[refusal.name].stage == "upgrade":
            status = http.HTTPStatus(int(refusal.name.removeprefix("refuse_")))
            return connection.respond(status, f"{status.phrase}\n")
        connection.endpoint = parse_endpoint(request.path)
        if connection.endpoint is None:
            return connection.respond(http.HTTPStatus.NOT_FOUND, "Expected a Gemini Live path\n")
        return None

    async def _serve_session(self, connection: ServerConnection) -> None:
        assert isinstance(connection, Door)
        request, endpoint = connection.request, connection.endpoint
        if request is None or endpoint is None:
            return
        record = self._new_record(request, connection.options)
        recorder = SessionRecorder(next_folder(self._record_dir)) if self._record_dir is not None else None
        link = self.links[record.number] = Link(connection, connection.options, record, recorder)
        session = Session(
            link,
            endpoint=endpoint,
            key=_key(request, endpoint),
            refusal=connection.refusal,
            services=self._services,
        )
        try:
            await session.run()
        finally:
            del self.links[record.number]
            if recorder is not None:
                recorder.close()

    def _new_record(self, request: Request, options: EmulatorOptions) -> SessionRecord:
        self._session_count += 1
        headers = masked_headers(dict(request.headers.raw_items()))
        record = SessionRecord(self._session_count, masked_path(request.path), headers, options.keep_audio)
        self.sessions.append(record)
        if not options.keep_audio and len(self.sessions) > _KEPT_SESSIONS:
            oldest = next((session for session in self.sessions if session.closed), None)
            if oldest is not None:
                self.sessions.remove(oldest)
        return record


def _key(request: Request, endpoint: Endpoint) -> str:
    header = request.headers.get("x-goog-api-key", "")
    token = request.headers.get("Authorization", "").removeprefix("Token ").removeprefix("Bearer ")
    return header or endpoint.query_key or token
