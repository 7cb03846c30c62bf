"""The laws, on a conversation that is right and on the same conversation made wrong."""

import copy
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conformance import judging
from tests.conformance.checks.laws import LAWS
from tests.conformance.kit import holds_all
from tests.conformance.transcript import INPUT, OUTPUT, Entry, Message, Transcript, turns_in
from tests.conformance.wrong.cases import Case
from tests.conformance.wrong.sending import SENDING

LAW_CASES = [case for case in SENDING if case.check in LAWS]
NOW_MS = int(time.time() * 1000)


def right() -> list[Message]:
    """What a right server sends in a small talk: a refused message, two turns, an interrupt that cuts a third."""
    return [
        {"type": "error", "message": "expected 'type' to be one of init, …", "code": "UNKNOWN_TYPE"},
        {"type": "connected", "sessionId": "550e8400-e29b-41d4-a716-446655440000", "engine": "x"},
        *_turn("안녕하세요. 반갑습니다.", "Hello. Nice to meet you."),
        *_turn("Where is the station?", "역이 어디예요?"),
        *_turn("No.", "아니요.", cut=True),
        {"type": "speech_state", "state": "speaking", "timestamp": NOW_MS},
        {"type": "speech_state", "state": "silent", "timestamp": NOW_MS},
    ]


