"""How long the voice activity step keeps others waiting."""

import asyncio

import pytest
from pipecat.frames.frames import InputAudioRawFrame

from pipelines.inbox import Inbox
from processors.context import SessionContext
from processors.vad import Vad
from processors.vad_params import VadParams
from tests.support.fake_upstream import FakeConnector
from tests.support.steps import running

CONTEXT = SessionContext("session", ("ko", "en"), "auto", FakeConnector())
_RATE_HZ = 16_000
_WINDOWS_IN_5_SECS = 150
_TURNS_OF_A_SHORT_CHUNK = 40
_MOST_TURNS = 5000
_LONGEST_WAIT_SECS = 0.02
"""The last window of a chunk waits for those of other sessions."""


async def turns_while_hearing(pcm: bytes) -> int:
    """How many turns others have until a chunk has gone through the step."""
    async with running(Vad(VadParams(), CONTEXT)) as step:
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
    """One of 20 ms, less than a window, goes straight through."""
    assert await turns_while_hearing(bytes(640)) < _TURNS_OF_A_SHORT_CHUNK


async def test_a_pair_of_chunks_waits_for_one_score() -> None:
    """40 ms hold one window, which waits 10 ms for those of others."""
    loop, vad = asyncio.get_running_loop(), Vad(VadParams(), CONTEXT)
    async with running(vad):
        began_at = loop.time()
        await vad.queue_frame(InputAudioRawFrame(bytes(1280), _RATE_HZ, 1))
        assert loop.time() - began_at == pytest.approx(0.01)


@pytest.mark.parametrize("chunk_bytes", [640, 3200, 5124, 6400, 8192, 9214, 9216, 32_000])
async def test_a_backlog_is_judged_without_waiting_for_other_sessions(chunk_bytes: int) -> None:
    """Ten seconds that wait in the inbox, in chunks of any length."""
    inbox = Inbox(30 * _RATE_HZ * 2)
    inbox.open()
    chunks = 10 * 2 * _RATE_HZ // chunk_bytes
    for _ in range(chunks):
        inbox.put(InputAudioRawFrame(bytes(chunk_bytes), _RATE_HZ, 1))
    loop, vad = asyncio.get_running_loop(), Vad(VadParams(), CONTEXT)
    async with running(vad) as step:
        step.forget()
        began_at = loop.time()
        while inbox.held_bytes:
            await vad.queue_frame((await inbox.receive())["bytes"])
        assert loop.time() - began_at < 3 * _LONGEST_WAIT_SECS
        assert sum(len(frame.audio) for frame in step.frames(InputAudioRawFrame)) == chunks * chunk_bytes


async def test_the_chunks_of_browsers_are_scored_together() -> None:
    """4096 samples are no backlog: their windows wait for those of other sessions."""
    loop, vad = asyncio.get_running_loop(), Vad(VadParams(), CONTEXT)
    async with running(vad):
        began_at = loop.time()
        await vad.queue_frame(InputAudioRawFrame(bytes(2 * 4096), _RATE_HZ, 1))
        assert loop.time() > began_at
