"""One side's text of a turn, and what the upstream repeats."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemini.transcript import ClosedTexts, Transcript


def closed_with(*texts: str) -> ClosedTexts:
    """The memory after turns that said ``texts``."""
    closed = ClosedTexts()
    for text in texts:
        closed.add(text)
    return closed


def transcript_of(*fragments: str, closed: ClosedTexts | None = None) -> Transcript:
    """A text after some fragments."""
    transcript = Transcript(closed or ClosedTexts())
    for fragment in fragments:
        transcript.append(fragment, finished=False, language=None)
    return transcript


def test_fragments_are_joined_as_they_are() -> None:
    """Leading spaces separate words; the outer ones are no part of the text."""
    assert transcript_of(" A", " gold", " ring", ".", " ").text == "A gold ring."


def test_an_interim_text_is_replaced() -> None:
    """Each interim text is the whole so far; the first final fragment takes its place."""
    transcript = Transcript(ClosedTexts())
    assert transcript.set_interim("A go", None)
    assert transcript.set_interim("A gold", "en")
    assert (transcript.text, transcript.interim_only, transcript.language) == ("A gold", True, "en")
    assert not transcript.set_interim("A gold", None)
    assert transcript.append("A gold ring.", finished=True, language=None)
    assert (transcript.text, transcript.interim_only, transcript.finished) == ("A gold ring.", False, True)


@pytest.mark.parametrize("blank", ["", " "])
def test_a_blank_fragment_does_not_wipe_an_interim_text(blank: str) -> None:
    """A message that only says that the text is finished leaves what was recognised so far."""
    transcript = Transcript(ClosedTexts())
    transcript.set_interim("A gold ring", None)
    assert not transcript.append(blank, finished=True, language=None)
    assert (transcript.text, transcript.finished) == ("A gold ring", True)


def test_an_interim_text_stays_while_the_final_one_is_suspect() -> None:
    """Who says a sentence again never sees the text vanish; the turn does not wait for another final one."""
    transcript = Transcript(closed_with("A gold ring."))
    transcript.set_interim("A gold ring", None)
    assert not transcript.append("A gold ring.", finished=True, language="en")
    assert (transcript.text, transcript.interim_only, transcript.finished) == ("A gold ring", False, True)
    assert transcript.settle()
    assert (transcript.text, transcript.interim_only) == ("A gold ring.", False)


def test_an_interim_text_outlives_a_repeat() -> None:
    """A late repeat of the turn before does not take the place of what is being said."""
    transcript = Transcript(closed_with("Will you please answer?"))
    transcript.set_interim("A gold", None)
    transcript.append("Will you please answer?", finished=True, language=None)
    assert transcript.text == "A gold"
    assert transcript.append("A gold ring.", finished=True, language=None)
    assert (transcript.text, transcript.repeats) == ("A gold ring.", 1)


def test_an_interim_text_follows_what_is_final() -> None:
    """After a final piece an interim text shows behind it."""
    transcript = transcript_of("First.")
    transcript.set_interim(" Sec", None)
    assert transcript.text == "First. Sec"


def test_the_whole_said_once_more_is_dropped() -> None:
    """A second transcription of a whole utterance that is being answered changes nothing and is counted."""
    transcript = transcript_of("A gold ring.")
    assert not transcript.append("A gold  ring. ", finished=False, language=None, answered=True)
    assert (transcript.text, transcript.repeats) == ("A gold ring.", 1)


@pytest.mark.parametrize(("again", "answered"), [(" A gold ring.", True), ("A gold ring.", False)])
def test_a_sentence_said_twice_in_one_utterance_stays(again: str, answered: bool) -> None:
    """A fragment that goes on with the text, or comes before any answer, is speech, whatever it says."""
    transcript = transcript_of("A gold ring.")
    assert transcript.append(again, finished=False, language=None, answered=answered)
    assert transcript.repeats == 0


def test_a_short_phrase_said_often_stays() -> None:
    """A greeting that was all of an earlier turn is not taken from the beginning of this one."""
    closed = ClosedTexts()
    closed.add("감사합니다.")
    assert (
        transcript_of("감사합니다.", "다음 주에 뵙겠습니다.", closed=closed).text
        == "감사합니다.다음 주에 뵙겠습니다."
    )


def test_a_word_said_twice_stays() -> None:
    """Repetition is told from speech by its length: "no, no" is no defect."""
    assert transcript_of("네", " 네").text == "네 네"


def test_a_repeat_of_a_closed_turn_is_held_back_until_the_end() -> None:
    """What an earlier turn said is not shown at once; if nothing else comes, it was said again."""
    transcript = transcript_of("A gold", " ring.", closed=closed_with("A gold ring."))
    assert transcript.text == ""
    assert not transcript.empty
    assert transcript.settle()
    assert (transcript.text, transcript.repeats) == ("A gold ring.", 0)


def test_a_repeat_before_new_text_is_dropped() -> None:
    """Where a new whole text follows the repeated one, the upstream had repeated itself."""
    transcript = transcript_of("A gold ring.", "The long journey.", closed=closed_with("A gold ring."))
    assert (transcript.text, transcript.repeats) == ("The long journey.", 1)
    assert not transcript.settle()


def test_the_same_beginning_is_no_repeat() -> None:
    """Text that begins like an earlier turn and goes on otherwise is all there."""
    transcript = transcript_of("A gold", " ring", " and a chain.", closed=closed_with("A gold ring."))
    assert (transcript.text, transcript.repeats) == ("A gold ring and a chain.", 0)


@pytest.mark.parametrize("repeat", ["A gold ring.", "A gold", "Agold ring."])
def test_closed_texts_know_their_beginnings(repeat: str) -> None:
    """Equal, or a prefix, spaces aside: both are repeats."""
    assert closed_with("A gold ring.", "x").repeats(repeat)


def test_closed_texts_are_bounded() -> None:
    """A long session does not remember everything that was ever said."""
    closed = closed_with(*(f"number {n}." for n in range(1000)))
    assert not closed.repeats("number 1.")
    assert closed.repeats("number 999.")


def test_an_empty_text_is_not_remembered() -> None:
    """A turn without text leaves nothing that could be repeated."""
    assert not closed_with("", "  ").repeats("a")


@given(st.lists(st.tuples(st.sampled_from([" a", "b", " c d e", " "]), st.booleans())), st.lists(st.text("ab ")))
def test_text_only_grows(fragments: list[tuple[str, bool]], closed: list[str]) -> None:
    """Whatever comes, fragments only add to the text, the answer says so, and nothing is lost."""
    transcript = Transcript(closed_with(*closed))
    said = ""
    for fragment, finished in fragments:
        before, repeats = transcript.text, transcript.repeats
        changed = transcript.append(fragment, finished=finished, language=None)
        assert transcript.text.startswith(before)
        assert changed == (transcript.text != before)
        said = said + fragment if transcript.repeats == repeats else ""
    transcript.settle()
    if transcript.repeats == 0:
        assert transcript.text == said.strip()
