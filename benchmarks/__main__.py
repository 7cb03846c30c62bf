"""``python -m benchmarks``: what a session costs here, beside a bare relay and a stock pipecat pipeline."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.goals import Verdict
from benchmarks.goals import hold as hold_sessions
from benchmarks.goals import overload as overload_server
from benchmarks.knee import find_knee
from benchmarks.report import Results, markdown, write
from benchmarks.running import Bench, Plan, bench, separate_cores
from benchmarks.subjects import Subject, chosen_subjects, limited_to

_FAILED, _UNDECIDED = 1, 2
_WINDOW_SECS, _SETTLE_SECS = 8.0, 4.0
_MOST_SESSIONS = 600

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def _numbers(text: str) -> list[int]:
    try:
        numbers = sorted({int(part) for part in text.split(",")})
    except ValueError:
        numbers = []
    if not numbers or numbers[0] < 1:
        raise typer.BadParameter(f"expected whole numbers of 1 or more with commas between, got '{text}'")
    return numbers


def _percents(text: str) -> list[int]:
    numbers = _numbers(text)
    if numbers[0] < 10 or numbers[-1] > 70:
        raise typer.BadParameter(f"expected percents of 10 to 70 with commas between, got '{text}'")
    return numbers


Subjects = Annotated[
    str | None,
    typer.Option(
        "--subject", help="Servers, with commas between: genai, lean (ours), relay, stock. Missing: all there are."
    ),
]
One = Annotated[str, typer.Option("--subject", help="The server: genai, lean (ours), relay or stock.")]
Sessions = Annotated[str, typer.Option(help="Numbers of sessions, with commas between: the steps of a run.")]
Count = Annotated[int, typer.Option("--sessions", help="How many sessions.", min=1, max=2000)]
Speech = Annotated[str, typer.Option(help="Percents of the time that clients speak, with commas between.")]
Percent = Annotated[int, typer.Option("--speech", help="Percent of the time that clients speak.", min=10, max=70)]
Rounds = Annotated[int, typer.Option(help="How often all of it is measured.", min=1, max=100)]
Window = Annotated[float, typer.Option(help="How long each step is measured.", min=1, max=1800)]
Settle = Annotated[float, typer.Option(help="How long sessions talk before that.", min=0, max=60)]
Dirs = Annotated[
    list[Path] | None,
    typer.Option("--server-dir", help="Folder with a server.py to measure as ours; repeat it to compare folders."),
]
Workers = Annotated[str, typer.Option(help="Numbers of worker processes of ours, with commas between.")]
Pin = Annotated[bool, typer.Option(help="One core for servers and another one for the load process.")]
Write = Annotated[bool, typer.Option("--write", help="Write figures and plots into docs/performance.md.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")]
Seed = Annotated[int, typer.Option(help="Decides where clients begin, and their phases.", min=0)]


def _subjects(names: str | None, server_dirs: list[Path] | None, workers: str = "1") -> list[Subject]:
    try:
        wanted = names.split(",") if names is not None else None
        return chosen_subjects(wanted, server_dirs or [], _numbers(workers))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _with_bench(work: Callable[[Bench], Awaitable[None]], *, pin: bool) -> None:
    """Run ``work`` with a load process; a server that does not start is one line and exit code 1."""

    async def go() -> None:
        async with bench(separate_cores(pin=pin), _say) as ready:
            await work(ready)

    try:
        asyncio.run(go())
    except RuntimeError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(_FAILED) from error


async def _measure(ready: Bench, chosen: list[Subject], plans: list[Plan], rounds: int) -> Results:
    results = Results.here(rounds, plans)
    results.measured = await ready.compare(chosen, plans, rounds)
    return results


async def _add_knees(ready: Bench, chosen: list[Subject], plan: Plan, results: Results) -> None:
    for subject in chosen:
        results.knees.append(await find_knee(ready, subject, plan, _MOST_SESSIONS))
        _say(f"knee: {results.knees[-1].line()}")


def _keep(results: Results, *, to_docs: bool, json_file: Path | None) -> None:
    if json_file is not None:
        json_file.write_text(json.dumps(results.as_json(), indent=1) + "\n", encoding="utf-8")
    for path in write(results) if to_docs else []:
        _say(f"wrote {path.name}")


def _show(results: Results) -> None:
    typer.echo("\n".join(markdown(results)))


@app.callback()
def main() -> None:
    """What a session costs on this machine, beside a bare relay and a stock pipecat pipeline."""


@app.command()
def full(to_docs: Write = False, json_file: Json = None, rounds: Rounds = 3, pin: Pin = True) -> None:
    """All servers, and their knees: 25 minutes."""
    plans = [
        Plan(sessions, percent, _WINDOW_SECS, _SETTLE_SECS)
        for percent, sessions in ((40, (10, 50, 100)), (60, (50, 100)))
    ]
    chosen = _subjects(None, None)

    async def work(ready: Bench) -> None:
        results = await _measure(ready, chosen, plans, rounds)
        _keep(results, to_docs=to_docs, json_file=json_file)  # whatever becomes of the knees
        try:
            await _add_knees(ready, chosen, _knee_plan(40), results)
        finally:
            _keep(results, to_docs=to_docs, json_file=json_file)
            _show(results)

    _with_bench(work, pin=pin)


@app.command()
def quick(server_dirs: Dirs = None, json_file: Json = None, pin: Pin = True) -> None:
    """All servers once, with few sessions: two minutes."""
    chosen = _subjects(None, server_dirs)

    async def work(ready: Bench) -> None:
        results = await _measure(ready, chosen, [Plan((10, 30), 40, 4.0, 4.0)], 1)
        _keep(results, to_docs=False, json_file=json_file)
        _show(results)

    _with_bench(work, pin=pin)


@app.command()
def compare(
    subjects: Subjects = None,
    sessions: Sessions = "10,50,100",
    speech: Speech = "40,60",
    rounds: Rounds = 3,
    window_secs: Window = _WINDOW_SECS,
    settle_secs: Settle = _SETTLE_SECS,
    server_dirs: Dirs = None,
    workers: Workers = "1",
    seed: Seed = 1,
    pin: Pin = True,
    to_docs: Write = False,
    json_file: Json = None,
) -> None:
    """Measure servers by turns, in rounds."""
    chosen = _subjects(subjects, server_dirs, workers)
    plans = [Plan(_numbers(sessions), percent, window_secs, settle_secs, seed) for percent in _percents(speech)]

    async def work(ready: Bench) -> None:
        results = await _measure(ready, chosen, plans, rounds)
        _keep(results, to_docs=to_docs, json_file=json_file)
        _show(results)

    _with_bench(work, pin=pin)


@app.command()
def knee(
    subjects: Subjects = None,
    speech: Percent = 40,
    server_dirs: Dirs = None,
    workers: Workers = "1",
    pin: Pin = True,
) -> None:
    """Find how many sessions a core carries."""
    chosen = _subjects(subjects, server_dirs, workers)

    async def work(ready: Bench) -> None:
        results = Results.here(1, [])
        try:
            await _add_knees(ready, chosen, _knee_plan(speech), results)
        finally:
            typer.echo("\n".join(found.line() for found in results.knees))

    _with_bench(work, pin=pin)


@app.command()
def hold(
    subject: One = "genai",
    sessions: Count = 80,
    secs: Annotated[float, typer.Option(help="For how long.", min=5, max=1800)] = 300.0,
    speech: Percent = 40,
    server_dirs: Dirs = None,
    pin: Pin = True,
) -> None:
    """Hold sessions, and lose and delay nothing.

    Exit code 1 if that fails, 2 if the load process was the limit.
    """
    (chosen,) = _only_one(_subjects(subject, server_dirs))
    _judge(lambda ready: hold_sessions(ready, chosen, Plan([sessions], speech, secs, 10.0)), pin=pin)


@app.command()
def overload(
    subject: One = "genai",
    sessions: Count = 80,
    secs: Annotated[float, typer.Option(help="For how long, alone and disturbed each.", min=5, max=1800)] = 30.0,
    speech: Percent = 40,
    server_dirs: Dirs = None,
    pin: Pin = True,
) -> None:
    """Let as many clients again knock in vain.

    Exit code 1 if that fails, 2 if the load process was the limit.
    """
    (chosen,) = _only_one(_subjects(subject, server_dirs))
    limited = limited_to(chosen, sessions)
    _judge(lambda ready: overload_server(ready, limited, Plan([sessions], speech, secs, 5.0)), pin=pin)


def _knee_plan(percent: int) -> Plan:
    return Plan((), percent, window_secs=5.0, settle_secs=2.0)


def _only_one(found: list[Subject]) -> list[Subject]:
    if len(found) != 1:
        raise typer.BadParameter(f"expected one server, got {', '.join(subject.name for subject in found)}")
    return [replace(found[0], most_sessions=2000)]


def _judge(measure: Callable[[Bench], Awaitable[Verdict]], *, pin: bool) -> None:
    found: list[Verdict] = []

    async def work(ready: Bench) -> None:
        found.append(await measure(ready))

    _with_bench(work, pin=pin)
    (verdict,) = found
    typer.echo("\n".join([*verdict.told, *(f"FAIL {fault}" for fault in verdict.faults)]))
    if verdict.faults:
        raise typer.Exit(_UNDECIDED if verdict.limited else _FAILED)
    typer.echo("pass")


if __name__ == "__main__":
    app()
