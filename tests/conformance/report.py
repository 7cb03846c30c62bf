"""What the user reads: lines as the run goes, a summary, and a file for programs."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import typer

from tests.conformance.kit import Kit, without_query
from tests.conformance.outcome import Result, Status
from tests.conformance.registry import Check, Section, plain

_WORDS: dict[Status, tuple[str, str]] = {
    "passed": ("PASS", typer.colors.GREEN),
    "failed": ("FAIL", typer.colors.RED),
    "skipped": ("SKIP", typer.colors.YELLOW),
}


@dataclass
class Report:
    """Collects results and prints each when it comes.

    Attributes:
        results: So far, with the checks that they are of.
    """

    results: list[tuple[Check, Result]] = field(default_factory=list)
    _section: Section | None = None

    def add(self, item: Check, result: Result) -> None:
        """Print one line, under its section's heading."""
        self.results.append((item, result))
        if item.section is not self._section:
            typer.secho(f"\n{item.section}" if self._section else str(item.section), bold=True)
            self._section = item.section
        word, colour = _WORDS[result.status]
        told = result.detail or plain(item.promise)
        typer.echo(f"  {typer.style(word, fg=colour)} {item.name:<28} {told} [{item.rule}]")

    def count(self, status: Status) -> int:
        """How many checks ended so."""
        return sum(result.status == status for _, result in self.results)

    def summary(self, kit: Kit, secs: float) -> str:
        """The last lines."""
        counts = ", ".join(f"{self.count(status)} {status}" for status in _WORDS)
        return (
            f"{counts} in {secs:.0f} s\n"
            f"sent {kit.audio_secs:.0f} s of audio, {kit.speech_secs:.0f} s of it speech, "
            f"on {len(kit.transcripts)} connections"
        )

    def write_json(self, path: Path, kit: Kit, secs: float) -> None:
        """Write everything to a file.

        Raises:
            OSError: It cannot be written.
        """
        content: dict[str, object] = {
            "url": without_query(kit.options.url),
            "secs": round(secs, 1),
            "audio_secs": round(kit.audio_secs, 1),
            "speech_secs": round(kit.speech_secs, 1),
            "connections": len(kit.transcripts),
            **{status: self.count(status) for status in _WORDS},
            "checks": [
                {
                    "name": item.name,
                    "section": str(item.section),
                    "rule": item.rule,
                    "promise": plain(item.promise),
                    "status": result.status,
                    "detail": result.detail,
                    "secs": round(result.secs, 2),
                }
                for item, result in self.results
            ],
        }
        path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
