"""Is a speaker done? pipecat's smart-turn model, once for the process and on a thread of its own."""

import functools
from typing import Protocol

from pipecat.metrics.metrics import TurnMetricsData

from processors.voice_detectors import RATE_HZ

HEARD_SECS = 8
"""How much the model hears at most: the last of it."""
_MOST_QUESTIONS = 8
"""That wait at once: at 70 ms each, a further one would be answered when the silence has decided."""


class TurnJudge(Protocol):
    """Judges in a pause whether a speaker is done; serves many streams."""

    async def finished(self, pcm: bytes) -> float | None:
        """How sure it is that the speaker is done, 0 to 1.

        Args:
            pcm: What was said, from shortly before its beginning into the pause; PCM s16le mono at 16 kHz.

        Returns:
            ``None``: too many others wait for a verdict.
        """


class SmartTurn:
    """pipecat's analyzer of smart-turn v3, whose model comes with pipecat.

    The model hears how a sentence ends, not what is said; it takes some 70 ms of a processor's time. All streams
    share one analyzer, of which nothing is used but the model and its thread: what it would gather of one stream
    is cleared before each question.
    """

    def __init__(self) -> None:
        """Read the model, which takes some tenths of a second.

        Raises:
            OSError: Its file is missing or damaged.
        """
        # Who lets silence decide does not pay for it.
        from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3

        try:
            self._analyzer = LocalSmartTurnAnalyzerV3()
        except Exception as error:  # onnxruntime has a class of its own for each of its faults
            raise OSError(" ".join(str(error).split())) from error
        self._analyzer.set_sample_rate(RATE_HZ)
        self._questions = 0

    async def finished(self, pcm: bytes) -> float | None:
        """As :class:`TurnJudge` has it; a question that is cancelled while it waits frees its place."""
        if self._questions >= _MOST_QUESTIONS:
            return None
        self._questions += 1
        try:
            # Nobody else gets a turn before the analyzer has handed this on to its thread.
            self._analyzer.clear()
            self._analyzer.append_audio(pcm, is_speech=True)
            _, judged = await self._analyzer.analyze_end_of_turn()
        finally:
            self._questions -= 1
        return judged.probability if isinstance(judged, TurnMetricsData) else None


@functools.cache
def smart_turn() -> SmartTurn:
    """The one of the process; the first call reads the model."""
    return SmartTurn()
