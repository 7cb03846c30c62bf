"""What a session is told: each thing that can be wrong with it is found."""

import random
from typing import Any

import pytest

from tests.soak.listening import Listening
from tests.soak.speech import Speech


@pytest.fixture
def listening() -> Listening:
    """Ears for a stream of eight utterances."""
    speech = Speech(0, random.Random(1))
    for _ in range(8):
        speech.speak()
    return Listening(speech)


def turn(listening: Listening, number: int, *, pcm: bytes | None = None) -> list[dict[str, Any]]:
    """All messages of the answer to an utterance, in two pieces of sound."""
    answer = listening._speech.said[number].answer
    sound = answer.audio if pcm is None else pcm
    return [
        {"type": "input_transcription", "text": answer.source, "isFinal": False},
        {"type": "output_transcription", "text": answer.target, "isFinal": False},
        {"type": "audio_response", "pcm": sound[:9600]},
        {"type": "audio_response", "pcm": sound[9600:]},
        {"type": "input_transcription", "text": answer.source, "isFinal": True, "language": "en"},
        {"type": "output_transcription", "text": answer.target, "isFinal": True, "language": "ko"},
        {"type": "turn_complete", "inputText": answer.source, "outputText": answer.target},
    ]


def hear(listening: Listening, *messages: dict[str, Any]) -> None:
    """Tell it all of them."""
    for message in messages:
        listening.take(message)


def test_answers_in_order(listening: Listening) -> None:
    """Nothing is wrong with them, and nothing of them is kept but what they answer."""
    for number in range(3):
        hear(listening, *turn(listening, number))
    assert listening.wrong == []
    assert [answer.number for answer in listening.answered] == [0, 1, 2]
    assert listening.settled == 3
    assert not listening.in_a_turn


def test_an_answer_that_was_begun_again(listening: Listening) -> None:
    """What came before ``interrupted`` counts as nothing."""
    hear(listening, *turn(listening, 0)[:3], {"type": "interrupted", "reason": "upstream"}, *turn(listening, 0))
    assert listening.wrong == []
    assert listening.counts["interrupted upstream"] == 1


def test_a_lost_utterance(listening: Listening) -> None:
    """The next answer shows that one is missing; it is named once."""
    hear(listening, *turn(listening, 0), *turn(listening, 2), *turn(listening, 3))
    assert listening.lost == [1]
    assert len(listening.wrong) == 1
    assert listening.wrong[0].startswith("utterance 2 (")
    assert listening.settled == 4


def test_a_doubled_answer(listening: Listening) -> None:
    """And one that comes after a later one."""
    hear(listening, *turn(listening, 0), *turn(listening, 1), *turn(listening, 1), *turn(listening, 0))
    assert listening.doubled == [1, 0]
    assert len(listening.wrong) == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda pcm: pcm[:-960],
        lambda pcm: pcm[:960] + pcm[962:],
        lambda pcm: pcm * 2,
        lambda pcm: pcm + bytes(1000),
        lambda pcm: pcm + b"\1\0",
    ],
)
def test_an_answer_that_is_not_whole(listening: Listening, spoil: Any) -> None:
    """Sound is compared sample by sample."""
    pcm = spoil(listening._speech.said[0].answer.audio)
    hear(listening, *turn(listening, 0, pcm=pcm))
    assert listening.answered == []
    assert listening.wrong[0].startswith("a turn answers nothing that was said")


def test_an_answer_with_a_little_silence_behind_it(listening: Listening) -> None:
    """Up to 10 ms of zeros may end a turn."""
    hear(listening, *turn(listening, 0, pcm=listening._speech.said[0].answer.audio + bytes(480)))
    assert listening.wrong == []


def test_a_broken_law(listening: Listening) -> None:
    """Of the protocol."""
    hear(listening, *turn(listening, 0)[:-2], {"type": "turn_complete", "inputText": "x", "outputText": "y"})
    assert listening.wrong[0].startswith("turn 1 breaks a law")


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ({"type": "warning", "code": "SPEECH_DROPPED", "ms": 2000, "message": "…"}, "utterance 1"),
        ({"type": "warning", "code": "AUDIO_LOST", "ms": 20, "message": "…"}, "a warning that nothing"),
        ({"type": "error", "code": "INTERNAL", "message": "…"}, "an error"),
        ({"type": "interrupted", "reason": "client"}, "interrupted by 'client'"),
        ({"type": "speech_state", "state": "silent", "timestamp": 1}, "the state 'silent' twice"),
    ],
)
def test_what_must_not_come(listening: Listening, message: dict[str, Any], found: str) -> None:
    """Speech that is given up counts as lost; other warnings, errors and interruptions have no cause here."""
    hear(listening, message)
    assert len(listening.wrong) == 1
    assert listening.wrong[0].startswith(found)


def test_a_repaired_connection_is_told(listening: Listening) -> None:
    """That warning is as it should be."""
    hear(listening, {"type": "warning", "code": "UPSTREAM_RECONNECTED", "message": "…"})
    assert listening.wrong == []
