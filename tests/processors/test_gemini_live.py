"""The engine step, over a fake upstream."""

import pytest
from pipecat.frames.frames import (
    CancelFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    StartFrame,
    TextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.utils.errors import ErrorCategory
from pydantic import ValidationError

from gemini.errors import FailureKind, UpstreamError
from gemini.events import GenerationComplete, SourceText, TargetAudio, TargetText, TurnComplete, UpstreamEvent
from processors.context import SessionContext
from processors.frames import SpeechDroppedFrame, UtteranceEndedFrame, UtteranceStartedFrame
from processors.gemini_live import GeminiLive, GeminiLiveParams
from tests.support.fake_upstream import ACTIVITY_END, ACTIVITY_START, FakeConnector
from tests.support.pcm import counting_pcm
from tests.support.steps import RunningStep, running
from tests.support.virtual_time import settle

RATE_HZ = 16_000
ANSWER: tuple[UpstreamEvent, ...] = (
    SourceText("안녕", language="ko"),
    SourceText("하세요."),
    TargetText("Hel", language="en"),
    TargetAudio(b"\1\0", 24000),
    TargetText("lo."),
    TargetAudio(b"\2\0", 24000),
    GenerationComplete(),
    TurnComplete(),
)


def engine(connector: FakeConnector, *, utterances_marked: bool = True, **params: object) -> GeminiLive:
    """The step for a Korean and English session."""
    context = SessionContext("session", ("ko", "en"), "auto", connector, utterances_marked)
    return GeminiLive(GeminiLiveParams.model_validate({"model": "m", **params}), context)


async def utter(step: RunningStep, start: int = 0, samples: int = RATE_HZ) -> None:
    """An utterance goes in, its marks before its audio."""
    await step.send(UtteranceStartedFrame(offset_samples=0))
    await step.send(InputAudioRawFrame(counting_pcm(start, start + samples // 2), RATE_HZ, 1))
    await step.send(UtteranceEndedFrame(offset_samples=samples // 2))
    await step.send(InputAudioRawFrame(counting_pcm(start + samples // 2, start + samples), RATE_HZ, 1))


def described(frame: Frame) -> tuple[object, ...]:
    """A frame's kind and what matters of it."""
    match frame:
        case InterimTranscriptionFrame() | TranscriptionFrame() | TTSTextFrame():
            return type(frame), frame.text, frame.metadata.get("language")
        case TTSAudioRawFrame():
            return TTSAudioRawFrame, frame.audio, frame.sample_rate, frame.num_channels
    return (type(frame),)


async def test_an_answer_as_frames() -> None:
    """Marks and audio go up; texts, speech and the marks of the response come down, in order."""
    connector = FakeConnector()
    async with running(engine(connector)) as step:
        await utter(step)
        step.forget()
        connector.connection.say(*ANSWER)
        await settle()
        assert [described(frame) for frame in step.down] == [
            (InterimTranscriptionFrame, "안녕", "ko"),
            (InterimTranscriptionFrame, "안녕하세요.", "ko"),
            (LLMFullResponseStartFrame,),
            (TTSTextFrame, "Hel", "en"),
            (TTSStartedFrame,),
            (TTSAudioRawFrame, b"\1\0", 24000, 1),
            (TTSTextFrame, "lo.", "en"),
            (TTSAudioRawFrame, b"\2\0", 24000, 1),
            (TTSStoppedFrame,),
            (TranscriptionFrame, "안녕하세요.", "ko"),
            (LLMFullResponseEndFrame,),
        ]
        assert connector.connection.activities == [counting_pcm(0, RATE_HZ)]
        assert connector.connection.sent[-1] == ACTIVITY_END


async def test_target_text_carries_its_own_spaces() -> None:
    """Whoever joins the pieces need not guess where words end."""
    connector = FakeConnector()
    async with running(engine(connector)) as step:
        await utter(step)
        connector.connection.say(*ANSWER)
        await settle()
        assert all(frame.includes_inter_frame_spaces for frame in step.frames(TTSTextFrame))


async def test_an_interruption_drops_audio_only() -> None:
    """Of what the step pushes only speech may be dropped from a queue; texts and ends may not."""
    connector = FakeConnector()
    async with running(engine(connector)) as step:
        await utter(step)
        step.forget()
        connector.connection.say(*ANSWER)
        await settle()
        assert {type(frame) for frame in step.down if getattr(frame, "interruptible", False)} == {TTSAudioRawFrame}


async def test_audio_ends_here_and_marks_pass() -> None:
    """Later steps see the marks of utterances, and no input audio; what is none of its business passes."""
    connector = FakeConnector()
    async with running(engine(connector)) as step:
        step.forget()
        await utter(step)
        await step.send(TextFrame("x"))
        assert [type(frame) for frame in step.down] == [UtteranceStartedFrame, UtteranceEndedFrame, TextFrame]


async def test_the_setup_of_the_session() -> None:
    """The step's parameters and the session's languages make the setup."""
    connector = FakeConnector()
    step = engine(connector, voice="Kore", instructions="A hospital.")
    async with running(step):
        (config,) = connector.configs
        assert (config.model, config.voice, config.manual_activity) == ("m", "Kore", True)
        assert "If you hear Korean, say it in English" in config.instruction
        assert config.instruction.endswith("A hospital.")


async def test_preroll_and_pieces() -> None:
    """An utterance takes its pre-roll with it, a further piece of one does not."""
    connector = FakeConnector()
    async with running(engine(connector, preroll_ms=100, overlap="stream")) as step:
        await step.send(InputAudioRawFrame(counting_pcm(0, RATE_HZ), RATE_HZ, 1))
        await step.send(UtteranceStartedFrame(offset_samples=-200), UtteranceEndedFrame(offset_samples=100))
        await step.send(UtteranceStartedFrame(offset_samples=100, continued=True))
        await step.send(InputAudioRawFrame(counting_pcm(RATE_HZ, RATE_HZ + 500), RATE_HZ, 1))
        assert connector.connection.activities == [
            counting_pcm(RATE_HZ - 200 - 1600, RATE_HZ + 100),
            counting_pcm(RATE_HZ + 100, RATE_HZ + 500),
        ]


async def test_an_unanswered_utterance_still_has_its_pair_of_marks() -> None:
    """The watchdog gives it up: start and end of a response come, so that nobody waits for it."""
    connector = FakeConnector()
    async with running(engine(connector, turn_timeout_secs=5)) as step:
        await utter(step)
        step.forget()
        await settle(4.9)
        assert step.down == []
        await settle(0.2)
        assert [type(frame) for frame in step.down] == [LLMFullResponseStartFrame, LLMFullResponseEndFrame]


async def test_text_for_no_utterance_answers_none() -> None:
    """Late text comes with an end and without a start: no utterance counts as answered."""
    connector = FakeConnector()
    async with running(engine(connector)) as step:
        step.forget()
        connector.connection.say(TargetText("By the way."))
        await settle(1)
        assert [type(frame) for frame in step.down] == [TTSTextFrame, LLMFullResponseEndFrame]


async def test_interruption_shortens_the_wait() -> None:
    """After ``interrupt`` late text is not waited for, from whichever side the interruption comes."""
    for direction in (FrameDirection.UPSTREAM, FrameDirection.DOWNSTREAM):
        connector = FakeConnector()
        async with running(engine(connector)) as step:
            await utter(step)
            connector.connection.say(TargetAudio(b"\1\0", 24000), GenerationComplete())
            await settle(0.6)
            assert not step.frames(LLMFullResponseEndFrame)
            await step.send(InterruptionFrame(), direction=direction)
            assert len(step.frames(LLMFullResponseEndFrame)) == 1


async def test_dropped_speech_is_passed_on() -> None:
    """What the ring could not hold is told to later steps."""
    connector = FakeConnector()
    async with running(engine(connector, uplink_ring_secs=1.5)) as step:
        await utter(step)
        await utter(step)
        await utter(step)
        (dropped,) = step.frames(SpeechDroppedFrame)
        assert (dropped.duration_ms, dropped.whole_utterance) == (1000, True)


# Automatic detection


async def test_the_upstream_may_detect_speech() -> None:
    """Without marks the stream goes up as it is, and recognised speech tells later steps of an utterance."""
    connector = FakeConnector()
    async with running(engine(connector, utterances_marked=False)) as step:
        await step.send(InputAudioRawFrame(bytes(3200), RATE_HZ, 1))
        step.forget()
        connector.connection.say(*ANSWER)
        await settle()
        assert connector.connection.sent == [bytes(3200)]
        kinds = [type(frame) for frame in step.down]
        assert kinds.count(UserStoppedSpeakingFrame) == kinds.count(LLMFullResponseStartFrame) == 1
        assert kinds.index(UserStoppedSpeakingFrame) < kinds.index(LLMFullResponseStartFrame)
        assert ACTIVITY_START not in connector.connection.sent


async def test_an_answer_to_speech_that_was_not_announced() -> None:
    """Output before any source text is no answer to an utterance that is still to be announced."""
    connector = FakeConnector()
    async with running(engine(connector, utterances_marked=False)) as step:
        connector.connection.say(TargetText("Hi."), SourceText("안녕."), TurnComplete())
        await settle()
        assert not step.frames(UserStoppedSpeakingFrame)
        assert not step.frames(LLMFullResponseStartFrame)
        assert len(step.frames(LLMFullResponseEndFrame)) == 1


# Failures

CATEGORIES = [
    (FailureKind.REJECTED, ErrorCategory.AUTHENTICATION),
    (FailureKind.QUOTA, ErrorCategory.QUOTA),
    (FailureKind.UNAVAILABLE, ErrorCategory.CONNECTIVITY),
]


@pytest.mark.parametrize(("kind", "category"), CATEGORIES)
async def test_a_pipeline_whose_engine_is_not_connected_never_starts(
    kind: FailureKind, category: ErrorCategory
) -> None:
    """A failure at setup goes up with its category; nothing starts, and nothing secret is in the message."""
    connector = FakeConnector(failures=[UpstreamError(kind, "key=secret")] * 1000)
    async with running(engine(connector)) as step:
        await settle(10)
        assert not any(isinstance(frame, StartFrame) for frame in step.down)
        errors = [frame for frame in step.up if isinstance(frame, ErrorFrame)]
        assert [error.category for error in errors] == [category]
        assert "secret" not in errors[0].error


@pytest.mark.parametrize(("kind", "category"), CATEGORIES)
async def test_a_connection_that_is_lost_is_reported(kind: FailureKind, category: ErrorCategory) -> None:
    """A failure later goes up once with its category, after what had come before it."""
    connector = FakeConnector()
    async with running(engine(connector)) as step:
        await utter(step)
        connector.connection.say(*ANSWER)
        connector.connection.lose(UpstreamError(kind, "key=secret"))
        await settle(1)
        errors = [frame for frame in step.up if isinstance(frame, ErrorFrame)]
        assert [error.category for error in errors] == [category]
        assert len(step.frames(LLMFullResponseEndFrame)) == 1
        await utter(step, RATE_HZ)


async def test_the_end_closes_the_session() -> None:
    """When the pipeline ends the upstream is closed, and nothing runs on."""
    connector = FakeConnector()
    async with running(engine(connector)) as step:
        await utter(step)
    assert connector.connection.closed


async def test_cancelling_closes_the_session() -> None:
    """A pipeline that is cancelled closes the upstream, too."""
    connector = FakeConnector()
    async with running(engine(connector)) as step:
        await utter(step)
        await step.send(CancelFrame())
        assert connector.connection.closed


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"model": "m", "preroll_ms": -1},
        {"model": "m", "uplink_ring_secs": 0},
        {"model": "m", "connect_timeout_secs": 0},
        {"model": "m", "turn_timeout_secs": 0},
        {"model": "m", "late_text_ms": -1},
        {"model": "m", "overlap": "drop"},
        {"model": "m", "temperature": 1},
    ],
)
def test_a_wrong_parameter_is_refused(params: dict[str, object]) -> None:
    """A missing model, values out of range and unknown names do not get through."""
    with pytest.raises(ValidationError):
        GeminiLiveParams.model_validate(params)
