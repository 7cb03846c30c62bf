"""Client frames to messages: total, and in the protocol's order of checks."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.decoding import decode_binary, decode_text
from protocol.errors import ErrorCode, Fault
from protocol.messages import Audio, Close, Init, Interrupt

MESSAGES = (Init, Audio, Interrupt, Close)
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=8,
)
NEARLY_MESSAGES = st.fixed_dictionaries(
    {"type": st.sampled_from(["init", "audio", "interrupt", "close"]) | st.text() | JSON_VALUES},
    optional={
        "data": st.text() | JSON_VALUES,
        "timestamp": JSON_VALUES,
        "config": JSON_VALUES
        | st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(("language", "useWhisper", "sampleRate", "audioEncoding", "room"), JSON_VALUES),
        ),
    },
)


@given(st.text(), st.booleans())
def test_decoding_any_text_is_total(text: str, initialized: bool) -> None:
    """Any text gives a message or a fault, never an exception."""
    assert isinstance(decode_text(text, initialized=initialized), (*MESSAGES, Fault))


@given(JSON_VALUES | NEARLY_MESSAGES, st.booleans())
def test_decoding_any_json_is_total(value: object, initialized: bool) -> None:
    """Any JSON, such that looks like a message above all, gives a message or a fault that JSON can carry."""
    decoded = decode_text(json.dumps(value), initialized=initialized)
    assert isinstance(decoded, (*MESSAGES, Fault))
    if isinstance(decoded, Fault):
        decoded.message.encode()


@given(NEARLY_MESSAGES)
def test_before_init_nothing_but_init_and_close_gets_in(value: dict[str, Any]) -> None:
    """The state is checked before the fields."""
    decoded = decode_text(json.dumps(value), initialized=False)
    assert not isinstance(decoded, (Audio, Interrupt))
    if value["type"] in ("audio", "interrupt") and isinstance(decoded, Fault):
        assert decoded.code in (ErrorCode.NOT_READY, ErrorCode.INVALID_MESSAGE)


def test_snake_case_is_no_name_of_the_wire() -> None:
    """A field of the wire has one name; our own spelling of it is an unknown field, and ignored."""
    decoded = decode_text('{"type":"init","config":{"sample_rate":8000}}', initialized=False)
    assert isinstance(decoded, Init)
    assert decoded.config.sample_rate == 16000


def test_the_last_of_two_equal_names_counts() -> None:
    """JSON with a name twice is read as browsers read it."""
    decoded = decode_text('{"type":"close","type":"init"}', initialized=False)
    assert isinstance(decoded, Init)


def test_a_fault_names_the_field() -> None:
    """The client's developer reads which field is wrong, by its name on the wire."""
    decoded = decode_text('{"type":"init","config":{"sampleRate":"x"}}', initialized=False)
    assert isinstance(decoded, Fault)
    assert "config.sampleRate" in decoded.message


def test_a_fault_does_not_repeat_what_came() -> None:
    """A long or binary type is quoted in part and in ASCII."""
    decoded = decode_text(json.dumps({"type": "가" * 10_000}), initialized=True)
    assert isinstance(decoded, Fault)
    assert len(decoded.message) < 400
    assert decoded.message.removesuffix("…").isascii()


@pytest.mark.parametrize("kind", ["a\nb", "\x1b[2J", "\r\x00\x07", "\x7f\x9b", "\u2028", "é", "\\"])
def test_a_fault_shows_no_control_characters(kind: str) -> None:
    """A type that would break a line, or move a terminal's cursor, is shown by its escapes."""
    decoded = decode_text(json.dumps({"type": kind}), initialized=True)
    assert isinstance(decoded, Fault)
    assert decoded.code is ErrorCode.UNKNOWN_TYPE
    assert decoded.message.isascii()
    assert decoded.message.isprintable()
    assert kind.encode("unicode_escape").decode() in decoded.message


@pytest.mark.parametrize(
    ("initialized", "binary_audio", "code"),
    [
        (False, False, ErrorCode.NOT_READY),
        (False, True, ErrorCode.NOT_READY),
        (True, False, ErrorCode.INVALID_MESSAGE),
        (True, True, None),
    ],
)
def test_a_binary_frame_needs_init_and_its_consent(
    initialized: bool, binary_audio: bool, code: ErrorCode | None
) -> None:
    """Binary audio is welcome only after an ``init`` that asked for it."""
    fault = decode_binary(initialized=initialized, binary_audio=binary_audio)
    assert (fault.code if fault else None) == code
