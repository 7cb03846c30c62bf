"""What ``python -m tests.turn_end`` counts, on judges whose verdicts are known, and what smart-turn brings."""

import asyncio

import numpy as np
import pytest

from processors.vad_params import VadParams
from tests.turn_end.measuring import Figures, measured
from tests.turn_end.speech import RATE_HZ, recordings, with_pauses

SMART = VadParams(turn_end="smart", soft_utterance_secs=0, max_utterance_secs=0)
SILENCE = SMART.model_copy(update={"turn_end": "silence"})
KOREAN = next(recording for recording in recordings() if recording.language == "ko")


class Judge:
    """Is always as sure."""

    def __init__(self, sure: float) -> None:
        """``sure``: that a speaker is done."""
        self._sure = sure

    async def finished(self, pcm: bytes) -> float | None:
        """That."""
        return self._sure


def test_pauses_lie_inside_sentences_and_nowhere_else() -> None:
    """Each sentence becomes 0.5 to 1.2 s longer and the others are moved; a seed gives the same each time."""
    paused, again, other = with_pauses(KOREAN, 1), with_pauses(KOREAN, 1), with_pauses(KOREAN, 2)
    assert np.array_equal(paused.samples, again.samples)
    assert paused.sentences == again.sentences != other.sentences
    moved_secs = 0.0
    for before, after in zip(KOREAN.sentences, paused.sentences, strict=True):
        assert after.onset_secs - before.onset_secs == pytest.approx(moved_secs)
        moved_secs += (added := (after.end_secs - after.onset_secs) - (before.end_secs - before.onset_secs))
        assert 0.5 <= added <= 1.2
        start, end = int(before.onset_secs * RATE_HZ), int(before.onset_secs * RATE_HZ) + RATE_HZ // 10
        place = int(after.onset_secs * RATE_HZ)
        np.testing.assert_array_equal(paused.samples[place : place + end - start], KOREAN.samples[start:end])
    assert len(paused.samples) / RATE_HZ == pytest.approx(len(KOREAN.samples) / RATE_HZ + moved_secs, abs=0.001)


async def test_who_takes_every_pause_for_an_end_splits_every_sentence() -> None:
    """And marks each end as soon as the hangover has passed."""
    figures = await measured(with_pauses(KOREAN, 1), SMART, judge=Judge(1.0), thinks_secs=0.05)
    assert (figures.sentences, figures.split, figures.joined, figures.cut) == (3, 3, 0, 0)
    assert all(0.2 < delay < 0.45 for delay in figures.delays_secs)


async def test_who_takes_no_pause_for_an_end_splits_none() -> None:
    """But joins sentences that follow within its patience; only the last has an end, after all of it."""
    figures = await measured(with_pauses(KOREAN, 1), SMART, judge=Judge(0.0), thinks_secs=0.05)
    assert (figures.sentences, figures.split, figures.joined) == (3, 0, 2)
    (delay,) = figures.delays_secs
    assert delay == pytest.approx(2.7, abs=0.15)


async def test_a_judge_who_is_too_slow_is_as_none() -> None:
    """Then silence decides, with its own figures."""
    slow = await measured(with_pauses(KOREAN, 1), SMART, judge=Judge(1.0), thinks_secs=0.6)
    silence = await measured(with_pauses(KOREAN, 1), SILENCE, judge=Judge(1.0))
    assert (slow.split, slow.delays_secs) == (silence.split, silence.delays_secs)


async def test_speech_goes_on_while_somebody_thinks() -> None:
    """Verdicts after 0.3 s in place of 0.05 s make each end known later by what is not hidden in the hangover."""
    quick = await measured(KOREAN, SMART, judge=Judge(1.0), thinks_secs=0.05)
    slow = await measured(KOREAN, SMART, judge=Judge(1.0), thinks_secs=0.3)
    later = np.subtract(slow.delays_secs, quick.delays_secs)
    assert np.all((later > 0.15) & (later < 0.3))


@pytest.mark.slow
def test_smart_turn_splits_fewer_sentences_and_is_sooner() -> None:
    """The model itself, on both languages with a pause in each sentence: what docs/turn-end.md says."""

    async def both() -> tuple[Figures, Figures]:
        silence, smart = Figures(), Figures()
        for recording in recordings():
            paused = with_pauses(recording, 1)
            silence += await measured(paused, VadParams())
            smart += await measured(paused, VadParams(turn_end="smart"), thinks_secs=0.1)
        return silence, smart

    silence, smart = asyncio.run(both())
    assert silence.sentences == smart.sentences == 14
    assert smart.split < 0.7 * silence.split
    assert np.median(smart.delays_secs) < 0.65 * np.median(silence.delays_secs)
