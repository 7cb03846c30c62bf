"""Speech on its way to the upstream: which utterances there are, what was sent, and what is kept for a replay.

Pure. An utterance stays here, with its audio, until it is answered in full or given up, so that it can be sent
again when the upstream fails. What the ring cannot hold goes by one policy: silence first, then copies of speech
that was sent already, then the oldest speech that was not.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto

from gemini.connector import INPUT_RATE_HZ
from gemini.ring import AudioRing

_RETAINED_SECS = 1.0
_BURST_SAMPLES = INPUT_RATE_HZ
_LEAST_DROPPED_SAMPLES = INPUT_RATE_HZ
_REPLAYED_STREAM_SECS = 10.0
_BEFORE_OUTPUT_SECS = 0.5
"""How long before the first output the speech that it answers had ended, at the least."""


class Progress(Enum):
    """How far an utterance has come."""

    WAITING = auto()
    SENDING = auto()
    AWAITING_ANSWER = auto()


@dataclass(slots=True, eq=False)
class Utterance:
    """A stretch of the stream, by sample positions.

    Attributes:
        start: Its first sample, pre-roll included.
        sent: Up to where it was sent.
        end: After its last sample; ``None`` while it is being spoken.
        gap_samples: How much in the middle of it was given up, and told.
        progress: How far it has come.
        replays: How often it was sent again because nothing answered it in full.
        refusals: How often the upstream refused it as invalid.
        ended_at: When its end became known, by the session's clock, as all times here.
        told_at: When the upstream had it whole; as the next two, the first time, also where that was for nothing.
        first_text_at: When the first text of its interpretation came.
        first_audio_at: When the first audio of it came.
    """

    start: int
    sent: int
    end: int | None = None
    gap_samples: int = 0
    progress: Progress = Progress.WAITING
    replays: int = 0
    refusals: int = 0
    ended_at: float | None = None
    told_at: float | None = None
    first_text_at: float | None = None
    first_audio_at: float | None = None

    @property
    def sent_whole(self) -> bool:
        """Whether all of it was sent, its end being known."""
        return self.end is not None and self.sent >= self.end


@dataclass(frozen=True, slots=True)
class Dropped:
    """Speech that was given up unanswered.

    Attributes:
        samples: How much.
        utterance: The utterance, if it was given up as a whole.
    """

    samples: int
    utterance: Utterance | None = None


class UplinkSpeech:
    """The utterances of one stream, in the order of speech, over a ring of audio."""

    def __init__(self, *, ring_secs: float, preroll_secs: float):
        """Begin a stream.

        Args:
            ring_secs: How much is kept.
            preroll_secs: How far before its first voice an utterance starts.
        """
        self._ring = AudioRing(ring_secs)
        self._preroll_samples = int(preroll_secs * INPUT_RATE_HZ)
        self._utterances: deque[Utterance] = deque()
        self._claimed_until = 0

    # What is said

    def append(self, pcm: bytes) -> list[Dropped]:
        """Add the next audio of the stream; gives what had to go for it."""
        self._ring.append(pcm)
        dropped = self._make_room()
        self._release()
        return dropped

    def start_utterance(self, offset_samples: int, *, continued: bool) -> None:
        """An utterance starts, ``offset_samples`` from the next sample; ``continued``: without pre-roll."""
        preroll = 0 if continued else self._preroll_samples
        start = max(self._ring.end + offset_samples - preroll, self._claimed_until, self._ring.start)
        self._claimed_until = start
        self._utterances.append(Utterance(start, sent=start))

    def end_utterance(self, offset_samples: int, now: float) -> None:
        """The utterance that was started last ends ``offset_samples`` from the next sample."""
        if not self._utterances or self._utterances[-1].end is not None:
            return
        utterance = self._utterances[-1]
        utterance.end = max(self._ring.end + offset_samples, utterance.sent)
        utterance.ended_at = now
        self._claimed_until = utterance.end

    # What is sent

    @property
    def sending(self) -> Utterance | None:
        """The utterance of which a part was sent, and not yet its end."""
        return next((item for item in self._utterances if item.progress is Progress.SENDING), None)

    @property
    def begun(self) -> int:
        """How many utterances were begun to be sent, and are not done with."""
        return sum(item.progress is not Progress.WAITING for item in self._utterances)

    @property
    def unanswered(self) -> Utterance | None:
        """The oldest utterance that was begun to be sent."""
        return next((item for item in self._utterances if item.progress is not Progress.WAITING), None)

    def begin_next(self) -> Utterance | None:
        """The oldest utterance that waits, which begins to be sent."""
        waiting = next((item for item in self._utterances if item.progress is Progress.WAITING), None)
        if waiting is not None:
            waiting.progress = Progress.SENDING
        return waiting

    def take(self, utterance: Utterance) -> bytes:
        """The next audio of an utterance to send, a second at most; it counts as sent. Empty: there is none yet."""
        until = self._ring.end if utterance.end is None else min(utterance.end, self._ring.end)
        start, utterance.sent = utterance.sent, max(utterance.sent, min(until, utterance.sent + _BURST_SAMPLES))
        return self._ring.read(start, utterance.sent)

    # What becomes of it

    def finish(self) -> Utterance | None:
        """The oldest utterance that was begun is done with: answered, or given up."""
        utterance = self.unanswered
        if utterance is not None:
            self._utterances.remove(utterance)
            self._release()
        return utterance

    def skip(self, utterance: Utterance) -> Dropped:
        """What was said so far of an utterance that is still being spoken is given up: it goes on from here."""
        dropped = Dropped(self.samples_of(utterance))
        utterance.start = utterance.sent = self._ring.end
        utterance.gap_samples = utterance.refusals = 0
        return dropped

    def holds(self, utterance: Utterance) -> bool:
        """Whether any of an utterance's audio is there, or still to come."""
        return utterance.end is None or utterance.end > self._ring.start

    def restart(self, utterance: Utterance) -> list[Dropped]:
        """An utterance that is held is to be sent again; gives what of it is not there any more."""
        utterance.progress = Progress.WAITING
        first_held = max(utterance.start, self._ring.start)
        missing = first_held - utterance.start - utterance.gap_samples
        utterance.start = utterance.sent = first_held
        utterance.gap_samples = 0
        return [Dropped(missing)] if missing > 0 else []

    def samples_of(self, utterance: Utterance) -> int:
        """How long an utterance is, as far as it was said."""
        end = self._ring.end if utterance.end is None else utterance.end
        return end - utterance.start - utterance.gap_samples

    @property
    def held_secs(self) -> float:
        """How much audio is held."""
        return (self._ring.end - self._ring.start) / INPUT_RATE_HZ

    # Bounds

    def _make_room(self) -> list[Dropped]:
        dropped: list[Dropped] = []
        if self._ring.overflow_samples:
            self._ring.release(self._first_needed)
        if self._ring.overflow_samples:
            self._ring.release(min(self._first_unsent, self._ring.start + self._ring.overflow_samples))
        while self._ring.overflow_samples:
            dropped.append(self._give_up_oldest())
            self._ring.release(self._first_unsent)
        return dropped

    def _give_up_oldest(self) -> Dropped:
        oldest, start = self._oldest_unsent, self._first_unsent
        if oldest is None:
            raise RuntimeError("the ring overflows with speech that was sent")
        if oldest.progress is Progress.WAITING and oldest.end is not None:
            self._utterances.remove(oldest)
            return Dropped(oldest.end - start, oldest)
        known_end = self._ring.end if oldest.end is None else min(oldest.end, self._ring.end)
        end = min(start + max(self._ring.overflow_samples, _LEAST_DROPPED_SAMPLES), known_end)
        oldest.sent = end
        if oldest.progress is Progress.SENDING:
            oldest.gap_samples += end - start
        else:
            oldest.start = end
        return Dropped(end - start)

    @property
    def _oldest_unsent(self) -> Utterance | None:
        return next((item for item in self._utterances if not item.sent_whole), None)

    @property
    def _first_unsent(self) -> int:
        oldest = self._oldest_unsent
        return self._ring.end if oldest is None else oldest.sent

    @property
    def _first_needed(self) -> int:
        return min([self._ring.end, *(utterance.start for utterance in self._utterances)])

    def _release(self) -> None:
        """Forget what no utterance needs; the last second stays, for the pre-roll of the next."""
        retained = int(_RETAINED_SECS * INPUT_RATE_HZ) + self._preroll_samples
        self._ring.release(min(self._ring.end - retained, self._first_needed))


