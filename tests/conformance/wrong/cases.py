"""A way to be wrong with the check that must notice it, and short ways to write simple ones."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.conformance.wrong.server import Message, Misbehaviour

INPUT, OUTPUT = "input_transcription", "output_transcription"
TURN = frozenset({INPUT, OUTPUT, "audio_response", "turn_complete"})
Changes = Callable[[Message], Iterable[Message]]


@dataclass(frozen=True, slots=True)
class Case:
    """One way to be wrong.

    Attributes:
        what: What the server does.
        check: The check that must fail.
        make: Makes one connection's misbehaviour.
    """

    what: str
    check: str
    make: Callable[[], Misbehaviour]


class Sends(Misbehaviour):
    """Changes what the server sends, message by message."""

    def __init__(self, changes: Changes):
        super().__init__()
        self._changes = changes

    def to_client(self, message: Message) -> Iterable[Message]:
        """The changed ones."""
        return self._changes(message)


class Takes(Misbehaviour):
    """Changes what the server gets, message by message."""

    def __init__(self, changes: Changes):
        super().__init__()
        self._changes = changes

    def message_to_server(self, message: Message) -> Iterable[Message]:
        """The changed ones."""
        return self._changes(message)


class Closes(Misbehaviour):
    """Closes with another code."""

    def __init__(self, codes: dict[int, int]):
        super().__init__()
        self._codes = codes

    def close_code(self, code: int) -> int | None:
        """The other code."""
        return self._codes.get(code, code)


def sends(kind: str, change: Callable[[Message], Message | None]) -> Callable[[], Misbehaviour]:
    """Every message of a type changed, or left out where ``change`` gives ``None``."""

    def changes(message: Message) -> Iterable[Message]:
        changed = change(message) if message["type"] == kind else message
        return [] if changed is None else [changed]

    return lambda: Sends(changes)


def sends_with(kind: str, **fields: Any) -> Callable[[], Misbehaviour]:
    """Every message of a type with these fields."""
    return sends(kind, lambda message: {**message, **fields})


def sends_twice(kind: str) -> Callable[[], Misbehaviour]:
    """Every message of a type two times."""
    return lambda: Sends(lambda message: [message, message] if message["type"] == kind else [message])


def takes(kind: str, change: Callable[[Message], Message | None]) -> Callable[[], Misbehaviour]:
    """Every message of a type taken as another one, or not at all where ``change`` gives ``None``."""

    def changes(message: Message) -> Iterable[Message]:
        changed = change(message) if message["type"] == kind else message
        return [] if changed is None else [changed]

    return lambda: Takes(changes)


def closes(codes: dict[int, int]) -> Callable[[], Misbehaviour]:
    """Close codes replaced by others."""
    return lambda: Closes(codes)


def error_as(code: str, other: str) -> Callable[[], Misbehaviour]:
    """An error code replaced by another."""
    return sends("error", lambda message: {**message, "code": other} if message.get("code") == code else message)


def is_final(message: Message, kind: str) -> bool:
    """Whether it is a final of one side."""
    return message["type"] == kind and message["isFinal"] is True
