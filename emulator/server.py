"""The emulator as a whole: the TLS door, the upgrade, and what all sessions share.

TLS is started here, connection by connection, and not by the event loop's listener, because an emulator that
never answers the TLS greeting is one of the failures it plays. (Under uvloop it is the listener's, and
``black_hole`` goes mute after TLS.)
"""

import asyncio
import http
import os
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import trustme
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from emulator.answering import Answerer
from emulator.hearing import ClipIndex
from emulator.options import EmulatorOptions, Refusal
from emulator.record import ClipStretch, SessionRecord, masked_headers, masked_path
from emulator.recording import SessionRecorder, next_folder
from emulator.scenario import Clip, Scenario
from emulator.session import Services, Session, new_handle
from emulator.wire import Endpoint, parse_endpoint

_MAX_FRAME_BYTES = 16 * 2**20
_CLOSE_TIMEOUT_SECS = 2
_TLS_TIMEOUT_SECS = 10
_KEPT_SESSIONS = 200
_KEPT_HANDLES = 10_000
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}
_HTTP_REFUSALS: dict[Refusal, http.HTTPStatus] = {
    "401": http.HTTPStatus.UNAUTHORIZED,
    "403": http.HTTPStatus.FORBIDDEN,
    "404": http.HTTPStatus.NOT_FOUND,
    "429": http.HTTPStatus.TOO_MANY_REQUESTS,
    "503": http.HTTPStatus.SERVICE_UNAVAILABLE,
}


class Emulator:
    """A Gemini Live server, as an asynchronous context manager.

    Args:
        options: How it behaves; the defaults when None.
        scenario: What it answers; the built-in ``samples`` when None.
        record_dir: Folder that gets a folder for each session; None to write nothing.
        host: Address to listen on.
        port: Port to listen on; 0 for any free one.
        names: Further host names for the certificate, for clients on other machines.
        ca_file: Where the CA certificate is written, and left; None for a temporary file, removed at the end.

    Raises:
        ScenarioError: The built-in scenario cannot be read.
        OSError: On entering, when the port is taken or a folder cannot be written.
    """

    def __init__(
        self,
        options: EmulatorOptions | None = None,
        *,
        scenario: Scenario | None = None,
        record_dir: Path | str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        names: Sequence[str] = (),
        ca_file: Path | str | None = None,
    ) -> None:
        self.options = options or EmulatorOptions()
        self.scenario = scenario or Scenario.load("samples")
        self.sessions: list[SessionRecord] = []
        self.connections = 0
        """TCP connections so far, refused ones included."""
        self._record_dir = Path(record_dir) if record_dir is not None else None
        self._host, self._port = host, port
        self._names = names
        self._wanted_ca_file = Path(ca_file) if ca_file is not None else None
        self._ca_file: Path | None = None
        self._answerer = Answerer(self.scenario)
        clips = {name: (clip.samples, clip.rate_hz) for name, clip in self.scenario.clips.items()}
        self._services = Services(ClipIndex(clips), self._answerer, _HandleBook())
        self._server: Server | None = None
        self._doors: set[_Door] = set()
        self._session_count = 0

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    @property
    def base_url(self) -> str:
        """What a client's ``base_url`` must be, like ``https://127.0.0.1:9443``."""
        return f"https://{_ANY_ADDRESS.get(self._host, self._host)}:{self._port}"

    @property
    def ca_file(self) -> Path:
        """The PEM file of the CA that a client must trust.

        Raises:
            RuntimeError: The emulator was not entered.
        """
        if self._ca_file is None:
            raise RuntimeError("the CA exists only while the emulator runs; enter it with 'async with' first")
        return self._ca_file

    @property
    def clips(self) -> Mapping[str, Clip]:
        """The clips it can find in what it hears, by name."""
        return self.scenario.clips

    def stretches(self) -> dict[str, list[ClipStretch]]:
        """For every clip, which part was answered how often, over all sessions; equal neighbours are joined."""
        return self._answerer.stretches()

    async def __aenter__(self) -> Self:
        if self._record_dir is not None:
            self._record_dir.mkdir(parents=True, exist_ok=True)
        context = self._make_certificates()
        by_hand = isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop)
        try:
            self._server = await serve(
                self._serve_session,
                self._host or None,
                self._port,
                process_request=self._process_request,
                create_connection=self._door_class(context if by_hand else None),
                ssl=None if by_hand else context,
                compression=None,
                ping_interval=None,
                max_size=_MAX_FRAME_BYTES,
                close_timeout=_CLOSE_TIMEOUT_SECS,
                server_header=None,
            )
        except BaseException:
            self._remove_ca_file()
            raise
        self._port = int(next(iter(self._server.sockets)).getsockname()[1])
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._server is not None:
            for door in list(self._doors):
                door.abandon()
            self._server.close()
            await self._server.wait_closed()
        self._remove_ca_file()

    def _make_certificates(self) -> ssl.SSLContext:
        authority = trustme.CA()
        names = dict.fromkeys(["localhost", "127.0.0.1", "::1", *self._names])
        if self._host and self._host not in _ANY_ADDRESS:
            names[self._host] = None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(*names).configure_cert(context)
        if self._wanted_ca_file is None:
            handle, name = tempfile.mkstemp(prefix="emulator-ca-", suffix=".pem")
            os.close(handle)
            self._ca_file = Path(name)
        else:
            self._ca_file = self._wanted_ca_file
        authority.cert_pem.write_to_path(str(self._ca_file))
        return context

    def _remove_ca_file(self) -> None:
        if self._ca_file is not None and self._wanted_ca_file is None:
            self._ca_file.unlink(missing_ok=True)
            self._ca_file = None

    def _door_class(self, context: ssl.SSLContext | None) -> type["_Door"]:
        emulator = self

        class Door(_Door):
            tls = context
            doors = emulator._doors

            def admit(self) -> None:
                self.options = emulator.options
                self.refusal = emulator._next_refusal()

        return Door

    def _next_refusal(self) -> Refusal | None:
        self.connections += 1
        limit = self.options.refuse_first
        if limit is not None and self.connections > limit:
            return None
        return self.options.refuse

    def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        assert isinstance(connection, _Door)
        status = _HTTP_REFUSALS.get(connection.refusal) if connection.refusal else None
        if status is not None:
            return connection.respond(status, f"{status.phrase}\n")
        connection.endpoint = parse_endpoint(request.path)
        if connection.endpoint is None:
            return connection.respond(http.HTTPStatus.NOT_FOUND, "Expected a Gemini Live path\n")
        return None

    async def _serve_session(self, connection: ServerConnection) -> None:
        assert isinstance(connection, _Door)
        request, endpoint = connection.request, connection.endpoint
        if request is None or endpoint is None:
            return
        record = self._new_record(request, connection.options)
        recorder = SessionRecorder(next_folder(self._record_dir)) if self._record_dir is not None else None
        try:
            await Session(
                connection,
                endpoint=endpoint,
                key=_key(request, endpoint),
                options=connection.options,
                refusal=connection.refusal,
                services=self._services,
                record=record,
                recorder=recorder,
            ).run()
        finally:
            record.closed = True
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


