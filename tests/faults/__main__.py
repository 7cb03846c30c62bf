"""``python -m tests.faults``: play the fault matrix, or measure what renewing the connection costs."""

import os
import time
from difflib import get_close_matches
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated

import typer

from gemini.connectors import ConnectorName
from tests.faults.case import Case
from tests.faults.cases import all_cases
from tests.faults.playing import play_all
from tests.faults.renewals import Schedule, measure
from tests.faults.table import Result, document_table, lines, write_document

_PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
_FAILED = 1
_JOBS = 3 * (os.cpu_count() or 1)
"""A case waits for two thirds of its time."""


app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def main(
    only: Annotated[str, typer.Option(help="Play the cases whose names fit, such as 'reset:*'.")] = "*",
    case: Annotated[str | None, typer.Option(help="Play one case, and tell all that happened in it.")] = None,
    seed: Annotated[int, typer.Option(help="Decides what is said and where exactly a fault strikes.")] = 1,
    connector: Annotated[ConnectorName, typer.Option(help="What the server connects with.")] = "genai",
    jobs: Annotated[int, typer.Option(help="Cases at a time, each in a process.", min=1, max=64)] = _JOBS,
    show_list: Annotated[bool, typer.Option("--list", help="List the names of the cases, and play none.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Write the table into docs/faults.md.")] = False,
    renewals: Annotated[
        int | None, typer.Option(help="Play no case; renew so many connections, and measure the gaps.", min=1)
    ] = None,
    pairs: Annotated[int, typer.Option(help="With --renewals: pairs of clients at a time.", min=1, max=32)] = 4,
) -> None:
    """Play faults of the upstream against a server, and judge what comes of each; exit code 1 if any case fails."""
    if renewals is not None:
        if write or show_list or case is not None or only != "*":
            raise typer.BadParameter("it plays no case; leave the options of cases out", param_hint="--renewals")
        _measure(renewals, pairs, seed, connector)
        return
    if write and (case is not None or only != "*" or connector != "genai"):
        raise typer.BadParameter(
            "the document has the whole matrix of genai; leave --case, --only and --connector out",
            param_hint="--write",
        )
    cases = _chosen(all_cases(seed, connector=connector), only, case)
    if show_list:
        typer.echo("\n".join(chosen.name for chosen in cases))
        return
    results = _play(cases, jobs)
    for result in results:
        if not result.verdict.passed or case is not None:
            _tell(result)
    typer.echo("\n".join(lines(results)))
    if write:
        write_document(_PAGE, document_table(results))
    if not all(result.verdict.passed for result in results):
        raise typer.Exit(_FAILED)


def _chosen(cases: list[Case], only: str, name: str | None) -> list[Case]:
    if name is None:
        chosen = [case for case in cases if fnmatch(case.name, only)]
        if not chosen:
            text = f"expected a pattern that fits a name of --list, got {only!r}"
            raise typer.BadParameter(text, param_hint="--only")
        return chosen
    by_name = {case.name: case for case in cases}
    if name not in by_name:
        near = get_close_matches(name, by_name, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise typer.BadParameter(f"expected a name of --list, got {name!r}{hint}", param_hint="--case")
    return [by_name[name]]


def _measure(renewals: int, pairs: int, seed: int, connector: ConnectorName) -> None:
    figures = measure(renewals=renewals, pairs=pairs, schedule=Schedule(connector=connector), seed=seed)
    typer.echo("\n".join(figures.lines()))
    if figures.failures:
        typer.echo("\n".join(f"FAIL {failure}" for failure in figures.failures))
        raise typer.Exit(_FAILED)


def _play(cases: list[Case], jobs: int) -> list[Result]:
    """The results in the order of the cases; each failure is told as it comes."""
    began_at = time.monotonic()
    results: dict[str, Result] = {}
    for number, result in enumerate(play_all(cases, jobs=jobs), 1):
        results[result.name] = result
        if not result.verdict.passed:
            typer.echo(f"{number}/{len(cases)} FAIL {result.name}: {result.verdict.failures[0]}", err=True)
        elif number % 50 == 0:
            typer.echo(f"{number}/{len(cases)} played, {time.monotonic() - began_at:.0f} s", err=True)
    return [results[case.name] for case in cases]


def _tell(result: Result) -> None:
    """All that is known of a case."""
    typer.echo(f"\n{result.name}, {result.took_secs:.1f} s")
    for line in result.told:
        typer.echo(f"    {line}")
    for failure in result.verdict.failures:
        typer.echo(f"  FAIL {failure}")


if __name__ == "__main__":
    app()
