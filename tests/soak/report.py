"""The figures of a run: for people, and for docs/soak.md."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from tests.soak.memory import GOAL_MB_PER_MIN, LEAST_JUDGED_SECS
from tests.soak.run import Result

BEGIN, FINISH = "<!-- generated: soak -->", "<!-- end -->"
_SHOWN_WRONG = 50
_PARTS = 10


def figures(result: Result) -> list[tuple[str, str]]:
    """What was measured, as names and values."""
    plan, counts = result.plan, result.counts
    lost = result.said - result.answered
    seen = result.go_aways
    connector = "" if plan.connector == "genai" else f", {plan.connector} connector"
    connections = result.upstream.connections if result.upstream is not None else 0
    return [
        ("talk", f"{plan.sessions} sessions, {plan.minutes:g} minutes each, seed {plan.seed}{connector}"),
        ("utterances", f"{result.said:,} said, {result.answered:,} answered, {lost} lost, {result.doubled} twice"),
        ("sent again", f"{result.replays:,}, {result.unmarked} of them after an answer without its end"),
        ("begun again for the listener", f"{counts['interrupted upstream']:,} (`interrupted`, `upstream`)"),
        ("go-aways", f"{min(seen)} to {max(seen)} for each session, {median(seen):g} in the middle"),
        ("schedule", f"`goAway` after {plan.go_away_after_secs:.1f} s: the service's, times {plan.factor:.4f}"),
        ("upstream connections", f"{connections:,}"),
        ("faults", f"{len(result.strikes):,} strikes of {len({s.name for s in result.strikes})} kinds"),
        ("client connections lost", f"{result.losses.total():,}, in {len(result.losses)} ways"),
        ("messages", f"{sum(session.messages for session in result.sessions):,}, each once and in order"),
        (
            "sent again by clients",
            f"{sum(session.sent_again for session in result.sessions) / 16_000:,.1f} s of audio",
        ),
        *_memory(result),
        ("processor", f"{result.cpu_secs / max(1.0, result.took_secs):.0%} of one, by the server"),
        ("violations", f"{len(result.wrong)}"),
    ]


def lines(result: Result) -> Iterator[str]:
    """Everything, for people."""
    for name, value in figures(result):
        yield f"{name + ':':<30} {value}"
    yield f"{'faults by moment:':<30} {_list(Counter(strike.moment for strike in result.strikes))}"
    yield f"{'faults by name:':<30} {_list(Counter(strike.name for strike in result.strikes))}"
    yield f"{'connections lost by way:':<30} {_list(result.losses)}"
    yield f"{'warnings:':<30} {_list(_warnings(result.counts))}"
    yield from (f"WRONG: {text}" for text in result.wrong[:_SHOWN_WRONG])
    if len(result.wrong) > _SHOWN_WRONG:
        yield f"and {len(result.wrong) - _SHOWN_WRONG} more"


def write_document(page: Path, result: Result) -> None:
    """Put the figures between the markers of a page.

    Raises:
        ValueError: The page has no markers.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(FINISH)
    if not begin or not end:
        raise ValueError(f"{page}: expected the markers '{BEGIN}' and '{FINISH}'")
    page.write_text(f"{before}{BEGIN}\n\n{_table(result)}\n\n{FINISH}{after}", encoding="utf-8")


def _table(result: Result) -> str:
    day = datetime.now(UTC).date().isoformat()
    rows = [f"| {name} | {value} |" for name, value in figures(result)]
    return "\n".join([f"| {day} | |", "|---|---|", *rows])


def _memory(result: Result) -> Iterator[tuple[str, str]]:
    memory = result.memory
    yield "resident memory", f"{', '.join(f'{mean:.1f}' for mean in memory.means(_PARTS))} MB: the means of tenths"
    try:
        trend = memory.last_third()
    except ValueError as error:
        yield "last third", f"not judged: {error}"
        return
    told = f"{trend.mb_per_min:+.3f} MB a minute (goal: below {GOAL_MB_PER_MIN}), "
    told += f"standard error {trend.error_mb_per_min:.3f}, {trend.spread_mb:.1f} MB from lowest to highest"
    if not trend.judged:
        told += f"; not judged, being shorter than {LEAST_JUDGED_SECS:.0f} s"
    yield "last third", told


def _warnings(counts: Counter[str]) -> Counter[str]:
    found = {name: count for name, count in counts.items() if name.startswith(("warning ", "interrupted "))}
    return Counter(found)


def _list(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common()) or "none"
