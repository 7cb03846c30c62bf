"""Numbers at the end, and the transcript."""

import json
from pathlib import Path

import pytest

from client.errors import ClientError
from client.summary import Summary, total, write_transcript
from client.turns import Side, Turn

TURN = Turn(1, Side("안녕하세요", "ko"), Side("Hello", "en"), 2.0, 2.5001, 2.75, 3.1, (0.5, 1.70049), (2.75, 3.5))
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
        "complete": True,
        "source_text": "안녕하세요",
        "source_language": "ko",
        "target_text": "Hello",
        "target_language": "en",
        "source_start_secs": 0.5,
        "source_end_secs": 1.7,
        "target_start_secs": 2.75,
        "target_end_secs": 3.5,
        "end_of_speech_secs": 2.0,
        "first_text_secs": 2.5,
        "first_audio_secs": 2.75,
        "completed_secs": 3.1,
        "delay_ms": 750,
    }
    assert json.loads(lines[1])["target_language"] is None
    assert json.loads(lines[1])["delay_ms"] is None
    assert json.loads(lines[1])["source_start_secs"] is None


def test_a_turn_that_was_cut_off_says_so(tmp_path: Path) -> None:
    """What came without ``turn_complete`` is not complete."""
    write_transcript(tmp_path / "t.jsonl", [Turn(1, Side("안녕"), first_text_secs=1.0)])
    assert json.loads((tmp_path / "t.jsonl").read_text("utf-8"))["complete"] is False


def test_half_a_character_breaks_no_transcript(tmp_path: Path) -> None:
    """JSON may carry a surrogate without its other half, which no file can hold."""
    write_transcript(tmp_path / "t.jsonl", [Turn(1, Side("a\ud800b"))])
    assert json.loads((tmp_path / "t.jsonl").read_text("utf-8"))["source_text"] == "a?b"


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


def test_sessions_add_up() -> None:
    """Turns and warnings in order, lengths as sums; stopped if one of them was."""
    first = Summary((TURN,), 10.0, 5.0, ("A: b",))
    assert total([first, Summary((SILENT_TURN,), 2.0, 1.0, ("C: d",), stopped=True)]) == Summary(
        (TURN, SILENT_TURN), 12.0, 6.0, ("A: b", "C: d"), stopped=True
    )
    assert total([first]) == first
