"""What the upstream says, as turns: every way in which one ends, and what belongs to which."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemini.events import (
    GenerationComplete,
    GoAway,
    InterimSourceText,
    Interrupted,
    SourceText,
    TargetAudio,
    TargetText,
    TurnComplete,
    UpstreamEvent,
    Usage,
)
from gemini.turns import (
    OutputAudio,
    OutputEnded,
    OutputStarted,
    SourceChanged,
    TargetGrew,
    TurnEnded,
    TurnFailure,
)
from tests.support.happenings import Wait, upstream_says
from tests.support.turn_laws import check_sound, check_turn, turns_of
from tests.support.turns import ANSWER, AUDIO, ENDS, HEARD, SOURCE, TARGET, TrackedTalk, ended, spoken

# Ends


def test_a_turn_ends_with_turn_complete() -> None:
    """With all texts there, both marks end output and turn at once; everything came out in order."""
    talk = spoken()
    talk.say(*ANSWER, *ENDS)
    assert talk.events == [
        SourceChanged("안녕하세요.", "ko"),
        OutputStarted(),
        TargetGrew("Hello.", "en"),
        HEARD,
        OutputEnded(),
        ended(),
    ]
    assert talk.tracker.unanswered == 0
    assert talk.tracker.deadline() is None


def test_a_turn_ends_without_turn_complete() -> None:
    """After ``generationComplete`` and silence output is over; text that looks whole is not waited for."""
    talk = spoken()
    talk.say(*ANSWER, GenerationComplete())
    talk.wait(60)
    assert talk.happened[-2:] == [(0.5, OutputEnded()), (0.5, ended())]


@pytest.mark.parametrize("target", [(), (TargetText("Hello"),)])
def test_text_that_is_missing_or_unfinished_has_its_time(target: tuple[TargetText, ...]) -> None:
    """Without ``turnComplete`` the turn waits 1.5 s for the rest of its target text, and no longer."""
    talk = spoken()
    talk.say(SOURCE, AUDIO, *target, GenerationComplete())
    talk.wait(60)
    assert talk.happened[-2:] == [(0.5, OutputEnded()), (2.0, ended())]


def test_a_late_turn_complete_ends_the_wait() -> None:
    """``turnComplete`` in the wait for late text means that nothing more comes."""
    talk = spoken()
    talk.say(SOURCE, AUDIO, TargetText("Hello"), GenerationComplete())
    talk.wait(1.0)
    talk.say(TurnComplete())
    assert talk.happened[-1] == (1.0, ended())


def test_an_utterance_that_nothing_answers_is_given_up() -> None:
    """The watchdog counts from when the utterance was sent whole."""
    talk = TrackedTalk()
    talk.open()
    talk.wait(30)
    assert talk.events == []
    talk.send_whole()
    talk.wait(60)
    assert talk.happened == [(42.0, ended("", None, had_output=False, failure=TurnFailure.NO_ANSWER))]
    assert talk.tracker.timed_out_turns == 1


def test_recognised_speech_without_output_is_given_up_too() -> None:
    """Source text alone does not put the watchdog off; the text is not lost."""
    talk = spoken()
    talk.wait(5)
    talk.say(SOURCE)
    talk.wait(60)
    assert talk.happened[-1] == (12.0, ended(had_output=False, failure=TurnFailure.NO_ANSWER))


def test_output_that_stops_without_a_mark_ends() -> None:
    """The watchdog counts from the last piece of output, and waits for no text."""
    talk = spoken()
    talk.say(AUDIO)
    talk.wait(11)
    talk.say(AUDIO)
    talk.wait(60)
    assert talk.happened[-2:] == [(23.0, OutputEnded()), (23.0, ended("", None, failure=TurnFailure.NO_END))]


def test_a_turn_complete_alone_ends_the_turn_after_a_moment() -> None:
    """Without ``generationComplete`` it may be premature: output ends when nothing followed for 0.5 s."""
    talk = spoken()
    talk.say(*ANSWER, TurnComplete())
    talk.wait(60)
    assert talk.happened[-2:] == [(0.5, OutputEnded()), (0.5, ended())]


def test_silence_on_purpose_ends_the_turn() -> None:
    """A model that marks that it generated nothing has answered, after the time for late source text."""
    talk = spoken()
    talk.say(*ENDS)
    talk.wait(60)
    assert talk.happened == [(1.5, ended("", None, had_output=False))]
    assert talk.tracker.timed_out_turns == 0


# Marks that lie


@pytest.mark.parametrize("mark", [TurnComplete(), GenerationComplete(), Interrupted()])
def test_marks_before_the_utterance_was_sent_whole_mean_nothing(mark: UpstreamEvent) -> None:
    """Nothing can be the end of what has not been said, whatever came before the mark."""
    for before in ((), ANSWER):
        talk = TrackedTalk()
        talk.open()
        talk.say(*before, mark)
        talk.wait(60)
        talk.send_whole()
        assert not any(isinstance(event, (OutputEnded, TurnEnded)) for event in talk.events)
        talk.say(*ANSWER, *ENDS)
        assert talk.events[-1] == ended(talk_source(talk))


def talk_source(talk: TrackedTalk) -> str:
    """The source text that was shown last."""
    return [event.text for event in talk.events if isinstance(event, SourceChanged)][-1]


def test_output_before_the_end_of_speech_does_not_end_the_turn() -> None:
    """Late output of a turn that was given up reaches the speaker's next utterance, and does not close it."""
    talk = spoken()
    talk.wait(12)
    talk.open()
    talk.say(*ANSWER, GenerationComplete())
    talk.wait(60)
    assert talk.tracker.unanswered == 1
    talk.send_whole()
    talk.wait(11.9)
    assert talk.tracker.unanswered == 1
    talk.wait(0.2)
    assert talk.events[-1] == ended(failure=TurnFailure.NO_END)


