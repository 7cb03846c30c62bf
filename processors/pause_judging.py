"""The pauses of one stream, handed to a judge while the stream goes on."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from metrics import SMART_TURN_DELAY, SMART_TURN_VERDICTS
from processors.segmentation import PauseReached
from processors.smart_turn import HEARD_SECS, TurnJudge
from processors.voice_detectors import RATE_HZ

_SAMPLE_BYTES = 2
_BEFORE_SPEECH_SAMPLES = RATE_HZ // 2
"""As pipecat hands it to its analyzer (``PRE_SPEECH_MS``)."""
_MOST_BYTES = HEARD_SECS * RATE_HZ * _SAMPLE_BYTES
_SPARE_BYTES = 2 * RATE_HZ * _SAMPLE_BYTES
"""By how much the audio that is kept may grow before it is cut: cutting moves all of it."""

Answer = Callable[[PauseReached, bool], Awaitable[None]]
Failed = Callable[[Exception], Awaitable[None]]


class PauseJudging:
    """Keeps the last seconds of a stream, and asks a judge about a pause, one at a time."""

    def __init__(self, judge: TurnJudge, confidence: float, answer: Answer, failed: Failed):
        """Begin at sample position 0.

        Args:
            judge: Whom to ask.
            confidence: From which one of the judge's on (0 to 1) a speaker is done.
            answer: Is called with the pause and whether the speaker is done; not where the judge does not say.
            failed: Is called with what the judge raises.
        """
        self._judge = judge
        self._confidence = confidence
        self._answer = answer
        self._failed = failed
        self._audio = bytearray()
        self._end = 0
        self._task: asyncio.Task[None] | None = None

    def hear(self, pcm: bytes) -> None:
        """Keep the next audio of the stream."""
        self._audio += pcm
        self._end += len(pcm) // _SAMPLE_BYTES
        if len(self._audio) > _MOST_BYTES + _SPARE_BYTES:
            del self._audio[:-_MOST_BYTES]

    def ask(self, pause: PauseReached) -> None:
        """Ask about a pause that lies in what was heard; a question that is open is withdrawn."""
        self.withdraw()
        self._task = asyncio.create_task(self._ask(pause, self._audio_of(pause)))

    def withdraw(self, *, too_late: bool = False) -> None:
        """Nobody waits for the answer any more; ``too_late``: since the silence has decided."""
        task = self._task
        if task is None or task.done() or task.cancelling() or task is asyncio.current_task():
            return
        task.cancel()
        if too_late:
            SMART_TURN_VERDICTS.labels("none").inc()

    async def answered(self) -> None:
        """Wait until nothing is asked."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def close(self) -> None:
        """Withdraw what is asked, and wait until nothing runs."""
        self.withdraw()
        await self.answered()

    def _audio_of(self, pause: PauseReached) -> bytes:
        held_from = self._end - len(self._audio) // _SAMPLE_BYTES
        start = max(held_from, pause.start - _BEFORE_SPEECH_SAMPLES, pause.at - HEARD_SECS * RATE_HZ)
        return bytes(self._audio[(start - held_from) * _SAMPLE_BYTES : (pause.at - held_from) * _SAMPLE_BYTES])

    async def _ask(self, pause: PauseReached, pcm: bytes) -> None:
        try:
            finished = await self._verdict(pcm)
            if finished is not None:
                await self._answer(pause, finished)
        except Exception as error:
            await self._failed(error)

    async def _verdict(self, pcm: bytes) -> bool | None:
        asked_at = time.perf_counter()
        sure = await self._judge.finished(pcm)
        if sure is None:
            SMART_TURN_VERDICTS.labels("none").inc()
            return None
        SMART_TURN_DELAY.observe(time.perf_counter() - asked_at)
        finished = sure >= self._confidence
        SMART_TURN_VERDICTS.labels("finished" if finished else "unfinished").inc()
        return finished
