"""``python -m tests.abuse``: abuse a server, and say what other sessions noticed of it."""

import asyncio
from typing import Annotated

import typer

from tests.abuse.abusers import CASES
from tests.abuse.cases import Verdict, judge
from tests.abuse.report import failures, table
from tests.abuse.run import observe

_FAILED = 1


def main(
    case: Annotated[
        list[str] | None,
        typer.Option(help=f"Only this one; may be repeated. One of {', '.join(CASES)}.", metavar="NAME"),
    ] = None,
    seconds: Annotated[float, typer.Option(help="Length of a phase.", min=5, max=300)] = 20.0,
    rounds: Annotated[int, typer.Option(help="Quiet and abused phases of a case, by turns.", min=1, max=20)] = 2,
    sessions: Annotated[int, typer.Option(help="Normal sessions, that speak all along.", min=1, max=50)] = 10,
) -> None:
    """Abuse a server of its own in every way there is, on the loopback interface, while normal sessions speak.

    Exit code 0: all that is expected held; 1: something did not, and the last lines say what.
    """
    names = case or list(CASES)
    for name in names:
        if name not in CASES:
            raise typer.BadParameter(f"expected one of {', '.join(CASES)}, got {name!r}", param_hint="--case")
    verdicts = asyncio.run(_run(names, seconds, rounds, sessions))
    typer.echo(table(verdicts))
    typer.echo(failures(verdicts) or "all of it held")
    if not all(verdict.passed for verdict in verdicts):
        raise typer.Exit(_FAILED)


async def _run(names: list[str], seconds: float, rounds: int, sessions: int) -> list[Verdict]:
    verdicts: list[Verdict] = []
    for name in names:
        typer.echo(f"{name} ...", err=True)
        seen = await observe(name, rounds=rounds, phase_secs=seconds, sessions=sessions)
        verdicts += map(judge, seen)
    return verdicts


if __name__ == "__main__":
    typer.run(main)
