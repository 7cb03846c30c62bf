"""The stream cut into utterances, and utterances one at a time."""

import hypothesis.strategies as st
from hypothesis import given

from processors.utterance_queue import Begun, Dropped, Ended, Piece, UtteranceCutter, UtteranceQueue
from tests.support.pcm import counting_pcm

RATE_HZ = 16_000
BEGUN = Begun()
ENDED = Ended(0)
SECOND = b"\1\0" * RATE_HZ


def cutter(preroll_secs: float = 0.0) -> UtteranceCutter:
    """One at 16 kHz."""
    return UtteranceCutter(preroll_secs=preroll_secs, rate_hz=RATE_HZ)


def audio_of(pieces: list[Piece]) -> bytes:
    """All audio in these pieces."""
    return b"".join(piece for piece in pieces if isinstance(piece, bytes))


def test_audio_between_utterances_is_kept_back() -> None:
    """Only what lies between two marks comes, and the marks lie to the sample where they are said to lie."""
    cut = cutter()
    assert cut.hear(counting_pcm(0, 100)) == []
    cut.start(20, continued=False)
    cut.end(70)
    assert cut.hear(counting_pcm(100, 200)) == [BEGUN, counting_pcm(120, 170), Ended(50 * 1000 // RATE_HZ)]
    assert cut.hear(counting_pcm(200, 300)) == []


def test_an_utterance_over_many_chunks() -> None:
    """Audio comes as it is heard, the end in the chunk in which it lies; the length is that of all of it."""
    cut = cutter()
    cut.start(0, continued=False)
    assert cut.hear(counting_pcm(0, 8000)) == [BEGUN, counting_pcm(0, 8000)]
    assert cut.hear(counting_pcm(8000, 16000)) == [counting_pcm(8000, 16000)]
    cut.end(8000)
    assert cut.hear(counting_pcm(16000, 32000)) == [counting_pcm(16000, 24000), Ended(1500)]


def test_preroll_is_taken_from_what_went_before() -> None:
    """An utterance begins that much before its first voice, as far as there is audio."""
    cut = cutter(preroll_secs=0.01)
    cut.start(-10, continued=False)
    assert cut.hear(counting_pcm(0, 50)) == [BEGUN, counting_pcm(0, 50)]
    cut.end(0)
    cut.hear(counting_pcm(50, 1000))
    cut.start(-100, continued=False)
    assert audio_of(cut.hear(counting_pcm(1000, 1100))) == counting_pcm(1000 - 100 - 160, 1100)


def test_a_piece_that_continues_begins_where_the_one_before_ended() -> None:
    """No pre-roll, no sample twice, none lost, also where the cut lies in audio that went before."""
    cut = cutter(preroll_secs=0.3)
    cut.start(0, continued=False)
    heard = audio_of(cut.hear(counting_pcm(0, 1000)))
    cut.end(-32)
    cut.start(-32, continued=True)
    pieces = cut.hear(counting_pcm(1000, 2000))
    assert heard + audio_of(pieces) == counting_pcm(0, 2000)
    assert [piece for piece in pieces if not isinstance(piece, bytes)] == [Ended(1000 * 1000 // RATE_HZ), BEGUN]


def test_no_sample_belongs_to_two_utterances() -> None:
    """Pre-roll reaches back to the end of the utterance before, and no further."""
    cut = cutter(preroll_secs=0.3)
    cut.start(0, continued=False)
    cut.end(500)
    cut.start(600, continued=False)
    assert audio_of(cut.hear(counting_pcm(0, 1000))) == counting_pcm(0, 1000)


@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 3000)), max_size=6),
    st.lists(st.integers(1, 4000), min_size=1, max_size=12),
)
def test_chunks_make_no_difference(spans: list[tuple[int, int]], chunks: list[int]) -> None:
    """Whatever the chunks, the same samples come, each once and in order."""
    marks, position = [], 0
    for pause, length in spans:
        marks += [(position + pause, True), (position + pause + length, False)]
        position += pause + length
    total = sum(chunks)
    whole, pieced = cutter(), cutter()
    for at, starts in marks:
        if at < total:
            whole.start(at, continued=False) if starts else whole.end(at)
    expected = audio_of(whole.hear(counting_pcm(0, total)))
    heard, position = b"", 0
    for chunk in chunks:
        for at, starts in marks:
            if position <= at < position + chunk:
                pieced.start(at - position, continued=False) if starts else pieced.end(at - position)
        heard += audio_of(pieced.hear(counting_pcm(position, position + chunk)))
        position += chunk
    assert heard == expected


def queue(most_secs: float = 60.0) -> UtteranceQueue:
    """One at 16 kHz."""
    return UtteranceQueue(most_secs=most_secs, rate_hz=RATE_HZ)


def test_one_utterance_at_a_time() -> None:
    """The first goes through as it comes; the next waits, whole or in part, until the first is answered."""
    waiting = queue()
    assert [waiting.put(piece) for piece in (BEGUN, b"a1", ENDED)] == [[BEGUN], [b"a1"], [ENDED]]
    assert [waiting.put(piece) for piece in (BEGUN, b"b1", b"b2", ENDED, BEGUN, b"c1")] == [[]] * 6
    assert waiting.held_bytes == 6
    assert waiting.answered() == [BEGUN, b"b1", b"b2", ENDED]
    assert waiting.answered() == [BEGUN, b"c1"]
    assert waiting.put(b"c2") == [b"c2"]
    assert waiting.put(ENDED) == [ENDED]
    assert waiting.answered() == []
    assert waiting.put(BEGUN) == [BEGUN]


def test_what_does_not_fit_is_given_up_oldest_first_and_told() -> None:
    """The bound holds; a whole utterance goes before a part of the one that is being spoken."""
    waiting = queue(most_secs=2.0)
    for piece in (BEGUN, ENDED, BEGUN, SECOND, ENDED, BEGUN, SECOND):
        waiting.put(piece)
    assert waiting.take_dropped() == []
    waiting.put(SECOND)
    assert waiting.take_dropped() == [Dropped(1000, whole_utterance=True)]
    waiting.put(SECOND)
    assert waiting.take_dropped() == [Dropped(1000, whole_utterance=False)]
    assert waiting.take_dropped() == []
    assert waiting.held_bytes == 2 * len(SECOND)
