"""The commands: arguments in, exit code out. What takes long to import is imported when a command runs.

``server.py`` registers :func:`interpret` and :func:`demo` beside its own commands; :data:`app` holds just the two.
"""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client.errors import ClientError

if TYPE_CHECKING:
    from client.batch import Outcome
    from client.view import Screen

DEFAULT_OUT_DIR = Path("out")
"""Where results go that nobody named a place for."""

DEFAULT_URL = "ws://localhost:8000/ws"
"""Where ``python server.py`` listens by default."""

PLAIN_WIDTH_CELLS = 120
"""Width of a table where there is no terminal to ask."""

app = typer.Typer(
    help="Stream recordings to an interpreting server.", no_args_is_help=True, pretty_exceptions_enable=False
)

Url = Annotated[str, typer.Option(help="The server's websocket.")]


@app.command()
def interpret(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Recordings: WAV files of any rate.", metavar="FILE.wav")
    ] = None,
    url: Url = DEFAULT_URL,
    out: Annotated[
        Path | None, typer.Option(help="Write the interpretation here, as WAV.", show_default="out/FILE.wav")
    ] = None,
    transcript: Annotated[
        Path | None,
        typer.Option(
            help="Write the turns here, as JSON lines, with subtitles beside.", show_default="beside --out, .jsonl"
        ),
    ] = None,
    out_dir: Annotated[
        Path | None, typer.Option(help="Write everything into this directory.", show_default="out")
    ] = None,
    language: Annotated[
        str, typer.Option(metavar="CODE", help="The language that is spoken, one of the server's, or auto.")
    ] = "auto",
    target: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="The language that comes out.", show_default="the server's other one"),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The server's pipeline that interprets.", show_default="its default"),
    ] = None,
    rate: Annotated[
        int | None,
        typer.Option(
            min=8000,
            max=48000,
            metavar="HZ",
            help="Send at this sample rate.",
            show_default="the file's; --mic: 16000",
        ),
    ] = None,
    chunk_ms: Annotated[int, typer.Option(min=10, max=1000, help="Length of the chunks that are sent.")] = 20,
    json_lines: Annotated[
        bool, typer.Option("--json", help="Show events as JSON lines, and nothing else.")
    ] = False,
    fast: Annotated[
        bool, typer.Option("--fast", help="Send faster than real time while no interpretation is awaited.")
    ] = False,
    fast_rate: Annotated[
        float | None,
        typer.Option(min=1, max=100, help="With --fast: at most so many times real time.", show_default="4"),
    ] = None,
    mic: Annotated[bool, typer.Option("--mic", help="Interpret a microphone instead, until Ctrl-C.")] = False,
    device: Annotated[
        str | None, typer.Option(help="With --mic: the device's index, or a part of its name.")
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(min=0.1, metavar="SECS", help="With --mic: how long.", show_default="until Ctrl-C"),
    ] = None,
    list_devices: Annotated[bool, typer.Option("--list-devices", help="List the microphones, and end.")] = False,
) -> None:
    """Stream recordings or a microphone to the server and show what it makes of them.

    The interpretation is written on the time line of the speech, so that the
    two play side by side; the texts go into a transcript and into subtitles.
    Ctrl-C ends it, and what has come so far is written.
    """
    from client.options import InterpretOptions
    from client.running import run

    with _errors_as_lines():
        if list_devices:
            _list_devices()
            return
        options = InterpretOptions(
            files=files or [],
            url=url,
            default_out_dir=DEFAULT_OUT_DIR,
            out=out,
            transcript=transcript,
            out_dir=out_dir,
            language=language,
            target=target,
            engine=engine,
            rate_hz=rate,
            chunk_ms=chunk_ms,
            fast=fast,
            fast_rate=fast_rate,
            mic=mic,
            device=device,
            duration_secs=duration,
        )
        jobs = options.jobs()
        screen = _json_screen() if json_lines else _screen(prefixed=len(jobs) > 1, keep_ended=False)
        code = run(jobs, screen, json_lines=json_lines, until_stopped=mic)
    if code:
        raise typer.Exit(code)


def _list_devices() -> None:
    from client.microphone import SounddeviceBackend

    for line in SounddeviceBackend().devices() or ["no input device: plug a microphone in"]:
        typer.echo(line)


@app.command()
def demo(
    url: Url = DEFAULT_URL,
    out_dir: Annotated[
        Path, typer.Option(help="Interpretations and transcripts are written here.")
    ] = DEFAULT_OUT_DIR,
) -> None:
    """Interpret three recordings at the same time, Korean and English, and check that both directions came out."""
    from client.demo import SAMPLES, demo, problems
    from client.view import print_error

    with _errors_as_lines():
        with _screen(prefixed=True) as screen:
            outcomes = asyncio.run(demo(url, SAMPLES, out_dir, screen))
        _print_report(outcomes, out_dir)
        for problem in problems(outcomes):
            print_error(problem)
        if problems(outcomes):
            raise typer.Exit(1)


def _json_screen() -> "Screen":
    from client.jsonview import JsonScreen

    if isinstance(sys.stdout, TextIOWrapper):  # whatever the locale, programs get every character
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    return JsonScreen(sys.stdout)


def _screen(*, prefixed: bool, keep_ended: bool = True) -> "Screen":
    """The live view on a terminal, plain lines elsewhere."""
    from rich.console import Console

    from client.live import LiveScreen
    from client.view import PlainScreen

    _tolerate_narrow_encodings()
    if _on_terminal():
        return LiveScreen(Console(highlight=False), prefixed=prefixed, keep_ended=keep_ended)
    return PlainScreen(sys.stdout, prefixed=prefixed)


def _print_report(outcomes: Sequence["Outcome"], out_dir: Path) -> None:
    from rich.console import Console

    from client.report import turn_table
    from client.summary import total

    width_cells = None if _on_terminal() else PLAIN_WIDTH_CELLS
    if any(outcome.turns for outcome in outcomes):
        Console(highlight=False, width=width_cells).print(turn_table(outcomes))
    for line in total(outcome.summary for outcome in outcomes if outcome.summary).lines():
        typer.echo(line)
    typer.echo(f"written to: {out_dir}")


def _on_terminal() -> bool:
    """Whether standard output is a terminal that can move its cursor, whatever colours are forced upon it."""
    from rich.console import Console

    return sys.stdout.isatty() and not Console().is_dumb_terminal


def _tolerate_narrow_encodings() -> None:
    """Makes an output that has no Hangul show '?' rather than fail."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


@contextmanager
def _errors_as_lines() -> Iterator[None]:
    """Ends the program with one line on standard error and the error's exit code."""
    try:
        yield
    except ClientError as error:
        from client.view import print_error

        print_error(error)
        raise typer.Exit(error.exit_code) from None
