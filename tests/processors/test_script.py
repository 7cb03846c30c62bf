"""The language of a text, by its script."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.script import language_of

KO_EN = ("ko", "en")


@pytest.mark.parametrize(
    ("text", "pair", "upstream", "language"),
    [
        ("안녕하세요.", KO_EN, None, "ko"),
        ("Hello.", KO_EN, None, "en"),
        ("Microsoft의 모델입니다.", KO_EN, None, "ko"),
        ("The word 김치 is Korean for kimchi.", KO_EN, None, "en"),
        ("안녕하세요.", KO_EN, "en", "ko"),
        ("Hello.", KO_EN, "ko-KR", "en"),
        ("2026", KO_EN, None, None),
        ("2026", KO_EN, "ko-KR", "ko"),
        ("", KO_EN, "EN", "en"),
        ("… 1, 2!", KO_EN, None, None),
        ("こんにちは、世界。", ("ja", "en"), None, "ja"),
        ("東京都庁", ("ja", "en"), None, "ja"),
        ("東京都庁", ("zh", "en"), None, "zh"),
        ("東京都庁", ("ja", "zh"), "ja-JP", "ja"),
        ("東京都庁", ("ja", "zh"), None, "zh"),
        ("東京都庁", KO_EN, None, "zh"),
        ("日本の東京都", ("ja", "zh"), None, "ja"),
        ("你好。", ("zh", "en"), None, "zh"),
        ("Привет.", KO_EN, None, "ru"),
        ("Привет.", ("ru", "en"), None, "ru"),
        ("مرحبا", ("ar", "en"), None, "ar"),
        ("नमस्ते", ("hi", "en"), None, "hi"),
        ("สวัสดี", ("th", "en"), None, "th"),
        ("Guten Tag.", ("de", "fr"), "fr-FR", "fr"),
        ("Guten Tag.", ("de", "fr"), None, "de"),
        ("Guten Tag.", ("de", "ko"), "en", "de"),
        ("Hola.", ("ko", "ja"), None, "en"),
        ("Hola.", ("ko", "ja"), "es-ES", "es"),
        ("γειά", KO_EN, "el", "el"),
        ("γειά", KO_EN, None, "el"),
        ("ｈｅｌｌｏ", KO_EN, None, "en"),
        ("ԲԱՐԵՎ", KO_EN, None, "hy"),
        ("ᏣᎳᎩ", KO_EN, None, None),
    ],
)
def test_the_language_of_a_text(
    text: str, pair: tuple[str, str], upstream: str | None, language: str | None
) -> None:
    """The script decides; where it serves several languages, the pair, then the upstream."""
    assert language_of(text, pair, upstream) == language


@given(st.text(), st.sampled_from([KO_EN, ("de", "fr"), ("ja", "zh")]), st.none() | st.text())
def test_any_text_has_a_language_or_none(text: str, pair: tuple[str, str], upstream: str | None) -> None:
    """No text and no code of the upstream raises."""
    language = language_of(text, pair, upstream)
    assert language is None or language == language.lower()
