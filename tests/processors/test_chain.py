"""Engine, forwarder and speech state together: the protocol's rules hold whatever the upstream does."""

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipecat.frames.frames import (
    ErrorFrame,
    InputAudioRawFrame,
    InputTransportMessageFrame,
    TTSAudioRawFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)

from gemini.events import (
    GenerationComplete,
    SourceText,
    TargetAudio,
    TargetText,
    TurnComplete,
    UpstreamEvent,
)
from processors.context import SessionContext
from processors.frames import (
    OutputRestartedFrame,
    ProtocolMessageFrame,
    UtteranceEndedFrame,
    UtteranceStartedFrame,
)
from processors.gemini_live import GeminiLive, GeminiLiveParams
from processors.speech_state import SpeechStateEmitter, SpeechStateEmitterParams
from processors.transcription import TranscriptionForwarder, TranscriptionForwarderParams
from protocol.messages import Interrupt, SpeechState, Transcription, Warning
from protocol.messages import Interrupted as InterruptedMessage
from protocol.messages import TurnComplete as Completed
from tests.support.fake_upstream import FakeConnector
from tests.support.happenings import Wait, upstream_says
from tests.support.steps import RunningStep, running
from tests.support.virtual_time import settle

RATE_HZ = 16_000
ANSWER = (SourceText("안녕."), TargetText("Hi."), TargetAudio(b"\1\0", 24000), GenerationComplete(), TurnComplete())


def chain(
    connector: FakeConnector, **params: object
) -> tuple[GeminiLive, TranscriptionForwarder, SpeechStateEmitter]:
    """The three steps of a session; ``params`` are the engine's."""
    context = SessionContext("session", ("ko", "en"), "auto", connector, utterances_marked=True)
    return (
        GeminiLive(GeminiLiveParams.model_validate({"model": "m", **params}), context),
        TranscriptionForwarder(TranscriptionForwarderParams(), context),
        SpeechStateEmitter(SpeechStateEmitterParams(), context),
    )


async def utter(step: RunningStep) -> None:
    """Someone speaks for half a second."""
    await step.send(VADUserStartedSpeakingFrame(), UtteranceStartedFrame())
    await step.send(InputAudioRawFrame(bytes(RATE_HZ), RATE_HZ, 1))
    await step.send(VADUserStoppedSpeakingFrame(), UtteranceEndedFrame())


def states(step: RunningStep) -> list[str]:
    """The states that were sent."""
    return [message.state for message in step.messages if isinstance(message, SpeechState)]


async def test_an_answered_utterance() -> None:
    """State, texts and audio of one utterance, as a client sees them."""
    connector = FakeConnector()
    async with running(*chain(connector)) as step:
        await utter(step)
        connector.connection.say(*ANSWER)
        await settle()
        assert states(step) == ["speaking", "silent", "processing", "silent"]
        assert [message.type for message in step.messages if not isinstance(message, SpeechState)] == [
            "input_transcription",
            "output_transcription",
            "input_transcription",
            "output_transcription",
            "turn_complete",
        ]
        assert len(step.frames(TTSAudioRawFrame)) == 1


async def test_an_utterance_without_output_leaves_processing() -> None:
    """After the last attempt the state is ``silent``, the client knows, and a turn without content has no end."""
    connector = FakeConnector()
    async with running(*chain(connector)) as step:
        await utter(step)
        await settle(4 * 12 - 1)
        assert states(step)[-1] == "processing"
        await settle(5)
        assert states(step) == ["speaking", "silent", "processing", "silent"]
        assert not [message for message in step.messages if isinstance(message, Completed)]
        warnings = [(message.code, message.ms) for message in step.messages if isinstance(message, Warning)]
        assert set(warnings) == {("UPSTREAM_RECONNECTED", None), ("SPEECH_DROPPED", 500)}


async def test_an_answer_that_breaks_off_is_given_again() -> None:
    """The client is told to drop it, the state is ``processing`` again, and texts and sound start anew."""
    connector = FakeConnector()
    async with running(*chain(connector)) as step:
        await utter(step)
        connector.connection.say(SourceText("안녕."), TargetText("Hi th"), TargetAudio(b"\1\0", 24000))
        connector.connection.lose()
        await settle(1)
        assert states(step) == ["speaking", "silent", "processing", "silent", "processing"]
        step.forget()
        connector.connection.say(*ANSWER)
        await settle()
        assert states(step) == ["silent"]
        assert [
            (message.type, message.text) for message in step.messages if isinstance(message, Transcription)
        ] == [
            ("input_transcription", "안녕."),
            ("output_transcription", "Hi."),
        ] * 2
        assert len(step.frames(TTSAudioRawFrame)) == 1


async def test_two_utterances_in_a_row() -> None:
    """The second waits for the answer of the first; ``processing`` lasts until the last is answered."""
    connector = FakeConnector()
    async with running(*chain(connector)) as step:
        await utter(step)
        await utter(step)
        connector.connection.say(*ANSWER)
        await settle()
        assert states(step)[-1] == "processing"
        connector.connection.say(SourceText("둘."), TargetText("Two."), *ANSWER[2:])
        await settle()
        assert states(step)[-1] == "silent"
        ends = [message for message in step.messages if isinstance(message, Completed)]
        assert [(end.input_text, end.output_text) for end in ends] == [("안녕.", "Hi."), ("둘.", "Two.")]


