"""The listening half of a translate session: follows the speaker, and hears words before their speech has ended."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from emulator.activities import new_detector
from emulator.answering import Answer
from emulator.detector import SpeechDetector
from emulator.faults import Moment
from emulator.following import Follower
from emulator.interpreting import Interpreter
from emulator.link import Link
from emulator.services import Services
from emulator.setup import Setup
from emulator.speaking import Speaker
from emulator.speech import Speech
from emulator.strikes import SessionFaults
from emulator.unknown import UnknownSpeech
from emulator.words import HeardPiece, Words, note_stretch

_STEP_SECS = 0.1
_LONGEST_SECS = 60.0
"""A speech without a pause is cut here, and goes on as the next one."""


class Translator:
    """What a translate session does with the sound that it is sent.

    Args:
        link: The connection.
        setup: What the client asked for.
        services: Shared with the other sessions.
        faults: What may strike.
        send_handle: Sends a resumption handle.

    Attributes:
        speaker: Says what this decides; to be run beside.
    """

    discards = False
    """No sound is dropped."""

    def __init__(
        self,
        link: Link,
        setup: Setup,
        services: Services,
        faults: SessionFaults,
        send_handle: Callable[[], Awaitable[None]],
    ) -> None:
        self._link = link
        self._setup = setup
        self._services = services
        self._faults = faults
        self._options = link.options.translation
        self._follower: Follower | None = None
        self._detector: SpeechDetector | None = None
        self._speech: Speech | None = None
        self._unknown: UnknownSpeech | None = None
        self._ask_at_secs = 0.0
        self._unfinished: list[Speech] = []
        self._listening = asyncio.Lock()
        self.speaker = Speaker(
            link,
            faults,
            output_text=setup.output_transcription,
            send_handle=send_handle,
            finished=self._finished,
            paused=self._hear_rest,
        )
        self._words = Words(services.answerer)
        self._interpreter = Interpreter(link, setup, self.speaker)

    async def mark(self, *, starts: bool) -> None:
        """The client marks an activity: of no use to this model."""

    async def take(self, pcm: bytes, rate_hz: int) -> None:
        """Sound has come; the first of it settles the rate. Raises what a fault ends the session with."""
        if self._follower is None or self._detector is None:
            self._follower = Follower(self._services.ear, rate_hz)
            self._detector = new_detector(self._setup, self._link, rate_hz)
        step = round(_STEP_SECS * rate_hz) * 2
        for at in range(0, len(pcm), step):
            async with self._listening:
                await self._listen(self._follower, self._detector, pcm[at : at + step])

    async def end_stream(self) -> None:
        """The client says that its sound pauses: the speech that is open has ended."""
        async with self._listening:
            await self._cut()

    async def read(self, text: str) -> None:
        """The client says something in writing: of no use to this model, which takes sound only."""

    def finish(self) -> None:
        """Write down what was not finished."""
        event = self._detector.finish() if self._detector is not None else None
        if event is not None and self._speech is not None:
            self._keep(self._speech, event.audio)
        for speech in self._unfinished:
            if self._link.recorder:
                self._link.recorder.utterance(speech.record, speech.pcm)
        self._unfinished.clear()

    # Speech

    async def _listen(self, follower: Follower, detector: SpeechDetector, pcm: bytes) -> None:
        follower.add(pcm)
        self.speaker.advance(len(pcm) / 2 / follower.rate_hz * 1000)
        for event in detector.feed(pcm):
            if event.kind == "start":
                await self._begin(follower, len(event.audio) / 2 / follower.rate_hz)
            else:
                await self._end(follower, event.audio)
        speech = self._speech
        if speech is None:
            return
        speech.record.audio_bytes += len(pcm)
        if follower.now_secs >= self._ask_at_secs:
            await self._hear(follower, speech)
        await self._strike("during", speech)
        if follower.now_secs - speech.begun_secs > _LONGEST_SECS:
            await self._cut()

    async def _cut(self) -> None:
        """End the speech that is open without a pause."""
        event = self._detector.finish() if self._detector is not None else None
        if event is not None and self._follower is not None:
            await self._end(self._follower, event.audio)

    async def _begin(self, follower: Follower, preroll_secs: float) -> None:
        record = self._link.record.open_utterance(follower.rate_hz, self._faults.next_utterance())
        speech = self._speech = Speech(record, follower.now_secs - preroll_secs)
        self._unfinished.append(speech)
        self._unknown = UnknownSpeech(
            self._services.answerer, time.monotonic() - preroll_secs, self._link.options.time_factor
        )
        self._ask_at_secs = follower.now_secs + self._options.fragment_ms / 2000
        follower.begin(speech.begun_secs)
        await self._strike("before", speech)

    async def _end(self, follower: Follower, pcm: bytes) -> None:
        speech = self._speech
        if speech is None:
            return
        await self._hear(follower, speech, last=True)
        self._speech = None
        self._keep(speech, pcm)
        speech.record.ended_at_secs = self._link.record.elapsed_secs()
        await self._strike("after", speech)
        speech.ended = True
        if not speech.owed:
            await self._finished(speech)

    def _keep(self, speech: Speech, pcm: bytes) -> None:
        speech.pcm = pcm
        speech.record.audio_bytes = len(pcm)
        speech.record.audio = pcm if self._link.options.keep_audio else b""

    async def _finished(self, speech: Speech) -> None:
        """All of a speech has been heard, and all that is owed was sent."""
        if speech not in self._unfinished:
            return
        self._unfinished.remove(speech)
        await self._link.socket.flush()
        speech.record.complete = not speech.spoiled and not self._link.mute
        if speech.record.complete:
            self._services.answerer.count(Answer(tuple(speech.pieces)))
        if self._speech is None and not self._unfinished:
            await self._faults.strike("idle", speech.record)
        self._faults.forget(speech.record)
        if self._link.recorder:
            self._link.recorder.utterance(speech.record, speech.pcm)

    async def _hear_rest(self) -> None:
        """No more sound comes: what has come is heard now."""
        async with self._listening:
            if self._speech is not None and self._follower is not None:
                await self._hear(self._follower, self._speech)

    # Words

    async def _hear(self, follower: Follower, speech: Speech, *, last: bool = False) -> None:
        since_secs = follower.asked_secs
        hearing = await follower.hear()
        self._ask_at_secs = follower.now_secs + self._options.fragment_ms / 1000
        heard: list[HeardPiece] = []
        for stretch in hearing.stretches:
            note_stretch(speech, stretch)
            heard += self._words.pieces(heard[-1].piece.entry if heard else speech.entry, stretch)
        if self._unknown is not None and not speech.record.heard:
            new_secs = follower.now_secs - since_secs
            pieces = self._unknown.pieces(new_secs, voiced=hearing.voiced, last=last)
            heard += [HeardPiece(piece, since_secs, follower.now_secs) for piece in pieces]
        self._interpreter.interpret(speech, heard, follower)

    # Faults

    async def _strike(self, moment: Moment, speech: Speech) -> None:
        silent = self._interpreter.is_silent(speech)
        for fault in await self._faults.strike(
            moment, speech.record, audio_ms=speech.record.audio_ms, silent=silent
        ):
            if fault.name == "leak":
                self._interpreter.leak(speech, fault)
            else:
                speech.shaping.append(fault)
