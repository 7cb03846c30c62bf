"""The listening half of a translate session: follows the speaker and decides what is said, and what is not.

What is recognised while somebody speaks is interpreted while they still speak, if it is in another language than
the one that is interpreted into; if it is in that language, nothing is said, or with ``echoTargetLanguage`` the
same (ai.google.dev, live-translate). Without ``translationConfig`` only zeros and empty texts come (sokuji PR 398).
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import groupby

from emulator.activities import new_detector
from emulator.answering import Answer, Piece
from emulator.audio import OUTPUT_RATE_HZ, resample, to_pcm
from emulator.detector import SpeechDetector
from emulator.faults import INVALID_REASON, Fault, Moment
from emulator.following import Follower
from emulator.hearing import Stretch
from emulator.languages import same_language
from emulator.leaks import leaked
from emulator.link import Link
from emulator.record import SaidKind
from emulator.scenario import Entry
from emulator.setup import Setup
from emulator.speaking import Speaker
from emulator.speech import Line, SourceText, Speech
from emulator.strikes import SessionFaults
from emulator.turns import Services
from emulator.unknown import UnknownSpeech
from emulator.wire import WireError

_STEP_SECS = 0.1
_SAME_SECS = 1e-6
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
        self._wish = setup.translation
        self._follower: Follower | None = None
        self._detector: SpeechDetector | None = None
        self._rate_hz = 0
        self._speech: Speech | None = None
        self._unknown: UnknownSpeech | None = None
        self._ask_at_secs = 0.0
        self._held: Stretch | None = None
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

    async def mark(self, *, starts: bool) -> None:
        """The client marks an activity: of no use to this model.

        Raises:
            WireError: Its setup left detection automatic.
        """
        if not self._setup.manual:
            raise WireError(1007, f"{INVALID_REASON} Activity signals need automatic detection disabled.")

    async def take(self, pcm: bytes, rate_hz: int) -> None:
        """Sound has come; the first of it settles the rate. Raises what a fault ends the session with."""
        if self._follower is None or self._detector is None:
            self._rate_hz = rate_hz
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
        self.speaker.advance(len(pcm) / 2 / self._rate_hz * 1000)
        for event in detector.feed(pcm):
            if event.kind == "start":
                await self._begin(follower, len(event.audio) / 2 / self._rate_hz)
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
        record = self._link.record.open_utterance(self._rate_hz, self._faults.next_utterance())
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
        heard: list[tuple[Piece, float, float]] = []
        for stretch in hearing.stretches:
            _note_stretch(speech, stretch)
            whole = self._with_held(stretch)
            end_secs = whole.at_secs + whole.to_secs - whole.from_secs
            heard += [(piece, whole.at_secs, end_secs) for piece in self._pieces(speech, whole)]
        if self._unknown is not None and not speech.record.heard:
            new_secs = follower.now_secs - since_secs
            pieces = self._unknown.pieces(new_secs, voiced=hearing.voiced, last=last)
            heard += [(piece, since_secs, follower.now_secs) for piece in pieces]
        self._write_sources(speech, [piece for piece, _, _ in heard])
        for piece, from_secs, to_secs in heard:
            self._render(follower, speech, piece, from_secs, to_secs)

    def _with_held(self, stretch: Stretch) -> Stretch:
        """The stretch, with what was held back before it."""
        held, self._held = self._held, None
        if held is None or held.clip != stretch.clip or abs(held.to_secs - stretch.from_secs) > _SAME_SECS:
            return stretch
        return replace(stretch, from_secs=held.from_secs, at_secs=held.at_secs)

    def _pieces(self, speech: Speech, stretch: Stretch) -> list[Piece]:
        """What was said in a stretch; an entry of which no word was heard yet is held back until one is."""
        pieces: list[Piece] = []
        for piece in self._services.answerer.portions(stretch):
            before = pieces[-1].entry if pieces else speech.entry
            if piece.source or piece.entry is before:
                pieces.append(piece)
            elif piece.entry.heard is not None:
                begin_secs = max(stretch.from_secs, piece.entry.heard.from_secs)
                at_secs = stretch.at_secs + begin_secs - stretch.from_secs
                self._held = replace(stretch, from_secs=begin_secs, at_secs=at_secs)
        return pieces

    def _write_sources(self, speech: Speech, pieces: list[Piece]) -> None:
        for piece in pieces:
            speech.entry = piece.entry
            if not speech.record.answered or speech.record.answered[-1] != piece.entry.id:
                speech.record.answered.append(piece.entry.id)
            speech.record.source_text = _joined(speech.record.source_text, piece.source)
        for _, group in groupby(pieces, key=lambda piece: piece.entry.source_language):
            said = [piece for piece in group if piece.source]
            if said and self._setup.input_transcription:
                self._write_source(speech, said[0].entry, " ".join(piece.source for piece in said))

    def _write_source(self, speech: Speech, entry: Entry, words: str) -> None:
        faults = {fault.name: fault for fault in speech.shaping}
        if "missing_source_text" in faults:
            return
        wrong, late = faults.get("wrong_source_language"), faults.get("late_source_text")
        language = (wrong.value("language") or entry.target_language) if wrong else entry.source_language
        text = SourceText(
            speech,
            {"text": f" {words}", "languageCode": language},
            self.speaker.clock_ms + self._options.text_delay_ms,
        )
        if late is None:
            self.speaker.write(text)
        else:
            self._link.spawn(self._write_late(text, self._link.planned_secs(late.value("delay_ms") / 1000)))

    async def _write_late(self, text: SourceText, secs: float) -> None:
        await asyncio.sleep(secs)
        self.speaker.write(text)

    def _render(self, follower: Follower, speech: Speech, piece: Piece, from_secs: float, to_secs: float) -> None:
        """Say what a piece of speech is in the other language."""
        spoken_ms = self.speaker.clock_ms - (follower.now_secs - from_secs) * 1000
        kind = self._kind(piece.entry)
        if kind == "interpretation":
            speech.pieces.append(piece)
            speech.record.target_text = _joined(speech.record.target_text, piece.target)
            self._say(speech, piece.entry, kind, piece.target or None, piece.audio, spoken_ms)
        elif kind == "echo":
            sound = resample(follower.sound(from_secs, to_secs), self._rate_hz, OUTPUT_RATE_HZ)
            self._say(speech, piece.entry, kind, piece.source or None, to_pcm(sound), spoken_ms)
        elif self._wish is None:
            self._say(speech, piece.entry, "interpretation", "", b"", spoken_ms)

    def _kind(self, entry: Entry) -> SaidKind | None:
        if self._wish is None:
            return None
        if same_language(entry.source_language, self._wish.target):
            return "echo" if self._wish.echo else None
        return "interpretation" if same_language(entry.target_language, self._wish.target) else None

    def _say(
        self, speech: Speech, entry: Entry, kind: SaidKind, text: str | None, audio: bytes, spoken_ms: float
    ) -> None:
        language = self._wish.target if self._wish else entry.target_language
        self.speaker.say(Line(speech, entry.id, kind, text, language, audio, spoken_ms + self._options.lag_ms))

    # Faults

    async def _strike(self, moment: Moment, speech: Speech) -> None:
        entry, wish = speech.entry, self._wish
        silent = bool(entry and wish and not wish.echo and same_language(entry.source_language, wish.target))
        audio_ms = speech.record.audio_bytes / 2 / self._rate_hz * 1000
        for fault in await self._faults.strike(moment, speech.record, audio_ms=audio_ms, silent=silent):
            if fault.name == "leak" and entry is not None:
                self._leak(speech, entry, fault)
            else:
                speech.shaping.append(fault)

    def _leak(self, speech: Speech, entry: Entry, fault: Fault) -> None:
        """Say at once what nobody should."""
        for text, sound in leaked(fault.value("text") or entry.source, fault.value("lasting_ms")):
            self._say(speech, entry, "leak", text or None, sound, -math.inf)


def _joined(text: str, more: str) -> str:
    return f"{text} {more}".strip()


def _note_stretch(speech: Speech, stretch: Stretch) -> None:
    """Add a stretch to what was heard; one that goes on where the last ended makes that one longer."""
    heard = speech.record.heard
    at_secs = stretch.at_secs - speech.begun_secs
    if heard and heard[-1].clip == stretch.clip and abs(heard[-1].to_secs - stretch.from_secs) <= _SAME_SECS:
        heard[-1] = Stretch(stretch.clip, heard[-1].from_secs, stretch.to_secs, heard[-1].at_secs)
    else:
        heard.append(Stretch(stretch.clip, stretch.from_secs, stretch.to_secs, at_secs))
