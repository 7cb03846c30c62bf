"""The sound of utterances, cut out of the stream by the marks in it."""

from hypothesis import given
from hypothesis import strategies as st

from processors.utterance_audio import RATE_HZ, UtteranceAudio
from tests.support.pcm import counting_pcm

PREROLL_SAMPLES = 4800


def stream(secs: float = 0.0) -> UtteranceAudio:
    """A stream with a pre-roll of 300 ms, of which so much came."""
    audio = UtteranceAudio(preroll_secs=0.3)
    if secs:
        audio.append(counting_pcm(0, round(secs * RATE_HZ)))
    return audio


def test_an_utterance_begins_with_its_preroll() -> None:
    """What lies before the first voice is sound that came before the mark."""
    audio = stream(1.0)
    utterance = audio.start(160, continued=False)
    audio.append(counting_pcm(16_000, 17_600))
    assert not audio.complete(utterance)
    assert audio.samples_of(utterance) == PREROLL_SAMPLES + 1600 - 160
    assert audio.read(utterance) == counting_pcm(16_160 - PREROLL_SAMPLES, 17_600)


def test_an_utterance_ends_where_the_mark_says() -> None:
    """Before the next audio or in it; it is complete when all of it came."""
    audio = stream(1.0)
    first = audio.start(0, continued=False)
    audio.append(counting_pcm(16_000, 32_000))
    audio.end(first, -1000)
    assert audio.complete(first)
    assert audio.read(first) == counting_pcm(16_000 - PREROLL_SAMPLES, 31_000)
    second = audio.start(0, continued=False)
    assert second.start == 31_000, "no sample belongs to two utterances"
    audio.end(second, 320)
    assert not audio.complete(second)
    audio.append(counting_pcm(32_000, 33_000))
    assert audio.complete(second)
    assert audio.read(second) == counting_pcm(31_000, 32_320)


def test_a_further_piece_starts_where_the_one_before_ends() -> None:
    """Without pre-roll, and without a gap."""
    audio = stream(1.0)
    first = audio.start(0, continued=False)
    audio.end(first, 100)
    second = audio.start(100, continued=True)
    audio.append(counting_pcm(16_000, 17_000))
    assert audio.read(second) == counting_pcm(16_100, 17_000)


def test_a_mark_before_all_sound_takes_what_there_is() -> None:
    """Speech from the first sample on."""
    audio = stream(0.1)
    utterance = audio.start(-1600, continued=False)
    assert audio.read(utterance) == counting_pcm(0, 1600)


def test_sound_that_nobody_needs_goes() -> None:
    """Silence, and utterances that were dealt with, however long the session is."""
    audio = stream(1.0)
    utterances = []
    for second in range(1, 60):
        utterances.append(audio.start(0, continued=False))
        audio.append(counting_pcm(second * RATE_HZ, (second + 1) * RATE_HZ))
        audio.end(utterances[-1], -100)
    held = utterances[40]
    for utterance in utterances:
        utterance.needed = utterance is held
    audio.append(counting_pcm(0, RATE_HZ))
    assert audio.samples_of(held) == len(audio.read(held)) // 2 > 0
    assert audio.read(utterances[39]) == b""
    held.needed = False
    audio.append(counting_pcm(0, RATE_HZ))
    assert audio._ring.end - audio._ring.start == 2 * RATE_HZ + PREROLL_SAMPLES
    assert not audio._utterances


@given(st.lists(st.tuples(st.integers(1, 4000), st.integers(0, 3)), max_size=40))
def test_no_sample_is_in_two_utterances(steps: list[tuple[int, int]]) -> None:
    """Whatever comes when: the utterances are stretches of the stream, one after the other."""
    audio, position, opened, all_of_them = UtteranceAudio(preroll_secs=0.01), 0, None, []
    for samples, what in steps:
        if what == 1 and opened is None:
            opened = audio.start(samples % 320, continued=False)
            all_of_them.append(opened)
        elif what == 2 and opened is not None:
            audio.end(opened, samples % 320)
            opened = None
        audio.append(counting_pcm(position, position + samples))
        position += samples
    until = 0
    for utterance in all_of_them:
        assert utterance.start >= until
        until = position if utterance.end is None else utterance.end
        there = counting_pcm(utterance.start, max(utterance.start, min(until, position)))
        assert audio.read(utterance) == there
