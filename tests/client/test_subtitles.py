"""Cues and the files that hold them."""

import re
from pathlib import Path

import pysubs2
import pytest

from client.errors import ClientError
from client.subtitles import LEAST_CUE_SECS, Cue, cues, write_subtitles
from client.turns import Side, Turn


def _turn(
    text: str, source: tuple[float, float] | None, target: tuple[float, float] | None = None, *, done: bool = True
) -> Turn:
    return Turn(
        1,
        Side(text, "en"),
        Side(f"<{text}>", "ko"),
        first_text_secs=50.0,
        completed_secs=53.0 if done else None,
        source_span=source,
        target_span=target,
    )


def test_each_side_has_its_own_times() -> None:
    """The source while it was said, the target while it plays."""
    turns = [_turn("a", (1.0, 2.0), (2.5, 4.0)), _turn("b", (3.0, 4.0), (5.0, 6.0))]
    assert cues(turns, "source") == [Cue(1.0, 2.0, "a"), Cue(3.0, 4.0, "b")]
    assert cues(turns, "target") == [Cue(2.5, 4.0, "<a>"), Cue(5.0, 6.0, "<b>")]


def test_without_times_the_arrival_of_text_counts() -> None:
    """Until the turn was complete, or as long as a cue lasts at least."""
    assert cues([_turn("a", None)], "source") == [Cue(50.0, 53.0, "a")]
    assert cues([_turn("a", None, done=False)], "target") == [Cue(50.0, 50.0 + LEAST_CUE_SECS, "<a> …")]


def test_a_side_without_text_has_no_cue() -> None:
    """White space is no text."""
    assert cues([Turn(1, Side(" \n"), Side("b"), completed_secs=2.0)], "source") == []


def test_a_turn_that_is_not_complete_says_so() -> None:
    """Its text is what came so far."""
    assert cues([_turn("And so", (1.0, 2.0), done=False)], "source") == [Cue(1.0, 2.0, "And so …")]


def test_cues_never_overlap_nor_end_before_they_start() -> None:
    """They stay in the order of their turns, each for a while."""
    turns = [_turn("a", (1.0, 4.0)), _turn("b", (3.0, 3.5)), _turn("c", (3.2, 9.0)), _turn("d", (9.0, 9.0))]
    assert cues(turns, "source") == [
        Cue(1.0, 4.0, "a"),
        Cue(4.0, 4.5, "b"),
        Cue(4.5, 9.0, "c"),
        Cue(9.0, 9.5, "d"),
    ]


def test_text_is_one_line_without_control_characters() -> None:
    """An empty line would end a cue."""
    assert cues([_turn("a\r\n\n1\n00:00\x00\x1b b", (1.0, 2.0))], "source")[0].text == "a 1 00:00 b"


def test_webvtt(tmp_path: Path) -> None:
    """A header, times with a point, and text that cannot be taken for markup or for times."""
    path = tmp_path / "a.vtt"
    write_subtitles(path, [Cue(0.0, 1.0, "R&D <b>x</b> --> {\\i1}y\\n"), Cue(3661.0014, 3662.5, "안녕")])
    assert path.read_text("utf-8") == (
        "WEBVTT\n\n"
        "1\n00:00:00.000 --> 00:00:01.000\nR&amp;D &lt;b&gt;x&lt;/b&gt; --&gt; {＼i1}y＼n\n\n"
        "2\n01:01:01.001 --> 01:01:02.500\n안녕\n\n"
    )


def test_subrip(tmp_path: Path) -> None:
    """No header, times with a comma, text as it is but for what players would take for markup."""
    path = tmp_path / "a.srt"
    write_subtitles(path, [Cue(0.0, 1.0, "R&D <b>x</b> --> 1 < 2 {\\p1}"), Cue(2.0, 3.0, "안녕")])
    assert path.read_text("utf-8") == (
        "1\n00:00:00,000 --> 00:00:01,000\nR&D ＜b>x＜/b> → 1 < 2 {＼p1}\n\n"
        "2\n00:00:02,000 --> 00:00:03,000\n안녕\n\n"
    )


@pytest.mark.parametrize("kind", ["vtt", "srt"])
def test_what_is_written_can_be_read(tmp_path: Path, kind: str) -> None:
    """Each cue once, with its times."""
    path = tmp_path / f"a.{kind}"
    shown = [Cue(n * 1.5, n * 1.5 + 1, f"line {n}") for n in range(30)]
    write_subtitles(path, shown)
    read = pysubs2.load(str(path))
    assert [(event.start, event.end, event.plaintext) for event in read] == [
        (round(cue.start_secs * 1000), round(cue.end_secs * 1000), cue.text) for cue in shown
    ]


@pytest.mark.parametrize("kind", ["vtt", "srt"])
def test_no_turns_at_all(tmp_path: Path, kind: str) -> None:
    """A file without cues is a valid one."""
    path = tmp_path / f"a.{kind}"
    write_subtitles(path, [])
    assert path.read_text("utf-8") == ("WEBVTT\n\n" if kind == "vtt" else "")


def test_half_a_character_breaks_no_file(tmp_path: Path) -> None:
    """JSON may carry a surrogate without its other half."""
    write_subtitles(tmp_path / "a.vtt", [Cue(0.0, 1.0, "a\ud800b")])
    assert re.search("^a.b$", (tmp_path / "a.vtt").read_text("utf-8"), re.MULTILINE)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The message says what and why."""
    with pytest.raises(ClientError, match=r"cannot write .*a\.vtt: No such file"):
        write_subtitles(tmp_path / "no" / "a.vtt", [])
