"""Numbers in frames that are JSON already."""

import json

from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from protocol.numbering import numbered
from tests.support import hypothesis_profile

__all__ = ["hypothesis_profile"]

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(message=st.dictionaries(st.text(), values), seq=st.integers(1, 2**53))
def test_a_message_carries_its_number_and_is_the_same_else(message: dict[str, object], seq: int) -> None:
    """Whatever a step sends as an object; a field of that name is not the step's to set."""
    assert json.loads(numbered(to_json(message).decode(), seq)) == {**message, "seq": seq}


@given(value=st.none() | st.booleans() | st.integers() | st.lists(st.integers()) | st.text())
def test_what_is_no_object_stays_as_it_is(value: object) -> None:
    """It has no place for a number."""
    text = to_json(value).decode()
    assert numbered(text, 7) == text
