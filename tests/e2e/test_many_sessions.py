"""Many sessions at once: each gets its own turns whole, and when they are over nothing of them is left."""

import asyncio
import contextlib
import contextvars
import ctypes
import gc
import threading
import types
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np
import psutil
import pytest
import soxr

from emulator import EmulatorOptions, Scenario
from tests.support.audit import PATIENT, until_done
from tests.support.client import protocol_client
from tests.support.servers import RunningServer, running_server

_SESSIONS = 20
_WAYS = ((8_000, 20), (16_000, 256), (24_000, 100), (48_000, 20))
"""Sample rates in Hz and chunk lengths in ms."""
_PHRASES = ("harvard-1", "harvard-2", "harvard-3", "harvard-4", "harvard-5", "harvard-6", "harvard-8", "harvard-9")
_STEPS = ((1, 3), (3, 1), (2, 5))
"""How far on each next phrase of a speaker lies; no two of the twenty speakers say the same."""
_PAUSE_SECS = 1.1
_EXECUTOR_THREADS = 2
_WARM_UP_ROUNDS = 2
_WARM_UP_SPEED = 4.0
_MEMORY_TOLERANCE_BYTES = 8 * 2**20
"""The level goes up and down by up to 5 MB between equal rounds, since the allocator's arenas fill in other orders;
it stops growing with the second round. What twenty clients say in a minute is 38 MB inside the server."""
_CACHED = {asyncio.TimerHandle, contextvars.Context, weakref.ref, types.BuiltinFunctionType}
"""Types whose number moves by itself: a loop keeps cancelled timers until they are due or the greater part, and
``isinstance`` remembers classes by weak references with a callback."""
_OUTPUT_BYTES_PER_MS = 48
_PATIENCE = 3000
_FORGETFUL: dict[str, Any] = {"keep_audio": False, "resumption_updates": False}
"""Options with which the emulator's own records do not grow: a resumption handle would keep a session's record."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Something to say.

    Attributes:
        samples: At ``rate_hz``, -1 to 1.
        rate_hz: Their rate.
        turn: Source and target text of its turn.
    """

    samples: np.typing.NDArray[np.float32]
    rate_hz: int
    turn: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Speaker:
    """One client: its way of sending, what it says, and how it leaves."""

    rate_hz: int
    chunk_ms: int
    encoding: str
    phrases: Sequence[Phrase]
    says_close: bool

    def pcm(self) -> bytes:
        """All that it says, with a pause after each phrase."""
        pause = np.zeros(round(_PAUSE_SECS * self.rate_hz), np.float32)
        parts = [
            part
            for phrase in self.phrases
            for part in (soxr.resample(phrase.samples, phrase.rate_hz, self.rate_hz), pause)
        ]
        samples = np.clip(np.round(np.concatenate(parts) * 32767), -32768, 32767)
        return samples.astype("<i2").tobytes()


@dataclass(frozen=True, slots=True)
class Level:
    """What the process holds.

    Attributes:
        memory_bytes: Resident.
        threads: How many, native ones included.
        tasks: Of the loop.
        objects: How many objects there are of each type that the collector knows.
    """

    memory_bytes: int
    threads: int
    tasks: frozenset[asyncio.Task[object]]
    objects: Counter[type]


