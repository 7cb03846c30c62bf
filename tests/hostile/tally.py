"""What a run counts, by class of client."""

from collections import Counter
from dataclasses import dataclass, field

from tests.hostile.frames import Received

_SHOWN_FAILURES = 3


@dataclass
class Tally:
    """What the clients of one class did, and what came of it.

    Attributes:
        name: Of the class.
        connections: TCP connections.
        handshakes: WebSockets among them that the server accepted.
        messages: Frames that were sent, or pieces of what was to pass for one.
        replies: Messages of the protocol that came back.
        closes: How connections ended: by close code; ``"left"``: the client went first.
        failures: What should not have been, a line each.
    """

    name: str
    connections: int = 0
    handshakes: int = 0
    messages: int = 0
    replies: int = 0
    closes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def note_end(self, got: Received) -> None:
        """A WebSocket is over."""
        self.replies += len(got.messages)
        self.closes["left" if got.close_code is None else str(got.close_code)] += 1


def table(tallies: list[Tally]) -> str:
    """All classes, a line each, and their sum."""
    rows = [("class", "connections", "messages", "replies", "failed", "ended with")]
    rows += [_row(tally) for tally in tallies]
    closes: Counter[str] = Counter()
    for tally in tallies:
        closes.update(tally.closes)
    rows.append(_row(total(tallies)))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        f"{row[0]:<{widths[0]}}  "
        + "  ".join(f"{cell:>{width}}" for cell, width in zip(row[1:5], widths[1:], strict=True))
        + f"  {row[5]}"
        for row in rows
    )


def total(tallies: list[Tally]) -> Tally:
    """The sum of all classes."""
    whole = Tally("all")
    for tally in tallies:
        whole.connections += tally.connections
        whole.handshakes += tally.handshakes
        whole.messages += tally.messages
        whole.replies += tally.replies
        whole.closes.update(tally.closes)
        whole.failures += tally.failures
    return whole


def shown_failures(tallies: list[Tally]) -> list[str]:
    """The first failures of each class, a line each."""
    lines = []
    for tally in tallies:
        lines += [f"{tally.name}: {failure}" for failure in tally.failures[:_SHOWN_FAILURES]]
        if len(tally.failures) > _SHOWN_FAILURES:
            lines.append(f"{tally.name}: and {len(tally.failures) - _SHOWN_FAILURES} more")
    return lines


def _row(tally: Tally) -> tuple[str, str, str, str, str, str]:
    closes = ", ".join(f"{code}: {count}" for code, count in sorted(tally.closes.items()))
    counts = (tally.connections, tally.messages, tally.replies, len(tally.failures))
    connections, messages, replies, failures = (f"{count:,}" for count in counts)
    return tally.name, connections, messages, replies, failures, closes
