"""The door: HTTP and WebSocket routes, and the command line. No logic of a session."""

import asyncio
import contextlib
import errno
import gc
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

if __name__ == "__main__" and sys.argv[1:2] == ["interpret"]:
    from client.__main__ import main as run_client

    run_client()  # does not return: a client needs none of what is imported below, which takes seconds

import typer
import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, PlainTextResponse
from uvicorn.supervisors import ChangeReload

from client import cli as client_commands
from gemini.connector import Connector
from gemini.connectors import make_connector
from gemini.rejections import RejectionMemory
from metrics import EXPOSITION_TYPE, exposition
from pipelines.allocator import return_freed_memory
from pipelines.bounded_protocols import BoundedHttp, BoundedWebSocket
from pipelines.check import check_pipeline
from pipelines.check_report import report
from pipelines.connection import ClientConnection
from pipelines.diagram import mermaid as diagram
from pipelines.drain import DRAIN_STATE, Drain, DrainingServer
from pipelines.endings import UPSTREAM_REFUSES
from pipelines.logs import configure_logging, log_event
from pipelines.scrape import levels, scrape_refusal
from pipelines.session import Services
from pipelines.sessions import Sessions
from pipelines.settings import (
    SILERO_IGNORES_THRESHOLD_BUT,
    Settings,
    SettingsError,
    load_settings,
    misspelled_settings,
    require_api_key,
    setting_sources,
)
from pipelines.spec import PipelineFileError, PipelineSpec, load_pipeline
from reference import VERSION
from reference.http import HEALTH_RESPONSES, HTTP_ABOUT, METRICS_RESPONSES, READY_RESPONSES
from reference.routes import add_reference

if TYPE_CHECKING:
    from starlette.types import ASGIApp

logger = logging.getLogger("server")

_LARGEST_FRAME_FACTOR = 8
_LONGEST_ORIGIN = 100
_SPARE_CONNECTIONS = 100
"""For HTTP, beside sessions, connections without ``init``, and as many again that are being closed."""
_PROXIES = "127.0.0.1,::1"
"""Whose X-Forwarded headers count, whatever the environment says: so none can make a client a local one."""
_SHUTDOWN_SECS = 10
"""How long sessions may take to end when the server stops."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application.

    Args:
        settings: The settings; missing: read from the environment.

    Raises:
        SettingsError: A setting is wrong or missing.
        PipelineFileError: The pipeline file is wrong.
    """
    settings = settings or load_settings()
    if not settings.emulator:
        require_api_key(settings)
    pipeline = load_pipeline(settings.pipeline, settings.pipeline_variables())
    configure_logging(settings.log_level, settings.log_format)
    sessions = Sessions(
        max_sessions=settings.max_sessions,
        max_pending=settings.max_pending_connections,
        max_loop_lag_ms=settings.max_loop_lag_ms,
    )

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
        async with _connector(settings) as connector:
            app.state.upstream = RejectionMemory(connector)
            app.state.services = Services(
                settings, pipeline, app.state.upstream, sessions, app.state.upstream.refuses_all
            )
            _log_start(settings, pipeline)
            watch = asyncio.create_task(sessions.watch_loop_lag())
            # With DEBUG every change of the source restarts the server: nobody wants to wait for it.
            app.state.drain = Drain(sessions, drain_secs=0 if settings.debug else settings.drain_secs)
            yield {DRAIN_STATE: app.state.drain}
            watch.cancel()
            await sessions.stop()  # those whose client is away have no connection that would end them

    app = FastAPI(
        title="live-interpreter",
        version=VERSION,
        description=HTTP_ABOUT,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
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
        faults = [fault for fault in (sessions.busy(), sessions.too_many_pending()) if fault is not None]
        if app.state.upstream.refusing:
            faults.append(UPSTREAM_REFUSES)
        if not faults:
            return JSONResponse({"status": "ready"})
        reasons = [{"code": fault.code.value, "message": fault.message} for fault in faults]
        return JSONResponse({"status": "not ready", "reasons": reasons}, status_code=503)

    @app.get("/metrics", tags=["state"], response_class=PlainTextResponse, responses=METRICS_RESPONSES)
    async def prometheus(request: Request) -> Response:
        """What the process counts and measures, for Prometheus."""
        peer = request.client.host if request.client is not None else None
        refusal = scrape_refusal(peer, request.headers.get("authorization"), settings.metrics_token)
        if refusal is not None:
            challenge = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else None
            return PlainTextResponse(f"{refusal.message}\n", refusal.status, challenge)
        return Response(exposition(levels(sessions)), media_type=EXPOSITION_TYPE)

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
            connection = ClientConnection(websocket, app.state.services, seat)
            with app.state.drain.watch(connection):
                await (connection.run() if refusal is None else connection.refuse(refusal))

    add_reference(app)
    return app


def _origin_allowed(websocket: WebSocket, settings: Settings) -> bool:
    """Whether the page that opens the socket may; a client that sends no Origin is no page."""
    origin = websocket.headers.get("origin")
    return origin is None or origin in settings.allowed_origins or "*" in settings.allowed_origins


@contextlib.asynccontextmanager
async def _connector(settings: Settings) -> AsyncIterator[Connector]:
    if not settings.emulator:
        yield make_connector(
            settings.gemini_connector,
            api_key=require_api_key(settings),
            base_url=settings.gemini_base_url,
            ca_file=settings.gemini_ca_file,
        )
        return
    from emulator import Emulator, EmulatorOptions  # only who asks for it pays for it

    async with Emulator(EmulatorOptions(keep_audio=False)) as upstream:
        yield make_connector(
            settings.gemini_connector, api_key="emulator", base_url=upstream.base_url, ca_file=upstream.ca_file
        )


def _log_start(settings: Settings, pipeline: PipelineSpec) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    log_event(
        logger,
        logging.INFO,
        "ready",
        url=f"ws://{host}:{settings.port}/ws",
        pipeline=pipeline.name,
        file=pipeline.path,
        **_engine(pipeline),
        upstream=_upstream(settings),
        connector=settings.gemini_connector,
    )
    for name, setting in misspelled_settings().items():
        log_event(logger, logging.WARNING, "unknown setting in .env", name=name, did_you_mean=setting)
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


_HELP = "Serve interpreting sessions, or run a command. The options here are for serving; each command has its own."
cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=_HELP)
cli.command()(client_commands.interpret)


