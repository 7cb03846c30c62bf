"""What was sent, and what of it arrived: both ends of the load process write here, so no clocks have to agree."""

from array import array
from dataclasses import dataclass, field

from benchmarks.histogram import Histogram


class Sent:
    """Everything that one sender sent in one direction, by number."""

    def __init__(self) -> None:
        """Nothing was sent yet."""
        self.at_secs = array("d")
        self.arrivals = bytearray()

    def __len__(self) -> int:
        """The number that comes next."""
        return len(self.at_secs)

    def add(self, now_secs: float) -> None:
        """Note that the next one is sent."""
        self.at_secs.append(now_secs)
        self.arrivals.append(0)

    def arrived(self, number: int) -> float | None:
        """Note an arrival; when it was sent, or ``None`` where it never was.

        More than 255 arrivals of one number count as 255.
        """
        if number >= len(self.at_secs):
            return None
        if self.arrivals[number] < 255:
            self.arrivals[number] += 1
        return self.at_secs[number]


@dataclass(slots=True)
class Losses:
    """What became of what was sent.

    Attributes:
        sent: How much had to arrive.
        lost: How much of that did not.
        repeated: How much of that arrived more than once.
    """

    sent: int = 0
    lost: int = 0
    repeated: int = 0

    def count(self, arrivals: bytes | bytearray) -> None:
        """Take in arrivals of things that had to arrive, one count for each."""
        self.sent += len(arrivals)
        lost = arrivals.count(0)
        self.lost += lost
        self.repeated += len(arrivals) - lost - arrivals.count(1)


@dataclass
class Ledger:
    """The state of both directions.

    Attributes:
        chunks: Of each client, by its number.
        pieces: Of each upstream connection, by its number.
        up: Delays of chunks, from the client's write to the upstream's read; of those that :meth:`Course.flows`
            names.
        down: Delays of pieces of answers, the other way round.
        late: How much later than planned chunks went out.
        onset: From the start of a turn's speech to the upstream's being told, for those that tell it.
        told: From the end of speech to the upstream's being told, for those that tell it.
        strangers: Sound that arrived at somebody for whom it was not.
        turns: Ends of turns that clients were told of.
    """

    chunks: dict[int, Sent] = field(default_factory=dict)
    pieces: dict[int, Sent] = field(default_factory=dict)
    up: Histogram = field(default_factory=Histogram)
    down: Histogram = field(default_factory=Histogram)
    late: Histogram = field(default_factory=Histogram)
    onset: Histogram = field(default_factory=Histogram)
    told: Histogram = field(default_factory=Histogram)
    strangers: int = 0
    turns: int = 0

    def forget_delays(self) -> None:
        """Begin a stretch of time: what was counted so far belongs to none."""
        self.up, self.down, self.late = Histogram(), Histogram(), Histogram()
        self.onset, self.told = Histogram(), Histogram()
        self.strangers = self.turns = 0