class _HandleBook:
    """Resumption handles and their sessions."""

    def __init__(self) -> None:
        self._owners: dict[str, SessionRecord] = {}

    def issue(self, record: SessionRecord) -> str:
        handle = new_handle()
        self._owners[handle] = record
        if len(self._owners) > _KEPT_HANDLES:
            del self._owners[next(iter(self._owners))]
        return handle

    def owner(self, handle: str) -> SessionRecord | None:
        return self._owners.get(handle)


class _Door(ServerConnection):
    """A connection that starts TLS itself, or never does.

    uvloop reads from a socket before its TLS can be started by hand, so there the loop's listener does it.
    """

    tls: ssl.SSLContext | None
    """None where the event loop has already done TLS."""
    doors: "set[_Door]"
    options: EmulatorOptions
    refusal: Refusal | None
    endpoint: Endpoint | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._raw: asyncio.Transport | None = None
        self._greeting: asyncio.Task[None] | None = None
        self._connected = False
        self._early = bytearray()

    def admit(self) -> None:
        """Fix the options of this connection and how it is refused; the emulator's own subclass knows them."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the TCP connection in; the WebSocket part begins when TLS stands."""
        transport = cast(asyncio.Transport, transport)  # uvloop's transports are no subclasses of asyncio's
        self._raw = transport
        self.doors.add(self)
        self.admit()
        if self.refusal == "black_hole":
            return
        if self.tls is None:
            self._connected = True
            super().connection_made(transport)
        else:
            # The task's first step hands the transport to TLS before the loop reads from the socket.
            self._greeting = asyncio.create_task(self._greet(transport, self.tls))

    async def _greet(self, transport: asyncio.Transport, tls: ssl.SSLContext) -> None:
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(
                transport, self, tls, server_side=True, ssl_handshake_timeout=_TLS_TIMEOUT_SECS
            )
        except (OSError, ConnectionError, ssl.SSLError):
            transport.abort()
            self.doors.discard(self)
            return
        if secured is None:
            self.doors.discard(self)
            return
        self._connected = True
        super().connection_made(secured)
        if self._early:
            super().data_received(bytes(self._early))
            self._early.clear()

    def data_received(self, data: bytes) -> None:
        """Pass data on; what TLS decrypts before the WebSocket part stands waits for it."""
        if self._connected:
            super().data_received(data)
        elif self._greeting is not None:
            self._early += data

    def eof_received(self) -> None:
        """Pass the end of the input on, if the WebSocket part had begun."""
        if self._connected:
            super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass the end on, if the WebSocket part had begun."""
        self.doors.discard(self)
        if self._connected:
            super().connection_lost(exc)

    def abandon(self) -> None:
        """Drop the TCP connection if TLS does not stand yet."""
        if not self._connected and self._raw is not None:
            self._raw.abort()


def _key(request: Request, endpoint: Endpoint) -> str:
    header = request.headers.get("x-goog-api-key", "")
    token = request.headers.get("Authorization", "").removeprefix("Token ").removeprefix("Bearer ")
    return header or endpoint.query_key or token
