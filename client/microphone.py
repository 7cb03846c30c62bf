"""Speech from a microphone, through the ``sounddevice`` package (PortAudio), which is optional.

PortAudio calls back from a thread of its own, which must not wait: it puts what it has into a bounded queue, and
counts what finds no room there. Nothing is played: the microphone would hear the interpretation.
"""

import asyncio
import importlib
import queue
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import soxr

from client.errors import ClientError, InputError
from client.pacing import Pacer
from client.sources import Chunk

DEFAULT_RATE_HZ = 16_000
"""At which rate a microphone's speech is sent unless told otherwise: what recognition works with."""

LONGEST_SECS = 4 * 3600
"""A microphone session ends after this long at the latest, since its interpretation is kept until then."""

_QUEUE_SECS = 5.0
_STALLED_SECS = 5.0
_SAMPLE_BYTES = 2

OnAudio = Callable[[bytes, bool], None]
"""Takes PCM (s16le mono) from any thread, and whether speech was lost before it."""


class Stream(Protocol):
    """An input device that delivers."""

    def close(self) -> None:
        """Ends it."""


class Backend(Protocol):
    """What knows the computer's input devices."""

    def rate_hz(self, device: int | str | None) -> int:
        """The sample rate that the device likes best.

        Raises:
            InputError: There is no such device.
        """

    def open(self, device: int | str | None, rate_hz: int, block_samples: int, on_audio: OnAudio) -> Stream:
        """Makes the device deliver, mono, ``block_samples`` at a time.

        Raises:
            InputError: It cannot be opened.
        """

    def devices(self) -> list[str]:
        """The input devices, a line each."""


class SounddeviceBackend:
    """Devices as PortAudio sees them.

    Raises:
        InputError: The package, or the library under it, is missing.
    """

    def __init__(self) -> None:
        self._sounddevice = _import_sounddevice()

    def rate_hz(self, device: int | str | None) -> int:
        """The sample rate that the device likes best."""
        try:
            return int(self._sounddevice.query_devices(device, "input")["default_samplerate"])
        except (self._sounddevice.PortAudioError, ValueError) as error:
            raise _unusable(device, error) from error

    def open(self, device: int | str | None, rate_hz: int, block_samples: int, on_audio: OnAudio) -> Stream:
        """Makes the device deliver, mono."""

        def callback(data: Any, _frames: int, _time: Any, status: Any) -> None:
            on_audio(bytes(data), bool(status.input_overflow))

        try:
            stream = self._sounddevice.RawInputStream(
                samplerate=rate_hz,
                blocksize=block_samples,
                device=device,
                channels=1,
                dtype="int16",
                callback=callback,
            )
            stream.start()
        except (self._sounddevice.PortAudioError, ValueError) as error:
            raise _unusable(device, error) from error
        opened: Stream = stream
        return opened

    def devices(self) -> list[str]:
        """The input devices, a line each: index, name, interface; the default one has a star."""
        interfaces = self._sounddevice.query_hostapis()
        default = self._sounddevice.default.device[0]
        return [
            f"{'*' if found['index'] == default else ' '} {found['index']}  {found['name']}"
            f"  ({interfaces[found['hostapi']]['name']})"
            for found in self._sounddevice.query_devices()
            if found["max_input_channels"] > 0
        ]


@dataclass(frozen=True, slots=True)
class MicInput:
    """A microphone.

    Attributes:
        device: Its index, or a part of its name; ``None``: the computer's default.
        rate_hz: At which rate its speech is sent.
        duration_secs: How long to listen.
        backend: Makes what knows the devices.
    """

    device: int | str | None = None
    rate_hz: int = DEFAULT_RATE_HZ
    duration_secs: float | None = None
    backend: Callable[[], Backend] = field(default=SounddeviceBackend, repr=False)

    @property
    def name(self) -> str:
        """For people."""
        return "microphone"

    def open(self) -> "Microphone":
        """Finds the device."""
        return Microphone(self, self.backend())


