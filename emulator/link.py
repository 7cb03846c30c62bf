"""What the parts of a session do to its connection: send, record, wait, and end it."""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable
from typing import Any

from websockets.exceptions import ConnectionClosed

from emulator.door import Door
from emulator.options import EmulatorOptions
from emulator.record import MessageRecord, SessionRecord
from emulator.recording import SessionRecorder
from emulator.wire import WireError

_HALF_OPEN_SECS = 600.0
_STUCK_SECS = 5.0
"""A close that takes longer waits for a client that reads nothing; websockets' own time limit comes later."""


class ConnectionReset(Exception):  # noqa: N818 - a way to end, not a mistake
    """The connection ends with a reset instead of a close."""


Ending = WireError | ConnectionReset


class Link:
    """One connection, as the parts of its session share it.

    Args:
        socket: The connection.
        options: Fixed for the connection.
        record: Filled with every message.
        recorder: Where it is written to disk; None for nowhere.

    Attributes:
        mute: Messages are taken and none is sent.
        bytes_per_sec: How fast frames are read; None for as fast as they come.
        pad_to_bytes: The size of the next message; 0 leaves it as it is.
        ended: Done when somebody ended the connection; how.
    """

    def __init__(
        self,
        socket: Door,
        options: EmulatorOptions,
        record: SessionRecord,
        recorder: SessionRecorder | None,
    ) -> None:
        self.socket = socket
        self.options = options
        self.record = record
        self.recorder = recorder
        self.mute = False
        self.bytes_per_sec: int | None = None
        self.pad_to_bytes = 0
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._background: set[asyncio.Task[None]] = set()

    # Messages

    async def send(self, message: dict[str, Any], kind: str, **data: Any) -> bool:
        """Send a message and record it.

        Returns:
            Whether it was written; False from a mute or frozen session.

        Raises:
            ConnectionClosed: The connection has ended.
        """
        if self.mute or self.socket.frozen:
            return False
        text = json.dumps(message, ensure_ascii=False)
        if self.pad_to_bytes:
            # White space behind a JSON text means nothing.
            text += " " * (self.pad_to_bytes - len(text.encode()))
            self.pad_to_bytes = 0
        self.note_out(kind, **data)
        await self.socket.send(text if self.options.text_frames else text.encode())
        return True

    def note_in(self, kind: str, **data: Any) -> None:
        """Record a message from the client."""
        self._write(self.record.note("in", kind, **data))

    def note_out(self, kind: str, **data: Any) -> None:
        """Record a message to the client."""
        self._write(self.record.note("out", kind, **data))

    def _write(self, message: MessageRecord) -> None:
        if self.recorder:
            self.recorder.message(message)

    # Time

    async def sleep_until(self, start: float, at_ms: float) -> None:
        """Wait until ``at_ms`` after ``start`` (monotonic seconds), at the pace of answers."""
        due = start + at_ms / 1000 * self.options.time_factor
        await asyncio.sleep(max(0.0, due - time.monotonic()))

    def planned_secs(self, secs: float) -> float:
        """A time of a schedule or a fault in real seconds."""
        return secs * self.options.schedule_factor

    def spawn(self, work: Awaitable[None]) -> None:
        """Do something beside the session, until it is done or the session ends."""

        async def guarded() -> None:
            with contextlib.suppress(ConnectionClosed):
                await work

        task = asyncio.create_task(guarded())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    # Ends

    def end(self, ending: Ending) -> None:
        """End the connection from outside of its reader and its answers; the first one counts."""
        if not self.ended.done():
            self.ended.set_result(ending)

    async def end_later(self, secs: float, ending: Ending) -> None:
        """End the connection after a time."""
        await asyncio.sleep(secs)
        self.end(ending)

    async def freeze(self) -> None:
        """Read and write nothing any more; see ``stay_frozen``."""
        self.socket.freeze()
        await self.stay_frozen()

    async def stay_frozen(self) -> None:
        """What a part of the session does that finds it frozen: nothing; never returns.

        Raises:
            ConnectionReset: The emulator stops, or ten minutes are over: it keeps no dead sockets for ever.
        """
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.socket.wait_closed(), _HALF_OPEN_SECS)
        raise ConnectionReset

    async def shut(self, ending: Ending | None) -> None:
        """End the connection now, in the given way, and fill in the record; None when the client ended it."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        if isinstance(ending, ConnectionReset) or self.socket.frozen:
            self.note_out("break")
            self.socket.reset()
            await self.socket.wait_closed()
        elif ending is not None:
            self.note_out("close", code=ending.code, reason=ending.reason)
            await self._close(ending.code, ending.reason)
        else:
            await self._close(1000, "")
        self.record.end(self.socket.close_code, self.socket.close_reason or "")

    async def _close(self, code: int, reason: str) -> None:
        # The answer to the close comes behind everything that the client is still sending.
        draining = asyncio.create_task(self._drain())
        try:
            async with asyncio.timeout(_STUCK_SECS):
                await self.socket.close(code, reason)
        except TimeoutError:
            self.socket.reset()
            await self.socket.wait_closed()
        finally:
            draining.cancel()

    async def _drain(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for _ in self.socket:
                pass
