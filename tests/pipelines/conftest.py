"""Tests here run in virtual time, leave no task behind, and see no setting of whoever runs them."""

from pathlib import Path

import pytest

from pipelines.settings import Settings
from tests.support.virtual_time import no_task_is_left, pytest_asyncio_loop_factories, watched_tasks

__all__ = ["no_task_is_left", "pytest_asyncio_loop_factories", "watched_tasks"]


@pytest.fixture(autouse=True)
def empty_working_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A working directory without ``.env``, and an environment without settings."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path
