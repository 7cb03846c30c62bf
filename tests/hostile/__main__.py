"""``python -m tests.hostile``: attack a server, and say what came of it."""

import asyncio
import time
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from tests.hostile.oracle import Limits
from tests.hostile.run import Run
from tests.hostile.target import Target, own_server

_FAILED = 1


def main(
    messages: Annotated[
        int, typer.Option(help="How many hostile messages are sent, floods aside.", min=1)
    ] = 100_000,
    seed: Annotated[int, typer.Option(help="Of everything that is random.")] = 1,
    rounds: Annotated[int, typer.Option(help="After each the server's memory is measured.", min=1)] = 10,
    at_once: Annotated[int, typer.Option(help="Hostile connections at any moment.", min=1, max=60)] = 24,
    normal_clients: Annotated[int, typer.Option(help="Clients that talk as they should meanwhile.", min=0)] = 2,
    log: Annotated[Path | None, typer.Option(help="Where to copy our own server's log to.")] = None,
    url: Annotated[
        str | None,
        typer.Option(help="Attack this server instead of one of our own: ws://HOST:PORT/ws on this machine."),
    ] = None,
) -> None:
    """Send a server whatever it must survive, and check that it does.

    A server of our own is watched from inside, too: its memory, its descriptors, its threads, its log. Of another
    one only the answers are checked; it must have the documented default settings, and a loopback address.
    """
    if url is not None and urlsplit(url).hostname not in ("localhost", "127.0.0.1", "::1"):
        raise typer.BadParameter(f"expected a server on this machine, such as ws://localhost:8000/ws, got {url!r}")
    started_at = time.monotonic()
    run = asyncio.run(_run(url, messages, seed, rounds, at_once, normal_clients, log))
    typer.echo(run.report())
    typer.echo(f"{run.counted:,} messages, floods aside, in {time.monotonic() - started_at:.0f} s; seed {seed}")
    if not run.passed:
        raise typer.Exit(_FAILED)


async def _run(
    url: str | None, messages: int, seed: int, rounds: int, at_once: int, normal_clients: int, log: Path | None
) -> Run:
    if url is not None:
        run = Run(Target(url, Limits()), seed, at_once)
        await run.attack(messages, rounds=rounds, normal_clients=normal_clients)
        return run
    async with own_server(init_timeout_secs=10, max_sessions=80, max_pending=80) as target:
        run = Run(target, seed, at_once)
        await run.attack(messages, rounds=rounds, normal_clients=normal_clients)
        if log is not None:
            await asyncio.to_thread(log.write_text, target.log_text(), encoding="utf-8")
    return run


if __name__ == "__main__":
    typer.run(main)
