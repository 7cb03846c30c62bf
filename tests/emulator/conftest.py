"""The real google-genai client in front of an emulator, and the samples cut and bent in the ways clients do."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import numpy as np
import pytest
from google import genai
from google.genai import types
from google.genai.errors import APIError
from google.genai.live import AsyncSession

from emulator import Emulator, EmulatorOptions, Scenario
from emulator.audio import Samples, resample, to_pcm
from emulator.hearing import ClipIndex

MODEL = "gemini-3.8-live"

Connect = Callable[..., AbstractAsyncContextManager[AsyncSession]]
Start = Callable[..., AbstractAsyncContextManager[Emulator]]
Cut = Callable[..., Samples]


def config(*, manual: bool = True, **changes: Any) -> types.LiveConnectConfig:
    """An interpreter's configuration."""
    realtime: dict[str, Any] = {"activity_handling": "NO_INTERRUPTION"}
    realtime["automatic_activity_detection"] = {"disabled": True} if manual else {"silence_duration_ms": 500}
    fields: dict[str, Any] = {
        "response_modalities": ["AUDIO"],
        "system_instruction": "Interpret.",
        "input_audio_transcription": {},
        "output_audio_transcription": {},
        "realtime_input_config": realtime,
        "context_window_compression": {"sliding_window": {}},
    }
    return types.LiveConnectConfig.model_validate({**fields, **changes})


@pytest.fixture(scope="session")
def samples() -> Scenario:
    """The built-in scenario, read once."""
    return Scenario.load("samples")


@pytest.fixture(scope="session")
def index(samples: Scenario) -> ClipIndex:
    """The built-in clips, ready for searching."""
    return ClipIndex({name: (clip.samples, clip.rate_hz) for name, clip in samples.clips.items()})


@pytest.fixture
def start(samples: Scenario) -> Start:
    """Starts an emulator without delays; keyword arguments are options, ``server`` those of the emulator."""

    def start_emulator(server: dict[str, Any] | None = None, **options: Any) -> Emulator:
        return Emulator(EmulatorOptions(**{"time_factor": 0.0, **options}), scenario=samples, **(server or {}))

    return start_emulator


@pytest.fixture
def connect() -> Connect:
    """Connects an unmodified google-genai client to an emulator."""

    @asynccontextmanager
    async def connect_client(
        emulator: Emulator, model: str = MODEL, key: str = "test", manual: bool = True, **changes: Any
    ) -> AsyncIterator[AsyncSession]:
        context = ssl.create_default_context(cafile=str(emulator.ca_file))
        client = genai.Client(
            api_key=key,
            vertexai=False,
            http_options=types.HttpOptions(
                base_url=emulator.base_url, async_client_args={"ssl": context, "ping_interval": None}
            ),
        )
        async with client.aio.live.connect(model=model, config=config(manual=manual, **changes)) as session:
            yield session

    return connect_client


@pytest.fixture(scope="session")
def cut(samples: Scenario) -> Cut:
    """Cuts a part of a clip at 16 kHz: through another rate if wanted, and at another level."""

    def cut_clip(
        name: str, from_secs: float, to_secs: float, through_hz: int | None = None, gain_db: float = 0.0
    ) -> Samples:
        clip = samples.clips[name]
        bent, rate_hz = clip.samples, clip.rate_hz
        if through_hz is not None:
            bent, rate_hz = resample(bent, rate_hz, through_hz), through_hz
        bent = resample(bent, rate_hz, 16_000)
        return bent[round(from_secs * 16_000) : round(to_secs * 16_000)] * np.float32(10 ** (gain_db / 20))

    return cut_clip


@pytest.fixture
def say() -> Callable[..., Any]:
    """Sends an utterance as a client with its own voice activity does, in blocks of 100 ms."""

    async def send(session: AsyncSession, sound: Samples, *, marked: bool = True) -> None:
        pcm = to_pcm(sound)
        if marked:
            await session.send_realtime_input(activity_start=types.ActivityStart())
        for at in range(0, len(pcm), 3200):
            blob = types.Blob(data=pcm[at : at + 3200], mime_type="audio/pcm;rate=16000")
            await session.send_realtime_input(audio=blob)
        if marked:
            await session.send_realtime_input(activity_end=types.ActivityEnd())

    return send


@pytest.fixture
def turn() -> Callable[..., Any]:
    """Receives messages up to turnComplete."""

    async def receive(session: AsyncSession) -> list[types.LiveServerMessage]:
        return [message async for message in session.receive()]

    return receive


@pytest.fixture
def draining() -> Callable[..., AbstractAsyncContextManager[None]]:
    """Reads a session's messages in the background: a client that reads nothing cannot even close."""

    async def drain(session: AsyncSession) -> None:
        with suppress(APIError):
            while True:
                async for _ in session.receive():
                    pass

    @asynccontextmanager
    async def drain_meanwhile(session: AsyncSession) -> AsyncIterator[None]:
        reader = asyncio.create_task(drain(session))
        yield
        reader.cancel()
        await asyncio.wait({reader})

    return drain_meanwhile


@pytest.fixture
def until() -> Callable[..., Any]:
    """Lets the loop run until something is true."""

    async def wait(condition: Callable[[], bool]) -> None:
        while not condition():  # noqa: ASYNC110 - the emulator's records offer no event
            await asyncio.sleep(0.005)

    return wait


@pytest.fixture(autouse=True)
async def no_leaked_tasks() -> AsyncIterator[None]:
    """A test that leaves a task behind fails."""
    before = asyncio.all_tasks()
    yield
    left = {task for task in asyncio.all_tasks() - before - {asyncio.current_task()} if not task.done()}
    assert not left, f"tasks left behind: {left}"


@pytest.fixture
def silence() -> Callable[[float], Samples]:
    """Digital silence of so many seconds at 16 kHz."""
    return lambda secs: np.zeros(round(secs * 16_000), np.float32)
