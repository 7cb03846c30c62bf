"""Which language codes mean one language. Pure."""

_ALIASES = {"cmn": "zh", "nb": "no"}
"""Codes that the translate model takes for another one (ai.google.dev, live-translate; sokuji PR 398)."""


def same_language(code: str, other: str) -> bool:
    """Whether two BCP-47 codes name one language, whatever their scripts and regions."""
    return _primary(code) == _primary(other)


def _primary(code: str) -> str:
    primary = code.replace("_", "-").partition("-")[0].lower()
    return _ALIASES.get(primary, primary)
