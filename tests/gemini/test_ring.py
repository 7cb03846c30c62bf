"""The ring keeps every sample until it is released."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gemini.ring import AudioRing
from tests.support.pcm import counting_pcm

LENGTHS = st.integers(0, 50)
POSITIONS = st.integers(-20, 400)


def test_a_new_ring_is_empty() -> None:
    """Nothing is held, and position 0 is next."""
    ring = AudioRing(60)
    assert (ring.start, ring.end, ring.overflow_samples) == (0, 0, 0)
    assert ring.capacity_samples == 960_000
    assert ring.read(0, 100) == b""


class Ring(RuleBasedStateMachine):
    """Any sequence of appending, reading and releasing."""

    def __init__(self) -> None:
        """Start with a ring of 100 samples, and the whole stream as the model."""
        super().__init__()
        self.ring = AudioRing(100 / 16_000)
        self.released = 0
        self.appended = 0

    @rule(length=LENGTHS)
    def append(self, length: int) -> None:
        """Add samples that tell their position."""
        self.ring.append(counting_pcm(self.appended, self.appended + length))
        self.appended += length

    @rule(before=POSITIONS)
    def release(self, before: int) -> None:
        """Release up to any position, also one that lies beyond the end or was released before."""
        self.ring.release(before)
        self.released = max(self.released, min(before, self.appended))

    @rule(start=POSITIONS, end=POSITIONS)
    def read(self, start: int, end: int) -> None:
        """Reading gives exactly the samples of the range that are held."""
        first, last = max(start, self.released), min(end, self.appended)
        assert self.ring.read(start, end) == counting_pcm(first, max(first, last))

    @invariant()
    def nothing_is_lost(self) -> None:
        """What was appended and not released is held, and nothing else."""
        assert (self.ring.start, self.ring.end) == (self.released, self.appended)
        assert self.ring.overflow_samples == max(0, self.appended - self.released - 100)
        assert self.ring.read(0, self.appended) == counting_pcm(self.released, self.appended)


TestRing = Ring.TestCase


@given(st.lists(LENGTHS, max_size=20))
def test_positions_do_not_depend_on_chunks(lengths: list[int]) -> None:
    """However the stream is cut, a position means the same sample."""
    ring, whole = AudioRing(60), AudioRing(60)
    position = 0
    for length in lengths:
        ring.append(counting_pcm(position, position + length))
        position += length
    whole.append(counting_pcm(0, position))
    assert ring.read(0, ring.end) == whole.read(0, whole.end)
