"""``python -m tests.rooms``: let people talk in rooms at once, and say what came of it."""

import asyncio
import logging
from typing import Annotated

import typer

from tests.rooms.run import run

_FAILED = 1


def main(
    rooms: Annotated[int, typer.Option(help="Rooms at once, two people in each.", min=1, max=20)] = 10,
    minutes: Annotated[float, typer.Option(help="How long they talk.", min=0.1, max=60)] = 2.0,
    seed: Annotated[int, typer.Option(help="Of everything that is random.")] = 1,
) -> None:
    """Let a Korean and an English speaker talk in each room, in turns and now and then at once.

    Exit code 0: every turn was complete at both ends, in order, with the right texts and speaker, and each heard
    exactly the other's interpretation; 1: the report says what was not so.
    """
    logging.disable(logging.WARNING)
    result = asyncio.run(run(rooms, secs=60 * minutes, seed=seed))
    typer.echo(result.report())
    if result.wrong:
        raise typer.Exit(_FAILED)


if __name__ == "__main__":
    typer.run(main)
