"""A pipeline file and settings, checked as the command does it."""

from pathlib import Path
from typing import Any

from pipelines.check import Check, check_pipelines
from pipelines.settings import load_settings, setting_sources

FILE = "talk.toml"


def checked(text: str, **settings: Any) -> Check:
    """What the check of a file with this text says, with ``settings`` as if from the command line."""
    Path(FILE).write_text(text, encoding="utf-8")
    chosen = {"pipeline": FILE, **settings}
    return check_pipelines(load_settings(**chosen), setting_sources(**chosen))[0]


def steps(*uses: str) -> str:
    """A pipeline file of these steps, each with its line: the first in line 1, then every third."""
    return "".join(f'[[step]]\nuse = "{use}"\n{_REQUIRED.get(use, "")}\n' for use in uses)


_REQUIRED = {"gemini_live": 'model = "m"'}
