"""Steps in an order in which they can't work are told, and no other."""

import pytest

from pipelines.spec import PIPELINES_DIR
from tests.support.checked import checked, steps

FOREIGN = "pipecat.processors.filters.identity_filter:IdentityFilter"
SERVICE = "pipecat.services.openai.llm:OpenAILLMService"
UNADAPTED = (
    f"step '{SERVICE}' is a service of pipecat's, so clients get no source texts from it and turns that never end:"
    ' put use = "engine_adapter" before it'
)
WHOLE = ("vad", "gemini_live", "transcription_forwarder", "glossary_check", "speech_state", "transcript_log")


def warnings_of(*uses: str) -> list[str]:
    """What is told of these steps, which stand in the lines 1, 4, 7 and so on."""
    return list(checked(steps(*uses), emulator=True).warnings)


@pytest.mark.parametrize(
    "uses",
    [
        WHOLE,
        WHOLE[1:],
        ("gemini_live", "transcription_forwarder"),
        (FOREIGN,),
        (FOREIGN, "transcription_forwarder", "speech_state", "transcript_log"),
        (FOREIGN, *WHOLE),
        ("gemini_live", FOREIGN),
        (FOREIGN, "transcription_forwarder", "gemini_live", FOREIGN),
        ("transcription_forwarder", "gemini_live", "transcription_forwarder")[1:],
        ("vad", "vad", "gemini_live", "transcription_forwarder"),
        ("vad", "engine_adapter", SERVICE, "transcription_forwarder", "speech_state"),
        ("engine_adapter", FOREIGN, SERVICE, FOREIGN),
    ],
)
def test_what_may_work_is_not_warned_of(uses: tuple[str, ...]) -> None:
    """The shipped order, parts of it, and whatever steps of somebody else's may make of it."""
    assert warnings_of(*uses) == []


def test_shipped_files_are_in_order() -> None:
    """None of them is warned of."""
    for path in PIPELINES_DIR.glob("*.toml"):
        assert checked(path.read_text(encoding="utf-8"), emulator=True).warnings == ()


@pytest.mark.parametrize(
    ("uses", "warnings"),
    [
        (
            ("vad", "transcription_forwarder"),
            ['line 1: no step interprets, so clients never get an answer: add use = "gemini_live"'],
        ),
        (
            ("vad", "gemini_live", "speech_state"),
            ["line 4: no 'transcription_forwarder' after 'gemini_live', so clients get no texts and no turns"],
        ),
        (
            (FOREIGN, "gemini_live"),
            ["line 4: no 'transcription_forwarder' after 'gemini_live', so clients get no texts and no turns"],
        ),
        (("vad", SERVICE, "transcription_forwarder"), [f"line 4: {UNADAPTED}"]),
        ((SERVICE, "engine_adapter", FOREIGN, "transcription_forwarder"), [f"line 1: {UNADAPTED}"]),
        (
            ("vad", "engine_adapter", "transcription_forwarder", FOREIGN),
            ["line 4: no service comes right after 'engine_adapter', so it has nothing to adapt"],
        ),
        (
            ("speech_state", "gemini_live", "vad"),
            [
                "line 1: step 'speech_state' comes before 'gemini_live' in line 4,"
                " so it does not see when an utterance is answered, and stays at 'processing'",
                "line 4: no 'transcription_forwarder' after 'gemini_live', so clients get no texts and no turns",
                "line 7: step 'vad' gets no speech, for 'gemini_live' in line 4 keeps it",
            ],
        ),
        (
            ("gemini_live", "transcription_forwarder", "vad", "gemini_live"),
            [
                "line 7: step 'vad' gets no speech, for 'gemini_live' in line 1 keeps it",
                "line 10: step 'gemini_live' gets no speech, for 'gemini_live' in line 1 keeps it",
            ],
        ),
        (
            ("transcript_log", "speech_state", "transcription_forwarder", "gemini_live"),
            [
                "line 1: step 'transcript_log' comes before 'transcription_forwarder' in line 7,"
                " so it gets no turns to log",
                "line 4: step 'speech_state' comes before 'gemini_live' in line 10,"
                " so it does not see when an utterance is answered, and stays at 'processing'",
                "line 7: step 'transcription_forwarder' comes before 'gemini_live' in line 10,"
                " so it gets none of its texts",
            ],
        ),
        (
            ("gemini_live", "glossary_check", "transcription_forwarder"),
            [
                "line 4: step 'glossary_check' comes before 'transcription_forwarder' in line 7,"
                " so it gets no turns to check",
            ],
        ),
    ],
)
def test_what_cannot_work_is_told(uses: tuple[str, ...], warnings: list[str]) -> None:
    """Which step, where, and what comes of it."""
    assert warnings_of(*uses) == warnings
