"""How many words of what was said stand otherwise in what was recognised. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise


def words_of(text: str) -> list[str]:
    """The words of ``text`` as they are compared: without punctuation, in small letters."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("'", "").replace("’", "")
    return re.findall(r"\w+", plain)


def errors(said: Sequence[str], recognised: Sequence[str]) -> int:
    """Words that were left out, added or taken for others: the edit distance of the two."""
    row = list(range(len(recognised) + 1))
    for number, word in enumerate(said, start=1):
        others = [
            above_left + (word != other) for (above_left, _), other in zip(pairwise(row), recognised, strict=True)
        ]
        fresh = [number]
        for above, changed in zip(row[1:], others, strict=True):
            fresh.append(min(above + 1, fresh[-1] + 1, changed))
        row = fresh
    return row[-1]
