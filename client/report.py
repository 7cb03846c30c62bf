"""The demo's last word: one table of all turns, and the numbers over all sessions."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from client.demo import Outcome
from client.summary import Summary
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


def total(outcomes: Sequence[Outcome]) -> Summary:
    """The summaries of all sessions that went to their end, as one."""
    summaries = [outcome.summary for outcome in outcomes if outcome.summary]
    return Summary(
        turns=tuple(turn for summary in summaries for turn in summary.turns),
        speech_secs=sum(summary.speech_secs for summary in summaries),
        interpretation_secs=sum(summary.interpretation_secs for summary in summaries),
        warnings=tuple(warning for summary in summaries for warning in summary.warnings),
    )


def _cell(side: Side) -> Text:
    return Text(f"{side.language or '?'}: {printable(side.text)}" if side.text else "–")