def test_a_turn_complete_of_the_turn_before_is_not_of_this_one() -> None:
    """A turn that ended without its ``turnComplete`` is still owed it; it may arrive in the next turn."""
    talk = spoken()
    talk.say(*ANSWER, GenerationComplete())
    talk.wait(3)
    talk.take()
    talk.speak()
    talk.say(TurnComplete())
    talk.say(SourceText("하나."), TargetText("One."), AUDIO)
    assert TurnEnded not in map(type, talk.take())
    talk.say(*ENDS)
    assert talk.take() == [OutputEnded(), ended("하나.", None)]


def test_a_turn_complete_that_never_came_is_not_waited_for() -> None:
    """A model that sends no ``turnComplete`` at all may begin to: after ``generationComplete`` it counts."""
    talk = spoken()
    talk.say(*ANSWER, GenerationComplete())
    talk.wait(3)
    talk.speak()
    talk.say(SourceText("하나."), TargetText("One."), AUDIO, *ENDS)
    assert talk.events[-1] == ended("하나.", None)


def test_a_phantom_interrupted_is_ignored() -> None:
    """``interrupted`` while no output plays changes nothing."""
    talk = spoken()
    talk.say(Interrupted())
    talk.wait(11)
    assert talk.events == []
    talk.say(*ANSWER, *ENDS)
    assert talk.events[-1] == ended()


def test_marks_without_a_turn_are_ignored() -> None:
    """Between turns no mark does anything."""
    talk = TrackedTalk()
    talk.say(TurnComplete(), GenerationComplete(), Interrupted(), GoAway(50.0), Usage(1, 1))
    talk.wait(60)
    assert talk.events == []


# Output and texts that come late


