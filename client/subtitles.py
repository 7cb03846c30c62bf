"""Turns as subtitles, WebVTT and SubRip: one cue a turn and side, in order, none overlapping another."""

import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import pysubs2

from client.errors import ClientError
from client.speech import Span
from client.turns import Turn

SideName = Literal["source", "target"]

LEAST_CUE_SECS = 0.5
"""No cue is shown for less."""

UNFINISHED = " …"
"""Ends the text of a turn that is not complete."""

_MARKUP_START = re.compile(r"<(?=[/A-Za-z])")


class Cue(NamedTuple):
    """A text and when to show it, in seconds of audio; ``text`` is one line of plain text."""

    start_secs: float
    end_secs: float
    text: str


def cues(turns: Iterable[Turn], side: SideName) -> list[Cue]:
    """The cues of one side; turns without text on that side have none.

    A source cue is shown while its turn was said, a target cue while the interpretation plays. Where that is not
    known (no voice activity detection, a turn without sound) the cue is shown from the arrival of the turn's first
    text until the turn was complete.
    """
    found: list[Cue] = []
    for turn in turns:
        text = _one_line((turn.source if side == "source" else turn.target).text)
        if not text:
            continue
        start, end = _span(turn, side)
        start = max(start, found[-1].end_secs) if found else start
        end = max(end, start + LEAST_CUE_SECS)
        found.append(Cue(start, end, text if turn.completed_secs is not None else text + UNFINISHED))
    return found


def write_subtitles(path: Path, shown: Sequence[Cue]) -> None:
    """Writes cues, replacing the file; its suffix, ``.vtt`` or ``.srt``, decides on the format.

    Raises:
        ClientError: The file cannot be written.
    """
    kind = path.suffix.removeprefix(".")
    escaped = _for_webvtt if kind == "vtt" else _for_subrip
    file = pysubs2.SSAFile()
    for cue in shown:
        start_ms, end_ms = round(cue.start_secs * 1000), round(cue.end_secs * 1000)
        file.append(pysubs2.SSAEvent(start_ms, end_ms, text=escaped(_without_substation(cue.text))))
    try:
        # keep_ssa_tags: braces are text here, not the markup of another format.
        path.write_text(file.to_string(kind, keep_ssa_tags=True), encoding="utf-8", errors="replace")
    except OSError as error:
        raise ClientError(f"cannot write {path}: {error.strerror or error}") from error


def _one_line(text: str) -> str:
    return " ".join("".join(" " if unicodedata.category(char) == "Cc" else char for char in text).split())


def _span(turn: Turn, side: SideName) -> Span:
    span = turn.source_span if side == "source" else turn.target_span
    if span is not None:
        return span
    known = [secs for secs in (turn.first_text_secs, turn.completed_secs) if secs is not None]
    return (min(known), max(known)) if known else (0.0, 0.0)


def _for_webvtt(text: str) -> str:
    """https://www.w3.org/TR/webvtt1/#webvtt-cue-text-span: neither ``&`` nor ``<`` nor ``-->``."""
    return html.escape(text, quote=False)


def _for_subrip(text: str) -> str:
    """SubRip has no escapes: what players take for markup or a time gets a look-alike."""
    return _MARKUP_START.sub("＜", text).replace("-->", "→")


def _without_substation(text: str) -> str:
    """In pysubs2 a text is SubStation Alpha: a backslash starts a command, and nothing escapes it."""
    return text.replace("\\", "＼")
