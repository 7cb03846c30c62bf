"""A ``VADAnalyzer`` of pipecat's as a voice detector."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from pipecat.audio.vad.vad_analyzer import VADAnalyzer

from processors.voice_detectors import RATE_HZ, Samples


class AnalyzerDetector:
    """Voice is what an analyzer is confident of.

    The analyzer is asked for its confidence, a window at a time. Its own decision, which it makes once a call
    and on a thread, is not used: loudness, start and stop times of its ``VADParams`` have no say.

    Attributes:
        window_samples: As many as the analyzer wants.
    """

    def __init__(self, analyzer: VADAnalyzer, confidence: float):
        """Take an analyzer that nobody else uses.

        Args:
            analyzer: Is told the rate, which may make it load its model.
            confidence: From which one on (0 to 1) a window is voice.

        Raises:
            ValueError: It does not work at 16 kHz, as far as it says so itself.
        """
        self._analyzer = analyzer
        self._confidence = confidence
        analyzer.set_sample_rate(RATE_HZ)
        if analyzer.sample_rate != RATE_HZ:
            raise ValueError(f"expected an analyzer for {RATE_HZ} Hz, got one for {analyzer.sample_rate} Hz")
        self.window_samples = analyzer.num_frames_required()

    def is_voice(self, window: Samples, *, quiet: bool) -> bool:
        """Whether the analyzer is confident; blocks for the time that it takes."""
        pcm = (window * 32768).astype("<i2").tobytes()
        # Silero's returns an array of one number.
        return float(np.asarray(self._analyzer.voice_confidence(pcm)).item()) >= self._confidence

    async def cleanup(self) -> None:
        """Let the analyzer release what it holds."""
        await self._analyzer.cleanup()

    def close(self) -> None:
        """The same for who can't wait for it: an event loop may be running, or none."""
        with ThreadPoolExecutor(max_workers=1) as thread:
            thread.submit(asyncio.run, self.cleanup()).result()
