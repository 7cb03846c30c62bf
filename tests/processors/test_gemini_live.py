"""The engine step, over a fake upstream."""

import asyncio
from pathlib import Path

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
from gemini.events import (
    GenerationComplete,
    Resumable,
    SourceText,
    TargetAudio,
    TargetText,
    TurnComplete,
    UpstreamEvent,
)
from processors.context import SessionContext
from processors.frames import (
    OutputRestartedFrame,
    SpeechDroppedFrame,
    UpstreamReconnectedFrame,
    UtteranceEndedFrame,
    UtteranceStartedFrame,
)
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
ENDS: tuple[UpstreamEvent, ...] = (GenerationComplete(), TurnComplete())


@pytest.mark.parametrize(
    ("pair", "spoken", "line"),
    [
        (("ko", "en"), "auto", "- 심장내과 = cardiology"),
        (("ko", "en"), "ko", "- 심장내과 = cardiology"),
        (("ko", "en"), "en", "- cardiology = 심장내과"),
        (("en", "ko"), "auto", "- cardiology = 심장내과"),
        (("ko", "ja"), "auto", "- 심장내과 = 循環器内科"),
    ],
)
def test_the_glossary_is_told_in_the_sessions_direction(
    tmp_path: Path, pair: tuple[str, str], spoken: str, line: str
) -> None:
    """Only the terms of its pair, the spoken side first."""
    file = tmp_path / "terms.csv"
    file.write_text("source,target,pair\n심장내과,cardiology,ko-en\n심장내과,循環器内科,ko-ja\n", encoding="utf-8")
    params = GeminiLiveParams.model_validate({"model": "m", "glossary": str(file)})
    told = [each for each in params.instruction(pair, spoken).splitlines() if "심장내과" in each]
    assert told == [line]
    assert "Glossary" not in params.instruction(("de", "fr"), "auto")


def engine(connector: FakeConnector, *, utterances_marked: bool = True, **params: object) -> GeminiLive:
    """The step for a Korean and English session."""
    context = SessionContext("session", ("ko", "en"), "auto", connector, utterances_marked)
    clock = asyncio.get_running_loop().time
    return GeminiLive(GeminiLiveParams.model_validate({"model": "m", **params}), context, clock=clock)


def seconds_of_speech(secs: int) -> list[UpstreamEvent]:
    """So much interpreted speech."""
    return [TargetAudio(b"\1\0" * 24_000, 24_000)] * secs


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
    """After three more attempts it is given up: start and end of a response come, so that nobody waits for it."""
    connector = FakeConnector()
    async with running(engine(connector, turn_timeout_secs=5)) as step:
        await utter(step)
        step.forget()
        await settle(4.9)
        assert step.down == []
        await settle(0.2)
        assert step.frames(OutputRestartedFrame)[0].response_begun is False
        await settle(60)
        kinds = [type(frame) for frame in step.down]
        attempts: list[type[Frame]] = [OutputRestartedFrame, UpstreamReconnectedFrame]
        ends: list[type[Frame]] = [LLMFullResponseStartFrame, LLMFullResponseEndFrame, SpeechDroppedFrame]
        assert [kind for kind in kinds if kind is not UpstreamReconnectedFrame] == [*attempts[:1] * 3, *ends]
        assert [connection.pcm for connection in connector.connections[:4]] == [counting_pcm(0, RATE_HZ)] * 4
        (dropped,) = step.frames(SpeechDroppedFrame)
        assert (dropped.duration_ms, dropped.whole_utterance) == (1000, False)


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
        connector.connection.say(TargetText("Hi."), TargetAudio(b"\1\0", 24000), SourceText("안녕."), *ENDS)
        await settle()
        assert not step.frames(UserStoppedSpeakingFrame)
        assert not step.frames(LLMFullResponseStartFrame)
        assert len(step.frames(LLMFullResponseEndFrame)) == 1


@pytest.mark.parametrize("announced", [False, True])
async def test_a_response_that_was_not_announced_did_not_begin(announced: bool) -> None:
    """Where output breaks off, later steps are told of no other beginning than the one that they were given.

    When the speech goes up again it is announced as if it had never been heard.
    """
    connector = FakeConnector()
    async with running(engine(connector, utterances_marked=False)) as step:
        output: list[UpstreamEvent] = [TargetText("Hel"), TargetAudio(b"\1\0", 24000)]
        source: list[UpstreamEvent] = [SourceText("안녕")]
        connector.connection.say(*(source + output if announced else output + source))
        await settle()
        assert len(step.frames(UserStoppedSpeakingFrame)) == announced
        connector.connection.lose()
        await settle(1)
        (restarted,) = step.frames(OutputRestartedFrame)
        assert restarted.response_begun == announced
        connector.connection.say(*ANSWER)
        await settle()
        assert len(step.frames(UserStoppedSpeakingFrame)) == 1
        assert len(step.frames(LLMFullResponseStartFrame)) == 1 + announced
        assert len(step.frames(LLMFullResponseEndFrame)) == 1


# Failures

