"""Answers that are none: every way in which an utterance counts as not answered, beside what only looks like it."""

import pytest

from gemini.events import GenerationComplete, Interrupted, SourceText, TargetAudio, TargetText, TurnComplete
from gemini.events import UpstreamEvent as Event
from gemini.turns import OutputAudio, OutputEnded, OutputStarted, TargetGrew, TurnEnded, TurnFailure
from tests.support.pcm import counting_pcm
from tests.support.turns import (
    ANSWER,
    AUDIO,
    ENDS,
    HEARD,
    SOURCE,
    TARGET,
    ZEROS,
    TrackedTalk,
    ended,
    spoken,
)

MINUTE = TargetAudio(b"\1\0" * 60_000, 1000)
SECOND = TargetAudio(b"\1\0" * 1000, 1000)


def outcome(*events: Event, manual_activity: bool = True) -> tuple[float, TurnFailure | None]:
    """When the turn that is answered with ``events`` ends, and how."""
    talk = spoken(manual_activity=manual_activity)
    talk.say(*events)
    talk.wait(60)
    (end,) = [(at, event.failure) for at, event in talk.happened if isinstance(event, TurnEnded)]
    return end


def failures(talk: TrackedTalk) -> list[TurnFailure | None]:
    """How the turns so far ended."""
    return [end.failure for end in talk.ends]


# No answer


@pytest.mark.parametrize("manual_activity", [True, False])
def test_silence_is_no_answer(manual_activity: bool) -> None:
    """Nothing within 12 s of the end of speech, which the upstream may have recognised."""
    assert outcome(SOURCE, manual_activity=manual_activity) == (12.0, TurnFailure.NO_ANSWER)


def test_an_answer_in_the_last_moment_is_one() -> None:
    """Output that begins just in time is waited for to its end."""
    talk = spoken()
    talk.wait(11.9)
    talk.say(AUDIO)
    talk.wait(11.9)
    talk.say(SOURCE, TARGET, AUDIO, *ENDS)
    assert failures(talk) == [None]


def test_silence_after_interrupted_is_told_apart() -> None:
    """The upstream is mute after an ``interrupted`` that interrupted nothing."""
    assert outcome(Interrupted()) == (12.0, TurnFailure.MUTE_AFTER_INTERRUPTED)


def test_interrupted_between_turns_counts_for_the_next() -> None:
    """A session that goes mute after the ``interrupted`` that follows an answer."""
    talk = spoken()
    talk.say(*ANSWER, *ENDS, Interrupted())
    talk.speak()
    talk.wait(60)
    assert failures(talk) == [None, TurnFailure.MUTE_AFTER_INTERRUPTED]


def test_interrupted_is_forgotten_once_an_answer_follows() -> None:
    """Whatever becomes of a later utterance has nothing to do with it."""
    talk = spoken()
    talk.say(Interrupted(), *ANSWER, *ENDS)
    talk.speak()
    talk.wait(60)
    assert failures(talk) == [None, TurnFailure.NO_ANSWER]


# Broken off


@pytest.mark.parametrize("after", [(), (TurnComplete(),), (SOURCE,), (TurnComplete(), Interrupted())])
def test_output_that_is_interrupted_is_broken_off(after: tuple[Event, ...]) -> None:
    """``interrupted`` in the middle of output and none after it, whatever else comes; text is not waited for."""
    assert outcome(TARGET, AUDIO, Interrupted(), *after) == (0.5, TurnFailure.BROKEN_OFF)


def test_sound_without_text_is_broken_off_too() -> None:
    """The upstream may be interrupted before the first word of a transcription."""
    assert outcome(AUDIO, Interrupted()) == (0.5, TurnFailure.BROKEN_OFF)


def test_text_that_looks_like_a_repeat_does_not_hide_the_break() -> None:
    """Text that was held back until the end of the turn is no output that goes on."""
    talk = spoken()
    talk.say(*ANSWER, *ENDS)
    talk.speak()
    talk.say(AUDIO, TARGET, Interrupted())
    talk.wait(60)
    assert failures(talk) == [None, TurnFailure.BROKEN_OFF]


