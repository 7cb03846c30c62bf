"""Turns of a session that never ends one: segments by silence, language and length, and what answers which."""

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
from gemini.script import main_script
from gemini.translation_turns import Direction, TranslationTimes, TranslationTracker
from gemini.turns import (
    OutputAudio,
    OutputEnded,
    OutputStarted,
    SourceChanged,
    SourceHeard,
    TargetGrew,
    TurnEnded,
    TurnEvent,
    TurnFailure,
)
from tests.support.turn_laws import check_sound, check_turn, turns_of
from tests.support.turns import Clocked, ended

AUDIO = TargetAudio(b"\1\0" * 6000, 24000)
ZEROS = TargetAudio(bytes(12000), 24000)
HEARD = OutputAudio(AUDIO.pcm, 24000)
PAUSE = OutputAudio(ZEROS.pcm, 24000)


def into_english(text: str, code: str | None) -> str | None:
    """The language of Korean or English text, else the code."""
    return {"HANGUL": "ko", "LATIN": "en"}.get(main_script(text) or "", code)


class Talk(Clocked[TranslationTracker]):
    """What happens to the turns of a session that translates.

    Attributes:
        heard: Source texts that were told early; they are not among what happened.
    """

    def __init__(self, times: TranslationTimes | None = None, direction: Direction | None = None) -> None:
        """Begin at second 0."""
        super().__init__(TranslationTracker(times or TranslationTimes(), direction))
        self.heard: list[str] = []

    def source(self, text: str, code: str | None = None) -> None:
        """It recognises speech."""
        self.say(SourceText(text, language=code))

    def target(self, text: str) -> None:
        """It interprets."""
        self.say(TargetText(text))

    @property
    def turns(self) -> list[tuple[str, str]]:
        """Both texts of each turn that ended."""
        return [
            (turn[-1].source_text, "".join(event.text for event in turn if isinstance(event, TargetGrew)))
            for turn in turns_of(self.events)
            if isinstance(turn[-1], TurnEnded)
        ]

    def _note(self, events: list[TurnEvent]) -> None:
        self.heard += [event.text for event in events if isinstance(event, SourceHeard)]
        super()._note([event for event in events if not isinstance(event, SourceHeard)])


# Silence


def test_silence_of_both_texts_ends_a_turn() -> None:
    """The turn is over when neither text nor sound came for two seconds, in the order of the protocol."""
    talk = Talk()
    talk.source("안녕하세요.", "ko")
    talk.wait(1.0)
    talk.say(TargetText("Hello.", language="en"), AUDIO)
    talk.wait(60)
    assert talk.happened == [
        (0.0, SourceChanged("안녕하세요.", "ko")),
        (1.0, OutputStarted()),
        (1.0, TargetGrew("Hello.", "en")),
        (1.0, HEARD),
        (3.0, OutputEnded()),
        (3.0, ended()),
    ]
    assert talk.tracker.idle


def test_fragments_make_one_text() -> None:
    """Source text is whole so far each time; target text comes in pieces."""
    talk = Talk()
    talk.source(" Good")
    talk.wait(1)
    talk.source(" morning.")
    talk.target(" Guten")
    talk.wait(1)
    talk.target(" Morgen.")
    talk.wait(60)
    assert [event.text for event in talk.events if isinstance(event, SourceChanged)] == ["Good", "Good morning."]
    assert talk.turns == [("Good morning.", "Guten Morgen.")]


def test_a_pause_of_the_speaker_makes_two_turns() -> None:
    """Speech after two seconds of silence is another turn, also while output of the first goes on."""
    talk = Talk()
    talk.source("하나.")
    talk.wait(1.5)
    talk.target("One.")
    talk.wait(1.0)
    talk.source("둘.")
    talk.wait(1.5)
    talk.target("Two.")
    talk.wait(60)
    assert talk.turns == [("하나.", "One."), ("둘.", "Two.")]


def test_speech_that_nothing_answers_ends() -> None:
    """After five seconds without output a turn is over; it counts, and is no failure."""
    talk = Talk()
    talk.source("음")
    talk.wait(60)
    assert talk.happened[-1] == (5.0, ended("음", None, had_output=False))
    assert talk.tracker.timed_out_turns == 1


