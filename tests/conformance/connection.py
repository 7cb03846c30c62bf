"""One connection to the server under test: sends, writes down what comes, and waits for it within a bound."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.conformance.options import Options
from tests.conformance.outcome import ConformanceError
from tests.conformance.speech import Utterance, silence
from tests.conformance.transcript import MALFORMED, Entry, Message, Transcript, shown

NO_CLOSE_FRAME = 1006
_SHOWN_MESSAGES = 4
_MAX_AHEAD_SECS = 3.0
"""How much the speech may be behind its schedule before the schedule is moved."""


class Connection:
    """A client of the protocol that believes nothing.

    Attributes:
        transcript: What was said so far.
        audio_secs: Audio sent, silence included.
        speech_secs: Of that, speech.
    """

    def __init__(self, socket: ClientConnection, transcript: Transcript, options: Options):
        """Read ``socket`` from here on."""
        self._socket = socket
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Condition()
        self._rate_hz = 16_000
        self._binary = False
        self._sent_until: float | None = None
        self.transcript = transcript
        self.audio_secs = 0.0
        self.speech_secs = 0.0
        self._reader = asyncio.create_task(self._read())

    @property
    def closed(self) -> bool:
        """Whether the connection is over."""
        return self.transcript.close_code is not None

    @property
    def mark(self) -> int:
        """A place in the transcript: what comes from here on."""
        return len(self.transcript.entries)

    def since(self, mark: int, *kinds: str) -> list[Message]:
        """What came since ``mark``, of these types or of all."""
        entries = self.transcript.entries[mark:]
        return [e.message for e in entries if not e.sent and (not kinds or e.kind in kinds)]

    # Sending

    async def send(self, message: Message | str | bytes) -> None:
        """Send a message, or a raw frame; nothing happens on a closed connection.

        Raises:
            ConformanceError: The server does not read.
        """
        if isinstance(message, dict):
            self.note(str(message.get("type")))
        await self._send(json.dumps(message) if isinstance(message, dict) else message)

    async def send_as_text(self, data: bytes) -> None:
        """Send a text frame with these bytes, whatever they are."""
        with contextlib.suppress(ConnectionClosed):
            await self._socket.send(data, text=True)

    def note(self, what: str) -> None:
        """Write something that the kit did into the transcript."""
        self.transcript.entries.append(Entry(self._loop.time(), True, {"type": what}))

    async def init(self, **config: Any) -> Message:
        """Send ``init`` with this ``config``; the ``connected`` that answers it."""
        await self.send_init(**config)
        return await self.connected()

    async def send_init(self, **config: Any) -> None:
        """Send ``init`` and do not wait."""
        self._rate_hz = int(config.get("sampleRate", 16_000))
        self._binary = config.get("audioEncoding") == "binary"
        await self.send({"type": "init", "config": config})

    async def send_pcm(self, pcm: bytes) -> None:
        """Send a chunk in the connection's encoding, at once."""
        self.audio_secs += len(pcm) / 2 / self._rate_hz
        if self._binary:
            await self._send(pcm)
        else:
            data = base64.b64encode(pcm).decode()
            await self._send(
                json.dumps({"type": "audio", "data": data, "timestamp": int(self._loop.time() * 1000)})
            )

    async def say(self, what: Utterance | bytes, *, chunk_ms: int = 20, paced: bool = True) -> None:
        """Send an utterance as it would be spoken, or at once.

        Args:
            what: The utterance, or a part of one as PCM at the connection's rate.
            chunk_ms: Length of a chunk.
            paced: ``False``: as fast as the connection takes it.
        """
        pcm = what.pcm(self._rate_hz) if isinstance(what, Utterance) else what
        self.note("(speech begins)")
        await self._stream(pcm, chunk_ms, paced=paced)
        self.speech_secs += len(pcm) / 2 / self._rate_hz
        self.note("(speech ends)")

    async def pause(self, secs: float, *, chunk_ms: int = 20) -> None:
        """Send silence as a microphone would."""
        await self._stream(silence(secs, self._rate_hz), chunk_ms, paced=True)

    @contextlib.asynccontextmanager
    async def listening(self, *, chunk_ms: int = 20) -> AsyncIterator[None]:
        """Send silence throughout the block, as a client with an open microphone does."""

        async def stream() -> None:
            while not self.closed:
                await self.pause(chunk_ms / 1000, chunk_ms=chunk_ms)

        task = asyncio.create_task(stream())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _stream(self, pcm: bytes, chunk_ms: int, *, paced: bool) -> None:
        chunk_bytes = 2 * (self._rate_hz * chunk_ms // 1000)
        for start in range(0, len(pcm), chunk_bytes):
            chunk = pcm[start : start + chunk_bytes]
            if paced:
                await self._spoken(len(chunk) / 2 / self._rate_hz / self._options.speed)
            await self.send_pcm(chunk)

    async def _spoken(self, secs: float) -> None:
        """Wait until a chunk of ``secs`` is spoken, by one schedule for the connection, which does not drift."""
        now = self._loop.time()
        if self._sent_until is None or now - self._sent_until > min(_MAX_AHEAD_SECS, 5 * secs):
            self._sent_until = now
        self._sent_until += secs
        await asyncio.sleep(max(0.0, self._sent_until - now))

    async def _send(self, data: str | bytes) -> None:
        try:
            async with asyncio.timeout(self._options.patience_secs):
                await self._socket.send(data)
        except ConnectionClosed:
            pass
        except TimeoutError:
            raise ConformanceError(
                f"the server to read within {self._options.patience_secs:g} s", "a connection that takes no more"
            ) from None

    # Waiting

    async def wait(self, condition: Callable[[], bool], expected: str, *, mark: int) -> None:
        """Wait until ``condition`` holds; it is looked at after each message.

        Args:
            condition: What is waited for.
            expected: The same in words, for the report.
            mark: Since when messages are told in the report.

        Raises:
            ConformanceError: It did not hold in time, or the connection closed first.
        """
        try:
            async with asyncio.timeout(self._options.patience_secs), self._changed:
                await self._changed.wait_for(lambda: condition() or self.closed)
        except TimeoutError:
            expected = f"{expected} within {self._options.patience_secs:g} s"
        if not condition():
            raise self.unlike(expected, mark=mark)

    async def expect(self, kind: str, count: int = 1, *, mark: int = 0) -> Message:
        """The ``count``-th message of a type since ``mark``, once it came."""
        wanted = f"'{kind}'" if count == 1 else f"{count} of '{kind}'"
        await self.wait(lambda: len(self.since(mark, kind)) >= count, wanted, mark=mark)
        return self.since(mark, kind)[count - 1]

    async def connected(self) -> Message:
        """The ``connected`` that answers the last ``init``; an ``error`` in its place ends the wait."""
        expected = "'connected' in answer to 'init'"
        entries = self.transcript.entries
        mark = max((at for at, entry in enumerate(entries) if entry.sent and entry.kind == "init"), default=0)
        await self.wait(lambda: bool(self.since(mark, "connected", "error")), expected, mark=mark)
        if not self.since(mark, "connected"):
            raise self.unlike(expected, mark=mark)
        return self.since(mark, "connected")[0]

    async def refused(self, frame: Message | str | bytes, code: str, what: str) -> None:
        """Send something wrong; it must be answered by ``error`` with ``code``, and the connection go on.

        Args:
            frame: What is sent.
            code: What must come.
            what: The frame in words, for the report.
        """
        mark = self.mark
        await self.send(frame)
        expected = f"error {code} in answer to {what}"
        await self.wait(
            lambda: bool(self.since(mark, "error", "connected", "interrupted")) or self.closed, expected, mark=mark
        )
        answers = self.since(mark, "error", "connected", "interrupted")
        if [(m["type"], m.get("code")) for m in answers] != [("error", code)] or self.closed:
            raise self.unlike(expected, mark=mark)

    async def still_works(self) -> None:
        """The session must answer, whatever it answers.

        Raises:
            ConformanceError: It does not.
        """
        mark = self.mark
        await self.send({"type": "interrupt"})
        await self.send({"type": "no-such-type"})
        answered = lambda: bool(self.since(mark, "interrupted", "error"))  # noqa: E731
        await self.wait(answered, "a connection that goes on", mark=mark)

    async def ended(self, close_code: int, error: str | None = None, *, mark: int = 0) -> None:
        """The server must close with ``close_code``, with ``error`` as its last word where one is named.

        Raises:
            ConformanceError: It does not, or in another way.
        """
        expected = f"close {close_code}" + (f" after error {error}" if error else " without an error")
        await self.wait(lambda: self.closed, expected, mark=mark)
        errors = [message.get("code") for message in self.since(mark, "error")]
        last = self.since(mark)[-1:]
        right = errors[-1:] == [error] and last[0]["type"] == "error" if error else not errors
        if not right or self.transcript.close_code != close_code or not self.transcript.server_closed:
            raise self.unlike(expected, mark=mark)

    async def quiet(self, secs: float, *, mark: int) -> list[Message]:
        """What came since ``mark``, after waiting for ``secs`` longer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(secs), self._changed:
                await self._changed.wait_for(lambda: self.closed)
        return self.since(mark)

    def unlike(self, expected: str, *, mark: int) -> ConformanceError:
        """The error that says what was expected, and what came since ``mark`` instead."""
        return ConformanceError(expected, self.got(mark))

    def got(self, mark: int) -> str:
        """What came since ``mark``, in a few words."""
        came = self.since(mark)
        told = [shown(message) for message in came[-_SHOWN_MESSAGES:]]
        if len(came) > _SHOWN_MESSAGES:
            told.insert(0, f"… {len(came) - _SHOWN_MESSAGES} before")
        if self.closed:
            code = self.transcript.close_code
            told.append("a lost connection" if code == NO_CLOSE_FRAME else f"close {code}")
        return ", ".join(told) or "nothing"

    # Reading

    async def close(self) -> None:
        """Leave."""
        await self._socket.close()
        await self._reader

    async def _read(self) -> None:
        try:
            while True:
                await self._take(await self._socket.recv())
        except ConnectionClosed as closed:
            async with self._changed:
                self.transcript.close_code = closed.rcvd.code if closed.rcvd else NO_CLOSE_FRAME
                self.transcript.server_closed = closed.rcvd is not None and closed.rcvd_then_sent is not False
                self._changed.notify_all()

    async def _take(self, data: str | bytes) -> None:
        message: Message = {"type": "audio_response", "pcm": data} if isinstance(data, bytes) else _parsed(data)
        async with self._changed:
            self.transcript.entries.append(Entry(self._loop.time(), False, message))
            self._changed.notify_all()


def _parsed(text: str) -> Message:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if isinstance(value, dict) and isinstance(value.get("type"), str):
        return value
    return {"type": MALFORMED, "message": text}
