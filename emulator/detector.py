"""The emulator's own detection of speech for sessions with automatic activity detection.

A plain energy detector over what was received. It hears an end of speech only in silence that arrived: a
client that stops sending is never heard to stop speaking, which is how the service behaves ("silence is
input", measured by kazunori279/interpretab).
"""

from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np

from emulator.audio import from_pcm

_FRAME_SECS = 0.02
_START_FRAMES = 3
_PREROLL_SECS = 0.3
_MIN_LEVEL = 0.003
"""Level (RMS, full scale 1) under which nothing is speech: -50 dBFS."""
_OVER_FLOOR = 3.2
"""Speech is this many times (10 dB) over the running noise floor."""
_FLOOR_RISE = 1.004
"""Growth of the noise floor in one frame."""


@dataclass(frozen=True, slots=True)
class DetectorEvent:
    """Speech began or ended.

    Attributes:
        kind: ``start`` or ``end``.
        audio: PCM s16le. At ``start`` the pre-roll, at ``end`` the whole utterance with its pre-roll and
            trailing silence.
    """

    kind: Literal["start", "end"]
    audio: bytes


class SpeechDetector:
    """Cuts a continuous PCM stream into utterances.

    Args:
        rate_hz: Rate of the stream.
        silence_duration_ms: Received silence that ends an utterance.
    """

    def __init__(self, rate_hz: int, silence_duration_ms: float) -> None:
        self._frame_bytes = round(rate_hz * _FRAME_SECS) * 2
        self._end_frames = max(1, round(silence_duration_ms / 1000 / _FRAME_SECS))
        self._preroll: deque[bytes] = deque(maxlen=round(_PREROLL_SECS / _FRAME_SECS))
        self._rest = bytearray()
        self._utterance: bytearray | None = None
        self._floor = _MIN_LEVEL
        self._loud_frames = 0
        self._quiet_frames = 0

    @property
    def speaking(self) -> bool:
        """Whether an utterance is open."""
        return self._utterance is not None

    def feed(self, pcm: bytes) -> list[DetectorEvent]:
        """Take in PCM of any length; returns what it made happen, in order."""
        self._rest += pcm
        events = []
        while len(self._rest) >= self._frame_bytes:
            frame = bytes(self._rest[: self._frame_bytes])
            del self._rest[: self._frame_bytes]
            event = self._take(frame)
            if event is not None:
                events.append(event)
        return events

    def finish(self) -> DetectorEvent | None:
        """End the open utterance now, if there is one: what ``audioStreamEnd`` does."""
        return self._end() if self._utterance is not None else None

    def _take(self, frame: bytes) -> DetectorEvent | None:
        loud = self._is_loud(frame)
        self._loud_frames = self._loud_frames + 1 if loud else 0
        self._quiet_frames = 0 if loud else self._quiet_frames + 1
        if self._utterance is None:
            return self._before_speech(frame)
        self._utterance += frame
        return self._end() if self._quiet_frames >= self._end_frames else None

    def _before_speech(self, frame: bytes) -> DetectorEvent | None:
        self._preroll.append(frame)
        if self._loud_frames < _START_FRAMES:
            return None
        self._utterance = bytearray(b"".join(self._preroll))
        self._preroll.clear()
        return DetectorEvent("start", bytes(self._utterance))

    def _end(self) -> DetectorEvent:
        audio = bytes(self._utterance or b"")
        self._utterance = None
        self._loud_frames = self._quiet_frames = 0
        return DetectorEvent("end", audio)

    def _is_loud(self, frame: bytes) -> bool:
        samples = from_pcm(frame)
        level = float(np.sqrt(np.mean(samples * samples)))
        loud = level > max(_MIN_LEVEL, self._floor * _OVER_FLOOR)
        self._floor = min(level, self._floor * _FLOOR_RISE) if level > 0 else self._floor
        self._floor = max(self._floor, _MIN_LEVEL / _OVER_FLOOR)
        return loud