@pytest.mark.parametrize("blocked", [False, True])
async def test_an_utterance_that_is_given_up_is_not_waited_for(blocked: bool) -> None:
    """What the ring could not hold is warned of, and of all utterances only those that were sent await output."""
    connector = FakeConnector()
    async with running(*chain(connector, uplink_ring_secs=1.2)) as step:
        if blocked:
            connector.connection.may_send.clear()
        for _ in range(6):
            await utter(step)
        connector.connection.may_send.set()
        await settle()
        warnings = [message for message in step.messages if isinstance(message, Warning)]
        assert {warning.code for warning in warnings} == {"SPEECH_DROPPED"}
        answered = 0
        while len(connector.connection.activities) > answered:
            answered += 1
            assert states(step)[-1] == "processing"
            connector.connection.say(*ANSWER)
            await settle()
        assert answered < 6
        assert sum(warning.ms or 0 for warning in warnings) + len(connector.connection.pcm) // 32 == 3000
        assert states(step)[-1] == "silent"
        await utter(step)
        assert states(step)[-1] == "processing"


async def test_an_interrupted_turn_holds_the_next_back_until_the_upstream_is_done() -> None:
    """After the cut nothing of the turn comes; the next utterance goes up at the upstream's own end of output."""
    connector = FakeConnector()
    async with running(*chain(connector)) as step:
        await utter(step)
        connector.connection.say(TargetText("Hel"), TargetAudio(b"\1\0", 24000))
        await settle()
        await step.send(InputTransportMessageFrame(message=Interrupt()))
        await utter(step)
        step.forget()
        connector.connection.say(TargetText("lo."), TargetAudio(b"\1\0", 24000))
        await settle()
        assert not [message for message in step.messages if not isinstance(message, SpeechState)]
        assert not step.frames(TTSAudioRawFrame)
        assert len(connector.connection.activities) == 1
        connector.connection.say(GenerationComplete(), TurnComplete())
        await settle()
        assert len(connector.connection.activities) == 2


@dataclass(frozen=True)
class Utter:
    """Someone speaks."""


@dataclass(frozen=True)
class Stop:
    """The client interrupts."""


Step = Utter | Stop | Wait | UpstreamEvent
TEXTS = st.sampled_from([" a", "나", " c d e", "Hello there you.", "안녕하세요.", "2026", " ", ""])
STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.just(Utter()),
        st.just(Stop()),
        st.builds(Wait, st.sampled_from([0.3, 0.6, 2.0, 13.0])),
        *[upstream_says(TEXTS)] * 5,
    ),
    max_size=25,
)


@settings(max_examples=100)
@given(STEPS)
async def test_the_protocols_rules_hold(steps: list[Step]) -> None:
    """Partials, finals and ends come in their order and agree; states alternate and end in ``silent``."""
    connector = FakeConnector()
    async with running(*chain(connector)) as step:
        for happening in steps:
            match happening:
                case Utter():
                    await utter(step)
                case Stop():
                    await step.send(InputTransportMessageFrame(message=Interrupt()))
                case Wait():
                    await settle(happening.secs)
                case _:
                    connector.connection.say(happening)
                    await settle()
        await settle(1000)
        check_rules(step, steps)


def check_rules(step: RunningStep, steps: list[Step]) -> None:
    """The rules of the protocol, for all that the client got."""
    texts: dict[str, str] = {}
    finals: list[str] = []
    interrupts = 0
    for frame in step.down:
        if isinstance(frame, TTSAudioRawFrame):
            assert not finals, "audio between the finals of a turn"
        if not isinstance(frame, ProtocolMessageFrame):
            continue
        match frame.message:
            case Transcription(is_final=False) as partial:
                assert not finals, "a partial after a final"
                assert partial.language is None
                texts[partial.type] = partial.text
            case Transcription() as final:
                assert final.language
                assert final.text == texts[final.type] != ""
                assert final.type not in finals
                assert final.type != "input_transcription" or not finals
                finals.append(final.type)
            case Completed() as end:
                assert end.input_text == texts.get("input_transcription", "")
                assert end.output_text == texts.get("output_transcription", "")
                assert sorted(finals) == sorted(kind for kind, text in texts.items() if text)
                texts, finals = {}, []
            case InterruptedMessage(reason="client"):
                interrupts += 1
            case InterruptedMessage(reason="upstream"):
                assert not finals, "a turn began anew after a final"
                texts = {}
    assert not any(texts.values()), "a turn without an end"
    assert interrupts == sum(isinstance(happening, Stop) for happening in steps)
    sent = ["silent", *states(step)]
    assert all(before != after for before, after in pairwise(sent))
    lost = any(isinstance(frame, ErrorFrame) for frame in step.up)  # of an upstream that never says anything
    assert sent[-1] == "silent" or lost
    said = [happening.pcm for happening in steps if isinstance(happening, TargetAudio)]
    heard = [frame.audio for frame in step.frames(TTSAudioRawFrame)]
    pieces = iter(said)
    assert all(piece in pieces for piece in heard), "sound was doubled or moved"
    if not (Stop() in steps or step.frames(OutputRestartedFrame)):
        assert [pcm for pcm in heard if any(pcm)] == [pcm for pcm in said if any(pcm)]
