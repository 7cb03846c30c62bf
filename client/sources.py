"""Where speech comes from: the interface, and recordings in files. :mod:`client.microphone` is the other one."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from client.pacing import Pacer
from client.wav import Recording, read_wav


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of speech: signed 16 bit little endian PCM, mono; ``lost_ms`` of speech before it were lost."""

    pcm: bytes
    lost_ms: int = 0


class Source(Protocol):
    """Speech that can be had once, from its beginning.

    Attributes:
        rate_hz: Sample rate of the chunks, 8000 to 48000.
        duration_secs: How long it is; ``None`` where nobody knows.
    """

    @property
    def rate_hz(self) -> int: ...  # noqa: D102 - described by the class

    @property
    def duration_secs(self) -> float | None: ...  # noqa: D102 - described by the class

    def chunks(self, chunk_ms: int, pacer: Pacer) -> AsyncIterator[Chunk]:
        """Yields the speech in pieces of ``chunk_ms``, each when it is due; the last one may be shorter.

        Raises:
            ClientError: The speech breaks off.
        """


class Input(Protocol):
    """Names speech.

    Attributes:
        name: For people.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - described by the class

    def open(self) -> Source:
        """Makes sure that the speech is there; may take a while.

        Raises:
            InputError: It is not.
        """


class RecordingSource:
    """A recording, as fast as the pacer lets it go."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    @property
    def rate_hz(self) -> int:
        """The recording's."""
        return self._recording.rate_hz

    @property
    def duration_secs(self) -> float:
        """The recording's."""
        return self._recording.duration_secs

    async def chunks(self, chunk_ms: int, pacer: Pacer) -> AsyncIterator[Chunk]:
        """Yields the recording in pieces."""
        samples, rate_hz = self._recording.samples, self._recording.rate_hz
        length = max(1, rate_hz * chunk_ms // 1000)
        for first in range(0, len(samples), length):
            chunk = samples[first : first + length]
            await pacer.let_through(len(chunk) / rate_hz)
            yield Chunk(chunk.astype("<i2").tobytes())


@dataclass(frozen=True, slots=True)
class WavInput:
    """A WAV file, to be sent at ``rate_hz``, see :func:`client.wav.read_wav`."""

    path: Path
    rate_hz: int | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def open(self) -> RecordingSource:
        """Reads the file."""
        return RecordingSource(read_wav(self.path, self.rate_hz))