class Microphone:
    """Speech as it is spoken."""

    def __init__(self, wanted: MicInput, backend: Backend) -> None:
        self._wanted = wanted
        self._backend = backend
        self._device_rate_hz = backend.rate_hz(wanted.device)

    @property
    def rate_hz(self) -> int:
        """What was asked for."""
        return self._wanted.rate_hz

    @property
    def duration_secs(self) -> float | None:
        """What was asked for; ``None``: until Ctrl-C."""
        return self._wanted.duration_secs

    async def chunks(self, chunk_ms: int, pacer: Pacer) -> AsyncIterator[Chunk]:
        """Yields speech as the device delivers it, which is when it is due; the pacer is not asked."""
        device_hz = self._device_rate_hz
        block_samples = max(1, device_hz * chunk_ms // 1000)
        mailbox = _Mailbox(max(2, round(_QUEUE_SECS * 1000 / chunk_ms)), chunk_ms)
        resampler = soxr.ResampleStream(device_hz, self.rate_hz, 1, dtype="int16")
        left_samples = round((self.duration_secs or LONGEST_SECS) * self.rate_hz)
        stream = self._backend.open(self._wanted.device, device_hz, block_samples, mailbox.put)
        try:
            while left_samples > 0:
                block = np.frombuffer(await mailbox.get(), "<i2")
                samples = resampler.resample_chunk(block)[:left_samples]
                left_samples -= len(samples)
                if len(samples):
                    yield Chunk(samples.astype("<i2").tobytes(), mailbox.newly_lost_ms())
        finally:
            stream.close()


class _Mailbox:
    """Audio on its way from PortAudio's thread to the event loop, at most ``blocks`` of it."""

    def __init__(self, blocks: int, block_ms: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: queue.Queue[bytes] = queue.Queue(blocks)
        self._block_ms = block_ms
        self._lost_ms = 0  # written by PortAudio's thread alone
        self._told_lost_ms = 0
        self._filled = asyncio.Event()

    def put(self, pcm: bytes, overflowed: bool) -> None:
        """Takes a block from any thread; one that finds no room is lost."""
        if overflowed:
            self._lost_ms += self._block_ms
        try:
            self._queue.put_nowait(pcm)
        except queue.Full:
            self._lost_ms += self._block_ms
        else:
            self._loop.call_soon_threadsafe(self._filled.set)

    def newly_lost_ms(self) -> int:
        """How much was lost since this was asked last."""
        lost_ms = self._lost_ms
        newly_ms, self._told_lost_ms = lost_ms - self._told_lost_ms, lost_ms
        return newly_ms

    async def get(self) -> bytes:
        """The oldest block.

        Raises:
            ClientError: None came for long.
        """
        while True:
            self._filled.clear()
            try:
                return self._queue.get_nowait()
            except queue.Empty:
                await self._refilled()

    async def _refilled(self) -> None:
        try:
            async with asyncio.timeout(_STALLED_SECS):
                await self._filled.wait()
        except TimeoutError:
            raise ClientError(
                f"expected sound from the microphone, got none for {_STALLED_SECS:.0f} s; is it still plugged in?"
            ) from None


def _import_sounddevice() -> Any:
    try:
        return importlib.import_module("sounddevice")
    except ModuleNotFoundError:
        raise InputError(
            "--mic needs the package 'sounddevice', which is not installed; run 'make mic' or "
            "'pip install sounddevice'"
        ) from None
    except OSError as error:
        raise InputError(
            f"--mic needs the PortAudio library ({error}); on Debian or Ubuntu run 'apt-get install libportaudio2'"
        ) from None


def _unusable(device: int | str | None, error: Exception) -> InputError:
    wanted = "the default input device" if device is None else f"input device {device!r}"
    reason = " ".join(str(error).split())
    return InputError(
        f"cannot use {wanted}: {reason}; --list-devices shows what there is; "
        "is a microphone plugged in, and may this program use it?"
    )
