"""``python -m tests.resume``: lose connections at random moments, and say what came of it."""

import asyncio
import logging
import time
from typing import Annotated

import typer

from gemini.connectors import ConnectorName
from tests.resume.run import run

_FAILED = 1


def main(
    disconnections: Annotated[int, typer.Option(help="How many connections are lost, at least.", min=1)] = 1000,
    seed: Annotated[int, typer.Option(help="Of everything that is random.")] = 1,
    at_once: Annotated[int, typer.Option(help="Sessions at any moment.", min=1, max=50)] = 4,
    connector: Annotated[ConnectorName, typer.Option(help="What the server connects with.")] = "genai",
) -> None:
    """Let clients lose their connection in every way at random moments, and come back.

    Exit code 0: every message came once and in order, every sample was counted once, every word was interpreted
    once, and nobody got into a session that is not theirs; 1: the report says what did not.
    """
    logging.disable(logging.WARNING)
    started_at = time.monotonic()
    result = asyncio.run(run(disconnections, seed=seed, at_once=at_once, connector=connector))
    typer.echo(result.report())
    typer.echo(f"{time.monotonic() - started_at:.0f} s; seed {seed}")
    if result.wrong:
        raise typer.Exit(_FAILED)


if __name__ == "__main__":
    typer.run(main)
