"""What the client sends: frames, read one by one and handed to the half of the session that listens."""

import asyncio
from typing import Any, Protocol

from emulator.audio import INPUT_RATE_HZ
from emulator.faults import INVALID_REASON
from emulator.link import Link
from emulator.setup import Setup
from emulator.wire import WireError, parse_audio, parse_frame, parse_realtime_input


class Listener(Protocol):
    """What a session does with the sound that it is sent; each method raises what ends the session."""

    @property
    def discards(self) -> bool:
        """Whether sound that comes at this moment belongs to nothing."""
        ...

    async def take(self, pcm: bytes, rate_hz: int) -> None:
        """Sound has come: PCM s16le mono."""
        ...

    async def mark(self, *, starts: bool) -> None:
        """The client marks an activity's start or end, as its setup lets it."""
        ...

    async def end_stream(self) -> None:
        """The client says that its sound pauses."""
        ...

    async def read(self, text: str) -> None:
        """The client says something in writing."""
        ...

    def finish(self) -> None:
        """The session is over."""
        ...


class Uplink:
    """The reading half of one session.

    Args:
        link: Where messages come from.
        setup: What the client asked for.
        listener: Gets the sound.
    """

    def __init__(self, link: Link, setup: Setup, listener: Listener) -> None:
        self._link = link
        self._record = link.record
        self._options = link.options
        self._setup = setup
        self._listener = listener

    async def run(self) -> None:
        """Take messages until the client ends the connection.

        Raises:
            WireError: The client broke a rule, or a fault closes the connection.
            ConnectionReset: A fault resets it.
            ConnectionClosed: It broke.
        """
        async for frame in self._link.socket:
            if self._link.socket.frozen:
                await self._link.stay_frozen()
            kind, body = parse_frame(frame)
            if kind == "setup":
                raise WireError(1007, f"{INVALID_REASON} 'setup' came twice.")
            if kind == "realtimeInput":
                await self._take_input(*parse_realtime_input(body))
            else:
                self._link.note_in(kind)
                self._check_content(kind)
            if self._link.bytes_per_sec is not None:
                await asyncio.sleep(len(frame) / self._link.bytes_per_sec)

    def _check_content(self, kind: str) -> None:
        refused = self._options.client_content == "refused" and self._record.resumed_from is not None
        if kind == "clientContent" and refused:
            raise WireError(1007, INVALID_REASON)

    async def _take_input(self, kind: str, value: Any) -> None:
        if kind == "audio":
            await self._take_audio(value)
            return
        self._link.note_in(kind)
        if kind in ("activityStart", "activityEnd"):
            if not self._setup.manual:
                raise WireError(1007, f"{INVALID_REASON} Activity signals need automatic detection disabled.")
            await self._listener.mark(starts=kind == "activityStart")
        elif kind == "text":
            if not isinstance(value, str):
                raise WireError(1007, f"{INVALID_REASON} Expected 'text' to be a text.")
            await self._listener.read(value)
        elif kind == "audioStreamEnd" and value is not False and self._options.audio_stream_end != "ignored":
            await self._listener.end_stream()

    async def _take_audio(self, value: Any) -> None:
        blob = parse_audio(value)
        discarded = self._listener.discards
        rate = {} if blob.rate_hz == INPUT_RATE_HZ else {"rate_hz": blob.rate_hz}
        self._link.note_in("discarded" if discarded else "audio", bytes=len(blob.pcm), **rate)
        self._record.note_audio(blob.pcm, discarded=discarded)
        if self._link.recorder:
            self._link.recorder.audio(blob.pcm, blob.rate_hz)
        await self._listener.take(blob.pcm, blob.rate_hz)
