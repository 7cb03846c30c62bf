"""Resumption handles: who was given which, for how long they are good, and when they are refused.

A handle is good for two hours after its session ended, and is refused while a socket of the session is open
(ai.google.dev, Live API session management; sip-to-ai PR 14).
"""

import time
import uuid
from dataclasses import dataclass

from emulator.faults import INTERNAL_REASON, INVALID_REASON
from emulator.record import SessionRecord
from emulator.wire import WireError

_KEPT_HANDLES = 10_000


@dataclass(slots=True)
class _Line:
    """Connections that resumed one another: the number of the last, and when it ended; None while it is open."""

    last: int
    ended_at: float | None = None


class HandleBook:
    """The handles of all sessions of an emulator; it keeps no records alive."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}
        self._open: dict[int, _Line] = {}

    def issue(self, record: SessionRecord) -> str:
        """A handle that resumes the session."""
        handle = uuid.uuid4().hex
        self._lines[handle] = self._open.setdefault(record.number, _Line(record.number))
        if len(self._lines) > _KEPT_HANDLES:
            del self._lines[next(iter(self._lines))]
        return handle

    def end(self, record: SessionRecord) -> None:
        """The connection of a session has ended."""
        line = self._open.pop(record.number, None)
        if line is not None:
            line.ended_at = time.monotonic()

    def resume(self, handle: str, record: SessionRecord, valid_secs: float) -> None:
        """Let ``record`` go on where the session of the handle ended.

        Args:
            handle: As the client sent it.
            record: The connection that it came on.
            valid_secs: For how long a handle is good after its session ended.

        Raises:
            WireError: 1007 when it is unknown or expired, 1011 while a socket of its session is open.
        """
        line = self._lines.get(handle)
        if line is None:
            raise WireError(1007, INVALID_REASON)
        if line.ended_at is None:
            raise WireError(1011, INTERNAL_REASON)
        if time.monotonic() - line.ended_at > valid_secs:
            raise WireError(1007, INVALID_REASON)
        record.resumed_from = line.last
        line.last, line.ended_at = record.number, None
        self._open[record.number] = line
