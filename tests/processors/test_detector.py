"""Which of two languages of one script a text is in."""

import tomllib
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemini.languages import LANGUAGE_NAMES
from processors.detector import detect_language, load_detector
from processors.script import share_a_script

SENTENCES: dict[str, list[str]] = tomllib.loads(
    Path(__file__).with_name("sentences.toml").read_text(encoding="utf-8")
)
PAIRS = [pair for pair in combinations(SENTENCES, 2) if share_a_script(pair)]
UNKNOWN_TO_THE_MODEL = {"ak", "sd", "su"}
KNOWN = sorted({*LANGUAGE_NAMES} - UNKNOWN_TO_THE_MODEL)


def test_short_sentences_are_told_apart() -> None:
    """Of all sentences in all pairs, one in 500 at most is told wrong, and one in a hundred not at all."""
    found = [
        (language, detect_language(sentence, list(pair)))
        for pair in PAIRS
        for language in pair
        for sentence in SENTENCES[language]
    ]
    assert len(found) == 2 * 30 * len(PAIRS) > 2000
    wrong = [pair for pair in found if pair[1] not in (pair[0], None)]
    undecided = [pair for pair in found if pair[1] is None]
    assert len(wrong) <= len(found) / 500, wrong
    assert len(undecided) <= len(found) / 100


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_no_pair_is_much_worse_than_the_others(pair: tuple[str, str]) -> None:
    """Of sixty sentences, eight at most are not told right: Russian and Ukrainian are the nearest to each other."""
    missed = [
        (sentence, found)
        for language in pair
        for sentence in SENTENCES[language]
        if (found := detect_language(sentence, list(pair))) != language
    ]
    assert len(missed) <= 8, missed


@pytest.mark.parametrize(
    ("text", "languages", "found"),
    [
        ("Der Zug fährt in zehn Minuten ab.", ["de", "en", "fr"], "de"),
        ("Le train part dans dix minutes.", ["de", "en", "fr"], "fr"),
        ("Onde fica a estação?", ["pt-BR", "es"], "pt-BR"),
        ("Magandang umaga po sa inyong lahat.", ["fil", "en"], "fil"),
        ("Hvor mye koster denne boka?", ["no", "en"], "no"),
        ("GUTEN MORGEN, MEINE DAMEN UND HERREN", ["de", "en"], "de"),
        ("Maria", ["es", "fr"], None),
        ("OK", ["en", "de"], None),
        ("", ["en", "es"], None),
        ("2026", ["en", "es"], None),
        ("\ud800", ["en", "es"], None),
    ],
)
def test_what_is_found(text: str, languages: list[str], found: str | None) -> None:
    """Codes come as they were given; what is a word of several languages, or of none, is nobody's."""
    assert detect_language(text, languages) == found


@pytest.mark.parametrize("code", sorted(UNKNOWN_TO_THE_MODEL))
def test_a_language_that_the_model_does_not_know(code: str) -> None:
    """Nothing is said of a text that may be in it."""
    assert detect_language("The train leaves in ten minutes.", ["en", code]) is None


@pytest.mark.parametrize("code", KNOWN)
def test_every_other_language_is_known(code: str) -> None:
    """The model has a class for it: given twice, it is found."""
    assert load_detector() is load_detector()
    assert detect_language("Any text at all.", [code, code]) in (code, None)
    other = "en" if code != "en" else "es"
    english = detect_language("The train leaves in ten minutes, and nobody told me.", [code, other])
    assert english == ("en" if code == "en" else other)


def test_a_long_text_is_read_no_further_than_its_beginning() -> None:
    """What follows the first 500 characters changes nothing."""
    beginning = " ".join(SENTENCES["es"])[:500]
    assert detect_language(beginning + " ".join(SENTENCES["en"]) * 50, ["en", "es"]) == "es"


@given(st.text(), st.lists(st.sampled_from(sorted(LANGUAGE_NAMES)), min_size=2, max_size=4))
def test_any_text_may_be_asked_about(text: str, languages: list[str]) -> None:
    """No text and no choice of languages raises, and the answer is one of the languages, or none."""
    assert detect_language(text, languages) in (*languages, None)
