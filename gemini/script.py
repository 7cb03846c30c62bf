"""In which script a text is written."""

import unicodedata
from collections import defaultdict

_SCRIPT_OF_NAME = {"HIRAGANA": "KANA", "KATAKANA": "KANA", "KATAKANA-HIRAGANA": "KANA"}
_LETTERS_OF_ONE_SIGN = {"HANGUL": 2.5, "CJK": 2.5, "KANA": 1.5}


def weights_of_scripts(text: str) -> dict[str, float]:
    """How many letters of each script a text has; a sign of a syllabic script counts as those it stands for."""
    weights: defaultdict[str, float] = defaultdict(float)
    for character in unicodedata.normalize("NFKC", text):
        if character.isalpha():
            name = unicodedata.name(character, "LATIN").split(" ")[0]
            script = _SCRIPT_OF_NAME.get(name, name)
            weights[script] += _LETTERS_OF_ONE_SIGN.get(script, 1.0)
    if "KANA" in weights:
        weights["KANA"] += weights.pop("CJK", 0.0)
    return weights


def main_script(text: str) -> str | None:
    """The script that most of a text is written in, as Unicode names it; ``None`` for one without letters."""
    weights = weights_of_scripts(text)
    return max(weights, key=lambda script: weights[script]) if weights else None