REFUSALS = [
    (FailureKind.REJECTED, ErrorCategory.AUTHENTICATION),
    (FailureKind.MODEL_REJECTED, ErrorCategory.AUTHENTICATION),
    (FailureKind.QUOTA, ErrorCategory.QUOTA),
]


@pytest.mark.parametrize(
    ("kind", "category"),
    [
        *REFUSALS,
        (FailureKind.INVALID, ErrorCategory.CONNECTIVITY),
        (FailureKind.UNAVAILABLE, ErrorCategory.CONNECTIVITY),
    ],
)
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


@pytest.mark.parametrize(("kind", "category"), REFUSALS)
async def test_an_upstream_that_refuses_is_reported(kind: FailureKind, category: ErrorCategory) -> None:
    """A refusal later goes up once with its category, after what had come before it."""
    connector = FakeConnector()
    async with running(engine(connector)) as step:
        await utter(step)
        connector.connection.say(*ANSWER)
        connector.connection.lose(UpstreamError(kind, "key=secret"))
        await settle(1)
        errors = [frame for frame in step.up if isinstance(frame, ErrorFrame)]
        assert [error.category for error in errors] == [category]
        assert "secret" not in errors[0].error
        assert len(step.frames(LLMFullResponseEndFrame)) == 1
        await utter(step, RATE_HZ)


async def test_an_upstream_that_stays_away_is_reported() -> None:
    """Once it was away for as long as the parameter says; an utterance that it owes ends with its pair of marks."""
    connector = FakeConnector()
    async with running(engine(connector, reconnect_secs=8)) as step:
        await utter(step)
        connector.down = UpstreamError(FailureKind.UNAVAILABLE, "key=secret")
        connector.connection.lose()
        step.forget()
        await settle(7.9)
        assert step.up == []
        await settle(0.2)
        (error,) = [frame for frame in step.up if isinstance(frame, ErrorFrame)]
        assert error.category is ErrorCategory.CONNECTIVITY
        assert "secret" not in error.error
        kinds = [type(frame) for frame in step.down]
        assert kinds == [OutputRestartedFrame, LLMFullResponseStartFrame, LLMFullResponseEndFrame]


async def test_a_connection_that_is_lost_is_replaced() -> None:
    """What was not answered goes up again; speech that had begun stops, and its turn begins anew."""
    connector = FakeConnector()
    async with running(engine(connector)) as step:
        await utter(step)
        connector.connection.say(*ANSWER[:5])
        await settle()
        step.forget()
        connector.connection.lose()
        await settle(1)
        assert connector.connection.activities == [counting_pcm(0, RATE_HZ)]
        connector.connection.say(*ANSWER)
        await settle()
        kinds = [type(frame) for frame in step.down]
        restarted: list[type[Frame]] = [TTSStoppedFrame, OutputRestartedFrame, UpstreamReconnectedFrame]
        assert kinds[:3] == restarted
        assert step.frames(OutputRestartedFrame)[0].response_begun is True
        assert kinds[3:] == [
            InterimTranscriptionFrame,
            InterimTranscriptionFrame,
            LLMFullResponseStartFrame,
            TTSTextFrame,
            TTSStartedFrame,
            TTSAudioRawFrame,
            TTSTextFrame,
            TTSAudioRawFrame,
            TTSStoppedFrame,
            TranscriptionFrame,
            LLMFullResponseEndFrame,
        ]
        assert not any(isinstance(frame, ErrorFrame) for frame in step.up)
        assert {type(frame) for frame in step.down if getattr(frame, "interruptible", False)} == {TTSAudioRawFrame}


async def test_a_connection_that_is_renewed_is_nobodys_business() -> None:
    """At its age another one takes over between turns, and no frame tells of it."""
    connector = FakeConnector()
    async with running(engine(connector, max_age_secs=100)) as step:
        await utter(step)
        connector.connection.say(*ANSWER)
        await settle(99)
        assert len(connector.connections) == 1
        step.forget()
        await settle(2)
        first, second = connector.connections
        assert first.closed
        assert step.down == step.up == []
        await utter(step, RATE_HZ)
        assert second.activities == [counting_pcm(RATE_HZ, 2 * RATE_HZ)]


async def test_another_model_takes_over() -> None:
    """Where the upstream does not know the first one."""
    connector = FakeConnector(failures=[UpstreamError(FailureKind.MODEL_REJECTED, "models/m is not found")])
    async with running(engine(connector, fallback_models=["n"])) as step:
        assert step.started
        assert [config.model for config in connector.configs] == ["m", "n"]


@pytest.mark.parametrize("resumption", [False, True])
async def test_resumption_is_asked_for_where_it_is_wanted(resumption: bool) -> None:
    """After a loss the session is resumed by the handle that the upstream gave, or begun."""
    connector = FakeConnector()
    async with running(engine(connector, resumption=resumption)) as step:
        connector.connection.say(Resumable("h"))
        await utter(step)
        connector.connection.lose()
        await settle(1)
        asked = [(config.resumption, config.handle) for config in connector.configs]
        assert asked == [(resumption, None), (resumption, "h" if resumption else None)]


