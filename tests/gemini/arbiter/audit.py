"""Counts what the arbiter lets through, wrongly or rightly, over traces and seeds.

``python -m tests.gemini.arbiter.audit [--seeds N] [--first SEED] [--hold SECS] [--sound] [--show N]``
"""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.gemini.arbiter.generator import NO_FAULTS, Rates, generated
from tests.gemini.arbiter.play import Played, play
from tests.gemini.arbiter.trace import Trace, parse, written

TRACES = Path(__file__).parent / "traces"


def traces_by_hand() -> list[Trace]:
    """Those that were written by hand, by name."""
    return [parse(path.stem, path.read_text(encoding="utf-8")) for path in sorted(TRACES.glob("*.trace"))]


@dataclass(slots=True)
class Audit:
    """Sums over traces.

    Attributes:
        wrong: Chunks that should not be heard.
        wrong_heard: Of these, those that were.
        right: Chunks that should be heard.
        right_lost: Of these, those that were not.
        delays_secs: Of the first chunk of each piece of right output that was heard, order aside.
        ordered_secs: The same of those that waited for a turn of the other direction.
        failed: Traces with a wrong chunk heard.
        lossy: Traces with a right one lost, and how many.
    """

    traces: int = 0
    wrong: int = 0
    wrong_heard: int = 0
    right: int = 0
    right_lost: int = 0
    delays_secs: list[float] = field(default_factory=list)
    ordered_secs: list[float] = field(default_factory=list)
    failed: list[Played] = field(default_factory=list)
    lossy: list[tuple[int, Played]] = field(default_factory=list)

    def add(self, played: Played) -> None:
        """Count one trace."""
        self.traces += 1
        wrong = [chunk for chunk in played.chunks if chunk.label == "wrong"]
        right = [chunk for chunk in played.chunks if chunk.label == "right"]
        heard = sum(chunk.heard_at is not None for chunk in wrong)
        lost = sum(chunk.heard_at is None for chunk in right)
        self.wrong, self.wrong_heard = self.wrong + len(wrong), self.wrong_heard + heard
        self.right, self.right_lost = self.right + len(right), self.right_lost + lost
        if heard:
            self.failed.append(played)
        if lost:
            self.lossy.append((lost, played))
        for chunk in right:
            if chunk.first and not chunk.text and chunk.delay_secs is not None:
                (self.ordered_secs if chunk.waited_for_order else self.delays_secs).append(chunk.delay_secs)

    def __str__(self) -> str:
        lost = f"{self.right_lost} of {self.right} ({100 * self.right_lost / max(1, self.right):.1f} %)"
        rows = [
            f"traces                       {self.traces}",
            f"wrong chunks heard           {self.wrong_heard} of {self.wrong}, in {len(self.failed)} traces",
            f"right chunks not heard       {lost}, in {len(self.lossy)} traces",
            f"first right chunk            {_delays(self.delays_secs)}",
            f"first right chunk, in order  {_delays(self.ordered_secs)}",
        ]
        return "\n".join(rows)


def _delays(delays_secs: list[float]) -> str:
    if not delays_secs:
        return "none"
    ordered = sorted(delays_secs)

    def share(part: float) -> int:
        return round(1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))])

    return f"p50 {share(0.5)} ms, p95 {share(0.95)} ms, worst {share(1.0)} ms (n = {len(ordered)})"


def audit(traces: Iterable[Trace], hold_secs: float = 0.6) -> Audit:
    """Play them all."""
    found = Audit()
    for trace in traces:
        found.add(play(trace, hold_secs))
    return found


def _show(played: Played) -> None:
    sys.stdout.write(f"\n== {played.trace.name}\n{written(played.trace)}")
    for chunk in played.chunks:
        if (chunk.label == "wrong") == (chunk.heard_at is not None):
            sys.stdout.write(
                f"-- {chunk.at:.2f} {chunk.speaks.session} {chunk.label} {chunk.text} {chunk.heard_at}\n"
            )


def main(arguments: list[str] | None = None) -> int:
    """Print the figures; 1 where a wrong chunk was heard."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many generated traces")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--hold", type=float, default=0.6, help="seconds")
    parser.add_argument("--sound", action="store_true", help="generated sessions do not fail")
    parser.add_argument("--show", type=int, default=0, help="how many traces with a wrong or lost chunk to show")
    options = parser.parse_args(arguments)
    rates = NO_FAULTS if options.sound else Rates()
    by_hand = audit(traces_by_hand(), options.hold)
    from_seeds = audit(
        (generated(seed, rates) for seed in range(options.first, options.first + options.seeds)), options.hold
    )
    sys.stdout.write(f"by hand\n{by_hand}\n\ngenerated\n{from_seeds}\n")
    lossy = [played for _, played in sorted(by_hand.lossy + from_seeds.lossy, key=lambda item: -item[0])]
    for played in (by_hand.failed + from_seeds.failed + lossy)[: options.show]:
        _show(played)
    return 1 if by_hand.failed or from_seeds.failed else 0


if __name__ == "__main__":
    sys.exit(main())
