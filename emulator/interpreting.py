"""What a translate session says of what it hears, and what it does not.

Speech in another language than the one that is interpreted into is interpreted while it is going on. Of speech in
that language nothing is said, or with ``echoTargetLanguage`` the same again (ai.google.dev, live-translate).
Without ``translationConfig`` there are only zeros and empty texts (sokuji PR 398).
"""

import asyncio
import math
from collections.abc import Sequence
from itertools import groupby

from emulator.audio import OUTPUT_RATE_HZ, resample, to_pcm
from emulator.faults import Fault
from emulator.following import Follower
from emulator.languages import same_language
from emulator.leaks import leaked
from emulator.link import Link
from emulator.record import SaidKind
from emulator.scenario import Entry
from emulator.setup import Setup
from emulator.speaking import Speaker
from emulator.speech import Line, SourceText, Speech
from emulator.words import HeardPiece


class Interpreter:
    """Decides what is said.

    Args:
        link: The connection.
        setup: What the client asked for.
        speaker: Says it.
    """

    def __init__(self, link: Link, setup: Setup, speaker: Speaker) -> None:
        self._link = link
        self._setup = setup
        self._wish = setup.translation
        self._options = link.options.translation
        self._speaker = speaker

    def is_silent(self, speech: Speech) -> bool:
        """Whether nothing is to be said because the speech is known to be in the target language already."""
        entry, wish = speech.entry, self._wish
        return bool(entry and wish and not wish.echo and same_language(entry.source_language, wish.target))

    def interpret(self, speech: Speech, heard: Sequence[HeardPiece], follower: Follower) -> None:
        """Transcribe and interpret what was heard at last; ``follower`` has its sound."""
        for item in heard:
            speech.entry = item.piece.entry
            if not speech.record.answered or speech.record.answered[-1] != item.piece.entry.id:
                speech.record.answered.append(item.piece.entry.id)
            speech.record.source_text = _joined(speech.record.source_text, item.piece.source)
        worded = [item.piece for item in heard if item.piece.source]
        for _, group in groupby(worded, key=lambda piece: piece.entry.source_language):
            pieces = list(group)
            self._transcribe(speech, pieces[0].entry, " ".join(piece.source for piece in pieces))
        for item in heard:
            self._render(speech, item, follower)

    def leak(self, speech: Speech, fault: Fault) -> None:
        """Say at once what nobody should."""
        entry = speech.entry
        if entry is not None:
            for text, sound in leaked(fault.value("text") or entry.source, fault.value("lasting_ms")):
                self._say(speech, entry, "leak", text or None, sound, -math.inf)

    def _transcribe(self, speech: Speech, entry: Entry, words: str) -> None:
        faults = {fault.name: fault for fault in speech.shaping}
        if "missing_source_text" in faults or not self._setup.input_transcription:
            return
        wrong, late = faults.get("wrong_source_language"), faults.get("late_source_text")
        language = (wrong.value("language") or entry.target_language) if wrong else entry.source_language
        due_ms = self._speaker.clock_ms + self._options.text_delay_ms
        text = SourceText(speech, {"text": f" {words}", "languageCode": language}, due_ms)
        if late is None:
            self._speaker.write(text)
        else:
            self._link.spawn(self._write_late(text, self._link.planned_secs(late.value("delay_ms") / 1000)))

    async def _write_late(self, text: SourceText, secs: float) -> None:
        await asyncio.sleep(secs)
        self._speaker.write(text)

    def _render(self, speech: Speech, heard: HeardPiece, follower: Follower) -> None:
        """Say what a piece of speech is in the other language."""
        piece, entry = heard.piece, heard.piece.entry
        spoken_ms = self._speaker.clock_ms - (follower.now_secs - heard.from_secs) * 1000
        kind = self._kind(entry)
        if kind == "interpretation":
            speech.pieces.append(piece)
            speech.record.target_text = _joined(speech.record.target_text, piece.target)
            self._say(speech, entry, kind, piece.target or None, piece.audio, spoken_ms)
        elif kind == "echo":
            sound = resample(follower.sound(heard.from_secs, heard.to_secs), follower.rate_hz, OUTPUT_RATE_HZ)
            self._say(speech, entry, kind, piece.source or None, to_pcm(sound), spoken_ms)
        elif self._wish is None:
            self._say(speech, entry, "interpretation", "", b"", spoken_ms)

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
        self._speaker.say(Line(speech, entry.id, kind, text, language, audio, spoken_ms + self._options.lag_ms))


def _joined(text: str, more: str) -> str:
    return f"{text} {more}".strip()