def test_output_without_source_text_is_a_turn() -> None:
    """Source text may be missing; it may also come late, and then belongs to the output that waits for it."""
    talk = Talk()
    talk.say(TargetText("Hello."), AUDIO)
    talk.wait(1)
    talk.source("안녕하세요.")
    talk.wait(60)
    talk.say(AUDIO)
    talk.wait(60)
    assert talk.turns == [("안녕하세요.", "Hello."), ("", "")]


@pytest.mark.parametrize("mark", [GenerationComplete(), TurnComplete(), Interrupted(), GoAway(5), Usage(1, 2)])
def test_marks_mean_nothing(mark: UpstreamEvent) -> None:
    """A mark in the middle of an interpretation neither ends it nor begins another turn."""
    talk = Talk()
    talk.say(SourceText("하나"), TargetText("One"), mark, AUDIO, mark, TargetText(" two."), mark)
    talk.wait(60)
    assert talk.turns == [("하나", "One two.")]


# Zeros


def test_zeros_between_turns_are_not_passed_on() -> None:
    """A stream of zeros opens no turn, and none of it comes out."""
    talk = Talk()
    for _ in range(40):
        talk.say(ZEROS)
        talk.wait(0.25)
    assert talk.events == []


def test_a_pause_inside_an_interpretation_is_passed_on() -> None:
    """Zeros after the first output of a turn come out where they came, until it may be over."""
    talk = Talk()
    talk.source("하나, 둘.")
    talk.say(ZEROS, AUDIO)
    for _ in range(3):
        talk.wait(0.25)
        talk.say(ZEROS)
    talk.wait(0.25)
    talk.say(AUDIO)
    talk.wait(60)
    assert [event for event in talk.events if isinstance(event, OutputAudio)] == [HEARD, PAUSE, PAUSE, PAUSE, HEARD]


# Languages


def test_another_script_begins_another_turn() -> None:
    """Where the language of the source changes, a segment ends, without any silence."""
    talk = Talk()
    talk.source("Do you like it?")
    talk.wait(0.5)
    talk.source(" 네.")
    talk.wait(60)
    assert talk.turns == [("Do you like it?", ""), ("네.", "")]


def test_speech_in_the_target_language_waits_for_no_output() -> None:
    """A session says nothing where its own language is spoken: what is said next is answered."""
    talk = Talk(direction=Direction("en", into_english))
    talk.source("Do you like it?")
    talk.wait(0.5)
    talk.source(" 네.")
    talk.wait(0.5)
    talk.say(TargetText("Yes."), AUDIO)
    talk.wait(60)
    assert talk.turns == [("Do you like it?", ""), ("네.", "Yes.")]
    assert talk.tracker.timed_out_turns == 0


def test_output_while_the_target_language_is_spoken_is_a_turn_of_its_own() -> None:
    """It can't be an interpretation of that; what is recognised later in the other language may be its source."""
    talk = Talk(direction=Direction("en", into_english))
    talk.source("Do you like it?")
    talk.say(TargetText("Yes."), AUDIO)
    talk.source(" Well?")
    talk.wait(0.5)
    talk.source(" 네.")
    talk.wait(60)
    assert [source for source, _ in talk.turns] == ["Do you like it?", "", "Well?", "네."]


# Length


def test_a_monologue_is_cut_at_the_ends_of_sentences() -> None:
    """Ten minutes without a pause come out as turns of fifteen seconds at most, none of them lagging more."""
    talk = Talk()
    spoken: list[str] = []
    answers: list[float] = []
    for second in range(600):
        end = "." if second % 4 == 3 else ""
        talk.source(f" word{second}{end}")
        spoken.append(f"word{second}{end}")
        if second >= 3:
            talk.say(TargetText(f" wort{second - 3}{'.' if (second - 3) % 4 == 3 else ''}"), AUDIO)
            answers.append(talk.now)
        talk.wait(1.0)
    talk.wait(60)
    assert " ".join(source for source, _ in talk.turns) == " ".join(spoken)
    assert all(source.endswith(".") and len(source.split()) <= 16 for source, _ in talk.turns)
    assert [at for at, event in talk.happened if isinstance(event, TargetGrew)] == answers
    aligned = [
        source.split()[0].removeprefix("word") == target.split()[0].removeprefix("wort")
        for source, target in talk.turns
    ]
    assert all(aligned)


