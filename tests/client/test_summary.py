"""Numbers at the end, and the transcript."""

import json
from pathlib import Path

import pytest

from client.errors import ClientError
from client.summary import Summary, write_transcript
from client.turns import Side, Turn

TURN = Turn(1, Side("안녕하세요", "ko"), Side("Hello", "en"), 2.0, 2.5001, 2.75, 3.1)
SILENT_TURN = Turn(2, Side("흠", "ko"), completed_secs=9.0)


def _delayed(delay_secs: float) -> Turn:
    return Turn(1, end_of_speech_secs=1.0, first_audio_secs=1.0 + delay_secs)


def test_the_transcript_is_one_object_a_line(tmp_path: Path) -> None:
    """Texts as they are, times in seconds, null where there is none."""
    write_transcript(tmp_path / "t.jsonl", [TURN, SILENT_TURN])
    lines = (tmp_path / "t.jsonl").read_text(encoding="utf-8").splitlines()
    assert "안녕하세요" in lines[0]
    assert json.loads(lines[0]) == {
        "index": 1,
        "source_text": "안녕하세요",
        "source_language": "ko",
        "target_text": "Hello",
        "target_language": "en",
        "end_of_speech_secs": 2.0,
        "first_text_secs": 2.5,
        "first_audio_secs": 2.75,
        "completed_secs": 3.1,
        "delay_ms": 750,
    }
    assert json.loads(lines[1])["target_language"] is None
    assert json.loads(lines[1])["delay_ms"] is None


def test_a_transcript_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The message says what and why."""
    with pytest.raises(ClientError, match=r"cannot write .*t\.jsonl: No such file"):
        write_transcript(tmp_path / "no" / "t.jsonl", [TURN])


def test_delays_as_median_and_worst() -> None:
    """Turns without a delay do not count."""
    turns = (_delayed(0.5), _delayed(0.7), _delayed(3.0), SILENT_TURN)
    assert Summary(turns, 30.0, 12.34, ("X: y", "Z: w")).lines() == [
        "turns: 4",
        "speech sent: 30.0 s",
        "interpretation heard: 12.3 s",
        "delay from end of speech to first audio: median 700 ms, worst 3000 ms",
        "warnings: X: y; Z: w",
    ]


def test_no_turns_at_all() -> None:
    """The summary says that nothing was measured."""
    assert Summary((), 1.0, 0.0).lines()[3:] == [
        "delay from end of speech to first audio: not measured",
        "warnings: none",
    ]
