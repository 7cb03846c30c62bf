"""A client that speaks over a real socket, and what is known of it afterwards."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

from websockets.exceptions import ConnectionClosed

from emulator import Emulator, SessionRecord
from tests.faults.happened import upstream_lines
from tests.faults.recording import Heard, Recording, Spoken
from tests.faults.saying import Phrase
from tests.support.audit import STREAM_HZ, Span
from tests.support.client import ProtocolClient
from tests.support.speech import silence

_QUIET_CHUNK_MS = 100
_LEAST_LOCATABLE_SAMPLES = 4000


class Talk:
    """One client's speech to a server that has its emulator to itself."""

    def __init__(self, client: ProtocolClient, emulator: Emulator, *, speed: float, chunk_ms: int):
        """Say nothing yet.

        Args:
            client: Connected, and not opened.
            emulator: The upstream of the client's server.
            speed: How fast it speaks, in times real time.
            chunk_ms: How much audio it sends at once.
        """
        self.client = client
        self._emulator = emulator
        self._speed = speed
        self._chunk_ms = chunk_ms
        self._stream = bytearray()
        self._spoken: list[Spoken] = []

    async def open(self) -> None:
        """Send ``init``; returns when the session is ready, or refused."""
        await self.client.send({"type": "init", "config": {"audioEncoding": "binary"}})
        await self.client.wait_until(lambda: bool(self.client.of("connected")) or self.ended)

    @property
    def ended(self) -> bool:
        """Whether the server closed the connection."""
        return self.client.close_code is not None

    @property
    def settled(self) -> int:
        """How many utterances were answered, or named as dropped."""
        dropped = [message for message in self.client.of("warning") if message["code"] == "SPEECH_DROPPED"]
        return len(self.client.turns) + len(dropped)

    async def until_settled(self, utterances: int) -> None:
        """Wait until as many are settled, or the server closes."""
        await self.client.wait_until(lambda: self.settled >= utterances or self.ended)

    async def until_still(self, secs: float) -> None:
        """Wait until nothing was told for so long, and nothing is awaited; or the server closes."""
        told = -1
        while not self.ended and (told != len(self.client.messages) or self._state != "silent"):
            told = len(self.client.messages)
            await asyncio.sleep(secs)

    @property
    def _state(self) -> str:
        states: list[str] = [message["state"] for message in self.client.of("speech_state")]
        return states[-1] if states else "silent"

    async def say(self, said: Phrase) -> None:
        """Speak, as fast as it is spoken at this client's speed.

        Raises:
            ConnectionClosed: The server closed.
        """
        start = len(self._stream) // 2
        ends_at = asyncio.get_running_loop().time() + said.voice.end / STREAM_HZ / self._speed
        voice = Span(start + said.voice.start, start + said.voice.end)
        # Noted before it is sent: speech that the connection's end cuts short was said, too.
        self._spoken.append(Spoken(said.name, voice, said.answer, ends_at))
        self._stream += said.pcm
        await self.client.stream(said.pcm, chunk_ms=self._chunk_ms, speed=self._speed)

    @contextlib.asynccontextmanager
    async def quiet(self) -> AsyncIterator[None]:
        """Be silent, and go on sending, as a microphone does, for as long as the block takes."""
        task = asyncio.create_task(self._stay_quiet())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _stay_quiet(self) -> None:
        pcm = silence(_QUIET_CHUNK_MS)
        with contextlib.suppress(ConnectionClosed):
            while True:
                self._stream += pcm
                await self.client.send_chunk(pcm)
                await asyncio.sleep(_QUIET_CHUNK_MS / 1000)

    def recording(self) -> Recording:
        """What happened so far."""
        sessions = self._emulator.sessions
        return Recording(
            stream=bytes(self._stream),
            spoken=tuple(self._spoken),
            heard=tuple(sorted(_heard(sessions), key=lambda heard: heard.began_at_secs)),
            stray_bytes=sum(session.discarded_bytes for session in sessions),
            messages=list(self.client.messages),
            arrivals=list(self.client.arrivals),
            close_code=self.client.close_code,
            struck=len(self._emulator.struck),
            upstream=tuple(upstream_lines(self._emulator)),
        )


def _heard(sessions: list[SessionRecord]) -> Iterator[Heard]:
    """All activities, those included that the end of their connection cut short."""
    for session in sessions:
        ended = 0
        for utterance in session.utterances:
            audio = utterance.audio
            if utterance.ended_at_secs is None:
                audio = bytes(session.audio[ended:])
            ended += len(audio)
            if len(audio) // 2 >= _LEAST_LOCATABLE_SAMPLES:
                began_at = session.began_at_secs + utterance.started_at_secs
                yield Heard(session.number, audio, utterance.complete, utterance.sent_audio_bytes, began_at)