@pytest.mark.parametrize("more", [AUDIO, TargetText(" Goodbye."), GenerationComplete()])
def test_a_phantom_interrupted_breaks_nothing(more: Event) -> None:
    """Output that goes on was not interrupted, nor was output that is all generated."""
    talk = spoken()
    talk.say(*ANSWER, Interrupted())
    talk.wait(0.4)
    assert talk.ends == []
    talk.say(more)
    talk.wait(0.4)
    talk.say(AUDIO, *ENDS)
    talk.wait(60)
    assert failures(talk) == [None]
    assert OutputEnded() not in talk.events[: talk.events.index(HEARD) + 1]


@pytest.mark.parametrize("more", [AUDIO, TargetText(" Goodbye.")])
def test_output_that_went_on_may_pause(more: Event) -> None:
    """After a phantom ``interrupted`` it has the time that it always has."""
    talk = spoken()
    talk.say(*ANSWER, Interrupted(), more)
    talk.wait(11.9)
    talk.say(AUDIO, *ENDS)
    assert failures(talk) == [None]


@pytest.mark.parametrize("ends", [ENDS, ENDS[:1]])
def test_an_answer_that_is_all_generated_was_not_broken_off(ends: tuple[Event, ...]) -> None:
    """``generationComplete`` says so, whatever came before it."""
    assert outcome(*ANSWER, Interrupted(), *ends)[1] is None


@pytest.mark.parametrize("ends", [ENDS, ENDS[:1], ENDS[1:]])
def test_interrupted_after_an_end_breaks_nothing(ends: tuple[Event, ...]) -> None:
    """There was no output left to interrupt (langwatch/scenario #360)."""
    assert outcome(*ANSWER, *ends, Interrupted())[1] is None
    assert outcome(TARGET, AUDIO, *ends, Interrupted())[1] is None


# No end


def test_output_that_stops_without_an_end_has_none() -> None:
    """The sound freezes: 12 s after the last of it the answer counts as unfinished."""
    assert outcome(*ANSWER) == (12.0, TurnFailure.NO_END)


def test_output_that_goes_on_for_minutes_has_no_end() -> None:
    """More than two minutes for a piece of speech of some seconds are too much."""
    talk = spoken()
    talk.say(SOURCE, TARGET, MINUTE, MINUTE)
    assert talk.ends == []
    talk.say(SECOND)
    assert failures(talk) == [TurnFailure.NO_END]


def test_a_long_answer_is_one() -> None:
    """Two minutes are not too much."""
    assert outcome(SOURCE, TARGET, MINUTE, MINUTE, *ENDS) == (0.0, None)


def test_a_pause_in_the_output_is_no_end() -> None:
    """As long as something comes every now and then the answer goes on."""
    talk = spoken()
    for _ in range(5):
        talk.say(AUDIO)
        talk.wait(11.9)
    talk.say(SOURCE, TARGET, *ENDS)
    assert failures(talk) == [None]


# Turns that are empty, or end too early


def test_a_turn_complete_and_nothing_else_is_no_answer() -> None:
    """Known after the time that late output has."""
    assert outcome(TurnComplete()) == (1.5, TurnFailure.EMPTY_TURN)
    assert outcome(SOURCE, TurnComplete()) == (1.5, TurnFailure.EMPTY_TURN)


@pytest.mark.parametrize("before", [(), (SOURCE,)])
def test_saying_nothing_on_purpose_is_an_answer(before: tuple[Event, ...]) -> None:
    """``generationComplete`` says that the model generated all there is: noise needs no interpretation."""
    assert outcome(*before, *ENDS)[1] is None
    assert outcome(*before, GenerationComplete())[1] is None


def test_speech_that_only_the_upstream_heard_needs_no_answer() -> None:
    """Without activity marks an empty turn is the upstream's own: nobody knows whether there was speech."""
    assert outcome(TurnComplete(), manual_activity=False) == (1.5, None)


