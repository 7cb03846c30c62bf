"""The language of a text: by its script, by the upstream's code, by its words."""

from itertools import combinations

from gemini.languages import find_language, known_language, language_part
from gemini.script import main_script
from processors.detector import detect_language

_SCRIPTS_OF_LANGUAGE = {
    "am": {"ETHIOPIC"},
    "ar": {"ARABIC"},
    "be": {"CYRILLIC"},
    "bg": {"CYRILLIC"},
    "bn": {"BENGALI"},
    "el": {"GREEK"},
    "fa": {"ARABIC"},
    "gu": {"GUJARATI"},
    "he": {"HEBREW"},
    "hi": {"DEVANAGARI"},
    "hy": {"ARMENIAN"},
    "ja": {"KANA"},
    "ka": {"GEORGIAN"},
    "kk": {"CYRILLIC"},
    "km": {"KHMER"},
    "kn": {"KANNADA"},
    "ko": {"HANGUL"},
    "lo": {"LAO"},
    "mk": {"CYRILLIC"},
    "ml": {"MALAYALAM"},
    "mn": {"CYRILLIC"},
    "mr": {"DEVANAGARI"},
    "my": {"MYANMAR"},
    "ne": {"DEVANAGARI"},
    "pa": {"GURMUKHI"},
    "ru": {"CYRILLIC"},
    "sd": {"ARABIC"},
    "si": {"SINHALA"},
    "sr": {"CYRILLIC", "LATIN"},
    "ta": {"TAMIL"},
    "te": {"TELUGU"},
    "th": {"THAI"},
    "uk": {"CYRILLIC"},
    "ur": {"ARABIC"},
    "zh": {"CJK"},
}
"""As they are written today; all other languages are written in Latin letters."""
_LATIN = {"LATIN"}
_LANGUAGE_OF_SCRIPT = {
    "ARABIC": "ar",
    "ARMENIAN": "hy",
    "BENGALI": "bn",
    "CJK": "zh",
    "CYRILLIC": "ru",
    "DEVANAGARI": "hi",
    "ETHIOPIC": "am",
    "GEORGIAN": "ka",
    "GREEK": "el",
    "GUJARATI": "gu",
    "GURMUKHI": "pa",
    "HANGUL": "ko",
    "HEBREW": "he",
    "KANA": "ja",
    "KANNADA": "kn",
    "KHMER": "km",
    "LAO": "lo",
    "LATIN": "en",
    "MALAYALAM": "ml",
    "MYANMAR": "my",
    "SINHALA": "si",
    "TAMIL": "ta",
    "TELUGU": "te",
    "THAI": "th",
}
"""The language with the most speakers, for text in a script that nobody expects."""


def language_of(text: str, expected: tuple[str, ...], upstream_code: str | None = None) -> str | None:
    """The language that ``text`` is in, by the script that most of it is written in.

    A sign of a syllabic script weighs as many letters as it stands for, so that a Korean sentence with an English
    name in it is Korean. Where a script serves several languages, an ``expected`` one is meant; where several of
    those, the one that the upstream says, and where it says none of them, the one that the words are of.

    Args:
        text: Any text.
        expected: Codes of the languages that are expected, each a key of :data:`~gemini.languages.LANGUAGE_NAMES`.
        upstream_code: What the upstream says, as BCP-47.

    Returns:
        One of ``expected``, or the code of another language; for text without letters, or whose words are of
        several languages, the upstream's, or ``None``.
    """
    upstream = _code_of(upstream_code, expected) if upstream_code else None
    script = main_script(text)
    if script is None:
        return upstream
    if script == "CJK" and "ja" in expected and (upstream == "ja" or not _written_in("CJK", expected)):
        script = "KANA"  # Japanese may do without kana
    candidates = _written_in(script, expected)
    if len(candidates) == 1:
        return candidates[0]
    of_script = upstream if upstream is not None and script in _scripts(upstream) else None
    if candidates:
        return of_script if of_script in candidates else detect_language(text, candidates) or of_script
    return of_script or _LANGUAGE_OF_SCRIPT.get(script, upstream)


def share_a_script(languages: tuple[str, ...]) -> bool:
    """Whether texts in two of ``languages`` may be written in the same script."""
    return any(_scripts(first) & _scripts(second) for first, second in combinations(languages, 2))


def _code_of(upstream_code: str, expected: tuple[str, ...]) -> str:
    """What an upstream's code is called here; one that is not known keeps its language."""
    known = find_language(upstream_code, expected) or known_language(upstream_code)
    return known or upstream_code.split("-")[0].lower()


def _written_in(script: str, languages: tuple[str, ...]) -> list[str]:
    return [language for language in languages if script in _scripts(language)]


def _scripts(language: str) -> set[str]:
    return _SCRIPTS_OF_LANGUAGE.get(language_part(language), _LATIN)
