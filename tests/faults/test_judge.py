"""The judge of the fault matrix: it passes what is right, and finds each thing that can be wrong."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.faults.judge import End, Expected, Verdict, judge
from tests.faults.recording import Answer, Heard, Message, Recording, Spoken
from tests.support.audit import Span

_VOICE_SAMPLES = 8000
_PAUSE_SAMPLES = 8000
_PREROLL_SAMPLES = 1600
_NAMES = ("one", "two", "three")


def noise(seed: int, samples: int, amplitude: int) -> bytes:
    """Sound that is like no other."""
    return np.random.default_rng(seed).integers(-amplitude, amplitude, samples).astype("<i2").tobytes()


_STREAM = b"".join(
    noise(seed, _PAUSE_SAMPLES, 40) + noise(seed + 1, _VOICE_SAMPLES, 9000) for seed in range(0, 2 * len(_NAMES), 2)
) + bytes(2 * _PAUSE_SAMPLES)
_ANSWERS = [Answer(f"say {name}", f"sage {name}", noise(100 + n, 24_000, 9000)) for n, name in enumerate(_NAMES)]


def spoken(number: int) -> Spoken:
    """An utterance of the stream."""
    start = _PAUSE_SAMPLES + number * (_PAUSE_SAMPLES + _VOICE_SAMPLES)
    return Spoken(_NAMES[number], Span(start, start + _VOICE_SAMPLES), _ANSWERS[number], 10.0 + number)


def heard(number: int, *, session: int = 1, cut: int = 0, sent: float = 1.0, at: float | None = None) -> Heard:
    """An utterance as it reaches the upstream.

    Args:
        number: Of the utterance.
        session: Of the upstream.
        cut: How many samples are missing at its start.
        sent: The part of its answer that was sent.
        at: When it began.
    """
    voice = spoken(number).voice
    pcm = _STREAM[2 * (voice.start - _PREROLL_SAMPLES + cut) : 2 * (voice.end + _PREROLL_SAMPLES)]
    sent_bytes = int(sent * len(_ANSWERS[number].audio))
    return Heard(session, pcm, sent == 1.0, sent_bytes, float(number) if at is None else at)


def text(kind: str, words: str, *, final: bool = False) -> Message:
    """A transcription."""
    language = {"language": "en"} if final else {}
    return {"type": f"{kind}_transcription", "text": words, "isFinal": final, **language}


def sound(pcm: bytes) -> Message:
    """A piece of speech."""
    return {"type": "audio_response", "pcm": pcm}


def state(name: str) -> Message:
    """A state; :func:`recording` says when it came."""
    return {"type": "speech_state", "state": name}


def turn(number: int, *, pcm: bytes | None = None, target: str | None = None) -> list[Message]:
    """An utterance's turn from its first state to its end."""
    answer = _ANSWERS[number]
    pcm = answer.audio if pcm is None else pcm
    target = answer.target if target is None else target
    return [
        state("speaking"),
        state("silent"),
        text("input", answer.source),
        sound(pcm[:1000]),
        text("output", target),
        sound(pcm[1000:]),
        text("input", answer.source, final=True),
        text("output", target, final=True),
        {"type": "turn_complete", "inputText": answer.source, "outputText": target},
    ]


def recording(*parts: list[Message], **changes: Any) -> Recording:
    """A recording of these messages in which all else is right."""
    messages: list[Message] = [{"type": "connected"}, *(message for part in parts for message in part)]
    messages = [{**m, "timestamp": at} if m["type"] == "speech_state" else m for at, m in enumerate(messages)]
    whole = Recording(
        stream=_STREAM,
        spoken=tuple(map(spoken, range(3))),
        heard=tuple(map(heard, range(3))),
        stray_bytes=0,
        messages=messages,
        arrivals=[10.0 + at / 10 for at in range(len(messages))],
        close_code=None,
        struck=0,
    )
    return replace(whole, **changes)


ALL = [turn(0), turn(1), turn(2)]


def failures(of: Recording, expected: Expected | None = None) -> Iterator[str]:
    """What the judge finds."""
    yield from judge(of, expected or Expected()).failures


def only_failure(of: Recording, expected: Expected | None = None) -> str:
    """What the judge finds, where it finds one thing."""
    (failure,) = failures(of, expected)
    return failure


def test_what_is_right_passes() -> None:
    """Three utterances, each whole upstream and answered once in order."""
    verdict = judge(recording(*ALL), Expected())
    assert verdict.passed, verdict.failures
    assert (verdict.answered, verdict.replayed, verdict.interrupted, verdict.dropped) == (3, 0, 0, 0)
    assert verdict.ended == "lives"
    assert verdict.delays_secs == pytest.approx([0.4, 0.3, 0.2])


