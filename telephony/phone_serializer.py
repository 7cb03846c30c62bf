"""What a provider's media stream says and hears, as frames: ours on pipecat's serializers.

pipecat's serializers know the audio and how to clear what a provider has queued. Ours check what comes before they
see it (pipecat logs and raises on bad input), and add what pipecat's leave out: marks, stops, and gaps.
"""

import binascii
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames.frames import (
    ControlFrame,
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    SystemFrame,
)
from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.serializers.base_serializer import FrameSerializer

from telephony import messages

IN_RATE_HZ = 16000
"""The rate of what callers say, once it is read."""
PCMU, PCMA, L16 = "PCMU", "PCMA", "L16"
ENCODINGS = {PCMU: b"\xff", PCMA: b"\xd5", L16: b"\x00\x00"}
"""Encodings of lines with a sample of silence each: μ-law and A-law as ITU-T G.711 has them, and PCM s16le."""
MAX_PAYLOAD_BYTES = 100_000
"""The longest audio of one message that is read: the most that a provider sends at once (Exotel's documents say
100 KB; the others send 20 ms)."""
_BUTTONS = {entry.value: entry for entry in KeypadEntry}


@dataclass
class MarkFrame(ControlFrame):
    """The provider is to say when everything that went before this was played; ``mark`` names it."""

    mark: str


@dataclass
class MarkReachedFrame(SystemFrame):
    """What went before the mark was played, or dropped by ``clear``, after which not all providers tell marks."""

    mark: str


@dataclass
class StreamStoppedFrame(SystemFrame):
    """The provider streams no more: the caller has hung up, or the stream was ended."""


class PhoneSerializer(ABC):
    """Reads and writes the messages of one media stream."""

    def __init__(self, codec: FrameSerializer, encoding: str):
        """Make one on ``codec``, pipecat's for this provider, where the caller's audio is in ``encoding``."""
        self._codec = codec
        self._silence = ENCODINGS[encoding]
        self._codec_is_set_up = False

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """One message of the provider as a frame. Never raises for anything that a socket may bring.

        Returns:
            Audio as ``InputAudioRawFrame`` at :data:`IN_RATE_HZ`, mono; ``InputDTMFFrame``,
            :class:`MarkReachedFrame`, :class:`StreamStoppedFrame`; None for what says nothing, cannot be read, or
            only fills the resampler.
        """
        message = messages.read(data)
        if message is None:
            return None
        payload = self._payload(message)
        return self._happening(message) if payload is None else await self._heard(payload)

    async def serialize(self, frame: Frame) -> Sequence[str | bytes]:
        """What to send for a frame, in order; nothing for frames that mean nothing to a phone.

        Args:
            frame: ``OutputAudioRawFrame`` at the stream's rate, mono, 20 ms; ``InterruptionFrame``, which drops
                what the provider has queued; :class:`MarkFrame`.
        """
        if isinstance(frame, MarkFrame):
            return self._mark(frame.mark)
        if not isinstance(frame, OutputAudioRawFrame | InterruptionFrame):
            return []
        written = await self._codec.serialize(frame)
        return [] if written is None else [written]

    def silence(self, samples: int) -> bytes:
        """Silence of the caller, in the encoding and at the rate of the stream, for :meth:`media`."""
        return self._silence * samples

    @abstractmethod
    def media(self, payload: bytes) -> str | bytes:
        """The message by which the provider would send this audio of the caller, in the stream's encoding."""

    @abstractmethod
    def _payload(self, message: dict[str, Any]) -> bytes | None:
        """The caller's audio in a message, empty if it cannot be read; None where it is about other things."""

    @abstractmethod
    def _happening(self, message: dict[str, Any]) -> Frame | None:
        """What a message says that holds no audio."""

    @abstractmethod
    def _mark(self, mark: str) -> Sequence[str | bytes]:
        """The messages of a mark."""

    async def _heard(self, payload: bytes) -> Frame | None:
        """A piece of the caller's audio, decoded and resampled without a gap to what came before."""
        if not payload or len(payload) > MAX_PAYLOAD_BYTES or len(payload) % len(self._silence):
            return None
        if not self._codec_is_set_up:
            # All that pipecat's serializers read of a setup.
            setup = SimpleNamespace(audio_in_sample_rate=IN_RATE_HZ)
            await self._codec.setup(cast(FrameProcessorSetup, setup))
            self._codec_is_set_up = True
        frame = await self._codec.deserialize(self.media(payload))
        return frame if isinstance(frame, InputAudioRawFrame) else None


def decoded(payload: object) -> bytes:
    """Audio from base64; empty where it is none."""
    if not isinstance(payload, str):
        return b""
    try:
        return binascii.a2b_base64(payload, strict_mode=True)
    except ValueError:
        return b""


def encoded(payload: bytes) -> str:
    """Audio as base64."""
    return binascii.b2a_base64(payload, newline=False).decode()


def button(digit: object) -> InputDTMFFrame | None:
    """A pressed key; None for what is on no telephone (and for A to D, which pipecat does not know)."""
    entry = _BUTTONS.get(digit) if isinstance(digit, str) else None
    return InputDTMFFrame(entry) if entry else None
