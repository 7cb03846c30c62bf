"""Steps of somebody else's that need something, and say so, or seem to."""

from pipecat.processors.frame_processor import FrameProcessor
from pydantic import BaseModel


class NeedyParams(BaseModel):
    """Parameters of :class:`Needy`."""

    model_file: str = "voice.onnx"
    api_key: str = "sk-not-for-anyones-eyes"


class Needy(FrameProcessor):
    """Needs a model file, and the upstream."""

    Params = NeedyParams
    uses_upstream = True

    @classmethod
    def missing(cls, params: NeedyParams) -> list[str]:
        """What is not there."""
        return [f"no model file {params.model_file}:\ndownload it", "no licence"]


class Keyword(FrameProcessor):
    """Takes keyword arguments, and needs what they say."""

    def __init__(self, *, model_file: str = "", password: str | None = None):
        """``model_file`` has to be there."""
        super().__init__()

    @classmethod
    def missing(cls, params: dict[str, str]) -> list[str]:
        """What is not there."""
        return [f"no model file {params['model_file']}"] if params.get("model_file") else []


class Failing(FrameProcessor):
    """Can't say what it needs."""

    @classmethod
    def missing(cls, params: object) -> list[str]:
        """Fail."""
        raise OSError("no disk")


class OtherMeaning(FrameProcessor):
    """Uses the same words for something else."""

    missing = 3
    uses_upstream = "sometimes"
