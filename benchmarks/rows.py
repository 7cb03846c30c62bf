"""Rows of the comparison: medians over the rounds, and ratios to the yardsticks of the same run."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.figures import Measured, Step
from benchmarks.histogram import Delays, median

RELAY, STOCK = "relay", "stock pipecat"
_COLUMNS = (
    "server",
    "speech",
    "sessions",
    "CPU, ms",
    "to relay",
    "to stock",
    "up, ms: p50 / p95 / p99",
    "onset, ms: p50 / p99",
    "told, ms: p50 / p99",
    "down, ms: p50 / p95 / p99 / max",
    "held",
    "lost",
    "MB",
    "opening",
    "loop lag, ms",
)


@dataclass(frozen=True, slots=True)
class Row:
    """A server under one load: the medians of its rounds; losses are of all rounds together.

    Attributes:
        subject: Its name.
        speech_percent: How much of the time clients spoke.
        sessions: How many there were.
        steps: One for each round.
    """

    subject: str
    speech_percent: int
    sessions: int
    steps: tuple[Step, ...]

    def middle(self, figure: Callable[[Step], float]) -> float:
        """The median of a figure."""
        return median([figure(step) for step in self.steps])

    def total(self, figure: Callable[[Step], int]) -> int:
        """The sum of a figure."""
        return sum(figure(step) for step in self.steps)

    @property
    def cpu_ms(self) -> float:
        """Of the server, in ms of one core for a second of a session."""
        return self.middle(lambda step: step.cpu_ms)

    @property
    def limited(self) -> bool:
        """Whether the load process was at its limit in any round."""
        return any(step.limited for step in self.steps)


def rows(measured: Iterable[Measured]) -> list[Row]:
    """Rows in the order of profile, number of sessions and first appearance of the server."""
    steps: dict[tuple[int, int, str], list[Step]] = {}
    order: list[str] = []
    for item in measured:
        steps.setdefault((item.speech_percent, item.step.sessions, item.subject), []).append(item.step)
        if item.subject not in order:
            order.append(item.subject)
    found = [Row(key[2], key[0], key[1], tuple(of_one)) for key, of_one in steps.items()]
    return sorted(found, key=lambda row: (row.speech_percent, row.sessions, order.index(row.subject)))


def table(found: Sequence[Row]) -> list[str]:
    """The rows as a Markdown table."""
    by_key = {(row.speech_percent, row.sessions, row.subject): row for row in found}

    def ratio(row: Row, yardstick: str) -> str:
        other = by_key.get((row.speech_percent, row.sessions, yardstick))
        return f"{row.cpu_ms / other.cpu_ms:.2f}" if other is not None and other.cpu_ms else ""

    lines = [_line(_COLUMNS), _line(["---"] * 2 + ["---:"] * (len(_COLUMNS) - 2))]
    for row in found:
        cells = [row.subject, f"{row.speech_percent} %", str(row.sessions) + (" *" if row.limited else "")]
        cells += [f"{row.cpu_ms:.1f}", ratio(row, RELAY), ratio(row, STOCK), *_delays(row)]
        lines.append(_line([*cells, *_rest(row)]))
    return lines


def _delays(row: Row) -> list[str]:
    up = [row.middle(lambda step: step.up.p50), row.middle(lambda step: step.up.p95)]
    up.append(row.middle(lambda step: step.up.p99))
    down = [row.middle(lambda step: step.down.p50), row.middle(lambda step: step.down.p95)]
    down += [row.middle(lambda step: step.down.p99), row.middle(lambda step: step.down.longest)]
    return [
        " / ".join(f"{ms:.1f}" for ms in up),
        _turn_delay([step.onset for step in row.steps]),
        _turn_delay([step.told for step in row.steps]),
        " / ".join(f"{ms:.1f}" for ms in down),
    ]


def _turn_delay(rounds: list[Delays]) -> str:
    """Medians of what rounds say, of those that say something; else empty."""
    known = [delays for delays in rounds if delays.count]
    if not known:
        return ""
    return f"{median([delays.p50 for delays in known]):.0f} / {median([delays.p99 for delays in known]):.0f}"


def _rest(row: Row) -> list[str]:
    openings = [step for step in row.steps if step.opening_ms]
    opening = ""
    if openings:
        ms = median([median(step.opening_ms) for step in openings])
        cpu = [step.opening_cpu_ms for step in openings if step.opening_cpu_ms]
        opening = f"{ms:.0f} ms" + (f", {median(cpu):.1f} ms CPU" if cpu else "")
    ended = row.total(lambda step: sum(step.ended.values()))
    lags = [step.loop_lag_ms for step in row.steps if step.loop_lag_ms is not None]
    return [
        str(row.total(lambda step: step.down.held)),
        str(row.total(lambda step: step.lost)) + (f", {ended} sessions ended" if ended else ""),
        f"{row.middle(lambda step: step.memory_mb):.2f}",
        opening,
        f"{median(lags):.1f}" if lags else "",
    ]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