def test_output_may_resume_in_the_wait() -> None:
    """Audio after a premature ``turnComplete`` belongs to the turn, which ends after its real end."""
    talk = spoken()
    talk.say(AUDIO, TurnComplete())
    talk.wait(1.0)
    talk.say(SOURCE, AUDIO)
    talk.wait(3.0)
    talk.say(TARGET, AUDIO, *ENDS)
    assert [type(event) for event in talk.events] == [
        OutputStarted,
        OutputAudio,
        OutputEnded,
        SourceChanged,
        OutputAudio,
        TargetGrew,
        OutputAudio,
        OutputEnded,
        TurnEnded,
    ]


def test_output_may_begin_after_an_empty_turn_complete() -> None:
    """A ``turnComplete`` before any output does not make the answer a stranger."""
    talk = spoken()
    talk.say(TurnComplete())
    talk.wait(1.0)
    talk.say(TARGET)
    talk.wait(0.4)
    talk.say(AUDIO, SOURCE, *ENDS)
    assert talk.events[-1] == ended()
    assert len(talk.ends) == 1


def test_late_source_text_ends_the_wait() -> None:
    """The turn waits for its missing source text, and no longer than it takes."""
    talk = spoken()
    talk.say(TARGET, AUDIO, *ENDS)
    talk.wait(0.7)
    talk.say(SOURCE)
    assert talk.happened[-2:] == [(0.7, SourceChanged("안녕하세요.", "ko")), (0.7, ended())]


def test_late_target_text_does_not_make_the_turn_longer() -> None:
    """Text after the end of output, with no audio, is waited for 1.5 s and no longer."""
    talk = spoken()
    talk.say(SOURCE, AUDIO, *ENDS)
    talk.wait(0.7)
    talk.say(TARGET)
    talk.wait(60)
    assert talk.happened[-2:] == [(0.7, TargetGrew("Hello.", "en")), (0.7, ended())]


def test_fragments_of_late_target_text_do_not_make_the_turn_longer() -> None:
    """Text that trickles in after ``generationComplete`` does not put the end off."""
    talk = spoken()
    talk.say(SOURCE, AUDIO, GenerationComplete())
    talk.wait(0.6)
    for word in (" one", " two", " three", " four"):
        talk.say(TargetText(word))
        talk.wait(0.3)
    talk.wait(60)
    assert [at for at, event in talk.happened if isinstance(event, TurnEnded)] == [2.0]


@pytest.mark.parametrize("finished", [True, False])
def test_a_model_that_marks_the_end_of_its_texts_is_believed(finished: bool) -> None:
    """Once the upstream has ever marked a text finished, an unfinished one is waited for."""
    talk = spoken()
    talk.say(SourceText("하나.", finished=True), TargetText("One."), AUDIO, *ENDS)
    talk.speak()
    talk.say(SourceText("둘", finished=finished), TargetText("Two."), AUDIO, *ENDS)
    assert isinstance(talk.events[-1], TurnEnded) == finished
    talk.say(SourceText(" 셋.", finished=True))
    expected = "둘" if finished else "둘 셋."
    assert talk.ends[1].source_text == expected


def test_an_interim_text_is_not_the_last_word() -> None:
    """The turn waits for the final text that replaces an interim one."""
    talk = spoken()
    talk.say(InterimSourceText("안녕"), TARGET, AUDIO, *ENDS)
    assert SourceChanged("안녕", None) in talk.events
    talk.wait(0.4)
    talk.say(SOURCE)
    assert talk.happened[-1] == (0.4, ended())


def test_an_interim_text_counts_if_nothing_else_comes() -> None:
    """Where no final text follows, the turn ends with the interim one."""
    talk = spoken()
    talk.say(InterimSourceText("안녕"), TARGET, AUDIO, *ENDS)
    talk.wait(60)
    assert talk.happened[-1] == (1.5, ended("안녕", None))


def test_text_for_no_utterance_is_a_turn_of_its_own() -> None:
    """New text while nothing is unanswered goes out, and nobody's utterance counts as answered."""
    talk = TrackedTalk()
    talk.say(TargetText("By"), TargetText(" the way."))
    talk.wait(60)
    assert talk.happened == [
        (0.0, TargetGrew("By", None)),
        (0.0, TargetGrew(" the way.", None)),
        (0.5, OutputEnded()),
        (0.5, ended("", None, answers_utterance=False)),
    ]


