"""What the user sees of a session while it runs: the interface, and plain lines for what is no terminal."""

import unicodedata
from contextlib import AbstractContextManager
from typing import Protocol, Self, TextIO

import typer

from client.speech import State
from client.turns import Side, Turn

STATE_LINE_SECS = 5.0
"""Plain output has at most one line about the speech state in this many seconds of audio."""


class View(Protocol):
    """Is told of one session as it goes; times are seconds of audio."""

    def started(self, duration_secs: float | None) -> None:
        """The session is open, and speech of this length starts; ``None``: nobody knows how long."""

    def sent(self, secs: float) -> None:
        """So much of the speech has been sent."""

    def waiting(self) -> None:
        """All of it has been sent; the last turns are awaited."""

    def state(self, state: State, at_secs: float) -> None:
        """The speech state changed."""

    def live(self, turn: Turn | None) -> None:
        """The turn that has begun changed, or there is none any more."""

    def finished(self, turn: Turn) -> None:
        """A turn is complete."""

    def warning(self, text: str) -> None:
        """The server warns."""

    def ended(self, outcome: str) -> None:
        """The session is over; ``outcome`` says how in a few words."""


class Screen(AbstractContextManager["Screen"], Protocol):
    """Where the views of one or more sessions appear, from entering to leaving it."""

    def view(self, name: str) -> View:
        """A view for one more session."""


class PlainScreen:
    """Lines of text without control characters, in the order in which things happen.

    Args:
        stream: Where the lines go.
        prefixed: Whether a line starts with its session's name.
    """

    def __init__(self, stream: TextIO, *, prefixed: bool = False) -> None:
        self._stream = stream
        self._prefixed = prefixed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.flush()

    def view(self, name: str) -> "PlainView":
        """A view for one more session."""
        return PlainView(self._stream, f"{name}: " if self._prefixed else "")


class PlainView:
    """One session as lines: finished turns, warnings, and now and then the speech state."""

    def __init__(self, stream: TextIO, prefix: str) -> None:
        self._stream = stream
        self._prefix = prefix
        self._state_line_secs: float | None = None

    def started(self, duration_secs: float | None) -> None:
        """Says how long the speech is."""
        if duration_secs is None:
            self._line("connected, listening; Ctrl-C ends it")
        else:
            self._line(f"connected, sending {duration_secs:.1f} s of speech")

    def sent(self, secs: float) -> None:
        """Shows nothing: progress is for terminals."""

    def waiting(self) -> None:
        """Says that the last turns are awaited."""
        self._line("sent, waiting for the last turns")

    def state(self, state: State, at_secs: float) -> None:
        """Shows that somebody speaks, unless a line did so a short while ago."""
        last_secs = self._state_line_secs
        if state == "speaking" and (last_secs is None or at_secs - last_secs >= STATE_LINE_SECS):
            self._state_line_secs = at_secs
            self._line(f"{at_secs:.1f} s {state}")

    def live(self, turn: Turn | None) -> None:
        """Shows nothing: growing text is for terminals."""

    def finished(self, turn: Turn) -> None:
        """Shows both texts and the delay."""
        self._line(turn_line(turn))

    def warning(self, text: str) -> None:
        """Shows the warning."""
        self._line(f"warning: {text}")

    def ended(self, outcome: str) -> None:
        """Says how the session ended, where there are others whose lines go on."""
        if self._prefix:
            self._line(outcome)

    def _line(self, text: str) -> None:
        self._stream.write(f"{self._prefix}{printable(text)}\n")
        self._stream.flush()


def turn_line(turn: Turn) -> str:
    """A finished turn as one line: source → target, each with its language, and the delay where there is one."""
    delay = "" if turn.delay_ms is None else f" ({turn.delay_ms} ms)"
    return f"{turn.index}. {side_text(turn.source)} → {side_text(turn.target)}{delay}"


def side_text(side: Side) -> str:
    """One side's text with its language in front, or a dash where there is no text."""
    text = printable(side.text)
    return f"[{side.language or '?'}] {text}" if text else "–"


def print_error(text: object) -> None:
    """Tells what went wrong on standard error, in one line, whatever names and messages hold."""
    typer.echo(f"error: {printable(str(text))}", err=True)


def printable(text: str) -> str:
    """``text`` without control characters: what a server sends cannot steer the terminal."""
    return "".join(" " if unicodedata.category(char) in ("Cc", "Cf") else char for char in text).strip()
