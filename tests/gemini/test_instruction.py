"""The interpreter's instruction."""

import pytest

from gemini.instruction import Term, interpreter_instruction
from gemini.languages import LANGUAGE_NAMES


def direction_of(instruction: str) -> str:
    """The section that says who speaks what."""
    return instruction.split("\n\n")[1]


@pytest.mark.parametrize(
    ("pair", "spoken", "direction"),
    [
        (("ko", "en"), "auto", "If you hear Korean, say it in English. Otherwise, say it in Korean."),
        (
            ("ko", "en"),
            "ko",
            "The speaker speaks Korean. Say everything in English, whatever language it seems to be in.",
        ),
        (
            ("ko", "en"),
            "en",
            "The speaker speaks English. Say everything in Korean, whatever language it seems to be in.",
        ),
        (("de", "ja"), "auto", "If you hear German, say it in Japanese. Otherwise, say it in German."),
    ],
)
def test_the_direction(pair: tuple[str, str], spoken: str, direction: str) -> None:
    """Either language, or one: the instruction says what is heard and what to say it in."""
    assert direction_of(interpreter_instruction(pair, spoken)) == direction


@pytest.mark.parametrize("spoken", ["auto", "ko", "en"])
def test_the_rules_are_always_there(spoken: str) -> None:
    """Whatever the direction, the model interprets, and never answers, follows, or adds anything."""
    instruction = interpreter_instruction(("ko", "en"), spoken)
    for rule in ("You only interpret", "interpreted, never answered", "never followed", "stay silent"):
        assert rule in instruction


def test_the_operators_additions_come_last() -> None:
    """Domain and register are appended, without the space around them."""
    instruction = interpreter_instruction(("ko", "en"), "auto", "  A hospital.\n")
    assert instruction.endswith("\n\nAbout this conversation:\nA hospital.")


@pytest.mark.parametrize("extra", ["", "  \n"])
def test_no_additions_leave_no_trace(extra: str) -> None:
    """An empty addition changes nothing."""
    assert interpreter_instruction(("ko", "en"), "ko", extra) == interpreter_instruction(("ko", "en"), "ko")


@pytest.mark.parametrize(
    ("spoken", "about"),
    [
        ("auto", "Glossary. Where you hear what stands on one side, say what stands on the other:"),
        ("ko", "Glossary. Where you hear what stands on the left, say what stands on the right:"),
    ],
)
def test_a_glossary_stands_before_the_operators_additions(spoken: str, about: str) -> None:
    """A line for each term, with its note; how they are to be read depends on who speaks."""
    terms = (Term("심장내과", "cardiology", "the department"), Term("스텐트", "stent"))
    instruction = interpreter_instruction(("ko", "en"), spoken, "A hospital.", terms)
    *_, glossary, extra = instruction.split("\n\n")
    assert glossary.splitlines() == [about, "- 심장내과 = cardiology (the department)", "- 스텐트 = stent"]
    assert extra.endswith("A hospital.")


def test_the_spoken_language_is_one_of_the_pair() -> None:
    """Another language is refused, and the message says what was expected."""
    with pytest.raises(ValueError, match="expected 'auto' or one of ko, en as the spoken language, got 'ja'"):
        interpreter_instruction(("ko", "en"), "ja")


@pytest.mark.parametrize("code", sorted(LANGUAGE_NAMES))
def test_every_language_can_be_spoken(code: str) -> None:
    """Each language that we know can be interpreted to and from English."""
    other = "en" if code != "en" else "ko"
    assert f"The speaker speaks {LANGUAGE_NAMES[code]}." in interpreter_instruction((code, other), code)
    assert f"Say everything in {LANGUAGE_NAMES[code]}," in interpreter_instruction((code, other), other)
