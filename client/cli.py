"""The commands: arguments in, exit code out. What takes long to import is imported when a command runs.

``server.py`` registers :func:`interpret` and :func:`demo` beside its own commands; :data:`app` holds just the two.
"""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from client.errors import ClientError

if TYPE_CHECKING:
    from client.demo import Outcome
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
    file: Annotated[Path, typer.Argument(help="The recording: a WAV file of any rate.", metavar="FILE.wav")],
    url: Url = DEFAULT_URL,
    out: Annotated[
        Path | None, typer.Option(help="Write the interpretation here, as WAV.", show_default="out/FILE.wav")
    ] = None,
    transcript: Annotated[
        Path | None, typer.Option(help="Write the turns here, as JSON lines.", show_default="beside --out, .jsonl")
    ] = None,
    language: Annotated[
        Literal["auto", "ko", "en"], typer.Option(help="The language that is spoken; the other one comes out.")
    ] = "auto",
    chunk_ms: Annotated[int, typer.Option(min=10, max=1000, help="Length of the chunks that are sent.")] = 20,
) -> None:
    """Stream a recording to the server in real time and show what it makes of it.

    The interpretation is written on the recording's time line, so that the two play side by side.
    """
    from client.interpret import InterpretJob, interpret

    if out is None:
        DEFAULT_OUT_DIR.mkdir(exist_ok=True)
        out = DEFAULT_OUT_DIR / f"{file.stem}.wav"
    transcript = transcript or out.with_suffix(".jsonl")
    job = InterpretJob(file, url, out, transcript, language, chunk_ms)
    with _errors_as_lines():
        with _screen(prefixed=False) as screen:
            summary = asyncio.run(interpret(job, screen.view(file.name)))
        for line in summary.lines():
            typer.echo(line)
        typer.echo(f"written to: {out}, {transcript}")


@app.command()
def demo(
    url: Url = DEFAULT_URL,
    out_dir: Annotated[
        Path, typer.Option(help="Interpretations and transcripts are written here.")
    ] = DEFAULT_OUT_DIR,
) -> None:
    """Interpret three recordings at the same time, Korean and English, and check that both directions came out."""
    from client.demo import SAMPLES, demo, problems

    with _errors_as_lines():
        with _screen(prefixed=True) as screen:
            outcomes = asyncio.run(demo(url, SAMPLES, out_dir, screen))
        _print_report(outcomes, out_dir)
        for problem in problems(outcomes):
            typer.echo(f"error: {problem}", err=True)
        if problems(outcomes):
            raise typer.Exit(1)


def _screen(*, prefixed: bool) -> "Screen":
    """The live view on a terminal, plain lines elsewhere."""
    from rich.console import Console

    from client.live import LiveScreen
    from client.view import PlainScreen

    _tolerate_narrow_encodings()
    if _on_terminal():
        return LiveScreen(Console(highlight=False), prefixed=prefixed)
    return PlainScreen(sys.stdout, prefixed=prefixed)


def _print_report(outcomes: Sequence["Outcome"], out_dir: Path) -> None:
    from rich.console import Console

    from client.report import total, turn_table

    width_cells = None if _on_terminal() else PLAIN_WIDTH_CELLS
    if any(outcome.turns for outcome in outcomes):
        Console(highlight=False, width=width_cells).print(turn_table(outcomes))
    for line in total(outcomes).lines():
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
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
