"""What the language model is asked."""

from pathlib import Path

import pytest
from pipecat.frames.frames import (
    InterimTranscriptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMUpdateSettingsFrame,
    TranscriptionFrame,
)

from pipelines.settings import load_settings
from processors.context import SessionContext
from processors.translation_request import TranslationRequest, TranslationRequestParams
from tests.support.fake_upstream import FakeConnector
from tests.support.steps import RunningStep, running


def request(spoken: str = "auto", **params: object) -> TranslationRequest:
    """The step for a Korean and English session."""
    context = SessionContext("session", ("ko", "en"), spoken, FakeConnector())
    return TranslationRequest(TranslationRequestParams.model_validate(params), context)


def final(text: str) -> TranscriptionFrame:
    """A text that was recognised."""
    return TranscriptionFrame(text, "", "now")


def tasks(step: RunningStep) -> list[str]:
    """The instructions so far."""
    deltas = [frame.delta for frame in step.frames(LLMUpdateSettingsFrame)]
    return [str(delta.system_instruction) for delta in deltas if delta is not None]


async def test_each_final_text_is_one_request_of_its_own() -> None:
    """The text goes on, then the instruction where it is another, then one message; nothing of earlier texts."""
    async with running(request()) as step:
        step.forget()
        await step.send(InterimTranscriptionFrame("안", "", "now"), final("안녕하세요."), final("반갑습니다."))
        assert [type(frame) for frame in step.down] == [
            InterimTranscriptionFrame,
            TranscriptionFrame,
            LLMUpdateSettingsFrame,
            LLMContextFrame,
            TranscriptionFrame,
            LLMContextFrame,
        ]
        assert [frame.context.get_messages() for frame in step.frames(LLMContextFrame)] == [
            [{"role": "user", "content": "안녕하세요."}],
            [{"role": "user", "content": "반갑습니다."}],
        ]


async def test_the_direction_is_that_of_the_text() -> None:
    """Where either language may be spoken; what has no letters counts as the first of the pair."""
    async with running(request()) as step:
        await step.send(final("안녕하세요."), final("Hello."), final("2026"))
        found = [("into English" in task, "into Korean" in task) for task in tasks(step)]
        assert found == [(True, False), (False, True), (True, False)]


@pytest.mark.parametrize(("spoken", "target"), [("ko", "English"), ("en", "Korean")])
async def test_a_fixed_direction_holds_whatever_is_recognised(spoken: str, target: str) -> None:
    """A recogniser that mistakes the language does not turn the interpreter round."""
    async with running(request(spoken)) as step:
        await step.send(final("안녕하세요."), final("Hello."))
        (task,) = tasks(step)
        assert f"into {target}" in task


async def test_an_empty_text_has_an_empty_answer() -> None:
    """Nobody is asked, and whoever waits for an answer gets one."""
    async with running(request()) as step:
        step.forget()
        await step.send(final(" "))
        kinds = [TranscriptionFrame, LLMFullResponseStartFrame, LLMFullResponseEndFrame]
        assert [type(frame) for frame in step.down] == kinds


async def test_terms_and_additions_are_told(tmp_path: Path) -> None:
    """Those of the direction, with their notes, and the operator's words."""
    file = tmp_path / "terms.csv"
    file.write_text("source,target,note\n음성,voice,not speech\n", encoding="utf-8")
    glossary = load_settings(glossary_file=file).glossary
    async with running(request(glossary=glossary, instructions="A doctor's practice.")) as step:
        await step.send(final("안녕하세요."))
        (task,) = tasks(step)
        assert "- 음성: voice (not speech)" in task
        assert task.endswith("About this conversation:\nA doctor's practice.")
