"""The languages that can be interpreted, by BCP-47 code, and which codes mean the same one.

The languages are those of ``gemini-3.5-live-translate-preview`` (ai.google.dev, Live API, live translation), with
``zh`` and ``pt`` for whoever does not care which variety.
"""

import re

LANGUAGE_NAMES = {
    "af": "Afrikaans",
    "ak": "Akan",
    "am": "Amharic",
    "ar": "Arabic",
    "az": "Azerbaijani",
    "be": "Belarusian",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "eu": "Basque",
    "fa": "Persian",
    "fi": "Finnish",
    "fil": "Filipino",
    "fr": "French",
    "gl": "Galician",
    "gu": "Gujarati",
    "ha": "Hausa",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "hy": "Armenian",
    "id": "Indonesian",
    "is": "Icelandic",
    "it": "Italian",
    "ja": "Japanese",
    "jv": "Javanese",
    "ka": "Georgian",
    "kk": "Kazakh",
    "km": "Khmer",
    "kn": "Kannada",
    "ko": "Korean",
    "lo": "Lao",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "mk": "Macedonian",
    "ml": "Malayalam",
    "mn": "Mongolian",
    "mr": "Marathi",
    "ms": "Malay",
    "my": "Burmese",
    "ne": "Nepali",
    "nl": "Dutch",
    "no": "Norwegian",
    "pa": "Punjabi",
    "pl": "Polish",
    "pt": "Portuguese",
    "pt-BR": "Brazilian Portuguese",
    "pt-PT": "European Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "rw": "Kinyarwanda",
    "sd": "Sindhi",
    "si": "Sinhala",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sq": "Albanian",
    "sr": "Serbian",
    "su": "Sundanese",
    "sv": "Swedish",
    "sw": "Swahili",
    "ta": "Tamil",
    "te": "Telugu",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "uz": "Uzbek",
    "vi": "Vietnamese",
    "zh": "Chinese",
    "zh-Hans": "Chinese (Simplified)",
    "zh-Hant": "Chinese (Traditional)",
    "zu": "Zulu",
}
"""English names of the languages that can be interpreted, by BCP-47 code."""

_OTHER_CODES = {
    "cmn": "zh",
    "in": "id",
    "iw": "he",
    "jw": "jv",
    "nb": "no",
    "nn": "no",
    "tl": "fil",
    "tw": "ak",
}
"""Of the same languages: deprecated ones, and varieties that have a code of their own (IANA's subtag registry)."""
_VARIETIES = {
    "pt": {"br": "pt-BR", "pt": "pt-PT"},
    "zh": {
        "hans": "zh-Hans",
        "hant": "zh-Hant",
        "cn": "zh-Hans",
        "sg": "zh-Hans",
        "hk": "zh-Hant",
        "mo": "zh-Hant",
        "tw": "zh-Hant",
    },
}
"""By a script or region that follows the language; the first that is known counts: ``zh-Hans-HK`` is simplified."""
_TAG = re.compile(r"[a-zA-Z]{2,3}(?:[-_][a-zA-Z0-9]{1,8}){0,8}")


def known_language(tag: str) -> str | None:
    """The code in :data:`LANGUAGE_NAMES` that a BCP-47 tag means; ``None`` where it means none.

    Case does not matter, nor what follows the language and makes no variety: ``KO-kr`` is ``ko``, ``zh-TW`` is
    ``zh-Hant``, ``nb`` is ``no``.
    """
    if not _TAG.fullmatch(tag):
        return None
    first, *others = tag.replace("_", "-").lower().split("-")
    language = _OTHER_CODES.get(first, first)
    varieties = _VARIETIES.get(language, {})
    code = next((varieties[subtag] for subtag in others if subtag in varieties), language)
    return code if code in LANGUAGE_NAMES else None


def language_part(code: str) -> str:
    """The language of a code, without the variety."""
    return code.partition("-")[0]


def find_language(tag: str, codes: tuple[str, ...]) -> str | None:
    """The one of ``codes`` that ``tag`` means; ``None`` where there is none.

    A code without a variety means any, whichever of the two sides has none: ``pt`` finds ``pt-BR`` and ``pt-PT``
    finds ``pt``, but ``pt-PT`` does not find ``pt-BR``.

    Args:
        tag: Any text.
        codes: Keys of :data:`LANGUAGE_NAMES`; the first that is meant wins, an equal one before all others.
    """
    wanted = known_language(tag)
    if wanted is None or wanted in codes:
        return wanted
    language = language_part(wanted)
    return next((code for code in codes if language in (code, wanted) and language_part(code) == language), None)
