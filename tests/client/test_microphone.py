"""A microphone, without one: the device is a fake behind the seam, PortAudio another."""

import asyncio
import importlib
import sys
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from client import microphone
from client.errors import ClientError, InputError
from client.microphone import MicInput, OnAudio, SounddeviceBackend
from client.pacing import Pacer
from client.sources import Chunk
from tests.client.fakes import SteppedClock

RATE_HZ = 48000
BLOCK_MS = 20


class FakeDevice:
    """A device that delivers what the test tells it to, from a thread of its own, as PortAudio does."""

    def __init__(self, rate_hz: int = RATE_HZ) -> None:
        self._rate_hz = rate_hz
        self.opened: list[tuple[int | str | None, int, int]] = []
        self.closed = 0
        self._on_audio: OnAudio | None = None

    def rate_hz(self, device: int | str | None) -> int:
        """The rate given."""
        return self._rate_hz

    def open(self, device: int | str | None, rate_hz: int, block_samples: int, on_audio: OnAudio) -> "FakeDevice":
        """Notes it."""
        self.opened.append((device, rate_hz, block_samples))
        self._on_audio = on_audio
        return self

    def close(self) -> None:
        """Counts it."""
        self.closed += 1

    def devices(self) -> list[str]:
        """None."""
        return []

    def deliver(self, *blocks: np.ndarray[Any, np.dtype[np.int16]], overflowed: bool = False) -> None:
        """Calls back for each block."""
        assert self._on_audio is not None
        on_audio = self._on_audio
        thread = threading.Thread(
            target=lambda: [on_audio(block.astype("<i2").tobytes(), overflowed) for block in blocks]
        )
        thread.start()
        thread.join()


def _blocks(count: int, rate_hz: int = RATE_HZ) -> list[np.ndarray[Any, np.dtype[np.int16]]]:
    """A tone of 440 Hz in blocks of 20 ms."""
    length = rate_hz * BLOCK_MS // 1000
    times = np.arange(count * length) / rate_hz
    return np.split((8000 * np.sin(2 * np.pi * 440 * times)).astype(np.int16), count)


def _listening(fake: FakeDevice, /, **wanted: Any) -> Any:
    source = MicInput(backend=lambda: fake, **wanted).open()
    return source.chunks(BLOCK_MS, Pacer(SteppedClock(), 0.0))


async def _first(chunks: Any, device: FakeDevice) -> Chunk:
    """The first chunk, which takes a delivery or two: a resampler holds back a little."""
    pending = asyncio.ensure_future(anext(chunks))
    await asyncio.sleep(0)
    device.deliver(*_blocks(5))
    chunk: Chunk = await pending
    return chunk


async def test_speech_is_resampled_and_ends_after_the_duration() -> None:
    """Length and pitch are kept; the device is opened at the rate that it likes, and closed."""
    device = FakeDevice()
    chunks = _listening(device, device="USB", duration_secs=1.0)
    heard = [(await _first(chunks, device)).pcm]
    device.deliver(*_blocks(60))
    heard += [chunk.pcm async for chunk in chunks]
    samples = np.frombuffer(b"".join(heard), "<i2")
    assert len(samples) == 16000
    assert np.argmax(np.abs(np.fft.rfft(samples[2000:14000]))) / 0.75 == pytest.approx(440, abs=3)
    assert device.opened == [("USB", 48000, 960)]
    assert device.closed == 1


async def test_a_rate_of_its_own() -> None:
    """What was asked for is what ``init`` says."""
    device = FakeDevice(rate_hz=16000)
    source = MicInput(rate_hz=8000, backend=lambda: device).open()
    assert (source.rate_hz, source.duration_secs) == (8000, None)


async def test_every_wait_ends_with_the_next_delivery() -> None:
    """Not only the first one: speech is sent when it is spoken, not when the queue happens to be looked at."""
    device = FakeDevice(rate_hz=16000)
    chunks = _listening(device)
    await _first(chunks, device)
    waits = 0
    while waits < 3:
        pending = asyncio.ensure_future(anext(chunks))
        for _ in range(10):
            await asyncio.sleep(0)
        if not pending.done():
            waits += 1
            device.deliver(*_blocks(1))
        await pending
    await chunks.aclose()


async def test_what_finds_no_room_is_counted() -> None:
    """The queue is bounded: the newest audio is lost, and the first chunk after it says how much."""
    device = FakeDevice(rate_hz=16000)
    chunks = _listening(device)
    await _first(chunks, device)
    device.deliver(*_blocks(300))
    lost = [(await anext(chunks)).lost_ms for _ in range(10)]
    room = round(5000 / BLOCK_MS)
    assert sum(lost) == lost[0] == (300 + 4 - room) * BLOCK_MS  # four of the first five still wait
    await chunks.aclose()
    assert device.closed == 1


