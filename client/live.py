"""The terminal's view: a panel for each session that redraws itself, finished turns above."""

from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from client.speech import State
from client.turns import Turn
from client.view import printable, side_text

REDRAWS_PER_SEC = 8
"""How often the panels are drawn."""

LIVE_TEXT_CHARS = 240
"""So much of a growing text's end is shown, so that a long turn does not fill the terminal."""

_STATE_STYLES: dict[State, str] = {"speaking": "bold green", "processing": "bold yellow", "silent": "dim"}


class LiveScreen:
    """Panels at the bottom of a terminal that disappear on leaving; finished turns and warnings stay.

    Args:
        console: The terminal.
        prefixed: Whether what stays starts with its session's name.
        keep_ended: Whether the panel of a session that is over stays among the others.
    """

    def __init__(self, console: Console, *, prefixed: bool = False, keep_ended: bool = True) -> None:
        self._console = console
        self._prefixed = prefixed
        self._keep_ended = keep_ended
        self._panels: list[PanelView] = []
        self._live = Live(self, console=console, refresh_per_second=REDRAWS_PER_SEC, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def view(self, name: str) -> "PanelView":
        """A panel for one more session."""
        panel = PanelView(self._console, name, name if self._prefixed else "")
        self._panels.append(panel)
        return panel

    def __rich__(self) -> RenderableType:
        return Group(*(panel for panel in self._panels if self._keep_ended or not panel.over))


class PanelView:
    """One session as a panel: progress in seconds of audio, speech state, and the growing texts.

    Attributes:
        over: The session has ended.
    """

    def __init__(self, console: Console, name: str, prefix: str) -> None:
        self._console = console
        self._name = name
        self._prefix = prefix
        self._phase = "connecting"
        self.over = False
        self._duration_secs: float | None = 0.0
        self._sent_secs = 0.0
        self._state: State = "silent"
        self._turn: Turn | None = None

    def started(self, duration_secs: float | None) -> None:
        """Shows the progress bar's full length, where there is one."""
        self._duration_secs = duration_secs
        self._phase = "listening, Ctrl-C ends it" if duration_secs is None else "sending"

    def sent(self, secs: float) -> None:
        """Moves the progress bar."""
        self._sent_secs = secs

    def waiting(self) -> None:
        """Says that the last turns are awaited."""
        self._phase = "waiting for the last turns"

    def state(self, state: State, at_secs: float) -> None:
        """Shows the speech state."""
        self._state = state

    def live(self, turn: Turn | None) -> None:
        """Shows the turn's texts so far."""
        self._turn = turn

    def finished(self, turn: Turn) -> None:
        """Prints the turn above the panels."""
        line = Text()
        line.append(f"{self._prefix} " if self._prefix else "", style="cyan")
        line.append(f"{turn.index}. ", style="dim")
        line.append(side_text(turn.source))
        line.append(" → ", style="bold")
        line.append(side_text(turn.target), style="green")
        if turn.delay_ms is not None:
            line.append(f" ({turn.delay_ms} ms)", style="dim")
        self._console.print(line)

    def warning(self, text: str) -> None:
        """Prints the warning above the panels."""
        prefix = f"{self._prefix} " if self._prefix else ""
        self._console.print(Text(f"{prefix}warning: {printable(text)}", style="yellow"))

    def ended(self, outcome: str) -> None:
        """Says in the panel how the session ended."""
        self.over = True
        self._phase = printable(outcome)
        self._turn = None

    def __rich__(self) -> RenderableType:
        rows = [self._progress(), self._text_row("source"), self._text_row("target")]
        return Panel(Group(*rows), title=Text(self._name), title_align="left", border_style="blue")

    def _progress(self) -> RenderableType:
        row = Table.grid(expand=True, padding=(0, 1))
        row.add_column(ratio=1)
        row.add_column(no_wrap=True)
        row.add_column(no_wrap=True)
        total_secs = self._duration_secs
        times = Text(
            f"{self._sent_secs:.1f} s" if total_secs is None else f"{self._sent_secs:.1f} / {total_secs:.1f} s"
        )
        phase = Text.assemble((self._state, _STATE_STYLES[self._state]), (f" · {self._phase}", "dim"))
        bar = Text() if total_secs is None else ProgressBar(total=total_secs or 1.0, completed=self._sent_secs)
        row.add_row(bar, times, phase)
        return row

    def _text_row(self, name: str) -> RenderableType:
        turn = self._turn
        text = "" if turn is None else printable(turn.source.text if name == "source" else turn.target.text)
        shown = f"…{text[-LIVE_TEXT_CHARS:]}" if len(text) > LIVE_TEXT_CHARS else text
        return Text.assemble((f"{name} ", "dim"), (shown, "" if name == "source" else "green"))