def speakers(scenario: Scenario, phrases_each: int) -> list[Speaker]:
    """Twenty speakers, no two of whom say the same phrases in the same order."""
    phrases = [_phrase(scenario, entry_id) for entry_id in _PHRASES]
    made = []
    for number in range(_SESSIONS):
        rate_hz, chunk_ms = _WAYS[number % len(_WAYS)]
        steps = _STEPS[number // len(phrases)]
        said = list(islice(_walk(phrases, number % len(phrases), steps), phrases_each))
        encoding = "binary" if number // len(_WAYS) % 2 else "base64"
        made.append(Speaker(rate_hz, chunk_ms, encoding, said, says_close=number % 3 == 0))
    assert len({tuple(phrase.turn for phrase in speaker.phrases) for speaker in made}) == _SESSIONS
    return made


def _walk(phrases: Sequence[Phrase], start: int, steps: Sequence[int]) -> Iterator[Phrase]:
    at = start
    for step in cycle(steps):
        yield phrases[at % len(phrases)]
        at += step


def _phrase(scenario: Scenario, entry_id: str) -> Phrase:
    [entry] = [entry for entry in scenario.entries if entry.id == entry_id]
    assert entry.heard is not None
    clip = scenario.clips[entry.heard.clip]
    first, last = (round(secs * clip.rate_hz) for secs in (entry.heard.from_secs, entry.heard.to_secs))
    return Phrase(clip.samples[first:last], clip.rate_hz, (entry.source, entry.target))


async def hold_sessions(server: RunningServer, speakers: Sequence[Speaker], *, speed: float) -> None:
    """Let all speak at once, each until its last turn is complete, and check what each got; then all are gone.

    Raises:
        AssertionError: A client got other turns, or other audio, than its own.
    """
    connecting = asyncio.Lock()
    async with asyncio.TaskGroup() as group:
        for speaker in speakers:
            group.create_task(_hold_session(server, speaker, connecting, speed))
    records = server.emulator.sessions
    await settle(lambda: all(record.closed for record in records) and not server.sessions.active)
    assert [record.closed for record in records] == [True] * len(speakers)
    assert (server.sessions.active, server.sessions.pending) == (0, 0)
    records.clear()


async def _hold_session(server: RunningServer, speaker: Speaker, connecting: asyncio.Lock, speed: float) -> None:
    wanted = [phrase.turn for phrase in speaker.phrases]
    async with protocol_client(server.url) as client:
        async with connecting:
            await client.init(sampleRate=speaker.rate_hz, audioEncoding=speaker.encoding)
            record = server.emulator.sessions[-1]
        await client.stream(speaker.pcm(), chunk_ms=speaker.chunk_ms, speed=speed)
        await until_done(client, record, lambda: len(client.turns) >= len(wanted))
        assert client.turns == wanted
        assert not client.of("error", "warning", "interrupted")
        sent = sum(utterance.sent_audio_bytes for utterance in record.utterances)
        assert sent <= len(client.audio()) <= sent + 10 * _OUTPUT_BYTES_PER_MS * len(wanted)
        if speaker.says_close:
            await client.send({"type": "close"})
            assert await client.wait_closed() == 1000


async def settle(condition: Callable[[], bool]) -> None:
    """Give what is ending the time to do so: nothing tells when a server has let go of a connection."""
    for _ in range(_PATIENCE):
        if condition():
            return
        await asyncio.sleep(0.01)


def measure() -> Level:
    """What the process holds after a collection."""
    gc.collect()
    _return_free_memory()
    process = psutil.Process()
    objects = Counter(type(item) for item in gc.get_objects())
    return Level(process.memory_info().rss, process.num_threads(), frozenset(asyncio.all_tasks()), objects)


def _return_free_memory() -> None:
    """Let the C library give back what it holds in reserve, where it can; a reserve is no leak."""
    with contextlib.suppress(AttributeError, TypeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


async def fix_thread_pool() -> None:
    """Give the loop an executor whose threads all run, so that none is started later and counted as a leak."""
    executor = ThreadPoolExecutor(_EXECUTOR_THREADS)
    asyncio.get_running_loop().set_default_executor(executor)
    barrier = threading.Barrier(_EXECUTOR_THREADS)
    await asyncio.gather(*(asyncio.to_thread(barrier.wait) for _ in range(_EXECUTOR_THREADS)))


async def check_nothing_is_left(options: EmulatorOptions, *, phrases_each: int, speed: float) -> None:
    """Hold sessions for two rounds that warm up and for one at ``speed``; compare what the process holds around it.

    Raises:
        AssertionError: A client did not get its own turns, or something is left of the sessions.
    """
    await fix_thread_pool()
    scenario = Scenario.load("samples")
    talk = speakers(scenario, phrases_each)
    async with running_server(options, scenario=scenario, **PATIENT) as server:
        for _ in range(_WARM_UP_ROUNDS):
            await hold_sessions(server, talk, speed=_WARM_UP_SPEED)
        before = measure()
        await hold_sessions(server, talk, speed=speed)
        await settle(lambda: asyncio.all_tasks() <= before.tasks)
        after = measure()
    assert not [task for task in after.tasks - before.tasks if not task.done()]
    assert after.threads <= before.threads
    more = {kind: count for kind, count in (after.objects - before.objects).items() if count >= _SESSIONS}
    assert not more.keys() - _CACHED, more
    grown_bytes = after.memory_bytes - before.memory_bytes
    assert grown_bytes <= _MEMORY_TOLERANCE_BYTES, f"{grown_bytes / 2**20:.1f} MiB more than before"


async def test_sessions_at_once_get_their_own_turns_and_leave_nothing() -> None:
    """Twenty clients at once: each gets exactly its own turns, and afterwards the process is as it was before.

    As before means: no session counted as active or pending, every upstream connection closed, no new task, no new
    thread, of no type one more object for each session, and memory within the tolerance.
    """
    await check_nothing_is_left(
        EmulatorOptions(time_factor=0.0, **_FORGETFUL), phrases_each=2, speed=_WARM_UP_SPEED
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_minute_of_sessions_at_once_leaves_nothing() -> None:
    """The same for a minute in real time, with an upstream that takes its time to answer."""
    await check_nothing_is_left(EmulatorOptions(**_FORGETFUL), phrases_each=14, speed=1.0)
