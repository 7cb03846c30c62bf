"""The command line of ``server.py``; what a command needs is imported when it runs, for it takes a second."""

import contextlib
import gc
import logging
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client import cli as client_commands

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from pipelines.settings import Settings

_HELP = "Serve interpreting sessions, or run a command. The options here are for serving; each command has its own."
_BETWEEN_REPORTS = f"\n\n{'-' * 100}\n\n"
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
    workers: Annotated[
        int | None, typer.Option(help="How many processes serve, one core each at most; wins over WORKERS.")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(help="DEBUG, INFO, WARNING, ERROR or CRITICAL; wins over LOG_LEVEL.")
    ] = None,
) -> None:
    """Serve, where no command is given."""
    chosen = {
        "emulator": emulator or None,
        "host": host,
        "port": port,
        "workers": workers,
        "log_level": log_level,
    }
    if context.invoked_subcommand is not None:
        _refuse_options_of_serving(chosen, context.invoked_subcommand)
        return
    with _importing():
        from pipelines.allocator import return_freed_memory
        from pipelines.settings import load_settings
        from server import create_app, listen, run, run_workers

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
        _hand_down(**given, PORT=str(settings.port))
    if settings.workers == 1:
        run(app, settings, sockets)
        return
    with (
        tempfile.TemporaryDirectory(prefix="live-interpreter-metrics-") as folder,
        _faults_end_the_start(),
    ):
        _hand_down(PROMETHEUS_MULTIPROC_DIR=folder)
        ending = run_workers(settings, sockets, Path(folder))
    _end_with(ending)


def _end_with(ending: int) -> None:
    """End with an exit code, or, where it is negative, by a signal, as after a server that it ended at once."""
    if ending > 0:
        raise typer.Exit(ending)
    if ending:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(-ending)


def _hand_down(**variables: str | None) -> None:
    """Put variables into the environment of processes that are started later, or (``None``) take them out of it."""
    environment = os.environ
    for name, value in variables.items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value


@cli.command()
def demo(
    out_dir: Annotated[Path, typer.Option(help="Interpretations and transcripts are written here.")] = Path("out"),
) -> None:
    """Start server and emulator, and interpret three recordings: no key needed, nothing leaves this machine."""
    with _importing():
        from pipelines.settings import load_settings

    with _faults_end_the_start():
        settings = load_settings(
            emulator=True, host="127.0.0.1", port=0, debug=False, workers=1, log_level="WARNING"
        )
        with _serving_in_background(settings) as url:
            client_commands.demo(url=url, out_dir=out_dir)


@cli.command()
def check(
    file: Annotated[
        str | None,
        typer.Argument(help="Pipeline file, or name of one that comes with the server; else PIPELINE and ENGINES."),
    ] = None,
    mermaid: Annotated[
        bool, typer.Option("--mermaid", help="Print only a diagram of the pipeline, for Markdown.")
    ] = False,
    emulator: Annotated[bool, typer.Option("--emulator", help="Check for a server with --emulator.")] = False,
) -> None:
    """Show a pipeline, where each parameter comes from, and what is missing to run it; starts nothing.

    Without FILE the pipelines of ENGINES follow the one of PIPELINE, then the one of TELEPHONY_PIPELINE where calls
    are taken.

    Exit code 0: it can run; 1: something is missing; 2: the file or a setting is wrong.
    """
    chosen = {"pipeline": file, "emulator": emulator or None}
    with _importing():
        from pipelines.check import check_pipelines
        from pipelines.check_report import report
        from pipelines.diagram import mermaid as diagram
        from pipelines.settings import load_settings, setting_sources

    with _faults_end_the_start(), _quiet():
        checked = check_pipelines(load_settings(**chosen), setting_sources(**chosen))
    if mermaid:
        typer.echo(diagram(checked[0]))
        return
    typer.echo(_BETWEEN_REPORTS.join(report(one) for one in checked))
    raise typer.Exit(1 if any(one.missing for one in checked) else 0)


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
    from pipelines.settings import SettingsError
    from pipelines.spec import PipelineFileError

    try:
        yield
    except (SettingsError, PipelineFileError) as error:
        for fault in str(error).splitlines():
            print(f"error: {fault}", file=sys.stderr)  # noqa: T201 - no log is set up yet
        raise typer.Exit(2) from error


@contextlib.contextmanager
def _serving_in_background(settings: "Settings") -> Iterator[str]:
    """Serve from a thread while the block runs; gives the WebSocket's URL."""
    with _importing():
        import uvicorn

        from pipelines.settings import SettingsError
        from server import create_app, uvicorn_options

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


@contextlib.contextmanager
def _importing() -> Iterator[None]:
    """Import what a command needs: without a search for garbage, for it all stays; Ctrl-C leaves no traceback.

    Where workers share what they count is not for the environment to say: prometheus_client looks when imported.
    """
    _hand_down(PROMETHEUS_MULTIPROC_DIR=None, prometheus_multiproc_dir=None)
    previous = signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # what was imported is looked through at no later time either
        gc.enable()
        signal.signal(signal.SIGINT, previous)


def main() -> None:
    """The command line; Ctrl-C before a command's modules are imported ends the program without a traceback."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    cli()
