"""What the client sends: frames, sound, and the marks or the silence that cut it into utterances."""

import asyncio
import time
from typing import Any

from emulator.audio import INPUT_RATE_HZ
from emulator.detector import SpeechDetector
from emulator.faults import INVALID_REASON
from emulator.link import Link
from emulator.performance import Utterance
from emulator.setup import Setup
from emulator.strikes import SessionFaults
from emulator.turns import Turns
from emulator.wire import WireError, parse_audio, parse_frame, parse_realtime_input

_SHORT_TURN_MS = 200
_KEPT_UTTERANCE_SECS = 600


class Uplink:
    """The reading half of one session.

    Args:
        link: Where messages come from.
        setup: What the client asked for.
        turns: Gets the utterances.
        faults: What may strike.
    """

    def __init__(self, link: Link, setup: Setup, turns: Turns, faults: SessionFaults) -> None:
        self._link = link
        self._record = link.record
        self._options = link.options
        self._setup = setup
        self._turns = turns
        self._faults = faults
        self._detector: SpeechDetector | None = None
        self._open: Utterance | None = None

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

    def finish(self) -> None:
        """Record what came of an activity that never ended."""
        utterance, self._open = self._open, None
        if utterance is None:
            return
        if self._detector is not None:
            event = self._detector.finish()
            utterance.pcm[:] = event.audio if event else b""
        self._keep(utterance)
        if self._link.recorder:
            self._link.recorder.utterance(utterance.record, bytes(utterance.pcm))

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
            await (self._start(INPUT_RATE_HZ) if kind == "activityStart" else self._end())
        elif kind == "audioStreamEnd" and value is not False:
            await self._end_stream()

    async def _take_audio(self, value: Any) -> None:
        blob = parse_audio(value)
        discarded = self._setup.manual and self._open is None
        rate = {} if blob.rate_hz == INPUT_RATE_HZ else {"rate_hz": blob.rate_hz}
        self._link.note_in("discarded" if discarded else "audio", bytes=len(blob.pcm), **rate)
        self._record.note_audio(blob.pcm, discarded=discarded)
        if self._link.recorder:
            self._link.recorder.audio(blob.pcm, blob.rate_hz)
        if not self._setup.manual:
            await self._detect(blob.pcm, blob.rate_hz)
        elif self._open is not None:
            await self._add(self._open, blob.pcm, blob.rate_hz)

    async def _add(self, utterance: Utterance, pcm: bytes, rate_hz: int) -> None:
        """Sound of the open activity has come; in automatic mode the detector keeps it."""
        record = utterance.record
        record.rate_hz = rate_hz
        record.audio_bytes += len(pcm)
        if self._setup.manual and len(utterance.pcm) < _KEPT_UTTERANCE_SECS * rate_hz * 2:
            utterance.pcm += pcm
        await self._faults.strike("during", record, audio_ms=record.audio_bytes / rate_hz / 2 * 1000)

    async def _detect(self, pcm: bytes, rate_hz: int) -> None:
        if self._detector is None:
            wanted_ms = self._setup.silence_duration_ms
            ignored = self._options.silence_duration == "ignored" or wanted_ms is None
            silence_ms = self._options.silence_duration_ms if ignored else wanted_ms
            self._detector = SpeechDetector(rate_hz, silence_ms or 0)
        already_open = self._open
        for event in self._detector.feed(pcm):
            if event.kind == "start":
                await self._start(rate_hz)
            elif self._open is not None:
                self._open.pcm[:] = event.audio
                await self._end()
        if self._open is not None and self._open is already_open:
            await self._add(self._open, pcm, rate_hz)

    async def _end_stream(self) -> None:
        if self._detector is None or self._options.audio_stream_end == "ignored":
            return
        event = self._detector.finish()
        if event is not None and self._open is not None:
            self._open.pcm[:] = event.audio
            await self._end()

    async def _start(self, rate_hz: int) -> None:
        if self._open is not None:
            return
        record = self._record.open_utterance(rate_hz, self._faults.next_utterance())
        self._open = Utterance(record)
        await self._turns.begin(self._open)
        await self._faults.strike("before", record)

    async def _end(self) -> None:
        utterance, self._open = self._open, None
        if utterance is None:
            return
        record = utterance.record
        utterance.ended_at = time.monotonic()
        record.ended_at_secs = self._record.elapsed_secs()
        self._keep(utterance)
        if self._options.strict_short_turns and record.audio_bytes < _SHORT_TURN_MS * record.rate_hz * 2 // 1000:
            raise WireError(1007, f"{INVALID_REASON} No turn to complete.")
        await self._turns.end(utterance)

    def _keep(self, utterance: Utterance) -> None:
        if self._detector is not None:
            utterance.record.audio_bytes = len(utterance.pcm)
        if self._options.keep_audio:
            utterance.record.audio = bytes(utterance.pcm)