async def test_what_the_device_lost_is_counted() -> None:
    """PortAudio says that it could not deliver in time."""
    device = FakeDevice(rate_hz=16000)
    chunks = _listening(device)
    await _first(chunks, device)
    device.deliver(*_blocks(2), overflowed=True)
    assert sum([(await anext(chunks)).lost_ms for _ in range(6)]) == 2 * BLOCK_MS
    await chunks.aclose()


async def test_a_microphone_that_falls_silent_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was unplugged calls back no more; the wait is bounded, and the device closed."""
    monkeypatch.setattr(microphone, "_STALLED_SECS", 0.01)
    device = FakeDevice()
    with pytest.raises(ClientError, match="expected sound from the microphone"):
        await anext(_listening(device))
    assert device.closed == 1


class PortAudioError(Exception):
    """As the package has it."""


def _fake_sounddevice(monkeypatch: pytest.MonkeyPatch, **parts: Any) -> None:
    module = SimpleNamespace(PortAudioError=PortAudioError, **parts)
    monkeypatch.setitem(sys.modules, "sounddevice", module)


def _raising(error: Exception) -> Any:
    def call(*_: Any, **__: Any) -> Any:
        raise error

    return call


def test_a_missing_package_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, before anything is sent."""
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(InputError, match="pip install sounddevice") as caught:
        MicInput().open()
    assert "\n" not in str(caught.value)


def test_a_missing_library_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is there, PortAudio is not."""
    monkeypatch.setattr(importlib, "import_module", _raising(OSError("PortAudio library not found")))
    with pytest.raises(InputError, match=r"PortAudio library not found.*libportaudio2"):
        MicInput().open()


@pytest.mark.parametrize(
    "error", [PortAudioError("Error querying device -1"), ValueError("No input device\nmatching 'x'")]
)
def test_no_device_says_where_to_look(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """PortAudio's reason, in one line, and what shows the devices."""
    _fake_sounddevice(monkeypatch, query_devices=_raising(error))
    with pytest.raises(InputError, match=r"cannot use the default input device: .* --list-devices") as caught:
        MicInput().open()
    assert "\n" not in str(caught.value)


def test_a_device_that_cannot_be_opened_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A permission that is missing shows only here."""
    _fake_sounddevice(monkeypatch, RawInputStream=_raising(PortAudioError("Device unavailable")))
    with pytest.raises(InputError, match="cannot use input device 'USB': Device unavailable"):
        SounddeviceBackend().open("USB", 48000, 960, lambda _pcm, _lost: None)


def test_portaudio_delivers_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is asked for mono 16 bit blocks and started; what it calls back with is copied."""
    asked: dict[str, Any] = {}
    calls: list[str] = []

    def stream(**arguments: Any) -> Any:
        asked.update(arguments)
        return SimpleNamespace(start=lambda: calls.append("start"), close=lambda: calls.append("close"))

    _fake_sounddevice(
        monkeypatch, RawInputStream=stream, query_devices=lambda _device, _kind: {"default_samplerate": 44100.0}
    )
    backend = SounddeviceBackend()
    assert backend.rate_hz(None) == 44100
    taken: list[tuple[bytes, bool]] = []
    backend.open(3, 44100, 882, lambda pcm, lost: taken.append((pcm, lost))).close()
    callback = asked.pop("callback")
    callback(memoryview(b"\x01\x02"), 1, None, SimpleNamespace(input_overflow=True))
    assert taken == [(b"\x01\x02", True)]
    assert asked == {"samplerate": 44100, "blocksize": 882, "device": 3, "channels": 1, "dtype": "int16"}
    assert calls == ["start", "close"]


def test_the_list_of_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that can be listened to, the default one marked."""
    found = [
        {"index": 0, "name": "Speakers", "hostapi": 0, "max_input_channels": 0},
        {"index": 1, "name": "USB", "hostapi": 0, "max_input_channels": 1},
        {"index": 2, "name": "Built-in", "hostapi": 0, "max_input_channels": 2},
    ]
    _fake_sounddevice(
        monkeypatch,
        query_devices=lambda: found,
        query_hostapis=lambda: [{"name": "ALSA"}],
        default=SimpleNamespace(device=[2, 0]),
    )
    assert SounddeviceBackend().devices() == ["  1  USB  (ALSA)", "* 2  Built-in  (ALSA)"]
