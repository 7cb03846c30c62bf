"""Several recordings, one session each, one after another."""

from collections.abc import Sequence
from dataclasses import dataclass

from client.errors import ClientError, InputError
from client.interpret import InterpretJob, interpret
from client.pacing import Clock
from client.stopping import Stop
from client.summary import Summary
from client.turns import Turn
from client.view import Screen, View


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one recording fared.

    Attributes:
        name: The file's name.
        summary: What came out, or
        error: what went wrong.
    """

    name: str
    summary: Summary | None = None
    error: ClientError | None = None

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The completed turns; none where the session failed."""
        return self.summary.turns if self.summary else ()


async def interpret_each(
    jobs: Sequence[InterpretJob], screen: Screen, *, stop: Stop | None = None, clock: Clock | None = None
) -> list[Outcome]:
    """Runs one session after another; one that fails leaves the others alone, a stop ends them all.

    Returns:
        One outcome for each job that was begun, in order.
    """
    outcomes: list[Outcome] = []
    for job in jobs:
        outcomes.append(await outcome_of(job, screen.view(job.input.name), stop=stop, clock=clock))
        summary = outcomes[-1].summary
        if summary is not None and summary.stopped:
            break
    return outcomes


async def outcome_of(
    job: InterpretJob, view: View, *, stop: Stop | None = None, clock: Clock | None = None
) -> Outcome:
    """Runs one session; what goes wrong is an outcome, too."""
    try:
        return Outcome(job.input.name, summary=await interpret(job, view, clock, stop))
    except ClientError as error:
        return Outcome(job.input.name, error=error)


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """0: all went well; 2: what failed was the user's to mend, all of it; 1: something else failed, too."""
    errors = [outcome.error for outcome in outcomes if outcome.error]
    if not errors:
        return 0
    return InputError.exit_code if all(isinstance(error, InputError) for error in errors) else 1
