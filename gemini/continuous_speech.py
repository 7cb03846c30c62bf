"""Speech on its way to a session that translates as it hears: the stretches of the stream that go up, and when.

Pure. Such a session is paid for by the second, silence included, and its output lags behind: so a *stretch* begins
with the voice (its pre-roll included), and ends when neither voice nor text has come for a while. Between stretches
nothing goes up. What may be unanswered is kept, so that it can be sent again when the upstream fails.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from gemini.connector import INPUT_RATE_HZ
from gemini.ring import SAMPLE_BYTES, AudioRing

PIECE_MS = 100
"""What the translating model takes at a time (ai.google.dev, Live translation)."""
_PIECE_SAMPLES = INPUT_RATE_HZ * PIECE_MS // 1000
SILENT_PIECE = bytes(_PIECE_SAMPLES * SAMPLE_BYTES)
_LEAST_DROPPED_SAMPLES = INPUT_RATE_HZ
_RETAINED_SECS = 1.0


@dataclass(slots=True, eq=False)
class Feed:
    """How far the stream went over one connection.

    Attributes:
        position: After the last sample that was sent.
        until: Nothing from here on goes over it; ``None``: there is no end.
    """

    position: int
    until: int | None = None


@dataclass(slots=True)
class _Stretch:
    start: int
    end: int | None = None


@dataclass(frozen=True, slots=True)
class StreamTimes:
    """What decides how long a stretch goes on, and what is kept of it; in seconds.

    Attributes:
        preroll_secs: How far before its first voice a stretch begins.
        tail_secs: How long a stretch goes on after the last voice, and after the last text that came back.
        longest_tail_secs: The same, whatever comes back.
        longest_lag_secs: Output answers what was said so long ago, or longer.
        ring_secs: How much is kept.
    """

    preroll_secs: float
    tail_secs: float
    longest_tail_secs: float
    longest_lag_secs: float
    ring_secs: float


class ContinuousSpeech:
    """The stretches of one stream, over a ring of audio."""

    def __init__(self, times: StreamTimes, *, marked: bool, clock: Callable[[], float]):
        """Begin a stream.

        Args:
            times: What decides.
            marked: Voice is marked; else the whole stream is one stretch.
            clock: Seconds, monotonic.
        """
        self._times = times
        self._clock = clock
        self._ring = AudioRing(times.ring_secs)
        self._preroll_samples = int(times.preroll_secs * INPUT_RATE_HZ)
        self._stretches: deque[_Stretch] = deque() if marked else deque([_Stretch(0)])
        self._speaking = not marked
        self._voice_ended_at = 0.0
        self._last_text_at = 0.0
        self._done_until = 0
        self._sent: deque[tuple[float, int]] = deque()
        self.feed = Feed(0)

    @property
    def held_secs(self) -> float:
        """How much audio is held."""
        return (self._ring.end - self._ring.start) / INPUT_RATE_HZ

    @property
    def end(self) -> int:
        """Position after the newest sample."""
        return self._ring.end

    @property
    def streaming(self) -> bool:
        """Whether a stretch goes on."""
        return bool(self._stretches) and self._stretches[-1].end is None

    @property
    def settled(self) -> bool:
        """Whether no stretch goes on, and all of the last one was sent."""
        return not any(self._reaches(stretch, self.feed.position) for stretch in self._stretches)

    # What is said

    def append(self, pcm: bytes) -> int:
        """Add the next audio; gives how many samples that should have gone up had to go for it."""
        self._ring.append(pcm)
        self._release()
        return self._make_room()

    def start_voice(self, offset_samples: int) -> None:
        """Voice begins ``offset_samples`` from the next sample."""
        self._speaking = True
        if not self.streaming:
            claimed_until = self._stretches[-1].end if self._stretches else None
            start = self._ring.end + offset_samples - self._preroll_samples
            self._stretches.append(_Stretch(max(start, claimed_until or 0, self._ring.start)))

    def end_voice(self) -> None:
        """No voice is heard any more, for a while at least."""
        self._speaking = False
        self._voice_ended_at = self._clock()

    # How long it goes on

    def note_text(self) -> None:
        """Text came back: what was said some time ago is answered, and there may be more to come."""
        now = self._last_text_at = self._clock()
        while self._sent and self._sent[0][0] <= now - self._times.longest_lag_secs:
            self._done_until = max(self._done_until, self._sent.popleft()[1])
        self._release()

    def deadline(self) -> float | None:
        """When to call :meth:`advance`; ``None``: there is no need."""
        if self._speaking or not self.streaming:
            return None
        heard_at = max(self._voice_ended_at, self._last_text_at)
        return min(heard_at + self._times.tail_secs, self._voice_ended_at + self._times.longest_tail_secs)

    def advance(self) -> bool:
        """End the stretch that is due to end; whether one was."""
        deadline = self.deadline()
        if deadline is None or self._clock() < deadline:
            return False
        self._stretches[-1].end = self._ring.end
        return True

    # What is sent

    def take(self, feed: Feed) -> bytes:
        """The next piece for a connection; it counts as sent. Empty: there is none yet.

        A stretch that ends within a piece is filled up with zeros.
        """
        stretch = next((item for item in self._stretches if self._reaches(item, feed.position)), None)
        if stretch is None:
            return b""
        start = max(feed.position, stretch.start, self._ring.start)
        last = min(end for end in (stretch.end, feed.until, self._ring.end) if end is not None)
        is_last = last in (stretch.end, feed.until)
        if last <= start or (last - start < _PIECE_SAMPLES and not is_last):
            return b""
        end = min(last, start + _PIECE_SAMPLES)
        feed.position = end
        if feed is self.feed:
            self._sent.append((self._clock(), end))
        return self._ring.read(start, end).ljust(len(SILENT_PIECE), b"\0")

    def divide(self, at: int) -> Feed:
        """From position ``at`` on the stream goes over another connection; gives the feed of the one before."""
        before = self.feed
        before.until = max(at, before.position)
        self.feed = Feed(before.until)
        return before

    # What becomes of it

    def note_done(self) -> None:
        """All that was sent is answered, or was not worth an answer."""
        self._done_until = max(self._done_until, self.feed.position)
        self._sent.clear()
        self._release()

    def restart(self, *, not_before: int = 0) -> None:
        """What may be unanswered is to be sent again, from position ``not_before`` on, which was sent."""
        self.feed = Feed(max(self._ring.start, self._unanswered_from, not_before))
        self._sent.clear()

    def owes_before(self, position: int) -> bool:
        """Whether anything before ``position`` may be unanswered."""
        return self._samples_to_send(self._unanswered_from, position) > 0

    def give_up(self) -> int:
        """What was sent and may be unanswered is given up; gives how many samples that are."""
        unanswered = self._samples_to_send(self._unanswered_from, self.feed.position)
        self.note_done()
        return unanswered

    @property
    def _unanswered_from(self) -> int:
        return min(self._done_until, self.feed.position)

    # Bounds

    def _make_room(self) -> int:
        if not self._ring.overflow_samples:
            return 0
        unsent = self._first_unsent
        self._ring.release(min(unsent, self._ring.start + self._ring.overflow_samples))
        if not (overflow := self._ring.overflow_samples):
            return 0
        end = min(unsent + max(overflow, _LEAST_DROPPED_SAMPLES), self._ring.end)
        self.feed.position = end
        self._ring.release(end)
        return self._samples_to_send(unsent, end)

    @property
    def _first_unsent(self) -> int:
        starts = (
            max(item.start, self.feed.position)
            for item in self._stretches
            if self._reaches(item, self.feed.position)
        )
        return min(starts, default=self._ring.end)

    def _samples_to_send(self, start: int, end: int) -> int:
        """How many samples between two positions belong to stretches."""
        until = ((item, end if item.end is None else min(item.end, end)) for item in self._stretches)
        return sum(max(0, last - max(item.start, start)) for item, last in until)

    def _release(self) -> None:
        """Forget what is answered, and silence between stretches; the last second stays, for the next pre-roll."""
        while len(self._stretches) > 1 and not self._reaches(self._stretches[0], self._unanswered_from):
            self._stretches.popleft()
        needed = (
            max(item.start, self._unanswered_from)
            for item in self._stretches
            if self._reaches(item, self._unanswered_from)
        )
        retained = int(_RETAINED_SECS * INPUT_RATE_HZ) + self._preroll_samples
        self._ring.release(min(self._ring.end - retained, min(needed, default=self._ring.end)))
        while self._sent and self._sent[0][1] < self._ring.start:
            self._sent.popleft()

    @staticmethod
    def _reaches(stretch: _Stretch, position: int) -> bool:
        """Whether any of a stretch lies behind ``position``, or may come to."""
        return stretch.end is None or stretch.end > position