def test_output_after_an_empty_turn_complete_is_the_answer() -> None:
    """It was only premature."""
    talk = spoken()
    talk.say(TurnComplete())
    talk.wait(1.4)
    talk.say(*ANSWER, *ENDS)
    assert failures(talk) == [None]


@pytest.mark.parametrize("pause_secs", [0.4, 1.0])
@pytest.mark.parametrize("ends", [ENDS, ENDS[:1], ENDS[1:]])
def test_a_premature_turn_complete_cuts_nothing_off(ends: tuple[Event, ...], pause_secs: float) -> None:
    """Sound that goes on after it belongs to the turn, and ends with its own end."""
    talk = spoken()
    talk.say(TARGET, AUDIO, TurnComplete())
    talk.wait(pause_secs)
    talk.say(AUDIO)
    talk.wait(5)
    assert talk.ends == []
    talk.say(SOURCE, AUDIO, *ends)
    talk.wait(60)
    assert failures(talk) == [None]
    assert [event for event in talk.events if isinstance(event, OutputAudio)] == [HEARD] * 3


def test_sound_after_a_turn_complete_need_not_end_again() -> None:
    """An answer that had its ``turnComplete``, and some more sound, is whole, if late."""
    talk = spoken()
    talk.say(*ANSWER, TurnComplete(), AUDIO)
    talk.wait(60)
    assert talk.happened[-1] == (12.0, ended())


def test_zeros_after_an_empty_turn_complete_are_no_answer() -> None:
    """Nothing was heard of it."""
    assert outcome(TurnComplete(), ZEROS) == (12.0, TurnFailure.NO_ANSWER)


# Text without speech


@pytest.mark.parametrize("manual_activity", [True, False])
@pytest.mark.parametrize(("ends", "at"), [(ENDS, 0.0), (ENDS[:1], 0.5), (ENDS[1:], 0.5)])
def test_text_alone_is_no_answer(ends: tuple[Event, ...], at: float, manual_activity: bool) -> None:
    """The client is owed the speech of an interpretation."""
    failed = outcome(SOURCE, TARGET, *ends, manual_activity=manual_activity)
    assert failed == (at, TurnFailure.NO_AUDIO)


@pytest.mark.parametrize("ends", [ENDS, ENDS[:1], ENDS[1:]])
def test_text_alone_that_was_said_before_is_no_answer(ends: tuple[Event, ...]) -> None:
    """Text that was held back as a possible repeat until the turn ended is text as any other."""
    talk = spoken()
    talk.say(*ANSWER, *ENDS)
    talk.speak()
    talk.say(SOURCE, TARGET, *ends)
    talk.wait(60)
    assert failures(talk) == [None, TurnFailure.NO_AUDIO]


def test_speech_that_follows_its_text_is_an_answer() -> None:
    """It may be late, within the time that the end of output has."""
    talk = spoken()
    talk.say(SOURCE, TARGET, GenerationComplete())
    talk.wait(0.4)
    talk.say(AUDIO)
    talk.wait(60)
    assert failures(talk) == [None]


def sound(secs: float) -> TargetAudio:
    """So much of a voice."""
    return TargetAudio(b"\1\0" * round(secs * 1000), 1000)


@pytest.mark.parametrize(
    ("text", "no_voice_secs", "fast_voice_secs"),
    [("x" * 90, 2.0, 3.6), ("x" * 900, 20.0, 36.0), ("안" * 36, 2.0, 3.6), ("안녕 " * 20, 2.0, 4.0)],
)
def test_too_little_speech_for_its_text_is_no_answer(
    text: str, no_voice_secs: float, fast_voice_secs: float
) -> None:
    """No voice says 45 letters in a second, or 18 that write a whole syllable; one may say 25, or 10."""
    for manual_activity in (True, False):
        ends = [
            outcome(SOURCE, TargetText(text), sound(secs), *ENDS, manual_activity=manual_activity)[1]
            for secs in (no_voice_secs, fast_voice_secs)
        ]
        assert ends == [TurnFailure.NO_AUDIO, None]


