"""Steps of somebody else's that need something, and say so, or seem to."""

import itertools
from collections.abc import Iterator

from pipecat.processors.frame_processor import FrameProcessor
from pydantic import BaseModel, field_validator


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


class Leaving(FrameProcessor):
    """Ends the process that asks, as if all were well."""

    @classmethod
    def missing(cls, params: object) -> list[str]:
        """Leave."""
        raise SystemExit(0)


class Terse(FrameProcessor):
    """Says it in one text instead of a list."""

    @classmethod
    def missing(cls, params: object) -> str:
        """What is not there."""
        return "no licence"


class Endless(FrameProcessor):
    """Never stops saying what it needs."""

    @classmethod
    def missing(cls, params: object) -> Iterator[str]:
        """What is not there."""
        return itertools.repeat("more")


class Talkative(FrameProcessor):
    """Says with which parameters it needs something, and fails."""

    def __init__(self, *, password: str = "", address: str = ""):
        """Take a secret, and an address that may hold one."""
        super().__init__()

    @classmethod
    def missing(cls, params: dict[str, str]) -> list[str]:
        """Fail with all that it knows."""
        raise OSError(f"can't log in with {params}")


class PickyParams(BaseModel):
    """Parameters of :class:`Picky`."""

    api_key: str

    @field_validator("api_key")
    @classmethod
    def _is_known(cls, value: str) -> str:
        raise ValueError(f"nobody knows {value}")


class Picky(FrameProcessor):
    """Tells the secret that it does not like."""

    Params = PickyParams


class Login(BaseModel):
    """A parameter with parameters."""

    api_key: int = 0


class NestedParams(BaseModel):
    """Parameters of :class:`Nested`."""

    login: Login = Login()
    volumes: list[int] = []


class Nested(FrameProcessor):
    """Has a secret that lies deep."""

    Params = NestedParams


class _Base(FrameProcessor):
    def __init__(self, url: str, *, speed: float = 2.0, **options: str):
        super().__init__()


class Derived(_Base):
    """Gives its base what the base requires, and has a default of its own."""

    def __init__(self, *, speed: float = 1.0, **options: str):
        """Hand ``options`` on."""
        super().__init__(url="wss://host", speed=speed, **options)


class OtherMeaning(FrameProcessor):
    """Uses the same words for something else."""

    missing = 3
    uses_upstream = "sometimes"
