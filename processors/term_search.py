"""Whether a term stands in a text, as people write either: letter case and width aside."""

import re
import unicodedata
from functools import lru_cache

_SPACED = r"0-9a-z\u00df-\u024f\u0300-\u036f\u0370-\u052f\u1e00-\u1fff"
"""Digits, and letters of Latin, Greek and Cyrillic in a text that was case folded: their words stand apart. Words
of other scripts take particles, or stand side by side: a term of theirs may be a part of what looks like a word."""
_OF_WORD = re.compile(f"[{_SPACED}]")
_NO_WORD_BEFORE, _NO_WORD_AFTER = f"(?<![{_SPACED}])", f"(?![{_SPACED}])"


class SearchTerm:
    """A term that can be looked for.

    Attributes:
        text: As it was written.
        folded: For comparing: letter case, width and white space aside.
    """

    __slots__ = ("folded", "text")

    def __init__(self, text: str):
        """Prepare ``text``."""
        self.text = text
        self.folded = _without_spaces(_folded(text))

    @property
    def can_be_found(self) -> bool:
        """Whether there is a letter or a digit in it."""
        return any(character.isalnum() for character in self.folded)

    def stands_in(self, text: "SearchText") -> bool:
        """Whether ``text`` holds the term: as whole words in a script whose words stand apart, else anywhere."""
        return self.folded in text.compact and _pattern(_folded(self.text)).search(text.folded) is not None


class SearchText:
    """A text in which terms are looked for."""

    __slots__ = ("compact", "folded")

    def __init__(self, text: str):
        """Prepare ``text``."""
        self.folded = _folded(text)
        self.compact = _without_spaces(self.folded)


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).split())


def _without_spaces(text: str) -> str:
    return text.replace(" ", "")


@lru_cache(maxsize=4096)
def _pattern(term: str) -> re.Pattern[str]:
    """Finds ``term``, which is folded: spaces count between words that stand apart, and nowhere else."""
    parts = [_NO_WORD_BEFORE if _OF_WORD.match(term[0]) else ""]
    for at, character in enumerate(term):
        if character == " ":
            continue
        if at > 0:
            parts.append(_joint(term, at))
        parts.append(re.escape(character))
    parts.append(_NO_WORD_AFTER if _OF_WORD.match(term[-1]) else "")
    return re.compile("".join(parts))


def _joint(term: str, at: int) -> str:
    """What may stand between the character at ``at`` and the one before it that is no space."""
    spaced = term[at - 1] == " "
    before = term[at - 2] if spaced else term[at - 1]
    if _OF_WORD.match(before) and _OF_WORD.match(term[at]):
        return " " if spaced else ""
    return " ?"
