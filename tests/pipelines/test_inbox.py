"""What waits between the reader and the pipeline."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipecat.frames.frames import Frame, InputAudioRawFrame, InputTransportMessageFrame

from pipelines.inbox import Inbox
from protocol.messages import Interrupt
from tests.support import hypothesis_profile
from tests.support.virtual_time import VirtualTimeLoop, settle

__all__ = ["hypothesis_profile"]


def audio(size_bytes: int) -> InputAudioRawFrame:
    """A chunk."""
    return InputAudioRawFrame(bytes(size_bytes), 16_000, 1)


async def put_when_there_is_room(inbox: Inbox, size_bytes: int) -> None:
    """Put a chunk in, as the reader does."""
    await inbox.room()
    inbox.put(audio(size_bytes))


async def take(inbox: Inbox, count: int) -> list[Frame]:
    """The next frames, as the pipeline takes them."""
    messages = [await inbox.receive() for _ in range(count)]
    assert {message["type"] for message in messages} <= {"websocket.receive"}
    return [message["bytes"] for message in messages]


async def test_nothing_comes_out_before_the_session_is_ready() -> None:
    """Audio between ``init`` and ``connected`` waits, and is delivered whole and in order."""
    inbox = Inbox(10_000)
    frames: list[Frame] = [audio(100), InputTransportMessageFrame(message=Interrupt()), audio(200)]
    for frame in frames:
        inbox.put(frame)
    taking = asyncio.create_task(take(inbox, 3))
    await settle(10)
    assert not taking.done()
    inbox.open()
    assert await taking == frames


async def test_who_waits_gets_the_next_frame() -> None:
    """An open and empty inbox hands over at once what comes."""
    inbox = Inbox(10_000)
    inbox.open()
    taking = asyncio.create_task(take(inbox, 1))
    await settle()
    frame = audio(100)
    inbox.put(frame)
    assert await taking == [frame]


async def test_the_reader_waits_at_the_bound() -> None:
    """No client makes the server hold more than the bound and one frame; what waited goes in when there is room."""
    inbox = Inbox(1000)
    for _ in range(2):
        inbox.put(audio(250))
    waiting = asyncio.create_task(put_when_there_is_room(inbox, 10))
    await settle(10)
    assert not waiting.done()
    inbox.open()
    await take(inbox, 1)
    await waiting
    assert len(await take(inbox, 1)) == 1


async def test_there_is_always_room_for_one_frame() -> None:
    """A frame over the bound goes in where nothing else waits."""
    inbox = Inbox(1000)
    inbox.put(audio(5000))
    inbox.open()
    await take(inbox, 1)
    inbox.put(audio(5000))


async def test_frames_without_audio_count_too() -> None:
    """A flood of interrupts is held back like audio."""
    inbox = Inbox(1024)
    for _ in range(4):
        inbox.put(InputTransportMessageFrame(message=Interrupt()))
    waiting = asyncio.create_task(put_when_there_is_room(inbox, 10))
    await settle()
    assert not waiting.done()
    inbox.open()
    await take(inbox, 5)
    await waiting


@pytest.mark.parametrize("size_bytes", [0, 2])
async def test_tiny_frames_are_bounded_by_their_number(size_bytes: int) -> None:
    """A frame costs memory beside its audio: what holds little counts as 256 bytes more."""
    capacity_bytes = 64 * 1024
    inbox = Inbox(capacity_bytes)
    held = 0

    async def flood() -> None:
        nonlocal held
        for _ in range(1000):
            await put_when_there_is_room(inbox, size_bytes)
            held += 1

    flooding = asyncio.create_task(flood())
    await settle(10)
    assert capacity_bytes / 512 < held <= capacity_bytes / 256
    flooding.cancel()


async def test_a_small_frame_taken_from_a_full_inbox_makes_no_room() -> None:
    """What goes in after something came out still keeps the bound."""
    inbox = Inbox(1000)
    inbox.put(InputTransportMessageFrame(message=Interrupt()))
    inbox.put(audio(5000))
    inbox.open()
    waiting = asyncio.create_task(put_when_there_is_room(inbox, 5000))
    await take(inbox, 1)
    await settle()
    assert not waiting.done()
    await take(inbox, 1)
    await waiting


async def test_audio_that_waits_is_taken_joined() -> None:
    """A pipeline that is behind gets it in frames of 576 ms at most, whatever else is between them in its place."""
    inbox = Inbox(100_000)
    inbox.open()
    interrupt = InputTransportMessageFrame(message=Interrupt())
    for _ in range(30):
        inbox.put(audio(640))
    inbox.put(interrupt)
    for size_bytes in (20_000, 20_000, 2, 640):
        inbox.put(audio(size_bytes))
    taken = await take(inbox, 6)
    assert [len(frame.audio) if isinstance(frame, InputAudioRawFrame) else frame for frame in taken] == [
        28 * 640,
        2 * 640,
        interrupt,
        20_000,
        20_000,
        642,
    ]
    assert inbox.held_bytes == 0


@given(
    sizes=st.lists(st.none() | st.integers(1, 700).map(lambda samples: 2 * samples), max_size=40),
    opened_after=st.integers(0, 40),
)
def test_everything_comes_out_once_and_in_order(sizes: list[int | None], opened_after: int) -> None:
    """Whatever is put in at whatever time, nothing is lost, doubled or overtaken; ``None`` is an interrupt."""

    async def run() -> None:
        inbox = Inbox(2000)
        frames = [numbered(number, size) for number, size in enumerate(sizes)]

        async def put_all() -> None:
            for frame in frames:
                await inbox.room()
                inbox.put(frame)

        putting = asyncio.create_task(put_all())
        for _ in range(opened_after):
            await asyncio.sleep(0)
        inbox.open()
        expected, taken = b"".join(map(content, frames)), b""
        while len(taken) < len(expected):
            taken += content(*await take(inbox, 1))
        await putting
        assert taken == expected
        assert inbox.held_bytes == 0

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(run())


def numbered(number: int, size_bytes: int | None) -> Frame:
    """A chunk whose bytes all are its number, or an interrupt."""
    if size_bytes is None:
        return InputTransportMessageFrame(message=Interrupt())
    return InputAudioRawFrame(bytes([number]) * size_bytes, 16_000, 1)


def content(frame: Frame) -> bytes:
    """What tells frames apart, however they are joined."""
    return frame.audio if isinstance(frame, InputAudioRawFrame) else b"interrupt"
