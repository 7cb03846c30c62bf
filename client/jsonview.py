"""What programs see of a session while it runs: one JSON object a line."""

import json
from typing import Any, Self, TextIO

from client.speech import State
from client.summary import transcript_record
from client.turns import Turn


class JsonScreen:
    """Events of all sessions as JSON lines, in the order in which they happen.

    Each object has ``event``, its kind, and ``name``, its session's.

    Args:
        stream: Where the lines go.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.flush()

    def view(self, name: str) -> "JsonView":
        """A view for one more session."""
        return JsonView(self._stream, name)


class JsonView:
    """One session as JSON lines."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self._name = name

    def started(self, duration_secs: float | None) -> None:
        """Writes ``started``."""
        self._write("started", duration_secs=None if duration_secs is None else round(duration_secs, 3))

    def sent(self, secs: float) -> None:
        """Writes nothing: there are fifty chunks a second."""

    def waiting(self) -> None:
        """Writes ``waiting``."""
        self._write("waiting")

    def state(self, state: State, at_secs: float) -> None:
        """Writes ``state``."""
        self._write("state", state=state, at_secs=round(at_secs, 3))

    def live(self, turn: Turn | None) -> None:
        """Writes ``partial``: the texts of the turn that has begun, so far."""
        if turn is not None and (turn.source.text or turn.target.text):
            self._write("partial", index=turn.index, source_text=turn.source.text, target_text=turn.target.text)

    def finished(self, turn: Turn) -> None:
        """Writes ``turn``, with the fields of the transcript."""
        self._write("turn", **transcript_record(turn))

    def warning(self, text: str) -> None:
        """Writes ``warning``."""
        code, _, message = text.partition(": ")
        self._write("warning", code=code, message=message)

    def ended(self, outcome: str) -> None:
        """Writes ``ended``, and what went wrong as ``error``."""
        kind, _, error = outcome.partition(": ")
        self._write("ended", outcome=kind, **({"error": error} if error else {}))

    def _write(self, event: str, **fields: Any) -> None:
        write_event(self._stream, event, {"name": self._name} | fields)


def write_event(stream: TextIO, event: str, fields: dict[str, Any]) -> None:
    """Writes one JSON object, and lets it go at once."""
    stream.write(json.dumps({"event": event} | fields, ensure_ascii=False) + "\n")
    stream.flush()
