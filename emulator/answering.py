"""Chooses the words and sounds that answer an utterance, and counts what was answered.

An entry that was heard in part is answered in part: word i of n lies at the fraction (i + 0.5) / n of the
entry's speech, in both languages, and the sound is cut at the same fractions. So the pieces of a split
utterance, put together, give every word exactly once.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from emulator.hearing import Hearing, Stretch
from emulator.record import ClipStretch
from emulator.scenario import Entry, Heard, Scenario


@dataclass(frozen=True, slots=True)
class Piece:
    """An entry, or the part of one that was heard: words [first, last) of its source."""

    entry: Entry
    first: int
    last: int
    source: str
    target: str
    audio: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one utterance is answered with.

    Attributes:
        pieces: In the order they were spoken; empty when there is nothing to say.
        started_over: The entries for unknown speech had run out and began again from the first.
    """

    pieces: tuple[Piece, ...] = ()
    started_over: bool = False

    @property
    def source(self) -> str:
        """The words that were spoken."""
        return " ".join(piece.source for piece in self.pieces if piece.source)

    @property
    def target(self) -> str:
        """Their interpretation."""
        return " ".join(piece.target for piece in self.pieces if piece.target)

    @property
    def audio(self) -> bytes:
        """The interpretation as speech, PCM s16le mono 24 kHz."""
        return b"".join(piece.audio for piece in self.pieces)


class _Share(NamedTuple):
    """A part of an entry's speech as fractions; outside 0 to 1 where it includes the pauses around."""

    begin: float
    end: float


class Answerer:
    """Finds answers in a scenario. One per emulator; it knows nothing of connections.

    Args:
        scenario: The clips and entries.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._unheard = [entry for entry in scenario.entries if entry.heard is None]
        self._unheard_used = 0
        self._claim: tuple[float, Entry] | None = None
        self._times = {entry.id: [0] * len(entry.source.split()) for entry in scenario.entries}

    def answer(self, hearing: Hearing) -> Answer:
        """The answer to an utterance.

        Stretches of clips give their entries' words; voice that matches no clip gives the next entry that is heard
        nowhere; silence gives nothing.
        """
        if hearing.stretches:
            return Answer(tuple(piece for stretch in hearing.stretches for piece in self._pieces(stretch)))
        if not hearing.voiced or not self._unheard:
            return Answer()
        started_over = self._unheard_used >= len(self._unheard)
        return Answer((_piece(self._next_unheard(), _Share(0.0, 1.0)),), started_over)

    def aloud(self, text: str) -> Answer:
        """``text``, read aloud: with the sound of the entry whose interpretation it is, else with some entry's.

        The same text always has the same sound.
        """
        entries = self._unheard or self._scenario.entries
        some = entries[zlib.crc32(text.encode()) % len(entries)]
        entry = next((entry for entry in self._scenario.entries if entry.target == text), some)
        return Answer((Piece(entry, 0, 0, "", text, entry.audio),))

    def portions(self, stretch: Stretch) -> list[Piece]:
        """What was said in a stretch, entry by entry; a piece without a whole word is a piece of sound only."""
        shares = [(entry, _share(entry.heard, stretch)) for entry in self._entries(stretch.clip) if entry.heard]
        return [_piece(entry, share) for entry, share in shares if share]

    def portion(self, entry: Entry, begin: float, end: float) -> Piece:
        """The part of an entry between two fractions of its speech."""
        return _piece(entry, _Share(begin, end))

    def unknown_speech(self, at_secs: float, tolerance_secs: float) -> Entry | None:
        """The entry that stands for speech which matches no clip; None when the scenario has none.

        Sessions that hear one speaker get one entry: whoever asks for speech that began when that began which was
        asked for last gets the same.

        Args:
            at_secs: When the speech began, by the monotonic clock.
            tolerance_secs: Within which two times are the same.
        """
        if not self._unheard:
            return None
        if self._claim is None or abs(at_secs - self._claim[0]) > tolerance_secs:
            self._claim = (at_secs, self._next_unheard())
        return self._claim[1]

    def _next_unheard(self) -> Entry:
        entry = self._unheard[self._unheard_used % len(self._unheard)]
        self._unheard_used += 1
        return entry

    def count(self, answer: Answer) -> None:
        """Note that an answer was given."""
        for piece in answer.pieces:
            times = self._times[piece.entry.id]
            for word in range(piece.first, piece.last):
                times[word] += 1

    def stretches(self) -> dict[str, list[ClipStretch]]:
        """For every clip, how often which part of it was answered; the parts of its entries without gaps."""
        return {name: self._clip_stretches(name) for name in self._scenario.clips}

    def _clip_stretches(self, clip: str) -> list[ClipStretch]:
        slots: list[ClipStretch] = []
        for entry in self._entries(clip):
            if entry.heard:
                slots += _word_slots(entry.heard, self._times[entry.id])
        merged = []
        for times, group in groupby(slots, key=lambda slot: slot.times):
            run = list(group)
            merged.append(ClipStretch(run[0].from_secs, run[-1].to_secs, times))
        return merged

    def _entries(self, clip: str) -> list[Entry]:
        spoken = [(entry.heard, entry) for entry in self._scenario.entries if entry.heard]
        return [entry for heard, entry in sorted(spoken, key=lambda item: item[0].from_secs) if heard.clip == clip]

    def _pieces(self, stretch: Stretch) -> list[Piece]:
        return [piece for piece in self.portions(stretch) if piece.source or piece.target]


def _share(heard: Heard, stretch: Stretch) -> _Share | None:
    """The part of an entry's speech that a stretch covers; None when it covers none of it."""
    begin, end = max(stretch.from_secs, heard.from_secs), min(stretch.to_secs, heard.to_secs)
    if min(end, heard.end_secs) <= max(begin, heard.onset_secs):
        return None
    length = heard.end_secs - heard.onset_secs
    return _Share((begin - heard.onset_secs) / length, (end - heard.onset_secs) / length)


def _piece(entry: Entry, share: _Share) -> Piece:
    source, target = entry.source.split(), entry.target.split()
    first, last = _words_in(share, len(source))
    target_first, target_last = _words_in(share, len(target))
    samples = len(entry.audio) // 2
    begin, end = (2 * round(min(max(edge, 0.0), 1.0) * samples) for edge in share)
    return Piece(
        entry=entry,
        first=first,
        last=last,
        source=_text(source, first, last),
        target=_text(target, target_first, target_last),
        audio=entry.audio[begin:end],
    )


def _words_in(share: _Share, count: int) -> tuple[int, int]:
    inside = [word for word in range(count) if share.begin <= (word + 0.5) / count < share.end]
    return (inside[0], inside[-1] + 1) if inside else (0, 0)


def _text(words: Sequence[str], first: int, last: int) -> str:
    return " ".join(words[first:last])


def _word_slots(heard: Heard, times: Sequence[int]) -> list[ClipStretch]:
    """The entry's part of the clip, divided among its words; the outer words take the pauses."""
    length = (heard.end_secs - heard.onset_secs) / len(times)
    edges = [heard.onset_secs + length * word for word in range(len(times) + 1)]
    edges[0], edges[-1] = heard.from_secs, heard.to_secs
    return [ClipStretch(edges[word], edges[word + 1], count) for word, count in enumerate(times)]
