"""The kit is a reading of the protocol of its own: it shares no code with the server that it judges."""

import ast
from pathlib import Path

HERE = Path(__file__).parent
OURS = {"server", "pipelines", "processors", "gemini", "protocol", "emulator", "client"}


def imported(path: Path) -> set[str]:
    """Dotted names of everything that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_the_kit_imports_nothing_of_the_server() -> None:
    """Only its own tests do, to start one."""
    kit = [path for path in HERE.rglob("*.py") if not path.name.startswith("test_")]
    assert len(kit) > 20
    for path in kit:
        names = imported(path)
        assert not {name.split(".")[0] for name in names} & OURS, path.name
        tests = {name for name in names if name.split(".")[0] == "tests"}
        assert all(name.startswith("tests.conformance") for name in tests), path.name


def test_the_kit_does_without_its_wrong_servers() -> None:
    """What proves the kit is no part of it."""
    for path in [*HERE.glob("*.py"), *(HERE / "checks").glob("*.py")]:
        if not path.name.startswith("test_"):
            assert not any(name.startswith("tests.conformance.wrong") for name in imported(path)), path.name
