"""What a phone hears: pieces of sound, clearings and marks, in order, as its provider's messages."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable

from pipecat.frames.frames import Frame, InterruptionFrame, OutputAudioRawFrame

from metrics import PHONE_PLAYED_DELAY, STRETCHES_PLAYED
from pipelines.client_socket import ClientSocket
from telephony.phone_serializer import MarkFrame, PhoneSerializer

_STRETCH_ENDS_SECS = 0.1
"""Without a piece, of which there is one every 20 ms, what is sent next is another stretch of sound. Each ends with
a mark: until then Exotel's serializer keeps what does not fill a message."""
_MOST_MARKS = 100
"""That the provider has not said it reached; one that never says so costs no more than that."""


class PhoneLine:
    """The way out of one call, whose only writer is :meth:`run`."""

    def __init__(
        self, socket: ClientSocket, serializer: PhoneSerializer, *, rate_hz: int, clock: Callable[[], float]
    ):
        """Write to ``socket`` what ``serializer`` makes of sound at ``rate_hz``; ``clock`` gives seconds."""
        self._socket = socket
        self._serializer = serializer
        self._rate_hz = rate_hz
        self._clock = clock
        self._waiting: deque[Frame] = deque()
        self._wakeup = asyncio.Event()
        self._all_reached = asyncio.Event()
        self._all_reached.set()
        self._marks: OrderedDict[str, float] = OrderedDict()
        self._marks_made = 0
        self._unmarked = False
        self.sent_at = clock()

    async def run(self) -> None:
        """Write what there is to write, for as long as the call lasts."""
        while True:
            self._wakeup.clear()
            while self._waiting:
                for data in await self._serializer.serialize(self._waiting.popleft()):
                    self._socket.send(data)
            try:
                async with asyncio.timeout(_STRETCH_ENDS_SECS if self._unmarked else None):
                    await self._wakeup.wait()
            except TimeoutError:
                self.mark()

    def play(self, pcm: bytes) -> None:
        """Send 20 ms of PCM s16le, mono."""
        self._unmarked = True
        self.sent_at = self._clock()
        self._put(OutputAudioRawFrame(audio=pcm, sample_rate=self._rate_hz, num_channels=1))

    def clear(self) -> None:
        """Let the phone play nothing of what it was sent."""
        self._waiting = deque(frame for frame in self._waiting if not isinstance(frame, OutputAudioRawFrame))
        self._count_marks("cleared")
        STRETCHES_PLAYED.labels("cleared").inc(self._unmarked)
        self._unmarked = False
        self._put(InterruptionFrame())

    def mark(self) -> None:
        """A stretch of sound was sent whole: ask when it is played."""
        if not self._unmarked:
            return
        self._unmarked = False
        self._marks_made += 1
        name = str(self._marks_made)
        self._marks[name] = self._clock()
        self._all_reached.clear()
        if len(self._marks) > _MOST_MARKS:
            self._marks.popitem(last=False)
            STRETCHES_PLAYED.labels("unknown").inc()
        self._put(MarkFrame(name))

    def reach(self, name: str) -> None:
        """The provider says that everything was played up to a mark; one that is not waited for says nothing."""
        sent_at = self._marks.pop(name, None)
        if sent_at is not None:
            STRETCHES_PLAYED.labels("played").inc()
            PHONE_PLAYED_DELAY.observe(self._clock() - sent_at)
        if not self._marks:
            self._all_reached.set()

    async def played(self) -> None:
        """Wait until everything that was marked was played, as far as the provider says so."""
        await self._all_reached.wait()

    def close(self) -> None:
        """Nothing more is known of what was played."""
        self._count_marks("unknown")

    def _count_marks(self, result: str) -> None:
        STRETCHES_PLAYED.labels(result).inc(len(self._marks))
        self._marks.clear()
        self._all_reached.set()

    def _put(self, frame: Frame) -> None:
        self._waiting.append(frame)
        self._wakeup.set()
