"""Plots of a comparison: what a session costs, and how long things take, against the number of sessions."""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter

from benchmarks.rows import Row

_STYLES = {40: "-", 60: "--"}
_PLOTS: tuple[tuple[str, str, str, Callable[[Row], float]], ...] = (
    (
        "cost",
        "CPU of the server against the number of sessions",
        "ms of a core a session-second",
        lambda row: row.cpu_ms,
    ),
    (
        "delay-up",
        "Delay up at p99 against the number of sessions",
        "delay up, p99, ms",
        lambda row: row.middle(lambda step: step.up.p99),
    ),
    (
        "delay-down",
        "Delay down at p99 against the number of sessions",
        "delay down, p99, ms",
        lambda row: row.middle(lambda step: step.down.p99),
    ),
)


def draw(found: Sequence[Row], folder: Path) -> list[tuple[Path, str]]:
    """Draw every plot as SVG; the files, each with what it shows.

    Args:
        found: The rows of a comparison.
        folder: Where to, overwriting.
    """
    drawn = []
    # Text stays text, and the same figures give the same file.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "benchmarks"}):
        for name, about, unit, value in _PLOTS:
            path = folder / f"{name}.svg"
            _draw(found, about, unit, value).savefig(path, format="svg", metadata={"Date": None})
            drawn.append((path, about))
    return drawn


def _draw(found: Sequence[Row], about: str, unit: str, value: Callable[[Row], float]) -> Figure:
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    axes = figure.subplots()
    subjects = list(dict.fromkeys(row.subject for row in found))
    for percent in sorted({row.speech_percent for row in found}):
        for number, subject in enumerate(subjects):
            points = [row for row in found if row.subject == subject and row.speech_percent == percent]
            axes.plot(
                [row.sessions for row in points],
                [value(row) for row in points],
                _STYLES.get(percent, ":"),
                marker="o",
                color=f"C{number}",
                label=f"{subject}, {percent} % speech",
            )
    axes.set(xlabel="sessions", ylabel=unit, title=about, yscale="log")
    axes.set_xticks(sorted({row.sessions for row in found}))
    for which in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        which(FormatStrFormatter("%g"))
    axes.tick_params(axis="y", which="minor", labelsize="x-small")
    axes.grid(visible=True, which="both", alpha=0.3)
    figure.legend(loc="outside right upper", fontsize="small")
    return figure
