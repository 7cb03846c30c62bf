"""Terms in texts, as people write either."""

import pytest

from processors.term_search import SearchTerm, SearchText


def stands(term: str, text: str) -> bool:
    """Whether the term is found in the text."""
    return SearchTerm(term).stands_in(SearchText(text))


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("cardiology", "You are in cardiology now."),
        ("Cardiology", "CARDIOLOGY"),
        ("stent", "The stent's position is good."),
        ("stent", "A consistent stent, stented."),
        ("heart failure", "It is a heart\nfailure, they say."),
        ("MRI", "MRI는 내일입니다."),
        ("MRI 검사", "내일 MRI검사를 합니다."),
        ("MRI검사", "내일 MRI 검사를 합니다."),
        ("심장내과", "심장내과에서 왔습니다."),
        ("심장 내과", "심장내과에서 왔습니다."),
        ("심장내과", "심장 내과에서 왔습니다."),
        ("循環器内科", "循環器内科に行きます。"),
        ("ＭＲＩ", "The MRI is tomorrow."),
        ("STRASSE", "In dieser Straße."),
        ("Straße", "IN DIESER STRASSE."),
        ("café", "Le CAFE\u0301 est froid."),
        ("стент", "Ставим СТЕНТ."),
        ("C++", "It is written in C++, they say."),
        ("3.5", "Version 3.5 it is."),
        ("โรคหัวใจ", "เขาเป็นโรคหัวใจครับ"),
    ],
)
def test_a_term_is_found(term: str, text: str) -> None:
    """Letter case, width and composed letters make no difference, nor white space where words are not set apart."""
    assert stands(term, text)


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("stent", "They are consistent."),
        ("stent", "Two stents."),
        ("heart failure", "His heart. Failure is no option."),
        ("heart failure", "heartfailure"),
        ("стент", "Ассистент пришёл."),
        ("심장내과", "심장외과에서 왔습니다."),
        ("3.5", "Version 315, or 13.5."),
        ("a.c", "abc"),
        ("cardiology", ""),
    ],
)
def test_something_else_is_not_taken_for_it(term: str, text: str) -> None:
    """A term of Latin or Cyrillic letters is a whole word, and no character stands for others."""
    assert not stands(term, text)


@pytest.mark.parametrize(("text", "can"), [("심장", True), ("7", True), ("", False), ("-", False), (" … ", False)])
def test_a_term_needs_a_letter_or_a_digit(text: str, can: bool) -> None:
    """Anything else stands in too many texts, or in none."""
    assert SearchTerm(text).can_be_found is can
