"""The door: HTTP and WebSocket routes, and how they are served. No logic of a session."""

import asyncio
import contextlib
import errno
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the command line takes it: no traceback
    from command_line import main

    main()  # does not return: each command imports what it needs, and few need what is imported below

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, PlainTextResponse
from uvicorn.supervisors import ChangeReload

from gemini.connectors import make_connector
from gemini.endpoint import Endpoint
from gemini.rejections import RejectionMemory
from metrics import EXPOSITION_TYPE, exposition
from pipelines.allocator import return_freed_memory
from pipelines.bounded_protocols import BoundedHttp, BoundedWebSocket
from pipelines.connection import ClientConnection
from pipelines.drain import DRAIN_STATE, Drain, DrainingServer
from pipelines.engines import Engines, load_engines
from pipelines.glossary_use import ignores_glossary
from pipelines.logs import configure_logging, log_event
from pipelines.phone_services import PhoneServices
from pipelines.readiness import reasons_against, retry_after_secs
from pipelines.room_access import RoomAccess
from pipelines.room_routes import room_routes
from pipelines.rooms import Rooms
from pipelines.scrape import keep_levels, levels, scrape_refusal
from pipelines.services import Services
from pipelines.sessions import Sessions
from pipelines.settings import (
    SILERO_IGNORES_THRESHOLD_BUT,
    Settings,
    SettingsError,
    load_settings,
    misspelled_settings,
    require_api_key,
)
from pipelines.spec import PipelineFileError, PipelineSpec
from pipelines.telephony_routes import add_telephony, dialled_for_seats
from pipelines.web_routes import add_page
from pipelines.whisper import Whisper, has_whisper, whisper_told
from processors.detector import load_detector
from processors.script import share_a_script
from reference import VERSION
from reference.http import HEALTH_RESPONSES, HTTP_ABOUT, METRICS_RESPONSES, READY_RESPONSES, ROOM_ROUTES
from reference.routes import add_reference

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from pipelines.worker import Worker

logger = logging.getLogger("server")

_LARGEST_FRAME_FACTOR = 8
_LONGEST_ORIGIN = 100
_SPARE_CONNECTIONS = 100
"""For HTTP, beside sessions, connections without ``init``, and as many again that are being closed."""
_PROXIES = "127.0.0.1,::1"
"""Whose X-Forwarded headers count, whatever the environment says: so none can make a client a local one."""
_SHUTDOWN_SECS = 10
"""How long sessions may take to end when the server stops."""


