"""``docs/operations.md`` tells operators what the server logs, why sessions end, and what settings are called."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from pipelines.settings import Settings
from protocol.errors import CLOSE_CODES, ErrorCode, WarningCode

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
SOURCES = [
    ROOT / "server.py",
    *(path for name in ("pipelines", "processors", "telephony", "gemini") for path in (ROOT / name).glob("*.py")),
]
_LOGGING = {"debug", "info", "warning", "error", "critical", "exception"}


def section(title: str) -> str:
    """What stands under a heading of the second level."""
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """The cells of each row of the tables in ``text``, without heads."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.split(" | ")] for line in (line.strip("| ") for line in lines)]


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call in a file whose callee has a name, with that name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def logged() -> dict[str, tuple[str, set[str]]]:
    """Every text that the source logs, with its level and the names of its fields."""
    found: dict[str, tuple[str, set[str]]] = {}
    for path in SOURCES:
        for name, call in calls(path):
            constants = [arg.value for arg in call.args if isinstance(arg, ast.Constant)]
            if name == "log_event":
                level = ast.unparse(call.args[1]).removeprefix("logging.")
                fields = {keyword.arg for keyword in call.keywords if keyword.arg is not None}
            elif name == "self._log":
                level = ast.unparse(call.args[0]).removeprefix("logging.")
                fields = {"session_id", *(keyword.arg for keyword in call.keywords if keyword.arg is not None)}
            elif name.startswith("logger.") and name.removeprefix("logger.") in _LOGGING:
                level, fields = name.removeprefix("logger.").upper(), set()
            else:
                continue
            found[str(constants[0])] = (level, fields)
    return found


def test_every_line_of_the_log_is_told() -> None:
    """The table has every text that the source logs, with its level and its fields, and no other."""
    table = {row[0].strip("`"): (row[1], row[2]) for row in rows(section("The log"))}
    assert set(table) == set(logged())
    for text, (level, fields) in logged().items():
        assert table[text][0] == level, text
        assert {name for name in fields if f"`{name}`" not in table[text][1]} == set(), text


def test_every_reason_of_an_end_is_told() -> None:
    """The table has every fatal code with its close code, every end without an error, and no other."""
    table = {row[0].strip("`"): row[1] for row in rows(section("Why did a session end?"))}
    endings = ROOT / "pipelines" / "endings.py"
    plain = {
        call.args[0].value
        for name, call in calls(endings)
        if name == "Ending" and isinstance(call.args[0], ast.Constant)
    } - {"taken over"}  # the end of a connection, not of its session
    fatal = {code.value: str(close) for code, close in CLOSE_CODES.items() if close is not None}
    assert len(plain) == 7
    assert set(table) == plain | set(fatal)
    assert {reason: close for reason, close in table.items() if reason in fatal} == fatal


def test_no_code_and_no_setting_is_invented() -> None:
    """Whatever is written like a code or a setting is one, or belongs to somebody else who is named here."""
    others = {"CERTIFICATE_VERIFY_FAILED", "HTTPS_PROXY"}
    known = {*ErrorCode, *WarningCode, *(name.upper() for name in Settings.model_fields), *others}
    assert set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", PAGE)) - known == set()
