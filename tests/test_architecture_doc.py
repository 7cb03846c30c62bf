"""``docs/architecture.md`` names what is there: every module of the server, every decision, and nothing else."""

import re
from pathlib import Path

import pytest

from pipelines.settings import Settings
from protocol.errors import ErrorCode, WarningCode

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGE = (DOCS / "architecture.md").read_text(encoding="utf-8")
SERVER = ("pipelines", "processors", "telephony", "protocol", "gemini")


@pytest.mark.parametrize("package", SERVER)
def test_every_module_is_named(package: str) -> None:
    """Who looks for a thing finds the file in the listing of its package."""
    listing = re.search(rf"^{package}/ .*?(?=^\S)", PAGE, re.MULTILINE | re.DOTALL)
    assert listing is not None
    modules = {path.name for path in (ROOT / package).glob("[!_]*.py")}
    assert modules - set(re.findall(r"[a-z_]+\.py", listing[0])) == set()


def test_every_path_exists() -> None:
    """A file that is named with its folder is there."""
    paths = re.findall(r"`?\b((?:pipelines|processors|telephony|protocol|gemini|client|tests)/[a-z_]+\.py)", PAGE)
    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_decision_is_linked() -> None:
    """By its title."""
    for path in (DOCS / "decisions").glob("0*.md"):
        title = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        linked = re.search(rf"\[([^\]]+)\]\(decisions/{re.escape(path.name)}\)", PAGE)
        assert linked is not None, path.name
        assert title.startswith(linked[1]), path.name


def test_no_code_and_no_setting_is_invented() -> None:
    """Whatever is written like a code or a setting is one."""
    known = {*ErrorCode, *WarningCode, *(name.upper() for name in Settings.model_fields)}
    client = {"SPEECH_LOST"}
    assert set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", PAGE)) - known - client == set()