def create_app(settings: Settings | None = None, worker: "Worker | None" = None) -> FastAPI:
    """The application.

    Args:
        settings: The settings; missing: read from the environment.
        worker: Which one it is of several processes; missing: it is the only one.

    Raises:
        SettingsError: A setting is wrong or missing.
        PipelineFileError: The pipeline file is wrong.
    """
    settings = settings or load_settings()
    engines = load_engines(settings)
    if engines.uses_upstream and not settings.emulator:
        require_api_key(settings)
    if share_a_script((*settings.pair, *settings.target_languages)):
        load_detector()  # or the first turn would wait for it, and every session with it
    configure_logging(settings.log_level, settings.log_format)
    metrics_folder = worker.metrics_folder if worker is not None else None
    sessions = Sessions(
        max_sessions=settings.max_sessions,
        max_pending=settings.max_pending_connections,
        max_loop_lag_ms=settings.max_loop_lag_ms,
    )

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
        async with _endpoint(settings, engines) as endpoint:
            name = settings.gemini_connector if endpoint.api_key else "lean"  # google-genai makes no client without
            app.state.upstream = RejectionMemory(make_connector(name, endpoint))
            whisper = Whisper(settings)
            app.state.services = Services(
                settings, engines, app.state.upstream, sessions, app.state.upstream.refuses_all, endpoint, whisper
            )
            rooms = app.state.rooms = Rooms(app.state.services)
            app.state.room_access = RoomAccess(settings)
            _log_start(settings, engines, worker)
            watches = [asyncio.create_task(sessions.watch_loop_lag())]
            if any(has_whisper(pipeline) for pipeline in engines.pipelines):
                watches.append(asyncio.create_task(whisper.load()))
            if worker is not None:
                watches.append(asyncio.create_task(keep_levels(sessions, rooms)))
            app.state.phones = PhoneServices.of(app.state.services, rooms)
            rooms.dial = dialled_for_seats(settings)
            # With DEBUG every change of the source restarts the server: nobody wants to wait for it.
            app.state.drain = Drain(sessions, drain_secs=0 if settings.debug else settings.drain_secs)
            yield {DRAIN_STATE: app.state.drain}
            for watch in watches:
                watch.cancel()
            await sessions.stop()  # those whose client is away have no connection that would end them
            await rooms.stop()
            whisper.close()
            if app.state.phones is not None:
                await app.state.phones.stop()

    app = FastAPI(
        title="live-interpreter",
        version=VERSION,
        description=HTTP_ABOUT,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.rooms = None  # until it serves
    app.add_middleware(CORSMiddleware, allow_origins=settings.allowed_origins, allow_methods=["GET"])

    @app.head("/health", include_in_schema=False)
    @app.get("/health", tags=["state"], response_model=None, responses=HEALTH_RESPONSES)
    async def health() -> dict[str, str]:
        """Whether the process answers."""
        return {"status": "ok"}

    @app.head("/ready", include_in_schema=False)
    @app.get("/ready", tags=["state"], response_model=None, responses=READY_RESPONSES)
    async def ready() -> JSONResponse:
        """Whether a client that comes next would get a session, and why not."""
        faults = reasons_against(sessions, upstream_refuses=app.state.upstream.refusing)
        if not faults:
            return JSONResponse({"status": "ready"})
        reasons = [{"code": fault.code.value, "message": fault.message} for fault in faults]
        headers = {"Retry-After": str(retry_after_secs(faults))}
        return JSONResponse({"status": "not ready", "reasons": reasons}, status_code=503, headers=headers)

    @app.get("/metrics", tags=["state"], response_class=PlainTextResponse, responses=METRICS_RESPONSES)
    async def prometheus(request: Request) -> Response:
        """What the process counts and measures, for Prometheus."""
        peer = request.client.host if request.client is not None else None
        refusal = scrape_refusal(peer, request.headers.get("authorization"), settings.metrics_token)
        if refusal is not None:
            challenge = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else None
            return PlainTextResponse(f"{refusal.message}\n", refusal.status, challenge)
        if metrics_folder is None:
            return Response(exposition(levels(sessions, app.state.rooms)), media_type=EXPOSITION_TYPE)
        # The files of all workers: tens of ms, for which a thread keeps sessions from waiting.
        text = await asyncio.to_thread(exposition, levels(sessions, app.state.rooms), metrics_folder)
        return Response(text, media_type=EXPOSITION_TYPE)

    @app.websocket("/ws")
    async def interpret(websocket: WebSocket) -> None:
        """One interpreting session."""
        if not _origin_allowed(websocket, settings):
            origin = websocket.headers["origin"][:_LONGEST_ORIGIN]
            log_event(logger, logging.INFO, "origin refused", origin=origin)
            await websocket.close()  # before accept: refuses the handshake with 403
            return
        await websocket.accept()
        refusal = sessions.too_many_pending()
        with sessions.waiting_for_init() as seat:
            connection = ClientConnection(websocket, app.state.services, seat, app.state.rooms)
            with app.state.drain.watch(connection):
                await (connection.run() if refusal is None else connection.refuse(refusal))

    app.include_router(room_routes(lambda: app.state.rooms, lambda: app.state.room_access, ROOM_ROUTES))
    add_page(app, settings, engines)
    add_telephony(app, settings, engines)
    add_reference(app)
    return app


def _origin_allowed(websocket: WebSocket, settings: Settings) -> bool:
    """Whether the page that opens the socket may; a client that sends no Origin is no page."""
    origin = websocket.headers.get("origin")
    return origin is None or origin in settings.allowed_origins or "*" in settings.allowed_origins


@contextlib.asynccontextmanager
async def _endpoint(settings: Settings, engines: Engines) -> AsyncIterator[Endpoint]:
    """Where the upstream is: Google, what stands in its place, or an emulator that runs as long as this."""
    if not settings.emulator:
        key = require_api_key(settings) if engines.uses_upstream else ""
        yield Endpoint(key, settings.gemini_base_url, settings.gemini_ca_file)
        return
    from emulator import Emulator, EmulatorOptions  # only who asks for it pays for it

    async with Emulator(EmulatorOptions(keep_audio=False)) as upstream:
        yield Endpoint("emulator", upstream.base_url, upstream.ca_file)


def _log_start(settings: Settings, engines: Engines, worker: "Worker | None") -> None:
    pipeline = engines.default
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    log_event(
        logger,
        logging.INFO,
        "ready",
        url=f"ws://{host}:{settings.port}/ws",
        page=f"http://{host}:{settings.port}/",
        pipeline=pipeline.name,
        file=pipeline.path,
        **_engine(pipeline),
        engines=", ".join(engines.names) if len(engines.names) > 1 else None,
        upstream=_upstream(settings) if engines.uses_upstream else None,
        connector=settings.gemini_connector if engines.uses_upstream else None,
        whisper=whisper_told(settings, engines.pipelines),
        worker=worker.number if worker is not None else None,
        pid=os.getpid() if worker is not None else None,
    )
    if worker is not None and worker.number > 1:
        return  # what is wrong with the settings is said once
    for name, setting in misspelled_settings().items():
        log_event(logger, logging.WARNING, "unknown setting in .env", name=name, did_you_mean=setting)
    for pipeline in engines.pipelines:
        if ignores_glossary(settings, pipeline):
            log_event(logger, logging.WARNING, "the glossary is told to no model", pipeline=pipeline.name)
    if settings.vad_provider == "silero" and settings.vad_threshold not in SILERO_IGNORES_THRESHOLD_BUT:
        log_event(
            logger, logging.WARNING, "VAD_THRESHOLD is not used with silero", vad_threshold=settings.vad_threshold
        )


def _engine(pipeline: PipelineSpec) -> dict[str, object]:
    """The step that interprets, which is the one that has a model, and how it speaks."""
    for step in pipeline.steps:
        params = step.params if isinstance(step.params, dict) else step.params.model_dump()
        if "model" in params:
            return {"engine": step.use, "model": params["model"], "voice": params.get("voice")}
    return {}


def _upstream(settings: Settings) -> str:
    if settings.emulator:
        return "emulator (recognises nothing, answers from a scenario)"
    gateway = urlsplit(settings.gemini_base_url or "").hostname
    return f"Gemini Live at {gateway}" if gateway else "Gemini Live"


def listen(host: str, port: int) -> list[socket.socket]:
    """Listen on every address that ``host`` has here: uvicorn itself would try only after the log says ready.

    Raises:
        SettingsError: It has none, or the port is taken.
    """
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
            try:
                sockets.append(socket.create_server(address, family=family))
            except OSError as error:  # a machine without IPv6 may still call itself ::1
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) or len(found) == 1:
                    raise
        if sockets:
            return sockets
        raise OSError("none of its addresses belongs to this machine")
    except (OSError, UnicodeError) as error:  # the latter: no name of a host
        for listening in sockets:
            listening.close()
        raise SettingsError(f"HOST, PORT: can't listen on {host}, port {port}: {error}") from error


