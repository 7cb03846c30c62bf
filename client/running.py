"""Runs the jobs of ``interpret`` from the command line: screen, errors, summary, exit code."""

import asyncio
import sys
from collections.abc import Sequence

import typer

from client.batch import Outcome, exit_code, interpret_each
from client.interpret import InterpretJob
from client.jsonview import write_event
from client.stopping import Stop, stopped_by_signals
from client.summary import total
from client.view import Screen, print_error


def run(jobs: Sequence[InterpretJob], screen: Screen, *, json_lines: bool, until_stopped: bool) -> int:
    """Runs one job after another.

    Args:
        jobs: At least one.
        screen: Shows them.
        json_lines: Standard output is for programs.
        until_stopped: Ctrl-C is how it is meant to end.

    Returns:
        The exit code.
    """
    with screen:
        outcomes, stop = asyncio.run(_interpret_each(jobs, screen))
    several = len(jobs) > 1
    for outcome in outcomes:
        if outcome.error:
            print_error(f"{outcome.name}: {outcome.error}" if several else outcome.error)
    if json_lines:
        _print_json(outcomes)
    else:
        _print(jobs, outcomes)
    if stop.signal_number is not None and not until_stopped:
        return stop.exit_code
    return exit_code(outcomes)


async def _interpret_each(jobs: Sequence[InterpretJob], screen: Screen) -> tuple[Sequence[Outcome], Stop]:
    with stopped_by_signals() as stop:
        return await interpret_each(jobs, screen, stop=stop), stop


def _print(jobs: Sequence[InterpretJob], outcomes: Sequence[Outcome]) -> None:
    summaries = [outcome.summary for outcome in outcomes if outcome.summary]
    if not summaries:
        return
    summary = total(summaries)
    if summary.stopped and not summary.speech_secs:
        typer.echo("stopped before anything was sent")
        return
    if len(jobs) > 1:
        typer.echo(f"recordings: {len(summaries)} of {len(jobs)}")
    for line in summary.lines():
        typer.echo(line)
    if summary.stopped:
        typer.echo("stopped: this is what came so far")
    for job, outcome in zip(jobs, outcomes, strict=False):
        if outcome.summary and outcome.summary.speech_secs:
            typer.echo(f"written to: {job.outputs}")


def _print_json(outcomes: Sequence[Outcome]) -> None:
    summary = total(outcome.summary for outcome in outcomes if outcome.summary)
    fields = {
        "turns": len(summary.turns),
        "speech_secs": round(summary.speech_secs, 3),
        "interpretation_secs": round(summary.interpretation_secs, 3),
        "warnings": summary.warnings,
        "failed": [outcome.name for outcome in outcomes if outcome.error],
        "stopped": summary.stopped,
    }
    write_event(sys.stdout, "summary", fields)
