"""The language of a text: by its script, by the upstream's code, by its words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemini.languages import LANGUAGE_NAMES
from processors.script import language_of, share_a_script

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
        ("¿Cuándo empezó el dolor?", ("en", "es"), None, "es"),
        ("When did the pain start?", ("en", "es"), None, "en"),
        ("When did the pain start?", ("en", "es"), "es-MX", "es"),
        ("¿Cuándo empezó el dolor?", ("en", "es"), "pt-BR", "es"),
        ("OK", ("en", "es"), None, None),
        ("OK", ("en", "es"), "en-US", "en"),
        ("Onde fica a estação?", ("pt-BR", "en"), None, "pt-BR"),
        ("Onde fica a estação?", ("pt-BR", "en"), "pt", "pt-BR"),
        ("2026", ("pt-BR", "en"), "pt-PT", "pt-PT"),
        ("你好。", ("zh-Hant", "en"), "zh", "zh-Hant"),
        ("Dobar dan, kako ste?", ("sr", "ru"), None, "sr"),
        ("Добар дан, како сте?", ("sr", "en"), None, "sr"),
        ("Где находится вокзал?", ("ko", "ru", "uk"), None, "ru"),
        ("Der Zug fährt in zehn Minuten ab.", ("ko", "en", "de"), None, "de"),
        ("ᏣᎳᎩ", KO_EN, None, None),
    ],
)
def test_the_language_of_a_text(
    text: str, pair: tuple[str, ...], upstream: str | None, language: str | None
) -> None:
    """The script decides; where it serves several languages, the pair, then the upstream, then the words."""
    assert language_of(text, pair, upstream) == language


@given(st.text(), st.sampled_from([KO_EN, ("de", "fr"), ("ja", "zh")]), st.none() | st.text())
def test_any_text_has_a_language_or_none(text: str, pair: tuple[str, str], upstream: str | None) -> None:
    """No text and no code of the upstream raises."""
    language = language_of(text, pair, upstream)
    assert language is None or language == language.lower()


@given(st.text(), st.lists(st.sampled_from(sorted(LANGUAGE_NAMES)), min_size=2, max_size=3), st.none() | st.text())
def test_an_expected_language_or_another_one_is_told_by_its_code(
    text: str, expected: list[str], upstream: str | None
) -> None:
    """Without a word of the upstream's, what is told is a code that we have."""
    language = language_of(text, tuple(expected), upstream)
    assert upstream is not None or language is None or language in LANGUAGE_NAMES


@pytest.mark.parametrize(
    ("languages", "share"),
    [
        (KO_EN, False),
        (("ja", "zh"), False),
        (("en", "es"), True),
        (("ko", "ja", "ru", "uk"), True),
        (("sr", "ru"), True),
        (("sr", "en"), True),
        (("pt-BR", "ko"), False),
    ],
)
def test_which_languages_share_a_script(languages: tuple[str, ...], share: bool) -> None:
    """Any two of them do."""
    assert share_a_script(languages) is share
