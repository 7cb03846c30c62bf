"""Finding which stretches of known clips an utterance consists of.

The utterance and the clips are compared at 4 kHz through a band-pass around 1 kHz, which keeps the shape of speech
and forgets level, sample rate and telephone band. A block of the utterance is searched in every clip at once
(normalised cross-correlation by FFT); a hit is extended both ways, frame by frame, for as long as the two agree.
Blocks that were reached that way are not searched again, so an ordinary utterance costs one search, and one that
goes on as expected none. No speech is recognised.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from emulator.audio import Samples, from_pcm, resample

_RATE_HZ = 4000
_FRAME = 160
"""Samples in the frame by which two signals are compared: 40 ms."""
_FFT = 16_384
_BLOCKS = (3000, 1200)
"""Samples in a searched block: 0.75 s, then 0.3 s for what is still unexplained."""
_MAX_SEARCHES = 60
_BLOCK_SCORE = 0.6
_FRAME_SCORE = 0.5
_GAP_FRAMES = 2
_QUIET_RATIO = 10**-3.2
_LOUD_RATIO = 10**-2.5
_LOUD_FLOOR = 1e-6
"""Mean square under which a frame is not taken for voice whatever the rest is: -60 dBFS."""
_SAME_OFFSET = 80
_JOIN_GAP_FRAMES = 37
_MIN_VOICE_FRAMES = 3
_SURE_FRAMES = 8
"""Frames of voice that must fit what was expected: 320 ms."""

_Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of a clip that was heard.

    Attributes:
        clip: The clip's name in the scenario.
        from_secs: Where the piece begins in the clip.
        to_secs: Where it ends in the clip.
        at_secs: Where it begins in the utterance.
    """

    clip: str
    from_secs: float
    to_secs: float
    at_secs: float = 0.0


@dataclass(frozen=True, slots=True)
class Expected:
    """What an utterance probably is: a clip, and where in it the utterance's first sample lies."""

    clip: str
    offset_secs: float


@dataclass(frozen=True, slots=True)
class Hearing:
    """What an utterance was found to be.

    Attributes:
        stretches: The pieces of clips in it, in the order they were spoken.
        voiced: Whether there was any voice at all; with no stretches: speech that matches no clip.
    """

    stretches: tuple[Stretch, ...]
    voiced: bool


@dataclass(slots=True)
class _Run:
    """A stretch while it is being found: frames [first, last), samples, and clip minus utterance."""

    clip: int
    offset: int
    first: int
    last: int
    start: int
    end: int