def test_zeros_at_the_end_of_a_turn_are_no_difference() -> None:
    """Up to 10 ms of them, and nothing else."""
    whole = _ANSWERS[2].audio
    assert judge(recording(turn(0), turn(1), turn(2, pcm=whole + bytes(480))), Expected()).passed
    for more in (bytes(482), bytes(478) + b"\1\0"):
        longer = recording(turn(0), turn(1), turn(2, pcm=whole + more))
        assert "answers no utterance" in next(failures(longer))


def test_a_lost_utterance() -> None:
    """It was said, and no turn answers it."""
    assert only_failure(recording(turn(0), turn(2))) == "content: utterance 2 (two) was lost"


def test_an_utterance_answered_twice() -> None:
    """Both times to the end."""
    assert only_failure(recording(turn(0), turn(1), turn(1), turn(2))).endswith(
        "utterance 2 (two) was answered 2 times to the end"
    )


def test_turns_in_another_order_than_the_speech() -> None:
    """They come in the order in which their speech began."""
    assert "utterance 2 (two) was answered after utterance 3" in only_failure(recording(turn(0), turn(2), turn(1)))


@pytest.mark.parametrize(
    "pcm",
    [
        _ANSWERS[1].audio[:-2],
        _ANSWERS[1].audio[2:],
        _ANSWERS[1].audio[:20_000] + _ANSWERS[1].audio[20_002:],
        _ANSWERS[1].audio[:20_000] + _ANSWERS[1].audio[10_000:],
        bytes(len(_ANSWERS[1].audio)),
    ],
    ids=["without the last sample", "without the first", "without one in the middle", "with some twice", "zeros"],
)
def test_an_answer_whose_sound_is_wrong(pcm: bytes) -> None:
    """A sample too few or too many is an answer that nobody gave, and the utterance is lost."""
    found = list(failures(recording(turn(0), turn(1, pcm=pcm), turn(2))))
    assert found[0].startswith("content: turn 2 answers no utterance in full: nearest to utterance 2 (two)")
    assert found[1:] == ["content: utterance 2 (two) was lost"]


def test_an_answer_whose_text_is_wrong() -> None:
    """The texts are compared, unless the upstream sends none."""
    wrong = recording(turn(0), turn(1, target="something else"), turn(2))
    assert "answers no utterance" in next(failures(wrong))
    assert judge(wrong, Expected(whole_texts=False)).passed


def broken_off(number: int) -> list[Message]:
    """A turn whose output breaks off and is made again."""
    whole = turn(number)
    return [*whole[:4], {"type": "interrupted", "reason": "upstream"}, *whole[2:]]


def test_output_that_broke_off_and_was_made_again() -> None:
    """What came before ``interrupted`` counts as nothing; texts and sound start anew."""
    verdict = judge(recording(turn(0), broken_off(1), turn(2)), Expected())
    assert verdict.passed, verdict.failures
    assert verdict.interrupted == 1


def test_output_that_broke_off_and_was_made_again_without_a_word() -> None:
    """The client would hear the beginning twice."""
    silently = [message for message in broken_off(1) if message["type"] != "interrupted"]
    assert "turn 2 answers no utterance in full" in next(failures(recording(turn(0), silently, turn(2))))


def test_an_interrupt_that_nobody_sent() -> None:
    """The reason must be the upstream."""
    wrong = [{**message, "reason": "client"} if "reason" in message else message for message in broken_off(1)]
    assert "interrupted by 'client', which nobody did" in next(failures(recording(turn(0), wrong, turn(2))))


def test_an_interruption_of_nothing() -> None:
    """``interrupted`` of the upstream comes only where something of the turn had come."""
    early = [{"type": "interrupted", "reason": "upstream"}, *turn(1)]
    assert any("of which nothing had come" in failure for failure in failures(recording(turn(0), early, turn(2))))


def test_finals_that_come_twice() -> None:
    """The protocol's laws hold in every case."""
    doubled = [*turn(1)[:-1], text("output", "sage two", final=True), turn(1)[-1]]
    assert any(
        failure.startswith("protocol: a second final") for failure in failures(recording(turn(0), doubled, turn(2)))
    )


def test_a_turn_that_stays_open() -> None:
    """Nothing is left when the session is at rest."""
    open_turn = [text("input", "and so")]
    assert only_failure(recording(*ALL, open_turn)).startswith("protocol: a turn is left open")


def test_a_state_that_stays() -> None:
    """In the end nobody speaks and nothing is being processed."""
    assert only_failure(recording(*ALL, [state("processing")])) == "protocol: the last state is 'processing'"


def test_voice_that_did_not_reach_the_upstream() -> None:
    """The first voiced sample is missing in what was answered."""
    clipped = (heard(0), heard(1, cut=_PREROLL_SAMPLES + 1), heard(2))
    assert list(failures(recording(*ALL, heard=clipped))) == [
        "upstream: two was answered of 7999 of its 8000 voiced samples",
        "upstream: utterance 2 (two) did not reach the upstream whole in an utterance that was answered",
    ]
    assert judge(recording(*ALL, heard=(heard(0), heard(1, cut=_PREROLL_SAMPLES), heard(2))), Expected()).passed