class UplinkStream:
    """A stream of which the upstream itself finds the utterances: sent whole, silence included.

    What is sent again after a failure is what was sent since the speech that was answered last, as far as can be
    told, and the last ten seconds at most.
    """

    def __init__(self, *, ring_secs: float):
        """Begin a stream; ``ring_secs``: how much is kept."""
        self._ring = AudioRing(ring_secs)
        self._sent = 0
        self._answered_until = 0
        self._answered_at_output = 0

    def append(self, pcm: bytes) -> list[Dropped]:
        """Add the next audio of the stream; gives what had to go for it."""
        self._ring.append(pcm)
        overflow = self._ring.overflow_samples
        if not overflow:
            return []
        self._ring.release(min(self._sent, self._ring.start + overflow))
        if not (overflow := self._ring.overflow_samples):
            return []
        end = min(self._sent + max(overflow, _LEAST_DROPPED_SAMPLES), self._ring.end)
        dropped, self._sent = end - self._sent, end
        self._ring.release(self._sent)
        return [Dropped(dropped)]

    def take(self) -> bytes:
        """The next audio to send, a second at most; it counts as sent. Empty: there is none."""
        start, self._sent = self._sent, min(self._ring.end, self._sent + _BURST_SAMPLES)
        pcm = self._ring.read(start, self._sent)
        kept_from = max(self._answered_until, self._sent - int(_REPLAYED_STREAM_SECS * INPUT_RATE_HZ))
        self._ring.release(min(self._sent, kept_from))
        return pcm

    def note_output(self) -> None:
        """The first output of a turn came: what it answers was said before."""
        self._answered_at_output = max(0, self._sent - int(_BEFORE_OUTPUT_SECS * INPUT_RATE_HZ))

    def note_answered(self) -> None:
        """The turn is over: what it answered is done with."""
        self._answered_until = max(self._answered_until, self._answered_at_output)

    def give_up(self) -> int:
        """All that was sent is done with, answered or not; gives how many samples of it may be unanswered."""
        unanswered = self._sent - max(self._ring.start, min(self._sent, self._answered_until))
        self._answered_until = self._sent
        return unanswered

    def restart(self) -> None:
        """What may be unanswered is to be sent again."""
        self._sent = max(self._ring.start, min(self._sent, self._answered_until))
        self._answered_at_output = self._answered_until

    @property
    def held_secs(self) -> float:
        """How much audio is held."""
        return (self._ring.end - self._ring.start) / INPUT_RATE_HZ