def test_audio_for_no_utterance_is_a_turn_of_its_own() -> None:
    """Sound is never thrown away; without a mark it ends by the watchdog, and that counts as no timeout."""
    talk = TrackedTalk()
    talk.say(AUDIO)
    talk.wait(60)
    assert talk.happened == [
        (0.0, HEARD),
        (12.0, OutputEnded()),
        (12.0, ended("", None, answers_utterance=False)),
    ]
    assert talk.tracker.timed_out_turns == 0


def test_a_new_utterance_ends_a_turn_of_late_text() -> None:
    """A turn that belongs to no utterance does not stand in the way of the next."""
    talk = TrackedTalk()
    talk.say(SourceText("그런데"))
    talk.open()
    assert talk.events[-1] == ended("그런데", None, answers_utterance=False, had_output=False)
    assert talk.tracker.unanswered == 1


def test_late_text_belongs_to_the_unanswered_utterance() -> None:
    """Text that comes after its turn, while the next utterance is unanswered, belongs to that one."""
    talk = spoken()
    talk.say(TARGET, AUDIO, *ENDS)
    talk.wait(2)
    talk.open()
    talk.say(SOURCE)
    talk.send_whole()
    talk.say(TargetText("Two."), AUDIO, *ENDS)
    assert talk.events[-1] == ended()


# Repeats


@pytest.mark.parametrize("repeat", [SOURCE, SourceText(" 안녕 하세요. "), SourceText("안녕"), TARGET])
def test_a_repeat_after_the_turn_is_dropped(repeat: SourceText | TargetText) -> None:
    """What a closed turn said, or its beginning, is dropped and counted when it comes again."""
    talk = spoken()
    talk.say(*ANSWER, *ENDS)
    talk.wait(20)
    talk.take()
    talk.say(repeat)
    talk.wait(60)
    assert talk.take() == []
    assert talk.tracker.dropped_repeats == 1


def test_a_repeat_in_the_next_turn_is_dropped() -> None:
    """An earlier turn's text before the text of this turn does not get into it."""
    talk = spoken()
    sentence = SourceText("오늘은 날씨가 참 좋습니다.", language="ko")
    talk.say(sentence, TARGET, AUDIO, *ENDS)
    talk.speak()
    talk.take()
    talk.say(sentence, SourceText("하나 둘 셋.", language="ko"), TargetText("One."), AUDIO, *ENDS)
    assert talk.take()[0] == SourceChanged("하나 둘 셋.", "ko")
    assert talk.events[-1] == ended("하나 둘 셋.")
    assert talk.tracker.dropped_repeats == 1


def test_a_repeat_after_the_text_of_the_next_turn_is_dropped() -> None:
    """Once a turn has its text and its answer, the whole text of an earlier one is none of it."""
    talk = spoken()
    talk.say(SourceText("이 도구를 사용하면 됩니다."), TARGET, AUDIO, GenerationComplete(), TurnComplete())
    talk.speak()
    talk.say(SOURCE, TargetText("Good day."), AUDIO)
    talk.say(SourceText("이 도구를 사용하면 됩니다."), GenerationComplete(), TurnComplete())
    talk.wait(60)
    ends = [event for event in talk.events if isinstance(event, TurnEnded)]
    assert [end.source_text for end in ends] == ["이 도구를 사용하면 됩니다.", "안녕하세요."]
    assert talk.tracker.dropped_repeats == 1


def test_the_same_thing_said_again_is_no_repeat() -> None:
    """A speaker may say the same sentence twice, and reads it twice."""
    talk = spoken()
    talk.say(*ANSWER, *ENDS)
    talk.speak()
    talk.take()
    talk.say(*ANSWER, *ENDS)
    talk.wait(60)
    events = talk.take()
    assert SourceChanged("안녕하세요.", "ko") in events
    assert TargetGrew("Hello.", "en") in events
    assert events[-1] == ended()
    assert talk.tracker.dropped_repeats == 0


