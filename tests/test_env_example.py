"""``.env.example`` tells operators of every setting, and nothing that is not so."""

import re
from pathlib import Path
from typing import Any

import pytest

from pipelines.settings import Settings

EXAMPLE = Path(__file__).parents[1] / ".env.example"
LINES = EXAMPLE.read_text(encoding="utf-8").splitlines()
SETTING = re.compile(r"#?([A-Za-z_][A-Za-z0-9_]*)=(.*)")
FOUND = {match[1]: match[2] for line in LINES if (match := SETTING.fullmatch(line))}
FIELDS = list(Settings.model_fields)


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of whoever runs the tests has no say."""
    for name in FIELDS:
        monkeypatch.delenv(name.upper(), raising=False)


def settings_of(env_file: Path | None) -> dict[str, Any]:
    """All settings, as that file and nothing else gives them."""
    values: dict[str, Any] = {"_env_file": env_file}
    return Settings(**values).model_dump()


def test_every_setting_is_there_once_and_nothing_else() -> None:
    """The file names what the server reads."""
    named = [match[1] for line in LINES if (match := SETTING.fullmatch(line))]
    assert sorted(named) == sorted(name.upper() for name in FIELDS)


def test_what_is_commented_out_are_the_defaults(tmp_path: Path) -> None:
    """With every line switched on the server runs just as without the file."""
    switched_on = tmp_path / "all.env"
    switched_on.write_text("\n".join(f"{name}={value}" for name, value in FOUND.items()), encoding="utf-8")
    assert settings_of(switched_on) == settings_of(None)


def test_a_copy_of_the_file_changes_nothing_but_asks_for_the_key() -> None:
    """Copied as it is, the file sets nothing; only the key has a line to fill in."""
    assert settings_of(EXAMPLE) == settings_of(None)
    assert [line for line in LINES if line and not line.startswith("#")] == ["GEMINI_API_KEY="]


@pytest.mark.parametrize("name", FIELDS)
def test_a_default_is_shown_wherever_there_is_one(name: str) -> None:
    """An operator sees what holds; a line is empty only where nothing is set."""
    assert (FOUND[name.upper()] == "") == (Settings.model_fields[name].default in (None, "", ()))


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_has_a_comment(name: str) -> None:
    """Right above each setting stands what it does, in whole sentences."""
    at = next(at for at, line in enumerate(LINES) if re.match(rf"#?{name.upper()}=", line))
    assert re.fullmatch(r"# .+\.", LINES[at - 1])
