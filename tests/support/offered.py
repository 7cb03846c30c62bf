"""What a server with default settings makes of an ``init``, without its pipeline files."""

from pathlib import Path

from pipelines.choice import Choice, choose
from pipelines.engines import Engines
from pipelines.settings import Settings
from pipelines.spec import PipelineSpec
from protocol.errors import Fault
from protocol.messages import InitConfig

_SETTINGS = Settings(_env_file=None, languages=("ko", "en"), target_languages=())
_ENGINES = Engines((PipelineSpec("interpreter", Path("interpreter.toml"), ()),))


def chosen_of(config: InitConfig) -> Choice | Fault:
    """What it offers of what ``config`` asks for."""
    return choose(config, _SETTINGS, _ENGINES)
