"""``python -m tests.fuzz TARGET``: fuzz a pure part of the server, and say how far it got."""

from typing import Annotated, NoReturn

import typer

from tests.fuzz.driver import MISSING, covered, fuzz, installed
from tests.fuzz.replay import inputs
from tests.fuzz.targets import TARGETS

_WRONG, _CRASHED = 2, 1
_SHOWN_LINES = 30


def main(
    target: Annotated[str, typer.Argument(help=f"What to fuzz: {', '.join(TARGETS)}.")],
    runs: Annotated[int, typer.Option(help="How many inputs; 0: no bound.", min=0)] = 0,
    seconds: Annotated[int, typer.Option(help="How long; 0: no bound.", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="libFuzzer's; 0: another one each time.", min=0)] = 0,
    learn: Annotated[
        bool, typer.Option("--learn", help="Let the corpus take in what reached more, and drop what adds nothing.")
    ] = False,
) -> None:
    """Fuzz a target from its corpus, guided by coverage; without a bound, only tell what the corpus covers.

    An input that breaks a law stays in the corpus as crash-…, where the tests run it from then on.
    """
    if target not in TARGETS:
        _fail(f"expected a target out of {', '.join(TARGETS)}, got '{target}'")
    chosen = TARGETS[target]
    if runs or seconds:
        if not installed():
            _fail(MISSING)
        try:
            result = fuzz(chosen, runs=runs, secs=seconds, seed=seed, learn=learn)
        except RuntimeError as error:
            _fail(str(error))
        typer.echo(
            f"{target}: {result.executions:,} executions, {result.per_second:,} a second; {result.edges} edges,"
            f" {result.features} features, {result.inputs} inputs reach them"
        )
        if result.crashed:
            typer.echo("\n".join(result.output.splitlines()[-_SHOWN_LINES:]), err=True)
            raise typer.Exit(_CRASHED)
    typer.echo(f"{target}: what the {len(inputs(chosen))} inputs of the corpus cover:")
    for module in covered(chosen):
        typer.echo(
            f"  {module.module:<22} {module.run_lines} of {module.lines} lines,"
            f" {module.run_branches} of {module.branches} branches"
        )


def _fail(text: str) -> NoReturn:
    typer.echo(f"error: {text}", err=True)
    raise typer.Exit(_WRONG)


if __name__ == "__main__":
    typer.run(main)
