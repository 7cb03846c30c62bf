"""What a server with default settings makes of an ``init``, without its pipeline files and without any room."""

from pathlib import Path

from pipelines.choice import Choice, choose
from pipelines.engines import Engines
from pipelines.settings import Settings
from pipelines.spec import PipelineSpec
from protocol.errors import ErrorCode, Fault
from protocol.messages import InitConfig

_SETTINGS = Settings(_env_file=None, languages=("ko", "en"), target_languages=())
_ENGINES = Engines((PipelineSpec("interpreter", Path("interpreter.toml"), ()),))


def chosen_of(config: InitConfig) -> Choice | Fault:
    """What it offers of what ``config`` asks for."""
    if config.room is not None:
        return Fault(ErrorCode.INVALID_MESSAGE, "expected 'room' to name a room that there is")
    return choose(config, _SETTINGS, _ENGINES)