def run(app: "ASGIApp | str", settings: Settings, sockets: list[socket.socket]) -> None:
    """Serve ``app``, or with ``DEBUG`` the application factory that it names, until a signal ends it.

    The first signal drains (:mod:`pipelines.drain`), the second one ends the server at once.
    """
    config = uvicorn.Config(
        app,
        factory=settings.debug,
        reload=settings.debug,
        reload_dirs=[str(Path(__file__).parent)] if settings.debug else None,
        **uvicorn_options(settings),
    )
    if not settings.debug:  # there another process serves
        _keep_what_is_there()
    server = DrainingServer(config)
    with contextlib.suppress(KeyboardInterrupt):
        if settings.debug:
            ChangeReload(config, target=server.run, sockets=sockets).run()
        else:
            server.run(sockets)


def run_workers(settings: Settings, sockets: list[socket.socket], metrics_folder: Path) -> int:
    """Serve in ``settings.workers`` processes until a signal ends them.

    Args:
        settings: For each of them.
        sockets: Where to listen; they are closed.
        metrics_folder: Where the processes keep what they count, as their environment says.

    Returns:
        How this process is to end: an exit code, or, where it is negative, a signal.

    Raises:
        SettingsError: The port was taken meanwhile, or no worker starts.
    """
    from pipelines.workers import Workers, WorkersError, sockets_of_workers

    if settings.resume_grace_secs:
        log_event(
            logger,
            logging.WARNING,
            "a client that comes back may reach another worker, and get a fresh session",
            workers=settings.workers,
            resume_grace_secs=settings.resume_grace_secs,
        )
    try:
        each = sockets_of_workers(settings.workers, sockets)
        return Workers(partial(serve_as_worker, settings), each, metrics_folder).run()
    except KeyboardInterrupt:  # before they are there
        return -signal.SIGINT
    except (OSError, WorkersError) as error:
        raise SettingsError(f"WORKERS: {error}") from error


def serve_as_worker(settings: Settings, worker: "Worker") -> None:
    """Serve in one of several processes, until a signal or the supervisor ends it.

    What is wrong with settings or pipeline file, which each worker reads anew, is a line each and exit code 2.
    """
    from pipelines.worker import WorkerServer

    return_freed_memory()
    try:
        app = create_app(settings, worker)
    except (SettingsError, PipelineFileError) as error:
        for fault in str(error).splitlines():
            print(f"error: {fault}", file=sys.stderr)  # noqa: T201 - as the command line says it
        sys.exit(2)
    config = uvicorn.Config(app, **uvicorn_options(settings))
    _keep_what_is_there()
    with contextlib.suppress(KeyboardInterrupt):
        WorkerServer(config, worker.supervisor).run(worker.sockets)


def _keep_what_is_there() -> None:
    """Let the garbage collector skip what is there at the start and stays: it would take 200 ms each time."""
    gc.collect()
    gc.freeze()


def uvicorn_options(settings: Settings) -> dict[str, Any]:
    """How uvicorn is to run the application."""
    return {
        "host": settings.host,
        "port": settings.port,
        "loop": "uvloop" if sys.platform != "win32" else "asyncio",
        "http": BoundedHttp,
        "ws": BoundedWebSocket,
        "ws_per_message_deflate": False,
        "ws_max_size": _LARGEST_FRAME_FACTOR * settings.max_message_bytes,
        "ws_ping_interval": settings.ws_ping_interval,
        "ws_ping_timeout": settings.ws_ping_timeout,
        "timeout_graceful_shutdown": _SHUTDOWN_SECS,
        "log_config": None,
        "access_log": False,
        "limit_concurrency": settings.max_sessions + 2 * settings.max_pending_connections + _SPARE_CONNECTIONS,
        "server_header": False,
        "forwarded_allow_ips": _PROXIES,
    }
