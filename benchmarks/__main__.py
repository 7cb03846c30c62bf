"""``python -m benchmarks``: what a session costs here, beside a bare relay and a stock pipecat pipeline."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.orders import ROOT
from benchmarks.rows import rows, table
from benchmarks.running import Cores, Plan, bench
from benchmarks.subjects import Subject, has_lean, subjects

app = typer.Typer(add_completion=False, rich_markup_mode=None, help=__doc__)


def say(line: str) -> None:
    """Tell what goes on, apart from the results."""
    typer.echo(line, err=True)


def _numbers(text: str) -> list[int]:
    try:
        numbers = sorted({int(part) for part in text.split(",")})
    except ValueError:
        numbers = []
    if not numbers or numbers[0] < 1:
        raise typer.BadParameter(f"expected numbers of 1 or more with commas between, such as 10,50, got {text!r}")
    return numbers


def _subjects(names: str | None, server_dirs: list[Path], workers: int = 1) -> list[Subject]:
    if names is None:
        lean = all(has_lean(folder) for folder in server_dirs or [ROOT])
        names = "genai,lean,relay,stock" if lean else "genai,relay,stock"
    try:
        return subjects(names.split(","), server_dirs, workers)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@app.callback()
def main() -> None:
    """Compare servers under the same load."""


@app.command()
def compare(
    subject: Annotated[
        str | None, typer.Option(help="Which servers: genai, lean (ours), relay, stock; commas between.")
    ] = None,
    sessions: Annotated[str, typer.Option(help="How many sessions, in steps.")] = "10,50,100",
    speech: Annotated[
        str, typer.Option(help="Percent of the time that clients speak, for each profile.")
    ] = "40,60",
    rounds: Annotated[int, typer.Option(help="How often all of it is measured.", min=1, max=100)] = 3,
    window_secs: Annotated[float, typer.Option(help="How long a step is measured.", min=1, max=1800)] = 8.0,
    settle_secs: Annotated[float, typer.Option(help="How long sessions settle before it.", min=0, max=60)] = 3.0,
    server_dir: Annotated[
        list[Path] | None, typer.Option(help="Folder with a server.py to measure as ours; may be repeated.")
    ] = None,
    server_core: Annotated[int | None, typer.Option(help="The core that servers have for themselves.")] = None,
    load_core: Annotated[int | None, typer.Option(help="The core that the load process has for itself.")] = None,
) -> None:
    """Measure servers by turns, round after round, and print medians."""
    chosen = _subjects(subject, server_dir or [])
    plans = [Plan(_numbers(sessions), percent, window_secs, settle_secs) for percent in _numbers(speech)]

    async def go() -> None:
        async with bench(Cores(server_core, load_core), say) as running:
            typer.echo("\n".join(table(rows(await running.compare(chosen, plans, rounds)))))

    asyncio.run(go())


if __name__ == "__main__":
    app()