@pytest.mark.parametrize("text", ["x" * 15, "안녕하세요"])
def test_a_word_may_be_short(text: str) -> None:
    """For some letters any sound at all will do."""
    assert outcome(SOURCE, TargetText(text), AUDIO, *ENDS)[1] is None


def test_zeros_are_no_part_of_the_speech() -> None:
    """A voice that falls silent in the first word said no more than that, however long the silence."""
    text = TargetText("x" * 90)
    assert outcome(SOURCE, text, sound(1.5), *[ZEROS] * 9, *ENDS)[1] is TurnFailure.NO_AUDIO
    assert outcome(SOURCE, text, ZEROS, sound(1.8), ZEROS, sound(1.8), *ENDS)[1] is None


# Zeros for speech


@pytest.mark.parametrize("events", [(TARGET, ZEROS), (ZEROS, TARGET), (ZEROS, TARGET, ZEROS)])
@pytest.mark.parametrize(("ends", "at"), [(ENDS, 0.0), (ENDS[:1], 0.5), (ENDS[1:], 0.5), ((), 12.0)])
def test_zeros_are_no_speech(events: tuple[Event, ...], ends: tuple[Event, ...], at: float) -> None:
    """Text of an interpretation with zeros for its speech: the client hears nothing of it."""
    talk = spoken()
    talk.say(SOURCE, *events, *ends)
    talk.wait(60)
    assert talk.happened[-1] == (at, ended(failure=TurnFailure.SILENT_AUDIO))
    assert not any(isinstance(event, OutputAudio) for event in talk.events)


@pytest.mark.parametrize("ends", [ENDS, ENDS[1:]])
def test_zeros_are_no_speech_when_their_text_is_late(ends: tuple[Event, ...]) -> None:
    """Text may follow the ends by 1.5 s; until then nobody knows that there was something to say."""
    talk = spoken()
    talk.say(SOURCE, ZEROS, *ends)
    talk.wait(1.4)
    talk.say(TARGET)
    talk.wait(60)
    assert failures(talk) == [TurnFailure.SILENT_AUDIO]


def test_some_seconds_of_zeros_are_enough() -> None:
    """The end is not waited for: more than 3 s of zeros do not become speech."""
    talk = spoken()
    talk.say(SOURCE, TARGET, *[ZEROS] * 6)
    assert talk.ends == []
    talk.say(ZEROS)
    assert failures(talk) == [TurnFailure.SILENT_AUDIO]


@pytest.mark.parametrize("silent", [bytes(2), bytes(9600)])
def test_zeros_before_speech_are_heard(silent: bytes) -> None:
    """They wait for the first sound, then all of it comes out, sample for sample."""
    talk = spoken()
    speech = counting_pcm(0, 600)
    talk.say(SOURCE, TargetAudio(silent, 24000), TARGET, TargetAudio(silent, 24000))
    assert not any(isinstance(event, OutputAudio) for event in talk.events)
    talk.say(TargetAudio(speech, 24000), TargetAudio(silent, 24000), *ENDS)
    pieces = [event.pcm for event in talk.events if isinstance(event, OutputAudio)]
    assert pieces == [silent, silent, speech, silent]
    assert failures(talk) == [None]
    assert talk.events.index(OutputStarted()) < talk.events.index(TargetGrew("Hello.", "en"))


def test_zeros_between_speech_are_not_held_back() -> None:
    """A pause of the interpreter's voice comes when it comes, however long."""
    talk = spoken()
    talk.say(*ANSWER)
    talk.take()
    talk.say(*[ZEROS] * 10)
    assert len(talk.take()) == 10
    talk.say(*ENDS)
    assert failures(talk) == [None]