def test_a_sample_that_is_missing_inside() -> None:
    """What reached the upstream is compared with the stream sample by sample."""
    pcm = heard(1).audio
    holed = replace(heard(1), audio=pcm[:8000] + pcm[8002:])
    assert "activity 2: utterance 1 is no part of the stream" in only_failure(
        recording(*ALL, heard=(heard(0), holed, heard(2)))
    )


def test_activities_far_from_each_other() -> None:
    """In a long recording one is found wherever it is."""
    pause = noise(9, 100 * 16_000, 40)
    stream = b"".join(noise(50 + n, _VOICE_SAMPLES, 9000) + pause for n in range(3))
    step = _VOICE_SAMPLES + len(pause) // 2
    voices = [Span(n * step, n * step + _VOICE_SAMPLES) for n in range(3)]
    said = tuple(replace(spoken(n), voice=voice) for n, voice in enumerate(voices))
    activities = tuple(replace(heard(n), audio=stream[2 * v.start : 2 * v.end]) for n, v in enumerate(voices))
    verdict = judge(recording(*ALL, stream=stream, spoken=said, heard=activities), Expected())
    assert verdict.passed, verdict.failures


def test_an_answer_to_speech_that_the_upstream_never_answered() -> None:
    """The upstream's record must have the whole utterance in an activity that it answered in full."""
    unanswered = (heard(0), heard(1, sent=0.9), heard(2))
    assert "did not reach the upstream whole" in only_failure(recording(*ALL, heard=unanswered))


def test_two_utterances_in_one_activity() -> None:
    """Each is one of its own."""
    first, last = spoken(1).voice, spoken(2).voice
    merged = Heard(1, _STREAM[2 * first.start : 2 * last.end], True, 0, 1.0)
    assert "one activity holds two, three" in only_failure(recording(*ALL, heard=(heard(0), merged)))


def test_utterances_that_were_sent_in_another_order() -> None:
    """Upstream, too, they come as they were said."""
    swapped = (heard(0), heard(2, at=1.0), heard(1, at=2.0))
    assert "in another order" in only_failure(recording(*ALL, heard=swapped))


def test_sound_outside_any_activity() -> None:
    """The upstream throws it away."""
    assert only_failure(recording(*ALL, stray_bytes=640)) == "upstream: 640 bytes of sound came outside an activity"


def test_an_utterance_that_was_sent_again() -> None:
    """It counts as a replay, and is wrong only where none may be."""
    again = (heard(0), heard(1, sent=0.9), heard(1, session=2, at=1.5), heard(2, session=2))
    assert judge(recording(*ALL, heard=again), Expected()).replayed == 1
    assert only_failure(recording(*ALL, heard=again), Expected(replays=0)).startswith(
        "upstream: 1 utterances were sent again"
    )


@pytest.mark.parametrize(("at_secs", "wrong"), [(11.7, False), (11.9, True)])
def test_an_utterance_that_was_sent_again_after_its_turn(at_secs: float, wrong: bool) -> None:
    """Nothing that the client got whole goes up again, even where the client would not notice."""
    again = (heard(0), heard(1), heard(1, session=2, at=at_secs), heard(2, session=2, at=12.0))
    found = list(failures(recording(*ALL, heard=again)))
    assert found == ["upstream: utterance 2 (two) was sent again after its turn was complete"] * wrong


def test_an_answer_without_the_mark_of_its_end_is_an_answer() -> None:
    """All of its sound was sent; whether the mark followed makes no difference to who listens."""
    unmarked = replace(heard(1), complete=False)
    assert judge(recording(*ALL, heard=(heard(0), unmarked, heard(2))), Expected()).passed


def dropped(duration_ms: int) -> list[Message]:
    """A warning that speech was given up."""
    return [{"type": "warning", "code": "SPEECH_DROPPED", "message": "…", "ms": duration_ms}]


def test_speech_that_was_dropped_and_named() -> None:
    """Allowed where the case says so, with its length; nowhere else."""
    told = recording(turn(0), dropped(1300), turn(2))
    verdict = judge(told, Expected(may_drop=True))
    assert verdict.passed, verdict.failures
    assert verdict.dropped == 1
    assert next(failures(told)).startswith("content: SPEECH_DROPPED where nothing may be")


@pytest.mark.parametrize("duration_ms", [499, 3001])
def test_speech_that_was_dropped_with_a_wrong_length(duration_ms: int) -> None:
    """The length is that of the utterance: its voice at least, and not much more."""
    told = recording(turn(0), dropped(duration_ms), turn(2))
    assert only_failure(told, Expected(may_drop=True)) == (
        f"content: utterance 2 (two) of 500 ms of voice was dropped as {duration_ms} ms"
    )


