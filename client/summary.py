"""What a session came to: its turns, in numbers, and the transcript as JSON lines."""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.errors import ClientError
from client.turns import Turn


@dataclass(frozen=True, slots=True)
class Summary:
    """A session that went to its end, or was stopped.

    Attributes:
        turns: The completed turns, in order.
        speech_secs: Length of the speech that was sent.
        interpretation_secs: Length of the interpretation that a listener heard.
        warnings: What there was to warn of, as ``CODE: message``.
        stopped: The user wanted no more.
    """

    turns: tuple[Turn, ...]
    speech_secs: float
    interpretation_secs: float
    warnings: tuple[str, ...] = ()
    stopped: bool = False

    def lines(self) -> list[str]:
        """The summary for people."""
        return [
            f"turns: {len(self.turns)}",
            f"speech sent: {self.speech_secs:.1f} s",
            f"interpretation heard: {self.interpretation_secs:.1f} s",
            f"delay from end of speech to first audio: {delay_text(self.turns)}",
            f"warnings: {'; '.join(self.warnings) or 'none'}",
        ]


def total(summaries: Iterable[Summary]) -> Summary:
    """Several sessions as one."""
    summaries = list(summaries)
    return Summary(
        turns=tuple(turn for summary in summaries for turn in summary.turns),
        speech_secs=sum(summary.speech_secs for summary in summaries),
        interpretation_secs=sum(summary.interpretation_secs for summary in summaries),
        warnings=tuple(warning for summary in summaries for warning in summary.warnings),
        stopped=any(summary.stopped for summary in summaries),
    )


def delay_text(turns: Iterable[Turn]) -> str:
    """Median and worst delay over the turns that have one."""
    delays_ms = [turn.delay_ms for turn in turns if turn.delay_ms is not None]
    if not delays_ms:
        return "not measured"
    return f"median {statistics.median(delays_ms):.0f} ms, worst {max(delays_ms)} ms"


def transcript_record(turn: Turn) -> dict[str, Any]:
    """A turn as a JSON object: times in seconds of audio, ``null`` where there is none.

    ``delay_ms`` runs from ``end_of_speech_secs``, the arrival of the ``silent`` that ended ``speaking``, to
    ``first_audio_secs``. ``complete`` is false where ``turn_complete`` never came.
    """
    source_start_secs, source_end_secs = turn.source_span or (None, None)
    target_start_secs, target_end_secs = turn.target_span or (None, None)
    return {
        "index": turn.index,
        "complete": turn.completed_secs is not None,
        "source_text": turn.source.text,
        "source_language": turn.source.language,
        "target_text": turn.target.text,
        "target_language": turn.target.language,
        "source_start_secs": _rounded(source_start_secs),
        "source_end_secs": _rounded(source_end_secs),
        "target_start_secs": _rounded(target_start_secs),
        "target_end_secs": _rounded(target_end_secs),
        "end_of_speech_secs": _rounded(turn.end_of_speech_secs),
        "first_text_secs": _rounded(turn.first_text_secs),
        "first_audio_secs": _rounded(turn.first_audio_secs),
        "completed_secs": _rounded(turn.completed_secs),
        "delay_ms": turn.delay_ms,
    }


def write_transcript(path: Path, turns: Sequence[Turn]) -> None:
    """Writes one JSON object a line and turn, replacing the file.

    Raises:
        ClientError: The file cannot be written.
    """
    lines = [json.dumps(transcript_record(turn), ensure_ascii=False) + "\n" for turn in turns]
    try:
        path.write_text("".join(lines), encoding="utf-8", errors="replace")
    except OSError as error:
        raise ClientError(f"cannot write {path}: {error.strerror or error}") from error


def _rounded(secs: float | None) -> float | None:
    return None if secs is None else round(secs, 3)
