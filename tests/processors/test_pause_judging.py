"""The pauses of a stream, handed to a judge: what it hears, who is told, and what is withdrawn."""

import asyncio

import pytest

from metrics import SMART_TURN_DELAY, SMART_TURN_VERDICTS
from processors.pause_judging import PauseJudging
from processors.segmentation import PauseReached
from tests.support.pcm import samples_of
from tests.support.talk import milliseconds
from tests.support.turn_judge import FakeJudge

MS = 16
"""Samples of a millisecond."""


class Stream:
    """A stream whose samples tell the millisecond in which they lie, and whose pauses a fake judges.

    Attributes:
        judge: The fake.
        judging: What is tested.
        answers: What came, in order.
        faults: What the judge raised.
    """

    def __init__(self, *verdicts: float | Exception | None) -> None:
        """``verdicts``: of the fake, each after 50 ms."""
        self.judge = FakeJudge(verdicts)
        self.judging = PauseJudging(self.judge, 0.9, self._answer, self._fail)
        self.answers: list[tuple[PauseReached, bool]] = []
        self.faults: list[Exception] = []

    async def _answer(self, pause: PauseReached, finished: bool) -> None:
        self.answers.append((pause, finished))
        self.judging.withdraw()  # as a step does that needs no answer any more: it has one

    async def _fail(self, error: Exception) -> None:
        self.faults.append(error)

    def hear(self, start_ms: int, end_ms: int) -> None:
        """Hear a stretch in chunks of 20 ms."""
        for at in range(start_ms, end_ms, 20):
            self.judging.hear(milliseconds(at, min(at + 20, end_ms)))

    async def heard(self) -> tuple[int, int]:
        """The first millisecond that the judge heard last, and the one after the last."""
        await asyncio.sleep(0)
        values = samples_of(self.judge.heard[-1]).astype("u2")
        assert (values[::MS] == range(int(values[0]), int(values[0]) + len(values) // MS)).all()
        return int(values[0]), int(values[-1]) + 1


def verdicts(label: str) -> float:
    """How many were counted."""
    return float(SMART_TURN_VERDICTS.labels(label)._value.get())


def delays() -> float:
    """How many delays were measured."""
    return next(
        sample.value
        for metric in SMART_TURN_DELAY.collect()
        for sample in metric.samples
        if sample.name.endswith("_count")
    )


@pytest.mark.parametrize(
    ("heard_ms", "start_ms", "at_ms", "expected"),
    [
        (5000, 1000, 4000, (500, 4000)),
        (5000, 200, 5000, (0, 5000)),
        (30_000, 28_000, 29_990, (27_500, 29_990)),
        (30_000, 3000, 30_000, (22_000, 30_000)),
        (30_000, 21_000, 29_000, (21_000, 29_000)),
    ],
)
async def test_the_judge_hears_what_was_said(
    heard_ms: int, start_ms: int, at_ms: int, expected: tuple[int, int]
) -> None:
    """From half a second before the first voice until the pause, and the last 8 s of it at most."""
    stream = Stream(0.9)
    stream.hear(0, heard_ms)
    stream.judging.ask(PauseReached(start_ms * MS, at_ms * MS))
    assert await stream.heard() == expected
    await stream.judging.close()


async def test_what_is_kept_is_bounded() -> None:
    """Ten seconds of a stream, however long it is."""
    stream = Stream()
    for start_ms in range(0, 60_000, 20):
        stream.hear(start_ms, start_ms + 20)
        assert len(stream.judging._audio) <= 10 * 16_000 * 2


@pytest.mark.parametrize(
    ("sure", "finished", "label"),
    [(0.9, True, "finished"), (0.89, False, "unfinished"), (0.0, False, "unfinished")],
)
async def test_a_verdict_is_told_and_counted(sure: float, finished: bool, label: str) -> None:
    """With its pause, and how long it took; the speaker is done from a confidence on."""
    stream, pause = Stream(sure), PauseReached(0, 1000 * MS)
    counted, measured = verdicts(label), delays()
    stream.hear(0, 1000)
    stream.judging.ask(pause)
    await asyncio.sleep(1)
    assert stream.answers == [(pause, finished)]
    assert (verdicts(label), delays()) == (counted + 1, measured + 1)


async def test_no_verdict_is_counted_and_not_told() -> None:
    """Where too many others ask, and where the silence was faster."""
    stream, pause = Stream(None, 0.9), PauseReached(0, 1000 * MS)
    counted = verdicts("none")
    stream.hear(0, 1000)
    stream.judging.ask(pause)
    await asyncio.sleep(1)
    assert (stream.answers, verdicts("none")) == ([], counted + 1)
    stream.judging.ask(pause)
    await asyncio.sleep(0.02)
    stream.judging.withdraw(too_late=True)
    stream.judging.withdraw(too_late=True)
    await asyncio.sleep(1)
    assert (stream.answers, verdicts("none"), stream.judge.withdrawn) == ([], counted + 2, 1)


async def test_a_question_that_is_withdrawn_is_not_answered() -> None:
    """By voice that came back, by another question, or by the end of the session."""
    stream, pause = Stream(0.9, 0.9, 0.8), PauseReached(0, 1000 * MS)
    counted = verdicts("none")
    stream.hear(0, 2000)
    stream.judging.ask(pause)
    stream.judging.withdraw()
    await asyncio.sleep(1)
    stream.judging.ask(pause)
    await asyncio.sleep(0.02)
    stream.judging.ask(later := PauseReached(0, 2000 * MS))
    await asyncio.sleep(1)
    assert stream.answers == [(later, True)]
    stream.judging.ask(later)
    await asyncio.sleep(0.02)
    await stream.judging.close()
    await asyncio.sleep(1)
    assert (stream.answers, verdicts("none")) == ([(later, True)], counted)


async def test_what_the_judge_raises_is_told() -> None:
    """To whoever asked, who knows what to do about it."""
    fault = RuntimeError("broken")
    stream = Stream(fault)
    stream.hear(0, 1000)
    stream.judging.ask(PauseReached(0, 1000 * MS))
    await asyncio.sleep(1)
    assert (stream.answers, stream.faults) == ([], [fault])
