"""The utterances of a conversation: what the client's marks, or silence, cut out of its sound."""

import time

from emulator.audio import INPUT_RATE_HZ
from emulator.detector import SpeechDetector
from emulator.faults import INVALID_REASON
from emulator.link import Link
from emulator.performance import Utterance
from emulator.setup import Setup
from emulator.strikes import SessionFaults
from emulator.turns import Turns
from emulator.wire import WireError

_SHORT_TURN_MS = 200
_KEPT_UTTERANCE_SECS = 600


def new_detector(setup: Setup, link: Link, rate_hz: int) -> SpeechDetector:
    """A detector that waits for as much silence as the setup, or else the options, say."""
    wanted_ms = setup.silence_duration_ms
    ignored = link.options.silence_duration == "ignored" or wanted_ms is None
    silence_ms = link.options.silence_duration_ms if ignored else wanted_ms
    return SpeechDetector(rate_hz, silence_ms or 0)


class Activities:
    """The listening half of a conversation.

    Args:
        link: Where the sound comes from.
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

    @property
    def discards(self) -> bool:
        """Whether sound that comes at this moment belongs to nothing."""
        return self._setup.manual and self._open is None

    async def take(self, pcm: bytes, rate_hz: int) -> None:
        """Sound has come; raises what a fault ends the session with."""
        if not self._setup.manual:
            await self._detect(pcm, rate_hz)
        elif self._open is not None:
            await self._add(self._open, pcm, rate_hz)

    async def mark(self, *, starts: bool) -> None:
        """The client marks an activity's start or end."""
        await (self._start(INPUT_RATE_HZ) if starts else self._end())

    async def end_stream(self) -> None:
        """The client says that its sound pauses."""
        if self._detector is None:
            return
        event = self._detector.finish()
        if event is not None and self._open is not None:
            self._open.pcm[:] = event.audio
            await self._end()

    async def read(self, text: str) -> None:
        """The client says something in writing: it is read aloud, as the answer of a turn."""
        record = self._record.open_utterance(INPUT_RATE_HZ, self._faults.next_utterance())
        record.ended_at_secs = self._record.elapsed_secs()
        utterance = Utterance(record, ended_at=time.monotonic(), answer=self._turns.aloud(text, record))
        await self._turns.begin(utterance)
        await self._turns.end(utterance)

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

    async def _add(self, utterance: Utterance, pcm: bytes, rate_hz: int) -> None:
        """Sound of the open activity has come; in automatic mode the detector keeps it."""
        record = utterance.record
        record.rate_hz = rate_hz
        record.audio_bytes += len(pcm)
        if self._setup.manual and len(utterance.pcm) < _KEPT_UTTERANCE_SECS * rate_hz * 2:
            utterance.pcm += pcm
        await self._faults.strike("during", record, audio_ms=record.audio_ms)

    async def _detect(self, pcm: bytes, rate_hz: int) -> None:
        if self._detector is None:
            self._detector = new_detector(self._setup, self._link, rate_hz)
        already_open = self._open
        for event in self._detector.feed(pcm):
            if event.kind == "start":
                await self._start(rate_hz)
            elif self._open is not None:
                self._open.pcm[:] = event.audio
                await self._end()
        if self._open is not None and self._open is already_open:
            await self._add(self._open, pcm, rate_hz)

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