# What earlier turns left to play


async def lose_the_second_answer(
    step: RunningStep, connector: FakeConnector, first_secs: int, *, second_secs: int = 1
) -> None:
    """An answer of ``first_secs`` comes, then text and speech of the next, and then the connection breaks."""
    await utter(step)
    connector.connection.say(SourceText("하나."), TargetText("One."), *seconds_of_speech(first_secs), *ENDS)
    await settle()
    await utter(step, RATE_HZ)
    connector.connection.say(TargetText("Two."), *seconds_of_speech(second_secs))
    await settle()
    step.forget()
    connector.connection.lose()


@pytest.mark.parametrize("second_secs", [0, 1], ids=["text", "speech"])
async def test_earlier_turns_are_played_before_output_begins_anew(second_secs: int) -> None:
    """The client drops all that it holds: it is told when it holds no more than what is void.

    Nothing goes by meanwhile, and the upstream has the utterance again without delay.
    """
    connector = FakeConnector()
    async with running(engine(connector)) as step:
        await lose_the_second_answer(step, connector, 4, second_secs=second_secs)
        await settle(1.5)
        assert connector.connection.activities == [counting_pcm(RATE_HZ, 2 * RATE_HZ)]
        connector.connection.say(*ANSWER)
        await settle(2.4)
        assert [type(frame) for frame in step.down] == [TTSStoppedFrame] * second_secs
        await settle(0.2)
        assert step.frames(OutputRestartedFrame)
        assert step.frames(LLMFullResponseEndFrame)


async def test_what_plays_for_long_is_not_waited_for() -> None:
    """Who hears it from a file waits for nothing more than 10 s."""
    connector = FakeConnector()
    async with running(engine(connector)) as step:
        await lose_the_second_answer(step, connector, 60)
        await settle(9.9)
        assert not step.frames(OutputRestartedFrame)
        await settle(0.2)
        assert step.frames(OutputRestartedFrame)


async def test_what_the_client_drops_is_not_waited_for() -> None:
    """Its ``interrupt`` ends the wait: nothing of earlier turns is played any more."""
    connector = FakeConnector()
    async with running(engine(connector)) as step:
        await lose_the_second_answer(step, connector, 4)
        await settle(1)
        assert not step.frames(OutputRestartedFrame)
        await step.send(InterruptionFrame(), direction=FrameDirection.UPSTREAM)
        assert step.frames(OutputRestartedFrame)


async def test_what_the_client_dropped_before_is_not_waited_for() -> None:
    """An ``interrupt`` that came before the connection broke left nothing to play, either."""
    connector = FakeConnector()
    async with running(engine(connector)) as step:
        await utter(step)
        connector.connection.say(SourceText("하나."), TargetText("One."), *seconds_of_speech(4), *ENDS)
        await settle()
        await utter(step, RATE_HZ)
        await step.send(InterruptionFrame(), direction=FrameDirection.UPSTREAM)
        connector.connection.say(TargetText("Two."), *seconds_of_speech(1))
        connector.connection.lose()
        await settle()
        assert step.frames(OutputRestartedFrame)


async def test_what_is_void_is_not_waited_for() -> None:
    """The client dropped the output that broke off: when the next attempt breaks off, too, nothing is left."""
    connector = FakeConnector()
    async with running(engine(connector)) as step:
        await utter(step)
        for restarts in (1, 2, 3):
            connector.connection.say(TargetText("One."), *seconds_of_speech(8))
            connector.connection.lose()
            await settle(1)
            assert len(step.frames(OutputRestartedFrame)) == restarts


async def test_a_turn_of_which_nothing_was_heard_begins_anew_at_once() -> None:
    """Nothing of it is at the client that it would have to drop."""
    connector = FakeConnector()
    async with running(engine(connector)) as step:
        await utter(step)
        connector.connection.say(SourceText("하나."), TargetText("One."), *seconds_of_speech(4), *ENDS)
        await settle()
        await utter(step, RATE_HZ)
        connector.connection.lose()
        await settle()
        assert step.frames(OutputRestartedFrame)


async def test_a_session_that_ends_does_not_wait() -> None:
    """The end of the pipeline comes through, whatever is left to play."""
    connector = FakeConnector()
    async with running(engine(connector)) as step:
        await lose_the_second_answer(step, connector, 4)
        await settle()
        ends_at = asyncio.get_running_loop().time() + 0.1
    assert asyncio.get_running_loop().time() < ends_at


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
        {"model": "m", "reconnect_secs": -1},
        {"model": "m", "max_age_secs": 0},
        {"model": "m", "fallback_models": "n"},
        {"model": "m", "resumption": "sometimes"},
        {"model": "m", "overlap": "drop"},
        {"model": "m", "temperature": 1},
    ],
)
def test_a_wrong_parameter_is_refused(params: dict[str, object]) -> None:
    """A missing model, values out of range and unknown names do not get through."""
    with pytest.raises(ValidationError):
        GeminiLiveParams.model_validate(params)
