"""The golden messages of ``tests/vectors/``: language-neutral files, read by other clients' tests as well."""

import json
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path(__file__).parents[1] / "vectors"


def cases(file: str) -> list[Any]:
    """The cases of a file, as parameters of a test that are named like the cases."""
    loaded = json.loads((_FOLDER / file).read_text(encoding="utf-8"))["cases"]
    return [pytest.param(case, id=case["name"]) for case in loaded]
