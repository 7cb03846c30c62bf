"""The languages in which the providers' own voices speak notices."""

LOCALES = {
    "da": "da-DK",
    "de": "de-DE",
    "en": "en-US",
    "es": "es-ES",
    "fr": "fr-FR",
    "it": "it-IT",
    "ja": "ja-JP",
    "ko": "ko-KR",
    "nl": "nl-NL",
    "pl": "pl-PL",
    "pt": "pt-BR",
    "ru": "ru-RU",
    "sv": "sv-SE",
}


def locale_of(language: str, locales: dict[str, str]) -> str:
    """The locale of a provider's voice for ``language``, ISO 639-1.

    Raises:
        ValueError: The provider has no voice for it.
    """
    if language not in locales:
        raise ValueError(
            f"expected a language that the provider's voice speaks ({', '.join(locales)}), got {language!r}"
        )
    return locales[language]