def test_a_monologue_without_sentences_is_cut_between_fragments() -> None:
    """Where no sentence ends, the longest segment is the bound."""
    talk = Talk()
    for second in range(60):
        talk.source(f" word{second}")
        talk.wait(1.0)
    talk.wait(60)
    assert [len(source.split()) for source, _ in talk.turns] == [15, 15, 15, 15]


def test_a_sentence_that_ends_inside_a_fragment_ends_the_segment_there() -> None:
    """The rest of the fragment belongs to the next turn."""
    talk = Talk()
    for _ in range(11):
        talk.source(" so")
        talk.wait(1.0)
    talk.source(" it ended. And then")
    talk.wait(60)
    assert [source for source, _ in talk.turns] == [" ".join(["so"] * 11 + ["it ended."]), "And then"]


def test_output_that_never_pauses_is_cut_too() -> None:
    """Nothing that comes out is one turn for longer than twice the longest segment."""
    talk = Talk()
    talk.source("말.")
    for number in range(120):
        talk.say(TargetText(f" word{number}"), AUDIO)
        talk.wait(1.0)
    talk.wait(60)
    assert all(len(target.split()) <= 33 for _, target in talk.turns)
    assert " ".join(target for _, target in talk.turns) == " ".join(f"word{number}" for number in range(120))


# Repeats, interrupts, losses


def test_a_whole_turn_that_comes_again_in_one_message_is_dropped() -> None:
    """What is too long for a fragment and was said before is the upstream's own repetition."""
    talk = Talk()
    talk.source("This is what somebody has said.")
    talk.wait(60)
    talk.source("This is what somebody has said.")
    talk.wait(60)
    assert len(talk.turns) == 1
    assert talk.tracker.dropped_repeats == 1


def test_a_word_may_be_said_twice() -> None:
    """A short text that was said before is said again."""
    talk = Talk()
    for _ in range(2):
        talk.say(SourceText("네."), TargetText("Yes."), AUDIO)
        talk.wait(60)
    assert talk.turns == [("네.", "Yes."), ("네.", "Yes.")]


def test_a_loss_ends_every_turn() -> None:
    """What was being said counts as lost, so that it goes up again; the rest does not."""
    talk = Talk()
    talk.say(SourceText("하나."), TargetText("One."), AUDIO)
    talk.wait(2.5)
    talk.lose()
    talk.say(SourceText("둘"), TargetText("Two"))
    talk.lose()
    assert [event.failure for event in talk.events if isinstance(event, TurnEnded)] == [None, TurnFailure.LOST]
    assert talk.tracker.idle


def test_a_cut_turn_is_not_lost() -> None:
    """Who wants no more of a turn does not want it again after a loss."""
    talk = Talk()
    talk.cut()
    talk.say(SourceText("하나"), TargetText("One"), AUDIO)
    talk.cut()
    talk.lose()
    assert talk.events[-1] == ended("하나", None)


def test_what_is_said_after_a_cut_is_another_turn() -> None:
    """Who interrupts an interpretation still wants what comes next, however soon it is said."""
    talk = Talk()
    talk.say(SourceText("하나"), TargetText("One"), AUDIO)
    talk.cut()
    talk.wait(0.5)
    talk.say(SourceText("둘"), AUDIO)
    talk.wait(3)
    talk.say(TargetText("Two"), AUDIO)
    talk.wait(10)
    assert talk.turns == [("하나", "One"), ("둘", "Two")]


