"""Target ``turns``: anything that may happen to a session's turns, in any order, against the laws of turns.

An input is a program: its first byte says who marks activity, each one after it is a step, and some steps take
one more.
"""

from collections.abc import Iterator

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
)
from gemini.turns import OutputAudio, OutputEnded, OutputStarted, SourceChanged, TargetGrew, TurnEnded, TurnEvent
from tests.support.turns import TrackedTalk

LONGEST_BYTES = 512
_TEXTS = (
    "", " ", "a", " a", " b", "b.", " c d e", "A gold ring.", "A gold", " ring.", " A gold ring.", "넷", " 다섯.",
    "Hello there you.", " Hello there", "2026", "\n", "Hello there you. Hello there you.", "。", "A gold ring. a",
)  # fmt: skip
_LANGUAGES = (None, "ko", "en", "")
_WAITS_SECS = (0.0, 0.01, 0.3, 0.5, 1.0, 1.5, 4.0, 11.9, 12.0, 60.0)
_STEPS = 10
_LONGEST_TURN_SECS = 1000


def check(data: bytes) -> None:
    """Let happen what ``data`` says.

    Raises:
        AssertionError: A law is broken.
    """
    program = iter(data)
    manual = next(program, 0) % 2 == 0
    talk = TrackedTalk(manual_activity=manual)
    said: list[bytes] = []
    answered = seen = 0
    for step in program:
        _happen(talk, step % _STEPS, step // _STEPS, program, said, manual=manual)
        answered += _answered([event for _, event in talk.happened[seen:]])
        seen = len(talk.happened)
        assert not manual or answered <= talk.sent, "an utterance ended before it was sent whole"
        assert not manual or talk.tracker.unanswered == talk.opened - answered
    if talk.opened > talk.sent:
        talk.send_whole()
    talk.wait(_LONGEST_TURN_SECS)
    assert talk.tracker.unanswered == 0
    assert talk.tracker.deadline() is None
    assert not manual or _answered(talk.events) == talk.opened
    assert [event.pcm for event in talk.events if isinstance(event, OutputAudio)] == said
    for turn in _turns_of(talk.events):
        _check_form(turn)


def _happen(
    talk: TrackedTalk, step: int, variant: int, program: Iterator[int], said: list[bytes], *, manual: bool
) -> None:
    match step:
        case 0:
            if manual and talk.opened == talk.sent:
                talk.open()
        case 1:
            if talk.opened > talk.sent:
                talk.send_whole()
        case 2:
            talk.wait(_WAITS_SECS[variant % len(_WAITS_SECS)])
        case 3:
            talk.cut()
        case 4:
            said.append(bytes([len(said) % 256, variant]))
            talk.say(TargetAudio(said[-1], 24_000))
        case 5:
            talk.say((GenerationComplete(), TurnComplete(), Interrupted(), GoAway(1.0))[variant % 4])
        case 6 if variant == 7:
            talk.happened += [(talk.now, event) for event in talk.tracker.abandon(talk.now)]
            talk.opened = talk.sent = _answered(talk.events)
        case _:
            talk.say(_text_event(step, variant, next(program, 0)))


def _text_event(step: int, variant: int, choice: int) -> UpstreamEvent:
    text = _TEXTS[choice % len(_TEXTS)]
    language = _LANGUAGES[variant % len(_LANGUAGES)]
    finished = variant % 3 == 0
    match step:
        case 6 | 7:
            return SourceText(text, finished, language)
        case 8:
            return InterimSourceText(text, language)
        case _:
            return TargetText(text, finished, language)


def _answered(events: list[TurnEvent]) -> int:
    return sum(isinstance(event, TurnEnded) and event.answers_utterance for event in events)


def _turns_of(events: list[TurnEvent]) -> list[list[TurnEvent]]:
    turns: list[list[TurnEvent]] = [[]]
    for event in events:
        turns[-1].append(event)
        if isinstance(event, TurnEnded):
            turns.append([])
    assert turns.pop() == [], "something came after the last end"
    return turns


def _check_form(turn: list[TurnEvent]) -> None:
    """Output starts before it is heard, its end comes after, and the end says what there was."""
    end = turn[-1]
    assert isinstance(end, TurnEnded)
    kinds = [type(event) for event in turn]
    output = [place for place, event in enumerate(turn) if isinstance(event, TargetGrew | OutputAudio)]
    assert end.had_output == bool(output)
    assert kinds.count(OutputStarted) == (1 if output and end.answers_utterance else 0)
    assert OutputStarted not in kinds or kinds.index(OutputStarted) < output[0]
    assert OutputEnded not in kinds or kinds.index(OutputEnded) > output[0]
    texts = [event.text for event in turn if isinstance(event, SourceChanged)]
    assert end.source_text == (texts[-1] if texts else "")
    assert all(event.text for event in turn if isinstance(event, TargetGrew)), "an empty piece of target text"
