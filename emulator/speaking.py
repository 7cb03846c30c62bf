"""The speaking half of a translate session: sound without end, and the texts that go with it.

While sound comes in, a chunk of sound goes out for each 250 ms of it, silent ones while there is nothing to say.
When no more comes in, that goes on at the same pace until everything owed has been said. Measured by
kizuna-ai-lab/sokuji (PR 399) and kazunori279/interpretab: a chunk every 250 ms straight through pauses, fragments
of text about a second apart, some 25 ``usageMetadata`` in 18 s, a resumption handle every few seconds, and no mark
of a turn, ever.
"""

import asyncio
import base64
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from emulator.audio import OUTPUT_BYTES_PER_MS
from emulator.faults import ALL_KINDS
from emulator.link import Link
from emulator.record import SaidRecord
from emulator.speech import Line, SourceText, Speech
from emulator.strikes import SessionFaults
from emulator.turn import OUTPUT_MIME, TOKENS_PER_SEC, usage_metadata

_USAGE_EVERY = 3
_HANDLE_EVERY_MS = 5000.0
_QUIET_CHUNKS = 1.5
_QUIET_SECS = 0.2
"""After so many chunks' time without sound from the client, and no less than this, its stream counts as stopped."""


class Speaker:
    """What a translate session sends.

    Args:
        link: Where it goes.
        faults: What may strike.
        output_text: The client asked for the transcription of the output.
        send_handle: Sends a resumption handle.
        finished: Called with each speech that has ended, once nothing of it is owed any more.
        paused: Called when no more sound comes from the client.

    Attributes:
        clock_ms: The session's clock: sound that has come, and time that has passed without any while something was
            owed.
    """

    def __init__(
        self,
        link: Link,
        faults: SessionFaults,
        *,
        output_text: bool,
        send_handle: Callable[[], Awaitable[None]],
        finished: Callable[[Speech], Awaitable[None]],
        paused: Callable[[], Awaitable[None]],
    ) -> None:
        self.clock_ms = 0.0
        self._link = link
        self._faults = faults
        self._output_text = output_text
        self._send_handle = send_handle
        self._finished = finished
        self._paused = paused
        self._options = link.options.translation
        self._lines: deque[Line] = deque()
        self._texts: deque[SourceText] = deque()
        self._moved = asyncio.Event()
        self._quiet = True
        self._heard_ms = 0.0
        self._next_ms = float(self._options.chunk_ms)
        self._paced_at = -math.inf
        self._chunks = 0
        self._counted_ms = (0.0, 0.0)

    def advance(self, sound_ms: float) -> None:
        """So much sound has come."""
        self.clock_ms += sound_ms
        self._heard_ms += sound_ms
        self._quiet = False
        self._moved.set()

    def say(self, line: Line) -> None:
        """Say something when everything before it has been said."""
        line.speech.owed += 1
        line.speech.record.answer_audio_bytes += len(line.audio)
        self._lines.append(line)
        self._moved.set()

    def write(self, text: SourceText) -> None:
        """Send a fragment of the transcription of the input when it is due."""
        text.speech.owed += 1
        self._texts.append(text)
        self._moved.set()

    async def run(self) -> None:
        """Send until cancelled; raises what ends the session."""
        while True:
            await self._due()
            begin_ms = self._next_ms - self._options.chunk_ms
            if self._ready(begin_ms) or self.clock_ms < self._next_ms + self._options.chunk_ms:
                await self._pace()  # silence that is late comes at once
            await self._send_chunk(begin_ms)
            if self._next_ms % _HANDLE_EVERY_MS < self._options.chunk_ms:
                await self._send_handle()
            self._next_ms += self._options.chunk_ms

    def finish(self) -> None:
        """Write down what was being said when the session ended."""
        if self._lines and self._lines[0].said is not None and self._link.recorder:
            self._link.recorder.said(self._lines[0].said)

    async def _due(self) -> None:
        """Wait for the next chunk's time: for sound that comes in, or without it as long as something is owed."""
        chunk_secs = self._options.chunk_ms / 1000 * self._link.options.time_factor
        while self.clock_ms < self._next_ms:
            self._moved.clear()
            patience_secs = chunk_secs if self._quiet else max(_QUIET_SECS, chunk_secs * _QUIET_CHUNKS)
            waiting = not self._quiet or self._lines or self._texts
            try:
                async with asyncio.timeout(patience_secs if waiting else None):
                    await self._moved.wait()
            except TimeoutError:
                if not self._quiet:
                    await self._paused()
                self._quiet = True
                self.clock_ms += self._options.chunk_ms if self._lines or self._texts else 0

    async def _pace(self) -> None:
        """Send no faster than real time."""
        chunk_secs = self._options.chunk_ms / 1000 * self._link.options.time_factor
        now = time.monotonic()
        self._paced_at = max(self._paced_at + chunk_secs, now - chunk_secs)
        await asyncio.sleep(max(0.0, self._paced_at - now))

    # One chunk

    async def _send_chunk(self, begin_ms: float) -> None:
        sound, begun, parts = await self._fill(begin_ms)
        sent = await self._send_sound(bytes(sound))
        self._note(sent, len(sound), begun, parts)
        for line in begun:
            await self._send_output_text(line)
        await self._send_source_texts()
        for speech in {id(line.speech): line.speech for line in begun + [line for line, _ in parts]}.values():
            await self._finish(speech)

    async def _fill(self, begin_ms: float) -> tuple[bytearray, list[Line], list[tuple[Line, int]]]:
        """The sound of a chunk, the lines that begin in it, and how much of which line is in it."""
        size = self._options.chunk_ms * OUTPUT_BYTES_PER_MS
        sound, begun, parts = bytearray(), [], []
        while len(sound) < size and self._ready(begin_ms + len(sound) / OUTPUT_BYTES_PER_MS):
            line = self._lines[0]
            await self._strike(line.speech)
            taken = b"" if line.speech.frozen else line.audio[line.at : line.at + size - len(sound)]
            if line.at == 0 and not line.speech.frozen:
                begun.append(line)
            parts.append((line, len(taken)))
            line.at += len(taken)
            sound += bytes(len(taken)) if line.speech.silenced else taken
            if line.at >= len(line.audio) or line.speech.frozen:
                self._lines.popleft()
                line.speech.owed -= 1
        return sound + bytes(size - len(sound)), begun, parts

    def _ready(self, at_ms: float) -> bool:
        """Whether there is something to say at a time of the session's clock."""
        return bool(self._lines) and (self._lines[0].at > 0 or self._lines[0].from_ms <= at_ms)

    async def _strike(self, speech: Speech) -> None:
        sent_ms = speech.record.sent_audio_bytes / OUTPUT_BYTES_PER_MS
        for fault in await self._faults.strike("output", speech.record, audio_ms=sent_ms):
            speech.spoiled = speech.spoiled or ALL_KINDS[fault.name].spoils
            speech.frozen = speech.frozen or fault.name == "frozen_output"
            speech.silenced = speech.silenced or fault.name == "zero_audio"
            if fault.name == "stalled_output":
                await asyncio.sleep(self._link.planned_secs(fault.value("delay_ms") / 1000))

    def _note(self, sent: bool, size: int, begun: list[Line], parts: list[tuple[Line, int]]) -> None:
        record = self._link.record
        at = record.sent_audio_bytes - size
        for line, taken in parts:
            if not sent:
                line.speech.spoiled = True
                continue
            if line in begun and line.audio:
                line.said = SaidRecord(
                    line.speech.record.number,
                    line.entry,
                    line.kind,
                    line.text or "",
                    line.language,
                    at,
                    at,
                    record.elapsed_secs(),
                )
                record.note_said(line.said)
            at += taken
            line.speech.record.sent_audio_bytes += taken
            if line.said is not None:
                line.said.to_byte = at
            if line.said is not None and line.at >= len(line.audio) and self._link.recorder:
                self._link.recorder.said(line.said)

    async def _finish(self, speech: Speech) -> None:
        if speech.ended and not speech.owed:
            await self._finished(speech)

    # Messages

    async def _send_sound(self, sound: bytes) -> bool:
        inline = {"inlineData": {"mimeType": OUTPUT_MIME, "data": base64.b64encode(sound).decode("ascii")}}
        message: dict[str, Any] = {"serverContent": {"modelTurn": {"role": "model", "parts": [inline]}}}
        self._chunks += 1
        if self._options.usage and self._chunks % _USAGE_EVERY == 0:
            message["usageMetadata"] = self._usage()
        if not await self._link.send(message, "audioOut", audio_bytes=len(sound), voiced=any(sound)):
            return False
        self._link.record.note_sent(sound)
        if self._link.recorder:
            self._link.recorder.sent(sound)
        return True

    def _usage(self) -> dict[str, Any]:
        """What came and went since the last one."""
        sent_ms = self._link.record.sent_audio_bytes / OUTPUT_BYTES_PER_MS
        counted, self._counted_ms = self._counted_ms, (self._heard_ms, sent_ms)
        prompt, response = (
            round(now * TOKENS_PER_SEC / 1000) - round(before * TOKENS_PER_SEC / 1000)
            for now, before in zip(self._counted_ms, counted, strict=True)
        )
        return usage_metadata(prompt, response)

    async def _send_output_text(self, line: Line) -> None:
        if line.text is None or not self._output_text:
            return
        body = {"text": f" {line.text}" if line.text else "", "languageCode": line.language}
        await self._link.send({"serverContent": {"outputTranscription": body}}, "outputTranscription", **body)

    async def _send_source_texts(self) -> None:
        while self._texts and self._texts[0].due_ms <= self._next_ms:
            text = self._texts.popleft()
            await self._link.send(
                {"serverContent": {"inputTranscription": text.body}}, "inputTranscription", **text.body
            )
            text.speech.owed -= 1
            await self._finish(text.speech)
