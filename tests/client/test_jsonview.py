"""What programs read."""

import io
import json

from client.jsonview import JsonScreen, write_event
from client.summary import transcript_record
from client.turns import Side, Turn

TURN = Turn(1, Side("안녕하세요", "ko"), Side("Hello", "en"), 2.0, 2.5, 2.75, 3.1, (0.5, 1.7), (2.75, 3.5))


def test_a_session_as_events() -> None:
    """One JSON object a line, each with its kind and its session's name; progress is not told."""
    stream = io.StringIO()
    with JsonScreen(stream) as screen:
        view = screen.view("a.wav")
        view.started(10.00001)
        view.sent(2.5)
        view.state("speaking", 0.12345)
        view.live(Turn(1, first_audio_secs=1.0))
        view.live(Turn(1, Side("안녕"), Side("Hel")))
        view.finished(TURN)
        view.live(None)
        view.warning("SPEECH_DROPPED: 3 s: too long")
        view.waiting()
        view.ended("failed: the server: gone")
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [
        {"event": "started", "name": "a.wav", "duration_secs": 10.0},
        {"event": "state", "name": "a.wav", "state": "speaking", "at_secs": 0.123},
        {"event": "partial", "name": "a.wav", "index": 1, "source_text": "안녕", "target_text": "Hel"},
        {"event": "turn", "name": "a.wav", **transcript_record(TURN)},
        {"event": "warning", "name": "a.wav", "code": "SPEECH_DROPPED", "message": "3 s: too long"},
        {"event": "waiting", "name": "a.wav"},
        {"event": "ended", "name": "a.wav", "outcome": "failed", "error": "the server: gone"},
    ]
    assert "안녕" in stream.getvalue()


def test_speech_of_unknown_length_and_a_good_end() -> None:
    """No duration is null, and no error is left out."""
    stream = io.StringIO()
    view = JsonScreen(stream).view("microphone")
    view.started(None)
    view.ended("done")
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [
        {"event": "started", "name": "microphone", "duration_secs": None},
        {"event": "ended", "name": "microphone", "outcome": "done"},
    ]


def test_a_line_goes_at_once() -> None:
    """A program in a pipe sees a turn when it is there."""

    class Pipe(io.StringIO):
        flushed = ""

        def flush(self) -> None:
            self.flushed = self.getvalue()

    pipe = Pipe()
    write_event(pipe, "x", {})
    assert pipe.flushed == '{"event": "x"}\n'
