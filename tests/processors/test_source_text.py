"""Source text from what stock recognisers say of it."""

import pytest

from processors.source_text import SourceText


def test_interims_are_replaced_and_finals_stay() -> None:
    """The text is the finals so far, and the interim since."""
    text = SourceText(deltas=False)
    text.add_interim("I want")
    text.add_interim("I wanted to")
    assert text.text == "I wanted to"
    text.add_final("I wanted two.", finalized=False)
    text.add_interim("And")
    assert text.text == "I wanted two. And"


def test_deltas_add_up_until_the_final() -> None:
    """OpenAI's interims are what is new; the final holds the whole."""
    text = SourceText(deltas=True)
    for delta in ("No", " no", " way"):
        text.add_interim(delta)
    assert text.text == "No no way"
    assert not text.complete
    text.add_final("No, no way", finalized=False)
    assert text.text == "No, no way"
    assert text.complete


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        (["One.", "Two."], "One. Two."),
        (["One.", " Two."], "One. Two."),
        (["안녕하세요.", "반갑습니다."], "안녕하세요. 반갑습니다."),
        (["これは本です。", "あれも。"], "これは本です。あれも。"),
        (["", "One"], "One"),
    ],
)
def test_pieces_are_joined_as_their_script_has_it(pieces: list[str], whole: str) -> None:
    """A space between sentences, where they are written with spaces."""
    text = SourceText(deltas=False)
    for piece in pieces:
        text.add_final(piece, finalized=False)
    assert text.text == whole


@pytest.mark.parametrize(
    ("final", "finalized", "complete"),
    [
        ("Ask what", False, False),
        ("Ask what", True, True),
        ("Ask what.", False, True),
        ("뭐라고요?”", False, True),
        ("", True, True),
        ("", False, False),
    ],
)
def test_when_nothing_more_is_to_be_expected(final: str, finalized: bool, complete: bool) -> None:
    """A sentence that is over, or the recogniser's word for it; an empty text can be everything, too."""
    text = SourceText(deltas=False)
    text.add_final(final, finalized=finalized)
    assert text.complete is complete
