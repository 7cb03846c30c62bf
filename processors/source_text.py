"""The source text of one turn, put together from what a stock recogniser says of it. Pure."""

import unicodedata

_SENTENCE_ENDS = tuple(".!?…。！？।")
_CLOSING = "\"'»”’)]」』）"
_WRITTEN_WITHOUT_SPACES = ("CJK", "HIRAGANA", "KATAKANA", "THAI")


class SourceText:
    """Collects texts of both kinds: interims, which later ones replace, and finals, which stay.

    Attributes:
        language: The code that came with the last text that had one.
    """

    def __init__(self, *, deltas: bool):
        """Begin empty.

        Args:
            deltas: An interim is what is new since the last one, and not the whole since the last final.
        """
        self._deltas = deltas
        self._finals = ""
        self._interim = ""
        self._settled = False
        self._interims_seen = False
        self.language: str | None = None

    @property
    def text(self) -> str:
        """The whole so far."""
        return _joined(self._finals, self._interim)

    @property
    def complete(self) -> bool:
        """Whether nothing more is to be expected: there was a final, and it looks like the last one."""
        return not self._interim and (self._settled or self._finals.rstrip(_CLOSING).endswith(_SENTENCE_ENDS))

    def add_interim(self, text: str) -> None:
        """Take a text that is not certain yet."""
        self._interims_seen = True
        self._interim = self._interim + text if self._deltas else text

    def add_final(self, text: str, *, finalized: bool) -> None:
        """Take a text that stays, in place of the interims since the last one.

        Args:
            text: A sentence, a part of one, or everything that was said.
            finalized: The recogniser says that it is everything.
        """
        self._settled = finalized or self._interims_seen
        self._finals, self._interim = _joined(self._finals, text), ""


def _joined(before: str, after: str) -> str:
    """Both texts, with a space between them where their script has spaces and neither brings one."""
    if not before or not after:
        return before or after
    spaced = before[-1].isspace() or after[0].isspace()
    return before + after if spaced or _unspaced(before[-1]) or _unspaced(after[0]) else f"{before} {after}"


def _unspaced(character: str) -> bool:
    return unicodedata.name(character, "").startswith((*_WRITTEN_WITHOUT_SPACES, "IDEOGRAPHIC", "FULLWIDTH"))