class ClipIndex:
    """All clips, prepared for searching. Immutable once built, so threads may share it.

    Args:
        clips: Samples and rate in Hz of each clip by name.
    """

    def __init__(self, clips: Mapping[str, tuple[Samples, int]]) -> None:
        self._names = list(clips)
        self._clips = [_reduce(samples, rate_hz) for samples, rate_hz in clips.values()]
        self._segments = list(_segments(self._clips))
        spectra, powers = [], []
        for clip, start in self._segments:
            piece = np.zeros(_FFT, np.float32)
            part = self._clips[clip][max(0, start) : start + _FFT]
            piece[max(0, -start) :][: len(part)] = part
            spectra.append(np.fft.rfft(piece))
            powers.append(np.concatenate(([0.0], np.cumsum(piece.astype(np.float64) ** 2))))
        self._spectra = np.array(spectra, np.complex64)
        self._powers = np.array(powers)

    def hear(self, pcm: bytes, rate_hz: int, expected: Expected | None = None) -> Hearing:
        """Find the clips in an utterance. Pure CPU work: call it in a thread.

        Args:
            pcm: Mono PCM s16le.
            rate_hz: Its sample rate.
            expected: What it probably is, where that is known; looked at first.
        """
        sound = _reduce(from_pcm(pcm), rate_hz)
        frames = len(sound) // _FRAME
        power = (sound[: frames * _FRAME].reshape(frames, _FRAME) ** 2).mean(axis=1)
        loud = power > max(_LOUD_FLOOR, _LOUD_RATIO * float(np.percentile(power, 95)) if frames else 0.0)
        if loud.sum() < _MIN_VOICE_FRAMES:
            return Hearing((), voiced=False)
        runs = self._find_runs(sound, loud, expected) if self._segments else []
        stretches = [self._stretch(run) for run in runs if loud[run.first : run.last].sum() >= _MIN_VOICE_FRAMES]
        return Hearing(tuple(stretches), voiced=True)

    def _find_runs(self, sound: Samples, loud: _Bools, expected: Expected | None) -> list[_Run]:
        free = np.ones(len(loud), np.bool_)
        runs: list[_Run] = []
        going_on = self._going_on(sound, loud, expected, free) if expected else None
        if going_on is not None:
            free[going_on.first : going_on.last] = False
            runs.append(going_on)
        searches = 0
        for size in _BLOCKS:
            if size < _BLOCKS[0] and not runs and len(sound) > 2 * _BLOCKS[0]:
                break
            for start in range(0, max(1, len(sound) - size // 2), size // 2):
                if searches >= _MAX_SEARCHES:
                    break
                block = sound[start : start + size]
                frames = slice(start // _FRAME, max(start // _FRAME + 1, (start + len(block)) // _FRAME))
                unexplained = loud[frames] & free[frames]
                if unexplained.sum() * _FRAME < min(size, len(sound)) // 3:
                    continue
                searches += 1
                found = self._search(block)
                if found is None:
                    continue
                run = _extend(sound, self._clips[found[0]], found[0], found[1] - start, frames, free)
                if run is not None:
                    free[run.first : run.last] = False
                    runs.append(run)
        return _joined(sorted(runs, key=lambda run: run.first))

    def _going_on(self, sound: Samples, loud: _Bools, expected: Expected, free: _Bools) -> _Run | None:
        """The run that was expected, if it is there."""
        number, offset = self._names.index(expected.clip), round(expected.offset_secs * _RATE_HZ)
        run = _extend(sound, self._clips[number], number, offset, slice(0, len(loud)), free)
        return run if run is not None and loud[run.first : run.last].sum() >= _SURE_FRAMES else None

    def _search(self, block: Samples) -> tuple[int, int] | None:
        """The clip and the sample in it where the block fits best, or None."""
        size = len(block)
        norm = float(np.sqrt(np.dot(block, block)))
        if norm == 0.0 or size < _MIN_VOICE_FRAMES * _FRAME:
            return None
        places = _FFT - _BLOCKS[0] + 1
        spectrum = np.conj(np.fft.rfft(block, _FFT))
        scores = np.fft.irfft(self._spectra * spectrum, _FFT, axis=1)[:, :places]
        energy = self._powers[:, size : size + places] - self._powers[:, :places]
        floor = float(energy.max()) * 1e-4
        scores = scores / (np.sqrt(np.maximum(energy, floor)) * norm)
        best = int(np.argmax(scores))
        if scores.flat[best] < _BLOCK_SCORE:
            return None
        segment, place = divmod(best, places)
        clip, start = self._segments[segment]
        return clip, start + place

    def _stretch(self, run: _Run) -> Stretch:
        return Stretch(
            clip=self._names[run.clip],
            from_secs=(run.start + run.offset) / _RATE_HZ,
            to_secs=(run.end + run.offset) / _RATE_HZ,
            at_secs=run.start / _RATE_HZ,
        )


def voice_bounds(samples: Samples, rate_hz: int, from_secs: float, to_secs: float) -> tuple[float, float]:
    """Where voice begins and ends within a part of a clip, in seconds; the part itself where nothing stands out."""
    sound = _reduce(samples, rate_hz)
    first, last = round(from_secs * _RATE_HZ), round(to_secs * _RATE_HZ)
    part = sound[first:last]
    frames = len(part) // _FRAME
    if frames == 0:
        return from_secs, to_secs
    power = (part[: frames * _FRAME].reshape(frames, _FRAME) ** 2).mean(axis=1)
    loud = np.flatnonzero(power > _LOUD_RATIO * np.percentile(power, 95))
    if len(loud) == 0:
        return from_secs, to_secs
    start = first + int(loud[0]) * _FRAME
    end = first + (int(loud[-1]) + 1) * _FRAME
    return start / _RATE_HZ, end / _RATE_HZ


def _reduce(samples: Samples, rate_hz: int) -> Samples:
    """The samples at 4 kHz, band-passed around 1 kHz by x[n] - x[n-2]."""
    reduced = resample(samples, rate_hz, _RATE_HZ)
    if len(reduced) < 3:
        return np.zeros(len(reduced), np.float32)
    shaped = reduced.copy()
    shaped[2:] -= reduced[:-2]
    return shaped


def _segments(clips: list[Samples]) -> Iterator[tuple[int, int]]:
    """Clip number and first sample of each FFT segment; neighbours overlap by a block.

    The first begins a block before the clip: what is searched may begin in the silence before somebody speaks.
    """
    step = _FFT - _BLOCKS[0] + 1
    for number, clip in enumerate(clips):
        for start in range(-_BLOCKS[0], max(1, len(clip)), step):
            yield number, start


def _extend(sound: Samples, clip: Samples, number: int, offset: int, seed: slice, free: _Bools) -> _Run | None:
    """Grow a hit over all neighbouring free frames in which the utterance and the clip agree."""
    begin, end = max(0, -offset), min(len(sound), len(clip) - offset)
    first, last = -(-begin // _FRAME), end // _FRAME
    if last <= first:
        return None
    heard = sound[first * _FRAME : last * _FRAME].reshape(-1, _FRAME)
    known = clip[first * _FRAME + offset : last * _FRAME + offset].reshape(-1, _FRAME)
    agree = _agreement(heard, known, slice(max(0, seed.start - first), max(1, seed.stop - first)))
    agree &= free[first:last]
    inside = np.flatnonzero(agree[max(0, seed.start - first) : max(0, seed.stop - first)])
    if len(inside) == 0:
        return None
    middle = max(0, seed.start - first) + int(inside[len(inside) // 2])
    low = middle - _reach(agree[middle::-1], free[first : first + middle + 1][::-1])
    high = middle + _reach(agree[middle:], free[first + middle : last]) + 1
    low, high = low + first, high + first
    return _Run(
        clip=number,
        offset=offset,
        first=low,
        last=high,
        start=begin if low == first else low * _FRAME,
        end=end if high == last else high * _FRAME,
    )


def _agreement(heard: npt.NDArray[np.float32], known: npt.NDArray[np.float32], seed: slice) -> _Bools:
    """For each frame: do both say the same, or are both quiet?"""
    cross = (heard * known).sum(axis=1)
    heard_power, known_power = (heard**2).sum(axis=1), (known**2).sum(axis=1)
    same = cross > _FRAME_SCORE * np.sqrt(heard_power * known_power) + 1e-12
    quiet = heard_power < _QUIET_RATIO * max(float(heard_power[seed].max(initial=0.0)), 1e-12)
    quiet &= known_power < _QUIET_RATIO * max(float(known_power[seed].max(initial=0.0)), 1e-12)
    both: _Bools = same | quiet
    return both


def _reach(agree: _Bools, free: _Bools) -> int:
    """How many frames beyond the first still agree, over gaps of at most two frames; never past a taken frame."""
    reach = 0
    for index in range(1, len(agree)):
        if not free[index] or index - reach > _GAP_FRAMES + 1:
            break
        if agree[index]:
            reach = index
    return reach


def _joined(runs: list[_Run]) -> list[_Run]:
    """Runs with one offset in one clip are one stretch, also when something between them was not recognised."""
    joined: list[_Run] = []
    for run in runs:
        previous = joined[-1] if joined else None
        if (
            previous is not None
            and previous.clip == run.clip
            and abs(previous.offset - run.offset) <= _SAME_OFFSET
            and run.first - previous.last <= _JOIN_GAP_FRAMES
        ):
            # The end keeps its place in the clip, whichever of the two offsets places it.
            previous.end = run.end + run.offset - previous.offset
            previous.last = run.last
        else:
            joined.append(run)
    return joined