# Interrupt


def test_a_cut_turn_does_not_wait_for_text() -> None:
    """After ``interrupt`` the upstream's own end of output is the end of the turn."""
    talk = spoken()
    talk.say(AUDIO)
    talk.cut()
    assert talk.tracker.unanswered == 1
    talk.say(GenerationComplete())
    talk.wait(60)
    assert talk.happened[-2:] == [(0.5, OutputEnded()), (0.5, ended("", None))]


def test_a_cut_in_the_wait_ends_the_turn() -> None:
    """``interrupt`` after the end of output ends the wait for late text at once."""
    talk = spoken()
    talk.say(AUDIO, GenerationComplete())
    talk.wait(1.0)
    talk.cut()
    assert talk.happened[-1] == (1.0, ended("", None))


@pytest.mark.parametrize("sent", [True, False])
def test_a_cut_before_output_does_nothing(sent: bool) -> None:
    """An utterance whose output has not begun is not cancelled."""
    talk = TrackedTalk()
    talk.cut()
    talk.open()
    if sent:
        talk.send_whole()
    talk.cut()
    assert talk.events == []
    assert talk.tracker.unanswered == 1


# Several unanswered utterances (overlap="stream")


def test_unanswered_utterances_are_answered_in_order() -> None:
    """With several utterances upstream, each end belongs to the oldest."""
    talk = TrackedTalk()
    for _ in range(3):
        talk.speak()
    for number in (1, 2, 3):
        talk.say(SourceText(f"source {number}"), TargetText(f"target {number}"), AUDIO, *ENDS)
    assert [end.source_text for end in talk.ends] == ["source 1", "source 2", "source 3"]


# Automatic detection


def test_the_upstream_may_detect_utterances() -> None:
    """Without activity marks the first text of a turn opens it, and it answers an utterance."""
    talk = TrackedTalk(manual_activity=False)
    talk.say(SOURCE)
    assert talk.tracker.unanswered == 1
    talk.say(TARGET, AUDIO, *ENDS)
    talk.wait(60)
    assert [type(event) for event in talk.events] == [
        SourceChanged,
        OutputStarted,
        TargetGrew,
        OutputAudio,
        OutputEnded,
        TurnEnded,
    ]
    assert talk.events[-1] == ended()


def test_a_detected_utterance_without_output_is_given_up() -> None:
    """Recognised speech that nothing answers ends by the watchdog; the text is not lost."""
    talk = TrackedTalk(manual_activity=False)
    talk.say(SOURCE)
    talk.wait(60)
    assert talk.happened[-1] == (12.0, ended(had_output=False, failure=TurnFailure.NO_ANSWER))


def test_a_repeat_opens_no_turn_of_its_own() -> None:
    """Without activity marks, a repeated source text that nothing answers was the upstream's own."""
    talk = TrackedTalk(manual_activity=False)
    talk.say(*ANSWER, *ENDS)
    talk.take()
    talk.say(SOURCE)
    talk.wait(60)
    assert not any(isinstance(event, SourceChanged) for event in talk.take())
    assert talk.tracker.dropped_repeats == 1


def test_blank_text_opens_no_turn() -> None:
    """Space alone is nothing said."""
    talk = TrackedTalk(manual_activity=False)
    talk.say(SourceText(" "), TargetText(""), InterimSourceText(" "))
    talk.wait(60)
    assert talk.events == []


# Laws


@dataclass(frozen=True)
class Open:
    """An utterance begins to be sent, where none is being sent."""


@dataclass(frozen=True)
class SendWhole:
    """It is sent whole."""


@dataclass(frozen=True)
class Cut:
    """The client interrupts."""


@dataclass(frozen=True)
class Lose:
    """The connection breaks."""


