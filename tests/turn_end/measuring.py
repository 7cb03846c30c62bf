"""Utterances that the ``vad`` step's parts find in a recording, at the pace of speech."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from processors.pause_judging import PauseJudging
from processors.segmentation import PauseReached, UtteranceEnded, UtteranceSegmenter, UtteranceStarted
from processors.smart_turn import TurnJudge, smart_turn
from processors.vad_params import VadParams
from tests.turn_end.speech import RATE_HZ, Recording, Samples, Sentence

_EDGE_SECS = 0.15
"""So near to its marked end a sentence's end is that: a detector hears a faint ending sooner than a person."""


@dataclass(frozen=True, slots=True)
class Ended:
    """An end of an utterance.

    Attributes:
        at_secs: Where it lies.
        known_secs: When it was known: how much had been said by then.
        cut: What follows is a further piece of the same utterance.
    """

    at_secs: float
    known_secs: float
    cut: bool = False


@dataclass(slots=True)
class Figures:
    """What became of sentences.

    Attributes:
        sentences: How many there were.
        split: Those that a pause inside them ended.
        joined: Those whose end was not marked before the next one began.
        cut: Ends that their length alone made.
        delays_secs: From the end of each other sentence until its end was known.
        thinking_secs: The processor's time that each verdict took.
    """

    sentences: int = 0
    split: int = 0
    joined: int = 0
    cut: int = 0
    delays_secs: list[float] = field(default_factory=list)
    thinking_secs: list[float] = field(default_factory=list)

    def __iadd__(self, other: "Figures") -> "Figures":
        """Add what became of others."""
        self.sentences += other.sentences
        self.split += other.split
        self.joined += other.joined
        self.cut += other.cut
        self.delays_secs += other.delays_secs
        self.thinking_secs += other.thinking_secs
        return self


class _Listener:
    """The parts of the step without pipecat: a detector, a segmenter, a judge who thinks while speech goes on."""

    def __init__(self, params: VadParams, judge: TurnJudge, thinks_secs: float | None) -> None:
        self._detector = params.make_detector()
        self._segmenter = UtteranceSegmenter(
            params.times(), rate_hz=RATE_HZ, window_samples=self._detector.window_samples
        )
        self._judging = PauseJudging(judge, params.smart_turn_confidence, self._note, self._fail)
        self._thinks_secs = thinks_secs
        self._verdict: tuple[PauseReached, bool] | None = None
        self._due_secs = 0.0
        self.thinking_secs: list[float] = []

    async def _note(self, pause: PauseReached, finished: bool) -> None:
        self._verdict = pause, finished

    async def _fail(self, error: Exception) -> None:
        raise error

    async def hear(self, samples: Samples) -> list[Ended]:
        """All ends in ``samples``."""
        size = self._detector.window_samples
        ended: list[Ended] = []
        for start in range(0, len(samples) - size, size):
            window, now_secs = samples[start : start + size], (start + size) / RATE_HZ
            self._judging.hear((window * 32767).astype("<i2").tobytes())
            voiced = self._detector.is_voice(window, quiet=self._segmenter.quiet)
            marks = self._segmenter.feed(voiced, float(np.square(window).mean()))
            if self._verdict is not None and now_secs >= self._due_secs:
                (pause, finished), self._verdict = self._verdict, None
                marks += self._segmenter.judge(pause, finished=finished)
            for mark in marks:
                if isinstance(mark, PauseReached):
                    await self._judge(mark, now_secs)
                elif isinstance(mark, UtteranceEnded):
                    ended.append(Ended(mark.at / RATE_HZ, now_secs))
                elif isinstance(mark, UtteranceStarted) and mark.continued:
                    ended[-1] = Ended(ended[-1].at_secs, ended[-1].known_secs, cut=True)
        return ended

    async def _judge(self, pause: PauseReached, now_secs: float) -> None:
        """Ask, and let as much speech go by as that took before the verdict counts."""
        began = time.process_time()
        self._judging.ask(pause)
        await self._judging.answered()
        taken_secs = time.process_time() - began
        self.thinking_secs.append(taken_secs)
        self._due_secs = now_secs + (taken_secs if self._thinks_secs is None else self._thinks_secs)


async def measured(
    recording: Recording, params: VadParams, *, judge: TurnJudge | None = None, thinks_secs: float | None = None
) -> Figures:
    """What becomes of the sentences of a recording.

    Args:
        recording: What is said.
        params: Of the ``vad`` step.
        judge: In the place of smart-turn.
        thinks_secs: How long a verdict takes; ``None``: the processor's time that it takes, whatever else the
            machine does.
    """
    listener = _Listener(params, judge or smart_turn(), thinks_secs)
    ended = await listener.hear(recording.samples)
    figures = Figures(cut=sum(end.cut for end in ended), thinking_secs=listener.thinking_secs)
    onsets = [sentence.onset_secs for sentence in recording.sentences[1:]]
    for sentence, next_onset_secs in zip(recording.sentences, [*onsets, float("inf")], strict=True):
        _judge_sentence(figures, sentence, next_onset_secs, ended)
    return figures


def _judge_sentence(figures: Figures, sentence: Sentence, next_onset_secs: float, ended: Sequence[Ended]) -> None:
    figures.sentences += 1
    start, end = sentence.onset_secs, sentence.end_secs - _EDGE_SECS
    figures.split += any(start < item.at_secs < end and not item.cut for item in ended)
    last = next((item for item in ended if end <= item.at_secs < next_onset_secs and not item.cut), None)
    if last is None:
        figures.joined += 1
    else:
        figures.delays_secs.append(last.known_secs - sentence.end_secs)
