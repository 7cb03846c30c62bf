"""Voices of people, as they speak, put together piece by piece for one listener. Pure."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import soxr

from metrics import VOICE_DROPPED
from pipelines.speaker_track import PIECE_MS, piece_bytes
from protocol.messages import SAMPLE_BYTES
from protocol.serializer import PIPELINE_RATE_HZ

_PREBUFFER_MS = 80
"""Before a voice begins, so that chunks which come a little late, or in lumps, leave no hole."""
_QUALITY = "LQ"
"""soxr's finer ones give a voice of 8 kHz in lumps of 110 ms, this one of 60 (measured; 24 kHz: 76 and 20)."""
_LONGEST_LAG_MS = 1000
_LAG_WINDOW_PIECES = 50
"""A second: what waits in all of it is lag, and not what chunks of a quarter of a second need."""
_QUIET_PEAK = 100
"""-50 dBFS: nobody misses a piece that is no louder."""
_DUCKED_DB = -12.0
"""How much quieter an original is while an interpretation plays."""

_Samples = npt.NDArray[np.float32]


@dataclass(slots=True)
class _Voice:
    quiet: bool
    resampler: "soxr.ResampleStream | None"
    waiting: bytearray = field(default_factory=bytearray)
    playing: bool = False
    pieces: int = 0
    least_bytes: int = 0
    lag_bytes: int = 0
    gain: float = 1.0


class VoiceMix:
    """The voices that one listener hears as they are, beside interpretations."""

    def __init__(self, rate_hz: int, original_gain_db: float | None):
        """Begin with nobody.

        Args:
            rate_hz: Of what the listener hears.
            original_gain_db: How loud the voices of those are who are interpreted; ``None``: not heard.
        """
        self._rate_hz = rate_hz
        self._original_gain_db = original_gain_db
        self._piece_bytes = piece_bytes(rate_hz)
        self._prebuffer_bytes = self._piece_bytes * _PREBUFFER_MS // PIECE_MS
        self._voices: dict[str, _Voice] = {}

    def add(self, speaker: str, pcm: bytes, *, original: bool) -> None:
        """Somebody said this.

        Args:
            speaker: Who.
            pcm: PCM s16le, mono, 16 kHz.
            original: The listener hears an interpretation of it.
        """
        if original and self._original_gain_db is None:
            return
        voice = self._voices.get(speaker)
        if voice is None:
            voice = self._voices[speaker] = _Voice(original, self._new_resampler())
            voice.gain = self._gain(voice, ducked=False)
        voice.quiet = original
        voice.waiting += self._resampled(voice, pcm)
        longest_bytes = self._piece_bytes * _LONGEST_LAG_MS // PIECE_MS
        if (late := len(voice.waiting) - longest_bytes) > 0:
            del voice.waiting[:late]
            VOICE_DROPPED.inc(late / SAMPLE_BYTES / self._rate_hz)

    def forget(self, speaker: str) -> None:
        """Somebody is not there any more."""
        self._voices.pop(speaker, None)

    @property
    def speaking(self) -> bool:
        """Whether the next piece has a voice in it."""
        for voice in self._voices.values():
            voice.playing = voice.playing or len(voice.waiting) >= self._prebuffer_bytes
        return any(voice.playing for voice in self._voices.values())

    def mixed(self, piece: bytes | None) -> bytes | None:
        """The next piece: ``piece`` of an interpretation, if there is one, and the voices; ``None``: neither."""
        if not self.speaking:
            return piece
        total = np.frombuffer(piece, "<i2").astype(np.float32) if piece is not None else self._zeros()
        for voice in self._voices.values():
            if voice.playing:
                total += self._next_of(voice, ducked=piece is not None)
        return bytes(np.clip(np.rint(total), -32768, 32767).astype("<i2").tobytes())

    def _next_of(self, voice: _Voice, *, ducked: bool) -> _Samples:
        self._catch_up(voice)
        piece = bytes(voice.waiting[: self._piece_bytes])
        del voice.waiting[: self._piece_bytes]
        voice.playing = bool(voice.waiting)
        samples = np.frombuffer(piece.ljust(self._piece_bytes, b"\0"), "<i2").astype(np.float32)
        before, voice.gain = voice.gain, self._gain(voice, ducked=ducked)
        ramp: _Samples = np.linspace(before, voice.gain, len(samples), dtype=np.float32)
        return samples * ramp

    def _catch_up(self, voice: _Voice) -> None:
        """Leave out a quiet piece of a voice that lags by more than it has to: something stood still before."""
        if voice.pieces % _LAG_WINDOW_PIECES == 0:
            voice.lag_bytes = max(0, voice.least_bytes - self._prebuffer_bytes)
            voice.least_bytes = len(voice.waiting)
        voice.pieces += 1
        voice.least_bytes = min(voice.least_bytes, len(voice.waiting))
        if voice.lag_bytes < self._piece_bytes:
            return
        following = np.frombuffer(bytes(voice.waiting[: self._piece_bytes]), "<i2")
        if np.abs(following.astype(np.int32)).max() <= _QUIET_PEAK:
            del voice.waiting[: self._piece_bytes]
            voice.lag_bytes -= self._piece_bytes

    def _gain(self, voice: _Voice, *, ducked: bool) -> float:
        if not voice.quiet or self._original_gain_db is None:
            return 1.0
        return float(10 ** ((self._original_gain_db + (_DUCKED_DB if ducked else 0.0)) / 20))

    def _zeros(self) -> _Samples:
        return np.zeros(self._piece_bytes // SAMPLE_BYTES, np.float32)

    def _new_resampler(self) -> "soxr.ResampleStream | None":
        if self._rate_hz == PIPELINE_RATE_HZ:
            return None
        return soxr.ResampleStream(PIPELINE_RATE_HZ, self._rate_hz, 1, dtype="int16", quality=_QUALITY)

    @staticmethod
    def _resampled(voice: _Voice, pcm: bytes) -> bytes:
        if voice.resampler is None:
            return pcm
        return bytes(voice.resampler.resample_chunk(np.frombuffer(pcm, "<i2")).tobytes())
