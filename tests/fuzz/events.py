"""Target ``events``: what Google's library makes of a server message, through :mod:`gemini.events` into turns.

An input is JSON texts with :data:`~tests.fuzz.wire.NEXT` between them: the messages of one upstream session.
"""

import math
import warnings
from dataclasses import astuple

from google.genai.types import LiveServerMessage
from pydantic import ValidationError

from gemini.events import (
    GenerationComplete,
    GoAway,
    InterimSourceText,
    Interrupted,
    Resumable,
    SourceText,
    TargetAudio,
    TargetText,
    TurnComplete,
    UpstreamEvent,
    Usage,
    parse,
)
from tests.fuzz.wire import NEXT
from tests.support.turn_laws import check_sound, check_turn, turns_of
from tests.support.turns import TrackedTalk

LONGEST_BYTES = 4096
_ORDER = (
    InterimSourceText,
    SourceText,
    TargetText,
    TargetAudio,
    Interrupted,
    GenerationComplete,
    TurnComplete,
    Usage,
    GoAway,
    Resumable,
)
_LONGEST_TURN_SECS = 100


def check(data: bytes) -> None:
    """Let an upstream session say what ``data`` holds.

    Raises:
        AssertionError: A law is broken.
    """
    talks = [TrackedTalk(manual_activity=True), TrackedTalk(manual_activity=False)]
    talks[0].speak()
    said: list[bytes] = []
    for piece in data.split(NEXT):
        message = _message(piece)
        if message is None:
            continue
        events = parse(message)
        places = [_ORDER.index(type(event)) for event in events]
        assert places == sorted(places), f"events in another order: {events}"
        for event in events:
            _check_event(event)
        said += [event.pcm for event in events if isinstance(event, TargetAudio)]
        for talk in talks:
            talk.say(*events)
    for talk in talks:
        talk.wait(_LONGEST_TURN_SECS)
        assert talk.tracker.unanswered == 0
        check_sound(talk.events, said, cut=False)
        for turn in turns_of(talk.events):
            check_turn(turn, cut=False)
    assert sum(end.answers_utterance for end in talks[0].ends) == 1


def _message(text: bytes) -> LiveServerMessage | None:
    """What the library reads; ``None`` where it reads nothing.

    Its enumerations raise ``AttributeError`` for what is no string.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library's own, about values that it does not know
            return LiveServerMessage.model_validate_json(text)
    except (ValidationError, AttributeError):
        return None


def _check_event(event: UpstreamEvent) -> None:
    match event:
        case SourceText() | TargetText():
            assert event.text or event.finished
        case InterimSourceText():
            assert isinstance(event.text, str)
        case TargetAudio():
            assert event.pcm
            assert 1000 <= event.sample_rate_hz < 1_000_000, f"a rate of {event.sample_rate_hz} Hz"
        case GoAway():
            assert math.isfinite(event.time_left_secs), f"{event.time_left_secs} s are left"
            assert event.time_left_secs >= 0, f"{event.time_left_secs} s are left"
        case Resumable():
            assert event.handle
        case Usage():
            for tokens in astuple(event):
                assert isinstance(tokens, int), f"{tokens!r} tokens"
