"""Fixtures of the client's tests."""

from pathlib import Path

import pytest

from tests.client.one_session import Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A session over one second of sound."""
    return Run(tmp_path)
