"""The generated files: what is stale is found, written, and fresh afterwards."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from protocol.messages import CLIENT_MESSAGES, SERVER_MESSAGES
from reference import VERSION
from reference.files import DOCS, DocumentError, json_text, stale_files, with_generated_parts

PAGE = (DOCS / "protocol.md").read_text(encoding="utf-8")
ROOT = DOCS.parent


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of ``python -m reference`` on a copy of the project in ``folder``."""
    for package in ("protocol", "reference"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-m", "reference", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_a_change_in_a_generated_part_is_found() -> None:
    """What somebody writes between the marks goes; what stands outside stays."""
    changed = PAGE.replace("The client's clock in ms; decides nothing.", "Something else.")
    assert changed != PAGE
    assert with_generated_parts(changed) == PAGE
    outside = PAGE.replace("## Message flows", "## Flows of messages")
    assert with_generated_parts(outside) == outside


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("<!-- generated: init -->", "", "init"),
        ("<!-- generated: init -->", "<!-- generated: nothing -->", "init, nothing"),
        (
            "<!-- generated: audio -->",
            "<!-- generated: audio -->\n\n<!-- end -->\n\n<!-- generated: audio -->",
            "audio",
        ),
    ],
)
def test_wrong_marks_are_an_error(old: str, new: str, wrong: str) -> None:
    """A part that is missing, unknown or there twice is named."""
    with pytest.raises(DocumentError, match=f"wrong are: {wrong}$"):
        with_generated_parts(PAGE.replace(old, new))


def test_every_message_has_a_part() -> None:
    """So have the two tables of codes."""
    parts = re.findall(r"^<!-- generated: (\w+) -->$", PAGE, re.MULTILINE)
    assert parts == [*CLIENT_MESSAGES, *SERVER_MESSAGES, "errors", "closes"]


def test_a_missing_file_is_stale(tmp_path: Path) -> None:
    """Schemas that are not there are made; what is made is the text of the file."""
    (tmp_path / "protocol.md").write_text(PAGE, encoding="utf-8")
    stale = stale_files(tmp_path)
    assert sorted(path.name for path in stale) == [
        "asyncapi.json",
        "client-messages.json",
        "server-messages.json",
    ]
    for path, text in stale.items():
        assert text == (DOCS / path.relative_to(tmp_path)).read_text(encoding="utf-8")
        assert json_text(json.loads(text)) == text


def test_the_command_writes_what_is_stale_and_then_finds_nothing(tmp_path: Path) -> None:
    """``--check`` fails and says what to do, the command mends it, ``--check`` is content."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "protocol.md").write_text(PAGE.replace("For programs.", "x"), encoding="utf-8")
    code, printed, errors = run(tmp_path, "--check")
    assert (code, printed) == (1, "")
    assert errors.splitlines()[0] == "docs/protocol.md differs from the models: run python -m reference"
    assert not (tmp_path / "docs" / "schema").exists()
    for package in ("protocol", "reference"):
        shutil.rmtree(tmp_path / package)
    code, printed, errors = run(tmp_path)
    assert (code, errors) == (0, "")
    assert len(printed.splitlines()) == 4
    assert (tmp_path / "docs" / "protocol.md").read_text(encoding="utf-8") == PAGE
    assert stale_files(tmp_path / "docs") == {}


def test_without_the_page_the_command_is_one_line(tmp_path: Path) -> None:
    """A missing page is no stack trace."""
    code, printed, errors = run(tmp_path)
    assert (code, printed) == (2, "")
    assert re.fullmatch(r"error: .*protocol\.md'\n", errors)


def test_the_version_is_the_one_of_the_project() -> None:
    """The documents name the version that pyproject.toml has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION
