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
from tests.support.turn_laws import check_sound, check_turn, turns_of
from tests.support.turns import TrackedTalk

LONGEST_BYTES = 512
_TEXTS = (
    "", " ", "a", " a", " b", "b.", " c d e", "A gold ring.", "A gold", " ring.", " A gold ring.", "넷", " 다섯.",
    "Hello there you.", " Hello there", "2026", "\n", "Hello there you. Hello there you.", "。", "A gold ring. a",
)  # fmt: skip
_LANGUAGES = (None, "ko", "en", "")
_WAITS_SECS = (0.0, 0.01, 0.3, 0.5, 1.0, 1.5, 4.0, 11.9, 12.0, 60.0)
_STEPS = 10
_FIRST_VARIANT_OF_ZEROS = 20
_SECOND_OF_ZEROS = bytes(48_000)
_MINUTE_HZ = 1000
_MINUTE = b"\1\0" * (60 * _MINUTE_HZ)
_CUT = 3
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
    cut = False
    for step in program:
        cut |= step % _STEPS == _CUT
        _happen(talk, step % _STEPS, step // _STEPS, program, said, manual=manual)
        answered = _answered(talk)
        assert not manual or answered <= talk.sent, "an utterance ended before it was sent whole"
        assert not manual or talk.tracker.unanswered == talk.opened - answered
    if talk.opened > talk.sent:
        talk.send_whole()
    talk.wait(_LONGEST_TURN_SECS)
    assert talk.tracker.unanswered == 0
    assert talk.tracker.deadline() is None
    assert not manual or _answered(talk) == talk.opened
    check_sound(talk.events, said, cut=cut)
    for turn in turns_of(talk.events):
        check_turn(turn, cut=cut)


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
            audio = _audio_event(variant, len(said))
            said.append(audio.pcm)
            talk.say(audio)
        case 5:
            talk.say((GenerationComplete(), TurnComplete(), Interrupted(), GoAway(1.0))[variant % 4])
        case 6 if variant == 7:
            talk.lose()
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


def _audio_event(variant: int, number: int) -> TargetAudio:
    """Sound that tells its number; or zeros; or more than any answer has."""
    if variant < _FIRST_VARIANT_OF_ZEROS:
        return TargetAudio(bytes([number % 256, variant]), 24_000)
    zeros = (bytes(2), _SECOND_OF_ZEROS, _SECOND_OF_ZEROS * 3)
    long = TargetAudio(_MINUTE, _MINUTE_HZ)
    return [*(TargetAudio(pcm, 24_000) for pcm in zeros), long][(variant - _FIRST_VARIANT_OF_ZEROS) % 4]


def _answered(talk: TrackedTalk) -> int:
    return sum(end.answers_utterance for end in talk.ends)
