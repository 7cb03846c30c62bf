"""When a pipeline owes its client nothing more, by the frames that reach its end."""

import asyncio
from collections.abc import Sequence

import pytest
from pipecat.frames.frames import (
    Frame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    OutputAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)

from pipelines.open_turns import OpenTurns
from processors.frames import (
    DrainFrame,
    OutputRestartedFrame,
    SpeechDroppedFrame,
    UtteranceEndedFrame,
    UtteranceServedFrame,
    UtteranceStartedFrame,
)
from tests.support.virtual_time import settle

SAID = (UtteranceStartedFrame(), UtteranceEndedFrame())
BEGUN = (LLMFullResponseStartFrame(), TTSStartedFrame())
ENDED = (TTSStoppedFrame(), LLMFullResponseEndFrame())


def following(frames: Sequence[Frame], *, marked: bool = True) -> OpenTurns:
    """What was made of ``frames``."""
    turns = OpenTurns(marked=marked)
    for frame in frames:
        turns.follow(frame)
    return turns


async def is_drained(turns: OpenTurns, *, within_secs: float = 0.0) -> bool:
    """Whether waiting is over after that time."""
    waiting = asyncio.create_task(turns.drained())
    await settle(within_secs + 0.1)
    done = waiting.done()
    waiting.cancel()
    await asyncio.wait([waiting])
    return done


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [*SAID, *BEGUN, *ENDED],
        [*SAID, LLMFullResponseStartFrame(), LLMFullResponseEndFrame()],  # given up
        [*SAID, SpeechDroppedFrame(700, whole_utterance=True)],
        [*SAID, *SAID, *BEGUN, *ENDED, *BEGUN, *ENDED],
        [SAID[0], *BEGUN, UtteranceEndedFrame(awaits_output=False), *ENDED],  # answered while it was spoken
        [*SAID, UtteranceServedFrame()],
        [*SAID, *BEGUN, OutputRestartedFrame(response_begun=True), *BEGUN, *ENDED],
        [*SAID, *BEGUN, LLMFullResponseEndFrame(), TTSStoppedFrame()],
        [OutputAudioRawFrame(b"", 24_000, 1), LLMFullResponseEndFrame()],  # late text, which answers nothing
        [UserStartedSpeakingFrame(), UserStoppedSpeakingFrame(), *BEGUN, *ENDED],  # somebody else's marks
    ],
)
async def test_nothing_is_open(frames: Sequence[Frame]) -> None:
    """Every utterance is answered, or nothing will answer it; draining is done at once."""
    turns = following(frames)
    assert not turns.open
    turns.follow(DrainFrame())
    assert await is_drained(turns)


@pytest.mark.parametrize(
    "frames",
    [
        [UtteranceStartedFrame()],
        SAID,
        [*SAID, *BEGUN],
        [*SAID, *BEGUN, LLMFullResponseEndFrame()],  # its sound is not over
        [*SAID, *BEGUN, TTSStoppedFrame()],
        [*SAID, *BEGUN, *ENDED, *SAID],
        [*SAID, *SAID, *BEGUN, *ENDED],
        [*SAID, SpeechDroppedFrame(700)],  # a part of it
        [*SAID, *BEGUN, OutputRestartedFrame(response_begun=True)],
        [*SAID, LLMFullResponseEndFrame()],  # late text of a turn before
        [*BEGUN, *ENDED, *SAID],  # what was said by itself before answers nothing
        [*SAID, *SAID, LLMFullResponseStartFrame(), LLMFullResponseStartFrame(), LLMFullResponseEndFrame()],
    ],
)
async def test_something_is_open(frames: Sequence[Frame]) -> None:
    """Something is being said, or is owed an answer: waiting goes on for as long as that takes."""
    turns = following(frames)
    assert turns.open
    turns.follow(DrainFrame())
    assert not await is_drained(turns, within_secs=3600)


async def test_waiting_ends_with_the_answer() -> None:
    """What is said and answered meanwhile counts, frame by frame."""
    turns = following([UtteranceStartedFrame(), DrainFrame()])
    waiting = asyncio.create_task(turns.drained())
    for frame in (UtteranceEndedFrame(), *BEGUN, *ENDED):
        await settle()
        assert not waiting.done()
        turns.follow(frame)
    await settle()
    assert waiting.done()


async def test_before_the_wish_to_drain_came_through_nothing_is_known() -> None:
    """Speech that is on its way to the end of the pipeline may open a turn yet."""
    turns = following([])
    assert not await is_drained(turns, within_secs=3600)


async def test_what_begins_after_the_wish_to_drain_is_not_waited_for() -> None:
    """A step that marks on, whatever it was told, holds nobody up; its answers close nothing of others."""
    turns = following([*SAID, DrainFrame(), *SAID, UtteranceStartedFrame()])
    assert turns.open
    for frame in (*BEGUN, *ENDED):
        turns.follow(frame)
    assert not turns.open
    assert await is_drained(turns)


async def test_without_marks_time_decides() -> None:
    """Where the upstream finds the utterances, one may be going on that has not shown: a while passes first."""
    turns = following([DrainFrame()], marked=False)
    assert not await is_drained(turns, within_secs=4)
    assert await is_drained(turns, within_secs=6)


async def test_without_marks_what_shows_is_waited_for() -> None:
    """An utterance that is recognised in that while is answered, and the while begins again."""
    turns = following([DrainFrame()], marked=False)
    waiting = asyncio.create_task(turns.drained())
    await settle(4)
    turns.follow(UserStoppedSpeakingFrame())
    await settle(60)
    for frame in (*BEGUN, *ENDED):
        turns.follow(frame)
    await settle(4)
    assert not waiting.done()
    await settle(2)
    assert waiting.done()


@pytest.mark.parametrize(
    ("frames", "begun", "ended"),
    [
        ((), 0, 0),
        ((UtteranceStartedFrame(),), 1, 0),
        (SAID, 1, 0),
        ((*SAID, *BEGUN), 1, 0),
        ((*SAID, *BEGUN, OutputRestartedFrame(response_begun=True)), 1, 0),
        ((*SAID, *BEGUN, *ENDED), 1, 1),
        ((*SAID, *BEGUN, *SAID, UtteranceStartedFrame()), 3, 0),
        ((*SAID, *BEGUN, *ENDED, *SAID, *BEGUN), 2, 1),
    ],
)
def test_turns_are_counted_from_their_utterances_beginning(frames: Sequence[Frame], begun: int, ended: int) -> None:
    """However often an answer starts anew."""
    turns = following(frames)
    assert (turns.begun, turns.ended) == (begun, ended)
