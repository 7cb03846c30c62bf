"""``python -m tests.soak``: let sessions talk for half an hour, and say what came of it."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from gemini.connectors import ConnectorName
from tests.soak.report import lines, write_document
from tests.soak.run import Plan, soak

_PAGE = Path(__file__).parents[2] / "docs" / "soak.md"
_FAILED = 1

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def main(
    minutes: Annotated[float, typer.Option(help="How long the sessions talk.", min=0.25, max=1440)] = 30,
    sessions: Annotated[int, typer.Option(help="How many sessions there are.", min=1, max=100)] = 20,
    seed: Annotated[int, typer.Option(help="Of everything that is random.")] = 1,
    connector: Annotated[ConnectorName, typer.Option(help="What the server connects with.")] = "genai",
    write: Annotated[bool, typer.Option("--write", help="Write the figures into docs/soak.md.")] = False,
) -> None:
    """Let sessions talk, with an upstream that fails and clients that come and go.

    Exit code 0: nothing was lost, doubled or told in another order, and memory did not grow; 1: the report says
    what did not go as it should.
    """
    result = asyncio.run(soak(Plan(minutes, sessions, seed, connector)))
    if result.told:
        typer.echo("\n".join(result.told), err=True)
    typer.echo("\n".join(lines(result)))
    if write:
        write_document(_PAGE, result)
    if result.wrong:
        raise typer.Exit(_FAILED)


if __name__ == "__main__":
    app()
