"""Whether a term stands in a text, as people write either: letter case and width aside."""

import re
import unicodedata
from functools import lru_cache

_SPACED = r"0-9a-z\u00df-\u024f\u0300-\u036f\u0370-\u052f\u1e00-\u1fff"
"""Digits, and letters of Latin, Greek and Cyrillic in a text that was case folded: their words stand apart. Words
of other scripts take particles, or stand side by side: a term of theirs may be a part of what looks like a word."""
_OF_WORD = re.compile(f"[{_SPACED}]")


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
        if self.folded not in text.compact:
            return False
        pattern, found = _pattern(_folded(self.text)), 0
        while (match := pattern.search(text.folded, found)) is not None:
            if _stands_apart(match):
                return True
            found = match.start() + 1
        return False


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
    """Finds ``term``, which is folded: spaces count between words that stand apart, and nowhere else.

    What stands around it is left to :func:`_stands_apart`: a set of letters in each pattern would make it take
    six times as long to compile, while sessions wait.
    """
    parts: list[str] = []
    for at, character in enumerate(term):
        if character == " ":
            continue
        if at > 0:
            parts.append(_joint(term, at))
        parts.append(re.escape(character))
    return re.compile("".join(parts))


def _stands_apart(match: re.Match[str]) -> bool:
    """Whether no word goes on where the match begins or ends."""
    text, (start, end) = match.string, match.span()
    goes_on_before = start > 0 and _joined(text[start - 1], text[start])
    return not goes_on_before and not (end < len(text) and _joined(text[end - 1], text[end]))


def _joined(left: str, right: str) -> bool:
    return _OF_WORD.match(left) is not None and _OF_WORD.match(right) is not None


def _joint(term: str, at: int) -> str:
    """What may stand between the character at ``at`` and the one before it that is no space."""
    spaced = term[at - 1] == " "
    before = term[at - 2] if spaced else term[at - 1]
    if _OF_WORD.match(before) and _OF_WORD.match(term[at]):
        return " " if spaced else ""
    return " ?"
