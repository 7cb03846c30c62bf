"""The words of a stretch of speech, while it is still going on."""

from dataclasses import dataclass, replace

from emulator.answering import Answerer, Piece
from emulator.hearing import Stretch
from emulator.scenario import Entry
from emulator.speech import Speech

_SAME_SECS = 1e-6


@dataclass(frozen=True, slots=True)
class HeardPiece:
    """A piece of an entry, and from when to when it was spoken, in seconds of the session's sound."""

    piece: Piece
    from_secs: float
    to_secs: float


class Words:
    """Cuts the stretches of a session into pieces of entries.

    Args:
        answerer: Has the entries.
    """

    def __init__(self, answerer: Answerer) -> None:
        self._answerer = answerer
        self._held: Stretch | None = None

    def pieces(self, before: Entry | None, stretch: Stretch) -> list[HeardPiece]:
        """What was said in a stretch; an entry of which no word was heard yet is held back until one is.

        Args:
            before: The entry that was being said until then.
            stretch: The next one of the speech.
        """
        stretch = self._with_held(stretch)
        found: list[HeardPiece] = []
        for piece in self._answerer.portions(stretch):
            part = _part(stretch, piece.entry)
            if piece.source or piece.entry is (found[-1].piece.entry if found else before):
                end_secs = part.at_secs + part.to_secs - part.from_secs
                found.append(HeardPiece(piece, part.at_secs, end_secs))
            else:
                self._held = part
        return found

    def _with_held(self, stretch: Stretch) -> Stretch:
        """The stretch, with what was held back before it."""
        held, self._held = self._held, None
        if held is None or held.clip != stretch.clip or abs(held.to_secs - stretch.from_secs) > _SAME_SECS:
            return stretch
        return replace(stretch, from_secs=held.from_secs, at_secs=held.at_secs)


def note_stretch(speech: Speech, stretch: Stretch) -> None:
    """Add a stretch to what was heard; one that goes on where the last ended makes that one longer."""
    heard = speech.record.heard
    if heard and heard[-1].clip == stretch.clip and abs(heard[-1].to_secs - stretch.from_secs) <= _SAME_SECS:
        heard[-1] = replace(heard[-1], to_secs=stretch.to_secs)
    else:
        heard.append(replace(stretch, at_secs=stretch.at_secs - speech.begun_secs))


def _part(stretch: Stretch, entry: Entry) -> Stretch:
    """The part of a stretch that belongs to an entry."""
    if entry.heard is None:
        return stretch
    from_secs = max(stretch.from_secs, entry.heard.from_secs)
    to_secs = max(from_secs, min(stretch.to_secs, entry.heard.to_secs))
    return Stretch(stretch.clip, from_secs, to_secs, stretch.at_secs + from_secs - stretch.from_secs)