@cli.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    emulator: Annotated[
        bool, typer.Option("--emulator", help="Start an emulator of Gemini Live in this process and use it.")
    ] = False,
    host: Annotated[
        str | None, typer.Option(help="Where to listen: a name or an address of this machine; wins over HOST.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port for HTTP and WebSocket; wins over PORT.")] = None,
    log_level: Annotated[
        str | None, typer.Option(help="DEBUG, INFO, WARNING, ERROR or CRITICAL; wins over LOG_LEVEL.")
    ] = None,
) -> None:
    """Serve, where no command is given."""
    chosen = {"emulator": emulator or None, "host": host, "port": port, "log_level": log_level}
    if context.invoked_subcommand is not None:
        _refuse_options_of_serving(chosen, context.invoked_subcommand)
        return
    return_freed_memory()
    with _faults_end_the_start():
        settings = load_settings(**chosen)
        sockets = listen(settings.host, settings.port)
        settings = settings.model_copy(update={"port": sockets[0].getsockname()[1]})
        app: ASGIApp | str = create_app(settings)
    if settings.debug:
        app = "server:create_app"
        # For the process that reloads, which reads its settings anew.
        given = {name.upper(): str(value) for name, value in chosen.items() if value is not None}
        os.environ.update({**given, "PORT": str(settings.port)})
    run(app, settings, sockets)


@cli.command()
def demo(
    out_dir: Annotated[Path, typer.Option(help="Interpretations and transcripts are written here.")] = Path("out"),
) -> None:
    """Start server and emulator, and interpret three recordings: no key needed, nothing leaves this machine."""
    with _faults_end_the_start():
        settings = load_settings(emulator=True, host="127.0.0.1", port=0, debug=False, log_level="WARNING")
        with _serving_in_background(settings) as url:
            client_commands.demo(url=url, out_dir=out_dir)


@cli.command()
def check(
    file: Annotated[
        str | None, typer.Argument(help="Pipeline file, or name of one that comes with the server; else PIPELINE.")
    ] = None,
    mermaid: Annotated[
        bool, typer.Option("--mermaid", help="Print only a diagram of the pipeline, for Markdown.")
    ] = False,
    emulator: Annotated[bool, typer.Option("--emulator", help="Check for a server with --emulator.")] = False,
) -> None:
    """Show a pipeline, where each parameter comes from, and what is missing to run it; starts nothing.

    Exit code 0: it can run; 1: something is missing; 2: the file or a setting is wrong.
    """
    chosen = {"pipeline": file, "emulator": emulator or None}
    with _faults_end_the_start(), _quiet():
        checked = check_pipeline(load_settings(**chosen), setting_sources(**chosen))
    typer.echo(diagram(checked) if mermaid else report(checked))
    raise typer.Exit(1 if checked.missing and not mermaid else 0)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what modules say while they are imported out of the output."""
    logging.disable()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        logging.disable(logging.NOTSET)


def _refuse_options_of_serving(options: Mapping[str, object], command: str) -> None:
    """An option of the server before a command would have no effect."""
    for name, value in options.items():
        if value is not None:
            option = f"--{name.replace('_', '-')}"
            print(f"error: {option} is for serving, not for '{command}'", file=sys.stderr)  # noqa: T201
            raise typer.Exit(2)


@contextlib.contextmanager
def _faults_end_the_start() -> Iterator[None]:
    """Turn what is wrong with settings or pipeline file into a line for each fault and exit code 2."""
    try:
        yield
    except (SettingsError, PipelineFileError) as error:
        for fault in str(error).splitlines():
            print(f"error: {fault}", file=sys.stderr)  # noqa: T201 - no log is set up yet
        raise typer.Exit(2) from error


@contextlib.contextmanager
def _serving_in_background(settings: Settings) -> Iterator[str]:
    """Serve from a thread while the block runs; gives the WebSocket's URL."""
    server = uvicorn.Server(uvicorn.Config(create_app(settings), **uvicorn_options(settings)))
    thread = threading.Thread(target=server.run, name="server")
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise SettingsError("the server did not start; its log says why")
            time.sleep(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"ws://{settings.host}:{port}/ws"
    finally:
        server.should_exit = True
        thread.join()


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
        # What is there at the start stays; looking through it would take the garbage collector 200 ms each time.
        gc.collect()
        gc.freeze()
    server = DrainingServer(config)
    with contextlib.suppress(KeyboardInterrupt):
        if settings.debug:
            ChangeReload(config, target=server.run, sockets=sockets).run()
        else:
            server.run(sockets)


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


def main() -> None:
    """The command line."""
    cli()


if __name__ == "__main__":
    main()
