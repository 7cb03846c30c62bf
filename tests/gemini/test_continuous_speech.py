"""Which stretches of a stream go up to a translating session, in which pieces, and which go up again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemini.continuous_speech import SILENT_PIECE, ContinuousSpeech, Feed, StreamTimes
from tests.support.pcm import counting_pcm

RATE_HZ = 16_000
PIECE = RATE_HZ // 10
TIMES = StreamTimes(preroll_secs=0.3, tail_secs=4.0, longest_tail_secs=30.0, longest_lag_secs=5.0, ring_secs=60.0)


class Stream:
    """A stream whose samples tell their position, and what was taken of it.

    Attributes:
        now: Seconds.
        pieces: What went up.
    """

    def __init__(self, times: StreamTimes = TIMES, *, marked: bool = True, frames_tell: bool = False) -> None:
        """Begin in silence; ``frames_tell``: samples tell in which 20 ms they lie, from 1 on."""
        self._frames_tell = frames_tell
        self.now = 0.0
        self.speech = ContinuousSpeech(times, marked=marked, clock=lambda: self.now)
        self.position = 0
        self.pieces: list[bytes] = []
        self.dropped = 0

    def hear(self, secs: float, *, take: bool = True) -> None:
        """So much time passes, with sound."""
        for _ in range(round(secs * 50)):
            self.now += 0.02
            self.dropped += self.speech.append(self._pcm())
            self.position += RATE_HZ // 50
            self.speech.advance()
            if take:
                self.take()

    def _pcm(self) -> bytes:
        if self._frames_tell:
            return np.full(RATE_HZ // 50, self.position // (RATE_HZ // 50) + 1, "<u2").tobytes()
        return counting_pcm(self.position, self.position + RATE_HZ // 50)

    def take(self, feed: Feed | None = None) -> None:
        """What there is goes up."""
        while piece := self.speech.take(feed or self.speech.feed):
            self.pieces.append(piece)

    @property
    def sent(self) -> bytes:
        """All that went up, joined."""
        return b"".join(self.pieces)


def samples(start: float, end: float) -> bytes:
    """The stream from one second to another."""
    return counting_pcm(round(start * RATE_HZ), round(end * RATE_HZ))


def test_nothing_goes_up_before_somebody_speaks() -> None:
    """Silence is not paid for, and not kept either, but for what the next pre-roll needs."""
    stream = Stream()
    stream.hear(100)
    assert stream.pieces == []
    assert stream.speech.held_secs == pytest.approx(1.3)


def test_a_stretch_begins_before_its_first_voice() -> None:
    """The pre-roll goes up at once, from where the mark says, and everything after it, in pieces of 100 ms."""
    stream = Stream()
    stream.hear(2)
    stream.speech.start_voice(-RATE_HZ // 10)
    stream.hear(1)
    assert stream.sent == samples(1.6, 3.0)
    assert {len(piece) for piece in stream.pieces} == {2 * PIECE}


def test_the_stream_goes_on_for_a_while_after_the_voice() -> None:
    """Output lags: what is heard in pauses goes up until the tail is over, and fills a last piece with zeros."""
    stream = Stream()
    stream.speech.start_voice(0)
    stream.hear(1.05)
    stream.speech.end_voice()
    stream.hear(10)
    assert stream.sent.rstrip(b"\0") == samples(0, 5.06).rstrip(b"\0")
    assert len(stream.sent) % (2 * PIECE) == 0
    assert not stream.speech.streaming
    assert stream.speech.settled


def test_text_that_comes_back_keeps_the_stream_alive() -> None:
    """As long as output comes more may be owed; but nobody pays for a model that never stops."""
    stream = Stream()
    stream.speech.start_voice(0)
    stream.hear(1)
    stream.speech.end_voice()
    for _ in range(10):
        stream.hear(1)
        stream.speech.note_text()
    stream.hear(3.9)
    assert stream.speech.streaming
    stream.hear(0.2)
    assert not stream.speech.streaming
    stream.speech.start_voice(0)
    stream.hear(1)
    stream.speech.end_voice()
    for _ in range(31):
        stream.hear(1)
        stream.speech.note_text()
    assert not stream.speech.streaming


def test_voice_in_the_tail_goes_on_with_the_stretch() -> None:
    """Nothing is sent twice, and nothing is missing between two utterances that are near each other."""
    stream = Stream()
    stream.speech.start_voice(0)
    stream.hear(1)
    stream.speech.end_voice()
    stream.hear(2)
    stream.speech.start_voice(0)
    stream.hear(2)
    assert stream.sent == samples(0, 5)


def test_the_next_stretch_does_not_overlap_the_one_before() -> None:
    """Its pre-roll reaches back to the end of what was sent at most."""
    stream = Stream()
    stream.speech.start_voice(0)
    stream.hear(1)
    stream.speech.end_voice()
    stream.hear(4.02)
    before = len(stream.sent)
    ended_at = stream.position
    assert not stream.speech.streaming
    stream.hear(0.1)
    stream.speech.start_voice(0)
    stream.hear(1)
    assert stream.sent[before:] == counting_pcm(ended_at, ended_at + (len(stream.sent) - before) // 2)


def test_an_unmarked_stream_goes_up_whole() -> None:
    """Where nobody says who speaks when, all of it is sent, and it never settles."""
    stream = Stream(marked=False)
    stream.hear(20)
    assert stream.sent == samples(0, 20)
    assert stream.speech.streaming
    assert stream.speech.deadline() is None


def test_what_was_said_before_the_last_text_by_more_than_the_lag_is_answered() -> None:
    """After a loss the seconds before the last text go up again, and all that was said since."""
    stream = Stream()
    stream.speech.start_voice(0)
    stream.hear(20)
    stream.speech.note_text()
    stream.hear(3)
    stream.pieces.clear()
    stream.speech.restart()
    stream.take()
    assert stream.sent.endswith(samples(15, 23))
    assert len(stream.sent) <= 2 * 8.1 * RATE_HZ


def test_a_stretch_that_settled_is_not_sent_again() -> None:
    """What was followed by its whole tail is done with, answered or not."""
    stream = Stream()
    stream.speech.start_voice(0)
    stream.hear(1)
    stream.speech.end_voice()
    stream.hear(10)
    stream.speech.note_done()
    stream.pieces.clear()
    stream.speech.restart()
    stream.take()
    assert stream.pieces == []


def test_a_division_sends_each_part_over_its_own_connection() -> None:
    """The connection that is left gets all up to the border, which the next one begins with."""
    stream = Stream()
    stream.speech.start_voice(0)
    stream.hear(1.95)
    border = stream.position + 400
    left = stream.speech.divide(border)
    stream.hear(2)
    after = stream.sent[19 * 2 * PIECE :]
    stream.pieces.clear()
    stream.take(left)
    assert left.position == border
    assert stream.sent == counting_pcm(19 * PIECE, border).ljust(len(SILENT_PIECE), b"\0")
    assert after == counting_pcm(border, border + len(after) // 2)
    assert len(after) >= 2 * 19 * PIECE


def test_what_the_ring_cannot_hold_is_told() -> None:
    """The oldest speech goes, a second at least, and how much is told; silence between stretches does not count."""
    stream = Stream(StreamTimes(0.3, 4.0, 30.0, 5.0, ring_secs=10.0))
    stream.speech.start_voice(0)
    stream.hear(2, take=False)
    stream.speech.end_voice()
    stream.hear(6, take=False)
    stream.speech.start_voice(0)
    stream.hear(5, take=False)
    assert stream.speech.held_secs <= 10.0
    stream.take()
    sent, kept_secs = stream.sent, (len(stream.sent) // 2 + stream.dropped) / RATE_HZ
    assert stream.dropped >= RATE_HZ
    assert kept_secs == pytest.approx(11.3, abs=0.1)
    assert sent.endswith(counting_pcm(stream.position - PIECE, stream.position))


MOMENTS = st.lists(
    st.tuples(st.sampled_from(["start", "end", "text", "hear", "hear", "take"]), st.integers(1, 60)), max_size=60
)
_FRAME = RATE_HZ // 50


@given(MOMENTS)
def test_what_goes_up_is_the_stream_in_order(moments: list[tuple[str, int]]) -> None:
    """Whatever happens, pieces are 100 ms, no sample goes up twice, none out of order, and no voice is missing."""
    stream = Stream(frames_tell=True)
    voiced: set[int] = set()
    speaking = False
    for what, length in moments:
        match what:
            case "start":
                stream.speech.start_voice(0)
                speaking = True
            case "end":
                stream.speech.end_voice()
                speaking = False
            case "text":
                stream.speech.note_text()
            case "hear":
                if speaking:
                    voiced |= {stream.position // _FRAME + 1 + frame for frame in range(length)}
                stream.hear(length * 0.02, take=False)
            case _:
                stream.take()
    stream.speech.end_voice()
    stream.hear(10)
    assert {len(piece) for piece in stream.pieces} <= {2 * PIECE}
    frames, counts = np.unique(np.frombuffer(stream.sent, "<u2"), return_counts=True)
    in_order = np.frombuffer(stream.sent, "<u2")
    in_order = in_order[in_order > 0]
    assert (np.diff(in_order.astype(int)) >= 0).all()
    assert all(count == _FRAME for frame, count in zip(frames, counts, strict=True) if frame in voiced)
    assert voiced <= set(frames.tolist())
    assert max((count for frame, count in zip(frames, counts, strict=True) if frame), default=0) <= _FRAME
