"""``speech_state``: what the interpreter makes of the speaker."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)

from processors.context import SessionContext
from processors.frames import (
    OutputRestartedFrame,
    SpeechDroppedFrame,
    UtteranceEndedFrame,
    UtteranceServedFrame,
    UtteranceStartedFrame,
)
from processors.speech_state import SpeechStateEmitter, SpeechStateEmitterParams
from protocol.messages import SpeechState
from tests.support.fake_upstream import FakeConnector
from tests.support.steps import RunningStep, running

CONTEXT = SessionContext("session", ("ko", "en"), "auto", FakeConnector(), utterances_marked=True)
VOICE_ON, VOICE_OFF = VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame
SAID, ANSWERED = UtteranceEndedFrame, LLMFullResponseStartFrame
BROKEN_OFF = partial(OutputRestartedFrame, response_begun=True)


def emitter() -> SpeechStateEmitter:
    """The step, on a clock that stands still."""
    return SpeechStateEmitter(SpeechStateEmitterParams(), CONTEXT, wall_clock=lambda: 1_700_000_000.1234)


def states(step: RunningStep) -> list[str]:
    """The states that were sent."""
    return [message.state for message in step.messages if isinstance(message, SpeechState)]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([], []),
        ([VOICE_ON()], ["speaking"]),
        ([VOICE_ON(), VOICE_OFF()], ["speaking", "silent"]),
        ([VOICE_ON(), VOICE_OFF(), SAID()], ["speaking", "silent", "processing"]),
        ([VOICE_ON(), VOICE_OFF(), SAID(), ANSWERED()], ["speaking", "silent", "processing", "silent"]),
        ([VOICE_ON(), VOICE_OFF(), VOICE_ON(), VOICE_OFF()], ["speaking", "silent", "speaking", "silent"]),
        (
            [VOICE_ON(), VOICE_OFF(), SAID(), VOICE_ON(), VOICE_OFF()],
            ["speaking", "silent", "processing", "speaking", "silent", "processing"],
        ),
        (
            [VOICE_ON(), VOICE_OFF(), SAID(), VOICE_ON(), ANSWERED()],
            ["speaking", "silent", "processing", "speaking"],
        ),
        (
            [VOICE_ON(), SAID(), VOICE_OFF(), ANSWERED()],
            ["speaking", "silent", "processing", "silent"],
        ),
        (
            [VOICE_ON(), VOICE_OFF(), SAID(), SAID(), ANSWERED(), ANSWERED()],
            ["speaking", "silent", "processing", "silent"],
        ),
        (
            [VOICE_ON(), VOICE_OFF(), SAID(), SpeechDroppedFrame(900, whole_utterance=True)],
            ["speaking", "silent", "processing", "silent"],
        ),
        (
            [VOICE_ON(), ANSWERED(), VOICE_OFF(), SAID(), UtteranceServedFrame()],
            ["speaking", "silent", "processing", "silent"],
        ),
        (
            [VOICE_ON(), ANSWERED(), ANSWERED(), VOICE_OFF(), VOICE_ON(), VOICE_OFF(), SAID(), ANSWERED()],
            ["speaking", "silent", "speaking", "silent", "processing", "silent"],
        ),
        ([VOICE_ON(), VOICE_OFF(), SAID(), SpeechDroppedFrame(900)], ["speaking", "silent", "processing"]),
        (
            [VOICE_ON(), VOICE_OFF(), SAID(), ANSWERED(), BROKEN_OFF(), ANSWERED()],
            ["speaking", "silent", "processing", "silent", "processing", "silent"],
        ),
        (
            [VOICE_ON(), VOICE_OFF(), SAID(), OutputRestartedFrame(), ANSWERED()],
            ["speaking", "silent", "processing", "silent"],
        ),
        (
            [VOICE_ON(), SAID(), ANSWERED(), BROKEN_OFF(), ANSWERED(), VOICE_OFF()],
            ["speaking", "silent"],
        ),
        (
            [
                VOICE_ON(),
                SAID(),
                ANSWERED(),
                BROKEN_OFF(),
                SpeechDroppedFrame(900, whole_utterance=True),
                VOICE_OFF(),
            ],
            ["speaking", "silent"],
        ),
        ([UserStoppedSpeakingFrame(), LLMFullResponseStartFrame()], ["processing", "silent"]),
        ([UtteranceStartedFrame(), UserStartedSpeakingFrame(), LLMFullResponseEndFrame()], []),
    ],
)
async def test_states(frames: list[Frame], expected: list[str]) -> None:
    """Each change is sent: voice first, then what awaits an answer, and ``silent`` whenever voice ends.

    An answer that broke off is awaited again; one that had not begun never ceased to be. One that came while its
    utterance was spoken answers none that is still to come.
    """
    async with running(emitter()) as step:
        await step.send(*frames)
        assert states(step) == expected


async def test_a_state_is_sent_before_its_cause_passes() -> None:
    """The state goes out with the server's clock in ms, and every frame passes, in both directions."""
    async with running(emitter()) as step:
        step.forget()
        frames = [VOICE_ON(), InputAudioRawFrame(b"\0\0", 16000, 1), VOICE_OFF()]
        await step.send(*frames)
        assert [frame for frame in step.down if frame in frames] == frames
        assert step.messages == [
            SpeechState(state="speaking", timestamp=1_700_000_000_123),
            SpeechState(state="silent", timestamp=1_700_000_000_123),
        ]


FRAMES = st.lists(
    st.sampled_from([VOICE_ON, VOICE_OFF, SAID, ANSWERED, BROKEN_OFF, OutputRestartedFrame]), max_size=25
)


@settings(max_examples=15)
@given(FRAMES)
async def test_no_state_comes_twice_in_a_row(kinds: list[Callable[[], Frame]]) -> None:
    """Whatever happens, only changes are sent, counted from ``silent``."""
    async with running(emitter()) as step:
        await step.send(*(kind() for kind in kinds))
        sent = ["silent", *states(step)]
        assert all(before != after for before, after in pairwise(sent))