def test_more_is_lost_than_was_named() -> None:
    """Each utterance needs a warning of its own; and a warning needs an utterance."""
    assert only_failure(recording(turn(0), dropped(1300)), Expected(may_drop=True)).endswith("was lost")
    unfounded = recording(*ALL, dropped(1300))
    assert (
        only_failure(unfounded, Expected(may_drop=True)) == "content: 1 SPEECH_DROPPED, but 0 utterances are lost"
    )


def test_what_there_was_of_an_answer_that_was_given_up() -> None:
    """It may have begun before its speech was dropped; anything else is no part of an answer."""
    begun = turn(1, pcm=_ANSWERS[1].audio[:20_000], target="sage")
    told = recording(turn(0), begun, dropped(1300), turn(2))
    assert judge(told, Expected(may_drop=True)).passed
    other = turn(1, pcm=_ANSWERS[1].audio[2:20_000], target="sage")
    assert "answers no utterance in full" in only_failure(
        recording(turn(0), other, dropped(1300), turn(2)), Expected(may_drop=True)
    )


def test_the_same_words_said_twice() -> None:
    """Two utterances of the same words need two answers, in their places."""
    again = (spoken(0), replace(spoken(1), answer=_ANSWERS[0]), spoken(2))
    assert judge(recording(turn(0), turn(0), turn(2), spoken=again), Expected()).passed
    assert only_failure(recording(turn(0), turn(2), spoken=again)) == "content: utterance 2 (two) was lost"
    assert "was answered 2 times" in next(failures(recording(turn(0), turn(0), turn(0), turn(2), spoken=again)))


def ended(code: str, close_code: int, *parts: list[Message]) -> Recording:
    """A session that ends."""
    return recording(*parts, [{"type": "error", "code": code, "message": "…"}], close_code=close_code)


QUOTA = Expected(end=End("UPSTREAM_QUOTA", 1013), answered=1)


def test_a_session_that_ends_as_documented() -> None:
    """What had been answered before counts, the rest is not lost: the client was told."""
    verdict = judge(ended("UPSTREAM_QUOTA", 1013, turn(0)), QUOTA)
    assert verdict.passed, verdict.failures
    assert (verdict.ended, verdict.answered) == ("UPSTREAM_QUOTA 1013", 1)


def test_a_session_that_ends_in_the_middle_of_an_answer() -> None:
    """What there is of the last turn may come before the error; an earlier one must be whole."""
    begun = turn(1, pcm=_ANSWERS[1].audio[:20_000])
    assert judge(ended("UPSTREAM_QUOTA", 1013, turn(0), begun), QUOTA).passed
    first = turn(0, pcm=_ANSWERS[0].audio[:20_000])
    assert "turn 1 answers no utterance" in next(failures(ended("UPSTREAM_QUOTA", 1013, first, turn(1)), QUOTA))


@pytest.mark.parametrize(
    ("of", "wanted"),
    [
        (ended("UPSTREAM_UNAVAILABLE", 1013, turn(0)), "UPSTREAM_UNAVAILABLE 1013, expected UPSTREAM_QUOTA 1013"),
        (ended("UPSTREAM_QUOTA", 1011, turn(0)), "UPSTREAM_QUOTA 1011, expected UPSTREAM_QUOTA 1013"),
        (recording(turn(0), close_code=1013), "no error 1013, expected UPSTREAM_QUOTA 1013"),
        (recording(turn(0)), "the session lives, expected UPSTREAM_QUOTA 1013"),
        (ended("UPSTREAM_QUOTA", 1013), "0 utterances were answered before the end, expected 1"),
        (ended("UPSTREAM_QUOTA", 1013, turn(0), turn(2)), "lost before the end: utterance 2 (two)"),
    ],
)
def test_a_session_that_ends_otherwise(of: Recording, wanted: str) -> None:
    """A wrong code, a wrong close, no error, no end, answers that are missing: each is found."""
    assert only_failure(of, QUOTA).endswith(wanted)


def test_an_error_in_a_session_that_was_to_live() -> None:
    """A repaired fault is no error."""
    found = list(failures(ended("INTERNAL", 1011, *ALL)))
    assert found == [
        "end: an error in a session that lives on: INTERNAL",
        "end: the server closed with 1011 what was to live on",
    ]


def test_a_fault_that_never_struck() -> None:
    """A case in which nothing happened shows nothing."""
    assert "struck 0 times, expected 2" in only_failure(recording(*ALL), Expected(strikes=2))


def test_a_verdict_begins_with_nothing() -> None:
    """One verdict's failures are not another's."""
    Verdict().failures.append("x")
    assert Verdict().passed
