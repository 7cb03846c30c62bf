"""What two sessions of opposite direction say of one microphone, as a small text that can be read and written.

A trace is lines of ``TIME SESSION KIND …``; ``TIME`` in seconds, ``SESSION`` a target language or ``both``::

    # what it shows
    1.2 both hears ko 안녕하세요.       recognised speech, with the upstream's code; "-": it sent none
    2.0 en right 1.5 Hello.            so many seconds of sound from here on, and what it says, rightly so
    2.1 ko wrong 0.5 안녕              the same from the session that should be silent
    2.0 en either 0.5                  nobody could tell, or it does no harm: it may be heard or not
    4.0 en gone                        from here on the session sends no zeros either

Between its sounds a session sends zeros. Text beside a sound comes in fragments, a second apart, the first at once.
"""

from dataclasses import dataclass
from typing import Literal

Label = Literal["right", "wrong", "either"]


@dataclass(frozen=True, slots=True)
class Hears:
    """A session recognised speech."""

    at: float
    session: str
    text: str
    code: str | None


@dataclass(frozen=True, slots=True)
class Speaks:
    """A session makes output."""

    at: float
    session: str
    label: Label
    secs: float
    text: str


@dataclass(frozen=True, slots=True)
class Gone:
    """A session sends no zeros from here on."""

    at: float
    session: str


Line = Hears | Speaks | Gone


@dataclass(frozen=True, slots=True)
class Trace:
    """All that two sessions say.

    Attributes:
        name: Of the file, or the seed.
        title: What it shows.
        targets: The target languages of the two.
        lines: In the order of their times.
    """

    name: str
    title: str
    targets: tuple[str, str]
    lines: tuple[Line, ...]


def parse(name: str, text: str, targets: tuple[str, str] = ("en", "ko")) -> Trace:
    """Read a trace.

    Raises:
        ValueError: A line is none.
    """
    rows = [line.strip() for line in text.splitlines() if line.strip()]
    title = " ".join(row.lstrip("# ") for row in rows if row.startswith("#"))
    lines: list[Line] = []
    for row in rows:
        if not row.startswith("#"):
            lines += _lines_of(row, targets)
    return Trace(name, title, targets, tuple(sorted(lines, key=lambda line: line.at)))


def _lines_of(row: str, targets: tuple[str, str]) -> list[Line]:
    time, who, kind, *rest = row.split(None, 4)
    sessions = targets if who == "both" else (who,)
    if not set(sessions) <= set(targets):
        raise ValueError(f"{row!r}: expected a session of {targets}, or both; got {who!r}")
    return [_line(float(time), session, kind, rest, row) for session in sessions]


def _line(at: float, session: str, kind: str, rest: list[str], row: str) -> Line:
    match kind:
        case "hears":
            code, text = rest
            return Hears(at, session, " " + text, None if code == "-" else code)
        case "right" | "wrong" | "either":
            return Speaks(at, session, kind, float(rest[0]), rest[1] if len(rest) > 1 else "")
        case "gone":
            return Gone(at, session)
    raise ValueError(f"{row!r}: expected hears, right, wrong, either or gone; got {kind!r}")


def written(trace: Trace) -> str:
    """The trace as text, for a look at a generated one."""
    rows = [f"# {trace.title}"]
    for line in trace.lines:
        match line:
            case Hears():
                rows.append(f"{line.at:.2f} {line.session} hears {line.code or '-'} {line.text.strip()}")
            case Speaks():
                rows.append(f"{line.at:.2f} {line.session} {line.label} {line.secs:g} {line.text}".rstrip())
            case Gone():
                rows.append(f"{line.at:.2f} {line.session} gone")
    return "\n".join(rows) + "\n"
