"""The demo's last word: one table of all turns."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from client.batch import Outcome
from client.turns import Side
from client.view import printable


def turn_table(outcomes: Sequence[Outcome]) -> Table:
    """All turns of all recordings, in order."""
    table = Table(title="Turns", show_lines=True)
    table.add_column("file", no_wrap=True)
    table.add_column("#", justify="right")
    table.add_column("source", ratio=1)
    table.add_column("target", ratio=1)
    table.add_column("delay", justify="right", no_wrap=True)
    for outcome in outcomes:
        for turn in outcome.turns:
            delay = "–" if turn.delay_ms is None else f"{turn.delay_ms} ms"
            table.add_row(outcome.name, str(turn.index), _cell(turn.source), _cell(turn.target), delay)
    return table


def _cell(side: Side) -> Text:
    return Text(f"{side.language or '?'}: {printable(side.text)}" if side.text else "–")
