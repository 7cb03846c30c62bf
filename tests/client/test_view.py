"""What the user sees, on a terminal and elsewhere."""

import io
import unicodedata

from rich.console import Console

from client.live import LIVE_TEXT_CHARS, LiveScreen, PanelView
from client.turns import Side, Turn
from client.view import PlainScreen, View, printable, turn_line

TURN = Turn(1, Side("안녕하세요", "ko"), Side("Hello", "en"), 2.0, 2.5, 2.75, 3.1)


def _play(view: View) -> None:
    """A session's course."""
    view.started(10.0)
    view.sent(2.5)
    for at_secs in (0.0, 1.0, 6.0):
        view.state("speaking", at_secs)
        view.state("silent", at_secs + 0.5)
    view.live(TURN)
    view.finished(TURN)
    view.live(None)
    view.warning("SPEECH_DROPPED: too long")
    view.waiting()
    view.ended("done")


def test_plain_lines() -> None:
    """One line for each finished turn and warning, few for the state, none for what moves."""
    stream = io.StringIO()
    with PlainScreen(stream) as screen:
        _play(screen.view("a.wav"))
    assert stream.getvalue().splitlines() == [
        "connected, sending 10.0 s of speech",
        "0.0 s speaking",
        "6.0 s speaking",
        "1. [ko] 안녕하세요 → [en] Hello (750 ms)",
        "warning: SPEECH_DROPPED: too long",
        "sent, waiting for the last turns",
    ]


def test_plain_lines_of_several_sessions_name_theirs() -> None:
    """Each line starts with its file's name, and each session's end is told."""
    stream = io.StringIO()
    with PlainScreen(stream, prefixed=True) as screen:
        _play(screen.view("a.wav"))
    lines = stream.getvalue().splitlines()
    assert all(line.startswith("a.wav: ") for line in lines)
    assert lines[-1] == "a.wav: done"


def test_text_cannot_steer_the_terminal() -> None:
    """Escape sequences, newlines and direction marks of a server's text become spaces."""
    assert printable("a\x1b[2Jb\nc\u202ed\x9bx") == "a [2Jb c d x"
    stream = io.StringIO()
    PlainScreen(stream).view("a").finished(Turn(1, Side("a\x1b[31m\r\n", "en")))
    assert [char for char in stream.getvalue() if unicodedata.category(char) == "Cc"] == ["\n"]


def test_a_side_without_text_is_a_dash() -> None:
    """An unknown language is a question mark."""
    assert turn_line(Turn(3, Side("흠"))) == "3. [?] 흠 → –"


def _drawn(panel: PanelView) -> str:
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(panel)
    return capture.get()


def _panel() -> PanelView:
    return PanelView(Console(file=io.StringIO()), "a.wav", "")


def test_a_panel_shows_progress_state_and_growing_text() -> None:
    """What is asked of the live view is in it."""
    panel = _panel()
    assert "connecting" in _drawn(panel)
    panel.started(10.0)
    panel.sent(2.5)
    panel.state("speaking", 1.0)
    panel.live(Turn(1, Side("안녕"), Side("Hel")))
    drawn = _drawn(panel)
    for part in ("a.wav", "2.5 / 10.0 s", "speaking · sending", "source 안녕", "target Hel"):
        assert part in drawn
    panel.live(None)
    panel.waiting()
    drawn = _drawn(panel)
    assert "waiting for the last turns" in drawn
    assert "안녕" not in drawn


def test_a_panel_shows_the_end_of_a_long_text() -> None:
    """A long turn does not fill the terminal."""
    panel = _panel()
    panel.live(Turn(1, Side("x" * 1000 + "END")))
    drawn = _drawn(panel)
    assert drawn.count("x") == LIVE_TEXT_CHARS - len("END")
    assert "END" in drawn
    assert "…" in drawn


def test_the_live_screen_prints_finished_turns_above_the_panels() -> None:
    """They stay, with markup-like text as it is, and named where there are several sessions."""
    output = io.StringIO()
    console = Console(file=output, width=100, force_terminal=True, color_system=None)
    with LiveScreen(console, prefixed=True) as screen:
        view = screen.view("a.wav")
        screen.view("b.wav")
        _play(view)
        view.finished(Turn(2, Side("[bold]x[/bold]", "en")))
    shown = output.getvalue()
    assert "a.wav 1. [ko] 안녕하세요 → [en] Hello (750 ms)" in shown
    assert "a.wav warning: SPEECH_DROPPED: too long" in shown
    assert "2. [en] [bold]x[/bold] → –" in shown
    assert "b.wav" in shown


def test_speech_of_unknown_length() -> None:
    """A microphone has no progress but what was sent; both views say how it ends."""
    stream = io.StringIO()
    PlainScreen(stream).view("microphone").started(None)
    assert stream.getvalue() == "connected, listening; Ctrl-C ends it\n"
    panel = _panel()
    panel.started(None)
    panel.sent(2.5)
    drawn = _drawn(panel)
    assert "2.5 s" in drawn
    assert "listening, Ctrl-C ends it" in drawn


def test_panels_of_sessions_that_are_over_may_go() -> None:
    """A hundred recordings one after another have one panel at a time."""
    console = Console(file=io.StringIO(), width=100, color_system=None)
    for keep_ended, shown in ((True, ["a.wav", "b.wav"]), (False, ["b.wav"])):
        screen = LiveScreen(console, keep_ended=keep_ended)
        screen.view("a.wav").ended("done")
        screen.view("b.wav").started(1.0)
        with console.capture() as capture:
            console.print(screen)
        assert [name for name in ("a.wav", "b.wav") if name in capture.get()] == shown