@pytest.mark.parametrize(("ends", "at"), [(ENDS, 1.5), (ENDS[1:], 1.5), (ENDS[:1], 13.5)])
def test_zeros_that_have_nothing_to_say_are_an_answer(ends: tuple[Event, ...], at: float) -> None:
    """Without any text silence is what the upstream had to say, and is heard."""
    talk = spoken()
    talk.say(SOURCE, ZEROS, *ends)
    talk.wait(60)
    assert [event for event in talk.events[1:] if not isinstance(event, OutputAudio)] == [
        OutputStarted(),
        OutputEnded(),
        ended(),
    ]
    assert talk.happened[-1][0] == at


# Lost


@pytest.mark.parametrize("events", [(), (SOURCE,), ANSWER, (*ANSWER, Interrupted()), (ZEROS,), (Interrupted(),)])
def test_a_connection_that_breaks_leaves_its_utterance_unanswered(events: tuple[Event, ...]) -> None:
    """Whatever came of the answer, its end did not."""
    talk = spoken()
    talk.say(*events)
    talk.lose()
    assert failures(talk) == [TurnFailure.LOST]


def test_an_utterance_that_is_being_sent_is_lost_with_the_connection() -> None:
    """Nothing that came could be its answer."""
    talk = TrackedTalk()
    talk.open()
    talk.say(*ANSWER, *ENDS)
    talk.lose()
    assert failures(talk) == [TurnFailure.LOST]


def test_every_utterance_upstream_is_lost_with_the_connection() -> None:
    """Of several, the one whose answer was complete is answered."""
    talk = TrackedTalk()
    for _ in range(3):
        talk.speak()
    talk.say(*ANSWER, GenerationComplete())
    talk.lose()
    assert failures(talk) == [None, TurnFailure.LOST, TurnFailure.LOST]


@pytest.mark.parametrize("ends", [ENDS, ENDS[:1], ENDS[1:]])
def test_an_answer_that_is_complete_is_not_lost(ends: tuple[Event, ...]) -> None:
    """Only late text was still to come."""
    talk = spoken()
    talk.say(TARGET, AUDIO, *ends)
    talk.lose()
    assert failures(talk) == [None]


def test_an_empty_turn_is_none_the_better_for_a_loss() -> None:
    """What was wrong before the connection broke stays wrong."""
    talk = spoken()
    talk.say(TurnComplete())
    talk.lose()
    assert failures(talk) == [TurnFailure.EMPTY_TURN]


# What cannot fail

FAILING: list[tuple[Event, ...]] = [
    (),
    (Interrupted(),),
    (Interrupted(), TurnComplete()),
    ENDS,
    (ZEROS, *ENDS),
    (*[ZEROS] * 10,),
    (TargetText("x" * 450), *ENDS),
    (MINUTE, MINUTE, MINUTE),
]


@pytest.mark.parametrize("begun", [(TARGET,), (AUDIO,), (TARGET, AUDIO), (ZEROS, TARGET)])
@pytest.mark.parametrize("events", FAILING)
@pytest.mark.parametrize("lost", [False, True])
def test_a_turn_that_was_cut_never_fails(begun: tuple[Event, ...], events: tuple[Event, ...], lost: bool) -> None:
    """The client wanted no more of it: nothing is to be said again, however it goes on."""
    talk = spoken()
    talk.say(SOURCE, *begun)
    talk.cut()
    talk.say(*events)
    if lost:
        talk.lose()
    talk.wait(60)
    assert {end.failure for end in talk.ends if end.answers_utterance} == {None}


@pytest.mark.parametrize("events", [*FAILING, (TARGET,), (SOURCE,), (AUDIO, Interrupted()), (ZEROS, TARGET)])
@pytest.mark.parametrize("lost", [False, True])
def test_what_answers_no_utterance_never_fails(events: tuple[Event, ...], lost: bool) -> None:
    """There is no speech that could be sent again."""
    talk = TrackedTalk()
    talk.say(SourceText("그런데"), *events)
    if lost:
        talk.lose()
    talk.wait(60)
    assert set(failures(talk)) == {None}
    assert not any(end.answers_utterance for end in talk.ends)
