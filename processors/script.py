"""The language of a text, by its script."""

import unicodedata
from collections import defaultdict

_SCRIPT_OF_LANGUAGE = {
    "ar": "ARABIC",
    "hi": "DEVANAGARI",
    "ja": "KANA",
    "ko": "HANGUL",
    "ru": "CYRILLIC",
    "th": "THAI",
    "zh": "CJK",
}
_LANGUAGE_OF_SCRIPT = {script: language for language, script in _SCRIPT_OF_LANGUAGE.items()} | {
    "GREEK": "el",
    "HEBREW": "he",
    "LATIN": "en",
}
_SCRIPT_OF_NAME = {"HIRAGANA": "KANA", "KATAKANA": "KANA", "KATAKANA-HIRAGANA": "KANA"}
_LETTERS_OF_ONE_SIGN = {"HANGUL": 2.5, "CJK": 2.5, "KANA": 1.5}


def language_of(text: str, pair: tuple[str, str], upstream_code: str | None = None) -> str | None:
    """The language that ``text`` is in, by the script that most of it is written in.

    A sign of a syllabic script weighs as many letters as it stands for, so that a Korean sentence with an English
    name in it is Korean. Where a script serves many languages, the one of ``pair`` is meant, then the upstream's.

    Args:
        text: Any text.
        pair: The languages that are expected.
        upstream_code: What the upstream says, as BCP-47.

    Returns:
        An ISO 639-1 code; for text without letters the upstream's, or ``None``.
    """
    upstream = upstream_code.split("-")[0].lower() if upstream_code else None
    script = _main_script(text)
    if script is None:
        return upstream
    if script == "CJK" and "ja" in pair and ("zh" not in pair or upstream == "ja"):
        script = "KANA"  # Japanese may do without kana
    written_in_it = [language for language in pair if _SCRIPT_OF_LANGUAGE.get(language, "LATIN") == script]
    if len(written_in_it) == 1:
        return written_in_it[0]
    if upstream is not None and _SCRIPT_OF_LANGUAGE.get(upstream, "LATIN") == script:
        return upstream
    return written_in_it[0] if written_in_it else _LANGUAGE_OF_SCRIPT.get(script, upstream)


def _main_script(text: str) -> str | None:
    weights: defaultdict[str, float] = defaultdict(float)
    for character in unicodedata.normalize("NFKC", text):
        if character.isalpha():
            name = unicodedata.name(character, "LATIN").split(" ")[0]
            script = _SCRIPT_OF_NAME.get(name, name)
            weights[script] += _LETTERS_OF_ONE_SIGN.get(script, 1.0)
    if "KANA" in weights:
        weights["KANA"] += weights.pop("CJK", 0.0)
    return max(weights, key=lambda script: weights[script]) if weights else None
