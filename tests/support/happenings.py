"""What may happen to a conversation, in any order, for property tests."""

from dataclasses import dataclass

from hypothesis import strategies as st

from gemini.events import (
    GenerationComplete,
    InterimSourceText,
    Interrupted,
    SourceText,
    TargetAudio,
    TargetText,
    TurnComplete,
    UpstreamEvent,
)


@dataclass(frozen=True)
class Wait:
    """Time passes."""

    secs: float


def upstream_says(texts: st.SearchStrategy[str]) -> st.SearchStrategy[UpstreamEvent]:
    """Any event that a turn is made of; its text is one of ``texts``."""
    return st.one_of(
        st.builds(SourceText, texts, finished=st.booleans()),
        st.builds(InterimSourceText, texts),
        st.builds(TargetText, texts, finished=st.booleans()),
        st.builds(TargetAudio, st.binary(min_size=2, max_size=2), st.just(24000)),
        st.sampled_from([GenerationComplete(), TurnComplete(), Interrupted()]),
    )
