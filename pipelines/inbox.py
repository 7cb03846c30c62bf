"""What the client sent and the pipeline has not taken: bounded, and held back until the session is ready."""

import asyncio
from collections import deque

from pipecat.frames.frames import Frame, InputAudioRawFrame
from starlette.types import Message

from processors.frames import BACKLOG_BYTES

_FRAME_BYTES = 256
"""What a frame counts as, beside its audio."""
_MOST_JOINED_BYTES = 2 * BACKLOG_BYTES
"""576 ms: however long the chunks that wait, joined they are a backlog for the voice activity step."""


class Inbox:
    """Frames that were read, in order; audio that waits is taken joined, for a pipeline that is behind to catch up.

    Audio that arrives while the upstream is being connected waits here, and what comes faster than the pipeline
    judges it. At the bound the reader waits: while connecting for as long as that may take, and else until the
    pipeline has caught up.

    Attributes:
        held_bytes: What waits.
    """

    def __init__(self, capacity_bytes: int):
        """Make an empty inbox; ``capacity_bytes`` of audio at most, and always room for one frame."""
        self._capacity_bytes = capacity_bytes
        self._frames: deque[Frame] = deque()
        self.held_bytes = 0
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._opened = asyncio.Event()

    def open(self) -> None:
        """The session is ready: let the pipeline take frames."""
        self._opened.set()

    @property
    def full(self) -> bool:
        """Whether the bound is reached."""
        return not self._room.is_set()

    async def room(self) -> None:
        """Wait until a frame may be put in."""
        await self._room.wait()

    def put(self, frame: Frame) -> None:
        """Add a frame; whoever has many of them waits for :meth:`room` before each."""
        self._frames.append(frame)
        self.held_bytes += _size_of(frame)
        if self.held_bytes >= self._capacity_bytes:
            self._room.clear()
        self._arrived.set()

    async def receive(self) -> Message:
        """The next frame as an ASGI message whose content is read already."""
        await self._opened.wait()
        while not self._frames:
            self._arrived.clear()
            await self._arrived.wait()
        frame = self._frames.popleft()
        self.held_bytes -= _size_of(frame)
        if self._frames and isinstance(frame, InputAudioRawFrame):
            frame = self._joined(frame)
        if self.held_bytes < self._capacity_bytes:
            self._room.set()
        return {"type": "websocket.receive", "bytes": frame}

    def _joined(self, first: InputAudioRawFrame) -> InputAudioRawFrame:
        """``first``, with audio that waits behind it: all of it is of one rate."""
        pieces, size_bytes = [first.audio], len(first.audio)
        while self._frames and isinstance(following := self._frames[0], InputAudioRawFrame):
            size_bytes += len(following.audio)
            if size_bytes > _MOST_JOINED_BYTES:
                break
            pieces.append(following.audio)
            self.held_bytes -= _size_of(self._frames.popleft())
        if len(pieces) == 1:
            return first
        return InputAudioRawFrame(b"".join(pieces), first.sample_rate, first.num_channels)


def _size_of(frame: Frame) -> int:
    return _FRAME_BYTES + (len(frame.audio) if isinstance(frame, InputAudioRawFrame) else 0)