def _turn(source: str, target: str, *, cut: bool = False) -> Iterator[Message]:
    for state in ("speaking", "silent", "processing"):
        yield {"type": "speech_state", "state": state, "timestamp": NOW_MS}
    yield {"type": INPUT, "text": source, "isFinal": False}
    yield {"type": "speech_state", "state": "silent", "timestamp": NOW_MS}
    for end in (len(target) // 3, len(target)):
        yield {"type": OUTPUT, "text": target[:end], "isFinal": False}
        yield {"type": "audio_response", "data": "AAABAP//", "sampleRate": 24000}
    if cut:
        yield {"type": "interrupted", "reason": "client"}
    korean = "ko" if source[0] > "z" else "en"
    yield {"type": INPUT, "text": source, "isFinal": True, "language": korean}
    yield {"type": OUTPUT, "text": target, "isFinal": True, "language": {"ko": "en", "en": "ko"}[korean]}
    yield {"type": "turn_complete", "inputText": source, "outputText": target}


def transcript_of(messages: list[Message], *, close_code: int | None = None) -> Transcript:
    """What a client would write down."""
    entries = [Entry(0.0, True, {"type": "interrupt"}), *(Entry(0.0, False, message) for message in messages)]
    return Transcript("test", entries, close_code, server_closed=close_code is not None)


def broken(messages: list[Message], **others: Any) -> set[str]:
    """The laws that do not hold."""
    transcript = transcript_of(json.loads(json.dumps(messages)), **others)
    return {name for name, law in LAWS.items() if list(law.holds(transcript))}


def test_a_right_conversation_breaks_no_law() -> None:
    """Nothing is said against it."""
    assert broken(right()) == set()


@pytest.mark.parametrize("case", LAW_CASES, ids=lambda case: f"{case.check}: {case.what}")
def test_what_is_wrong_breaks_its_law(case: Case) -> None:
    """The same conversation, made wrong in one way, breaks the law that is there for it."""
    link = case.make()
    messages = [changed for message in right() for changed in link.to_client(copy.deepcopy(message))]
    assert case.check in broken(messages)


def without(kind: str, **fields: Any) -> Callable[[list[Message]], list[Message]]:
    """Leaves out messages with these fields."""

    def change(messages: list[Message]) -> list[Message]:
        return [m for m in messages if m["type"] != kind or any(m.get(k) != v for k, v in fields.items())]

    return change


def moved(kind: str, *, by: int) -> Callable[[list[Message]], list[Message]]:
    """Puts the first message of a type somewhere else."""

    def change(messages: list[Message]) -> list[Message]:
        at = next(at for at, message in enumerate(messages) if message["type"] == kind)
        message = messages.pop(at)
        return [*messages[: at + by], message, *messages[at + by :]]

    return change


@pytest.mark.parametrize(
    ("law", "change"),
    [
        ("law-connected-first", moved("connected", by=3)),
        ("law-turn-complete", without(INPUT, isFinal=True)),
        ("law-finals-repeat", without(OUTPUT, isFinal=True)),
        ("law-states", without("speech_state", state="speaking")),
        ("law-interrupted", lambda messages: [*messages, {"type": "interrupted", "reason": "client"}]),
        ("law-turn-order", moved("turn_complete", by=4)),
        ("law-errors", lambda messages: [{"type": "error", "message": "no", "code": "INTERNAL"}, *messages]),
    ],
)
def test_what_is_missing_or_out_of_order_breaks_its_law(
    law: str, change: Callable[[list[Message]], list[Message]]
) -> None:
    """Messages that are left out, moved or added are noticed by the law about them."""
    assert law in broken(change(right()))


@pytest.mark.parametrize(
    ("code", "close_code", "fits"),
    [
        ("INTERNAL", 1011, True),
        ("INTERNAL", 1000, False),
        ("SHUTTING_DOWN", 1001, True),
        ("UPSTREAM_QUOTA", 1013, True),
        ("UPSTREAM_QUOTA", 1011, False),
        ("UNKNOWN_TYPE", 1008, False),
        ("UNKNOWN_TYPE", 1007, True),
        (None, 1011, True),
    ],
)
def test_a_close_fits_the_error_before_it(code: str | None, close_code: int, fits: bool) -> None:
    """A fatal error is followed by its own close code; none follows one that goes on, but for the layer below."""
    error = {"type": "error", "message": "no", **({"code": code} if code else {})}
    assert ("law-errors" not in broken([*right(), error], close_code=close_code)) == fits


@pytest.mark.parametrize(
    "allowed",
    [
        {"type": "participant_joined", "participantId": "p1", "name": "Kim", "language": "ko"},
        {"type": "warning", "message": "late", "code": "SPEECH_DROPPED", "ms": 12},
    ],
)
def test_additions_break_nothing(allowed: Message) -> None:
    """Types and fields that a client need not know may come anywhere after ``connected``."""
    for at in range(2, len(right())):
        messages = right()
        messages.insert(at, allowed)
        assert broken([{**message, "seq": 1} for message in messages]) == set()


def test_the_source_may_correct_itself_and_the_target_may_not() -> None:
    """Interim recognition changes a word; a target that changes one was not the whole text so far."""
    for kind, lawful in ((INPUT, True), (OUTPUT, False)):
        messages = right()
        at = next(
            at for at, m in enumerate(messages) if m["type"] == kind and m["text"].startswith(("Wher", "역이"))
        )
        text = "Where was the station?" if kind == INPUT else "역은"
        messages.insert(at, {"type": kind, "text": text, "isFinal": False})
        assert ("law-text-grows" not in broken(messages)) == lawful


def test_output_that_is_made_again_starts_anew() -> None:
    """After ``interrupted`` with reason ``upstream`` the turn's texts count from there, with one pair of finals."""
    messages = right()
    at = next(at for at, message in enumerate(messages) if message["type"] == OUTPUT)
    again: list[Message] = [
        {"type": OUTPUT, "text": "Good day to", "isFinal": False},
        {"type": "interrupted", "reason": "upstream"},
        {"type": INPUT, "text": "안녕하세요. 반갑습니다.", "isFinal": False},
    ]
    assert broken([*messages[:at], *again, *messages[at:]]) == set()


def test_an_interrupted_outside_of_a_turn_belongs_to_none() -> None:
    """It begins no turn, and is none by itself; within a turn it is one of its messages."""
    interrupted: Message = {"type": "interrupted", "reason": "client"}
    turns = list(turns_in([interrupted, *_turn("No.", "아니요.", cut=True), interrupted]))
    assert len(turns) == 1
    assert turns[0].messages[0]["type"] == INPUT
    assert sum(message["type"] == "interrupted" for message in turns[0].messages) == 1


def test_every_code_of_the_protocol_has_its_close() -> None:
    """The table is whole: no fatal code without a close code that RFC 6455 allows."""
    fatal = {code: close for code, close in judging.CLOSE_CODES.items() if close is not None}
    assert len(judging.CLOSE_CODES) - len(fatal) == 5
    assert set(fatal.values()) <= {1000, 1001, 1008, 1009, 1011, 1013}


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("And so, my fellow Americans,", True),
        ("and so my fellow american", True),
        ("my fellow Americans,", False),
        ("And so my fellow", False),
        ("Ask not.", False),
        ("", False),
    ],
)
def test_recognition_may_vary_and_not_lose(text: str, whole: bool) -> None:
    """Punctuation, case and an ending do not count; a lost beginning or end does."""
    assert holds_all(text, "And so my fellow Americans,") == whole
