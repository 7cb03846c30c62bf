"""A processor of somebody else's whose ``Params`` is a word of its own, no model of a step's parameters."""

from typing import Any

from pipecat.processors.frame_processor import FrameProcessor


class Equalizer(FrameProcessor):
    """Takes its parameters by name."""

    class Params:
        """Nothing that a pipeline file could be checked against."""

    def __init__(self, gain: float, **kwargs: Any):
        """``gain`` has no default."""
        super().__init__(**kwargs)
        self.gain = gain


class LoudEqualizer(Equalizer):
    """Hands on to its base whatever it does not know."""

    def __init__(self, *, label: str = "", **kwargs: Any):
        """``label`` is its own."""
        super().__init__(**kwargs)
        self.label = label
