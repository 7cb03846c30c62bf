"""How long the voice activity step keeps others waiting."""

import asyncio

from pipecat.frames.frames import InputAudioRawFrame

from processors.context import SessionContext
from processors.vad import Vad
from processors.vad_params import VadParams
from tests.support.fake_upstream import FakeConnector
from tests.support.steps import running

_RATE_HZ = 16_000
_WINDOWS_IN_5_SECS = 150
_TURNS_OF_A_SHORT_CHUNK = 40
_MOST_TURNS = 5000
_LONGEST_WAIT_SECS = 0.02
"""The last window of a chunk waits for those of other sessions."""


async def turns_while_hearing(pcm: bytes) -> int:
    """How many turns others have until a chunk has gone through the step."""
    context = SessionContext("session", ("ko", "en"), "auto", FakeConnector())
    async with running(Vad(VadParams(), context)) as step:
        step.forget()
        await step.worker.queue_frame(InputAudioRawFrame(pcm, _RATE_HZ, 1))
        turns = 0
        while not step.frames(InputAudioRawFrame):
            turns += 1
            await asyncio.sleep(0 if turns < _MOST_TURNS else _LONGEST_WAIT_SECS)
        return turns


async def test_a_long_chunk_leaves_others_their_turn() -> None:
    """The longest that a client may send is judged with room for every other task after eight windows at most."""
    assert await turns_while_hearing(bytes(5 * 2 * _RATE_HZ)) > _WINDOWS_IN_5_SECS // 8


async def test_a_short_chunk_is_not_held_up() -> None:
    """One of 20 ms goes straight through."""
    assert await turns_while_hearing(bytes(640)) < _TURNS_OF_A_SHORT_CHUNK


async def test_a_backlog_is_judged_without_waiting_for_other_sessions() -> None:
    """Half a minute that comes at once, in frames as long as a full inbox gives, waits for no other session."""
    context = SessionContext("session", ("ko", "en"), "auto", FakeConnector())
    loop, frames = asyncio.get_running_loop(), 94
    vad = Vad(VadParams(), context)
    async with running(vad) as step:
        step.forget()
        began_at = loop.time()
        for _ in range(frames):
            await vad.queue_frame(InputAudioRawFrame(bytes(10 * 1024), _RATE_HZ, 1))
        assert loop.time() - began_at < 10 * _LONGEST_WAIT_SECS
        assert len(step.frames(InputAudioRawFrame)) == frames
