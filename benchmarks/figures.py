"""What one measurement says: values that go from the load process to the reports, and into the JSON."""

from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.histogram import Delays
from benchmarks.ledger import Losses

_LATE_P99_MS = 5.0
_FULL_SHARE = 0.85


@dataclass
class Step:
    """One window in which so many sessions talked.

    Attributes:
        sessions: How many there were to be; those that ended by themselves are in ``ended``.
        window_secs: How long it was looked at.
        cpu_ms: Of the server, in ms of one core for a second of a session.
        memory_mb: Of the server, for a session: resident memory less that after the warm-up, in 10**6 bytes.
        memory_slope_mb: How fast resident memory grew meanwhile, in 10**6 bytes a minute.
        up: Delay of chunks to the upstream; of speech that is 400 ms or more behind its turn's beginning.
        down: Delay of pieces of answers to the client.
        onset: From a turn's first speech to ``activityStart``; nothing of servers that do not send it.
        told: From the last speech to ``activityEnd``; its 700 ms of silence are part of it.
        up_losses: Of chunks of speech.
        down_losses: Of pieces of answers.
        strangers: Sound that reached somebody for whom it was not.
        turns: Turns of which clients heard the end.
        opening_cpu_ms: Of the server, for opening a session that is silent; 0 where none was opened.
        opening_ms: How long each opening took, sorted.
        loop_lag_ms: How late the server says that its event loop is; ``None`` where it does not say.
        load_cpu_share: Of a core, of the load process.
        late: How much later than planned the load process sent chunks.
        ended: How sessions ended that should not have, since the step before.
        told_errors: Codes of errors and warnings that clients were sent since then.
    """

    sessions: int
    window_secs: float
    cpu_ms: float
    memory_mb: float
    memory_slope_mb: float
    up: Delays
    down: Delays
    onset: Delays
    told: Delays
    load_cpu_share: float
    late: Delays
    strangers: int = 0
    turns: int = 0
    up_losses: Losses = field(default_factory=Losses)
    down_losses: Losses = field(default_factory=Losses)
    opening_cpu_ms: float = 0.0
    opening_ms: list[float] = field(default_factory=list)
    loop_lag_ms: float | None = None
    ended: dict[str, int] = field(default_factory=dict)
    told_errors: dict[str, int] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """Whatever did not arrive once, where it should."""
        up, down = self.up_losses, self.down_losses
        return up.lost + up.repeated + down.lost + down.repeated + self.strangers

    @property
    def limited(self) -> bool:
        """Whether the load process was at its own limit, so that delays say nothing about the server."""
        return self.late.p99 > _LATE_P99_MS or self.load_cpu_share > _FULL_SHARE

    def line(self) -> str:
        """The most of it, in a line."""
        up, down = self.up, self.down
        return (
            f"{self.sessions} sessions: {self.cpu_ms:.1f} ms CPU, up {up.p50:.1f} / {up.p99:.1f} ms,"
            f" down {down.p50:.1f} / {down.p99:.1f} ms, {down.held} held, {self.lost} lost,"
            f" {self.memory_mb:.2f} MB"
            + (", the load process was the limit" if self.limited else "")
            + self._ended()
        )

    def _ended(self) -> str:
        counts = {**self.ended, **self.told_errors}
        return "".join(f", {count} x {what}" for what, count in counts.items())

    def as_json(self) -> dict[str, Any]:
        """For a file or a pipe."""
        return asdict(self)

    @classmethod
    def of_json(cls, values: dict[str, Any]) -> "Step":
        """What :meth:`as_json` made."""
        delays = {name: Delays(**values[name]) for name in ("up", "down", "onset", "told", "late")}
        losses = {name: Losses(**values[name]) for name in ("up_losses", "down_losses")}
        return cls(**{**values, **delays, **losses})


@dataclass(frozen=True, slots=True)
class Measured:
    """A step, and whose it is.

    Attributes:
        subject: Name of the server.
        speech_percent: How much of the time clients spoke.
        round: In which round of the comparison.
        start_secs: From the start of the process until it was ready.
        step: What was measured.
    """

    subject: str
    speech_percent: int
    round: int
    start_secs: float
    step: Step

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)

    @classmethod
    def of_json(cls, values: dict[str, Any]) -> "Measured":
        """What :meth:`as_json` made."""
        return cls(**{**values, "step": Step.of_json(values["step"])})
