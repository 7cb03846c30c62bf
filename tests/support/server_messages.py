"""Server messages of Google's, generated: as documented, and with anything in the place of anything."""

import base64
import copy
from collections.abc import Iterator
from typing import Any

from google.genai.types import (
    Blob,
    Content,
    LiveServerContent,
    LiveServerMessage,
    ModalityTokenCount,
    Part,
    Transcription,
    UsageMetadata,
)
from hypothesis import strategies as st

TRANSCRIPTIONS = st.none() | st.fixed_dictionaries(
    {}, optional={"text": st.text(), "finished": st.booleans(), "languageCode": st.text()}
)
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "text": st.text(),
        "thought": st.booleans(),
        "inlineData": st.fixed_dictionaries(
            {},
            optional={
                "mimeType": st.text() | st.just("audio/pcm;rate=24000"),
                "data": st.binary().map(lambda data: base64.urlsafe_b64encode(data).decode()),
            },
        ),
    },
)
TOKENS = st.fixed_dictionaries(
    {}, optional={"modality": st.sampled_from(["TEXT", "AUDIO"]), "tokenCount": st.integers(0, 10**6)}
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "serverContent": st.fixed_dictionaries(
            {},
            optional={
                "modelTurn": st.fixed_dictionaries({}, optional={"parts": st.lists(PARTS)}),
                "inputTranscription": TRANSCRIPTIONS,
                "interimInputTranscription": TRANSCRIPTIONS,
                "outputTranscription": TRANSCRIPTIONS,
                "interrupted": st.booleans(),
                "generationComplete": st.booleans(),
                "turnComplete": st.booleans(),
            },
        ),
        "goAway": st.fixed_dictionaries({}, optional={"timeLeft": st.text() | st.just("50s")}),
        "usageMetadata": st.fixed_dictionaries(
            {},
            optional={
                "promptTokenCount": st.integers(0, 10**6),
                "promptTokensDetails": st.none() | st.lists(TOKENS),
                "responseTokensDetails": st.none() | st.lists(TOKENS),
            },
        ),
        "sessionResumptionUpdate": st.fixed_dictionaries(
            {}, optional={"newHandle": st.text(), "resumable": st.booleans()}
        ),
    },
)

_TYPES = (
    Blob,
    Content,
    LiveServerContent,
    LiveServerMessage,
    ModalityTokenCount,
    Part,
    Transcription,
    UsageMetadata,
)
_NAMES = sorted(
    {name for model in _TYPES for field in model.model_fields.items() for name in (field[0], str(field[1].alias))}
)
"""Of fields, in both spellings."""
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(
        ["true", "1", "TEXT", "audio/pcm", "50s", "AAE=", "AAE", "-_8=", "+/8=", "AAF=", "A", "\ud800"]
    )
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES) | st.text(), inner, max_size=3)
    ),
    max_leaves=5,
)


@st.composite
def odd_messages(draw: st.DrawFn) -> Any:
    """A message in which some values are replaced, or some fields added, anywhere."""
    message: dict[str, Any] = copy.deepcopy(draw(MESSAGES))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from([*_containers(message)]))
        if isinstance(place, list):
            place.insert(draw(st.integers(0, len(place))), draw(_VALUES))
        else:
            names = st.sampled_from(_NAMES) | st.text()
            place[draw(st.sampled_from(sorted(place)) | names if place else names)] = draw(_VALUES)
    return message


def _containers(value: Any) -> Iterator[Any]:
    """``value`` and everything in it that holds values."""
    if isinstance(value, dict | list):
        yield value
        for below in value.values() if isinstance(value, dict) else value:
            yield from _containers(below)