def test_who_listens_to_the_speaker_hears_it_at_once() -> None:
    """Speech of the next turn is told of while the one in front still speaks."""
    talk = Talk()
    talk.say(SourceText("하나."), TargetText("One."), AUDIO)
    talk.wait(0.5)
    talk.source("Two.")
    assert talk.heard == ["하나.", "Two."]
    assert talk.tracker.unanswered == 2
    assert talk.tracker.unsaid


def test_interim_text_is_replaced() -> None:
    """Should the model send interim text, the whole of it is shown, and its final replaces it."""
    talk = Talk()
    talk.say(InterimSourceText("Go"), InterimSourceText("Good mor"), SourceText("Good morning."))
    talk.wait(60)
    assert talk.turns == [("Good morning.", "")]


# Laws


@dataclass(frozen=True)
class Wait:
    """Time passes."""

    secs: float


@dataclass(frozen=True)
class Cut:
    """The client interrupts."""


@dataclass(frozen=True)
class Lose:
    """The connection breaks."""


WORDS = st.sampled_from([" a", " b.", " c. d", "네", " 좋아요.", " ", "", "2026", "x" * 5000])
STEPS = st.lists(
    st.one_of(
        st.builds(Wait, st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0, 5.0, 12.0])),
        st.builds(SourceText, WORDS, finished=st.booleans(), language=st.sampled_from([None, "ko", "en"])),
        st.builds(TargetText, WORDS, finished=st.booleans()),
        st.builds(InterimSourceText, WORDS),
        st.builds(TargetAudio, st.sampled_from([bytes(2), b"\1\0", b"\2\0"]), st.just(24000)),
        st.sampled_from([GenerationComplete(), TurnComplete(), Interrupted(), Cut(), Lose()]),
    ),
    max_size=60,
)
DIRECTIONS = st.sampled_from([None, Direction("en", into_english), Direction("ko", into_english)])


def play(steps: list[object], direction: Direction | None) -> Talk:
    """Everything that happens with ``steps``, to its end."""
    talk = Talk(direction=direction)
    for step in steps:
        match step:
            case Wait():
                talk.wait(step.secs)
            case Cut():
                talk.cut()
            case Lose():
                talk.lose()
            case SourceText() | TargetText() | InterimSourceText() | TargetAudio():
                talk.say(step)
    talk.wait(1000)
    assert talk.tracker.idle
    return talk


@settings(max_examples=300)
@given(STEPS, DIRECTIONS)
def test_all_sound_comes_out_once_and_in_order(steps: list[object], direction: Direction | None) -> None:
    """Whatever comes when, no audio that is not zero is lost, doubled, moved or delayed."""
    talk = play(steps, direction)
    said = [step.pcm for step in steps if isinstance(step, TargetAudio) and any(step.pcm)]
    sounds = [event for event in talk.events if not (isinstance(event, OutputAudio) and not any(event.pcm))]
    check_sound(sounds, said, cut=False)


@settings(max_examples=300)
@given(STEPS, DIRECTIONS)
def test_a_turn_keeps_its_form(steps: list[object], direction: Direction | None) -> None:
    """In every turn output starts before it is heard, and its end comes once and says what there was."""
    for turn in turns_of(play(steps, direction).events):
        check_turn(turn, cut=True)


@settings(max_examples=300)
@given(STEPS, DIRECTIONS)
def test_all_words_come_out_once_and_in_order(steps: list[object], direction: Direction | None) -> None:
    """With no two fragments alike nothing is a repeat: the texts of all turns are all that was said."""
    numbered: list[object] = []
    for number, step in enumerate(steps):
        match step:
            case SourceText():
                numbered.append(SourceText(f"{step.text} s{number}", language=step.language))
            case TargetText():
                numbered.append(TargetText(f" t{number}"))
            case InterimSourceText():
                pass
            case _:
                numbered.append(step)
    talk = play(numbered, direction)
    sources = "".join(step.text for step in numbered if isinstance(step, SourceText))
    targets = "".join(step.text for step in numbered if isinstance(step, TargetText))
    assert "".join("".join(source for source, _ in talk.turns).split()) == "".join(sources.split())
    assert "".join("".join(target for _, target in talk.turns).split()) == "".join(targets.split())