WORDS = st.sampled_from([" a", "b", " c d e", "A gold ring.", " ", "", "넷"])
SAID = upstream_says(WORDS)
SOUND = st.builds(
    TargetAudio, st.sampled_from([bytes(2), bytes(1600), b"\1" * 62_000]), st.sampled_from([1000, 24000])
)
STEPS = st.lists(
    st.one_of(
        st.just(Open()),
        st.just(SendWhole()),
        st.just(Cut()),
        st.just(Lose()),
        st.builds(Wait, st.sampled_from([0.0, 0.3, 0.5, 1.5, 4.0, 12.0])),
        SOUND,
        SAID,
        SAID,
    ),
    max_size=40,
)
Step = Open | SendWhole | Cut | Lose | Wait | UpstreamEvent


def play(steps: list[Step], *, manual_activity: bool = True) -> TrackedTalk:
    """Everything that happens in a session with ``steps``, to its end."""
    talk = TrackedTalk(manual_activity=manual_activity)
    for step in steps:
        match step:
            case Open():
                if manual_activity and talk.opened == talk.sent:
                    talk.open()
            case SendWhole():
                if talk.opened > talk.sent:
                    talk.send_whole()
            case Cut():
                talk.cut()
            case Lose():
                talk.lose()
            case Wait():
                talk.wait(step.secs)
            case _:
                talk.say(step)
        answered = sum(end.answers_utterance for end in talk.ends)
        assert not manual_activity or answered <= talk.sent, "an utterance ended before it was sent whole"
        assert not manual_activity or talk.tracker.unanswered == talk.opened - answered
    if talk.opened > talk.sent:
        talk.send_whole()
    talk.wait(1000)
    return talk


@settings(max_examples=300)
@given(STEPS)
def test_every_utterance_ends_exactly_once(steps: list[Step]) -> None:
    """Whatever the upstream says and when, each opened utterance ends once, and not before it was sent whole."""
    talk = play(steps)
    failures = [end.failure for end in talk.ends]
    assert sum(end.answers_utterance for end in talk.ends) == talk.opened
    assert talk.tracker.unanswered == 0
    silent = failures.count(TurnFailure.NO_ANSWER) + failures.count(TurnFailure.MUTE_AFTER_INTERRUPTED)
    assert silent <= talk.tracker.timed_out_turns <= len(failures)


@settings(max_examples=300)
@given(STEPS, st.booleans())
def test_all_audio_comes_out_once_and_in_order(steps: list[Step], manual_activity: bool) -> None:
    """No sound is lost, doubled or moved, whatever turn it belongs to; but zeros where speech should be."""
    talk = play(steps, manual_activity=manual_activity)
    said = [step.pcm for step in steps if isinstance(step, TargetAudio)]
    check_sound(talk.events, said, cut=Cut() in steps)


@settings(max_examples=300)
@given(STEPS, st.booleans())
def test_a_turn_keeps_its_form(steps: list[Step], manual_activity: bool) -> None:
    """In every turn output starts before it is heard, and the end says what there was, and what was wrong."""
    for turn in turns_of(play(steps, manual_activity=manual_activity).events):
        check_turn(turn, cut=Cut() in steps)


@settings(max_examples=300)
@given(STEPS, st.booleans())
def test_pieces_of_target_text_make_up_the_text(steps: list[Step], manual_activity: bool) -> None:
    """With no two fragments alike nothing is a repeat: the pieces of all turns are all that was said."""
    numbered: list[Step] = [
        TargetText(f" {n}.", step.finished) if isinstance(step, TargetText) else step
        for n, step in enumerate(steps)
    ]
    talk = play(numbered, manual_activity=manual_activity)
    grown = [
        "".join(event.text for event in turn if isinstance(event, TargetGrew)) for turn in turns_of(talk.events)
    ]
    said = [step.text.strip() for step in numbered if isinstance(step, TargetText)]
    assert " ".join(filter(None, grown)) == " ".join(said)
