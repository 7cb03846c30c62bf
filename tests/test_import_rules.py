"""Who may import whom: the rule of docs/architecture, checked on the source."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {
    "server",
    "command_line",
    "metrics",
    "pipelines",
    "processors",
    "telephony",
    "gemini",
    "protocol",
    "reference",
    "emulator",
    "client",
}

ALLOWED: dict[str, set[str]] = {
    "server": OURS,
    "command_line": OURS,
    "metrics": set(),
    "pipelines": {"pipelines", "processors", "telephony", "gemini", "protocol", "metrics"},
    "processors": {"processors", "gemini", "protocol", "metrics"},
    "telephony": {"telephony"},
    "gemini": {"gemini"},
    "protocol": {"protocol"},
    "reference": {"reference", "protocol"},
    "emulator": {"emulator"},
    "client": {"client", "protocol"},
}
FRAMEWORKS = {"pipecat", "fastapi", "starlette", "uvicorn", "pydantic_settings"}
STEPS = {
    "vad",
    "gemini_live",
    "gemini_translate",
    "engine_adapter",
    "stock_gemini",
    "stock_openai_realtime",
    "recognition",
    "translation_request",
    "transcription",
    "speech_state",
    "transcript_log",
    "glossary_check",
    "whisper_source",
}


def modules_of(package: str) -> list[Path]:
    """The source files of one of our packages."""
    module = ROOT / f"{package}.py"
    return [module] if module.is_file() else sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Dotted names of everything that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
    return names


def roots(names: set[str]) -> set[str]:
    """The top-level package of each name."""
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_packages_import_only_what_lies_below_them(package: str) -> None:
    """Data flows one way: server > pipelines > processors > gemini, protocol; server > reference > protocol."""
    assert modules_of(package)
    for path in modules_of(package):
        forbidden = roots(imported(path)) & OURS - ALLOWED[package]
        assert not forbidden, f"{path.name} imports {forbidden}"


@pytest.mark.parametrize("package", ["protocol", "gemini", "emulator"])
def test_wires_know_no_framework(package: str) -> None:
    """The two wires are values, and the emulator is its own; only the serializer speaks pipecat."""
    for path in modules_of(package):
        allowed = {"pipecat"} if path.name == "serializer.py" else set()
        if path == ROOT / "emulator" / "control.py":  # its HTTP endpoint
            allowed = {"starlette", "uvicorn"}
        forbidden = roots(imported(path)) & FRAMEWORKS - allowed
        assert not forbidden, f"{path.name} imports {forbidden}"


def test_telephony_knows_no_server() -> None:
    """The providers' wires speak pipecat; who serves them, and from which settings, is no matter of theirs."""
    for path in modules_of("telephony"):
        forbidden = roots(imported(path)) & FRAMEWORKS - {"pipecat"}
        assert not forbidden, f"{path.name} imports {forbidden}"


def test_only_gemini_imports_google() -> None:
    """The upstream's library has one importer, so that it can be replaced."""
    for package in OURS - {"gemini"}:
        for path in modules_of(package):
            assert "google" not in roots(imported(path)), path.name


def test_steps_do_not_import_each_other() -> None:
    """A step can be taken out without another noticing."""
    for step in STEPS:
        others = {f"processors.{other}" for other in STEPS - {step}}
        assert not imported(ROOT / "processors" / f"{step}.py") & others, step


def test_only_settings_read_the_environment() -> None:
    """Nothing but the settings depends on the environment."""
    # command_line.py sets and removes variables for libraries and for processes that it starts, and reads none;
    # client/ is a program of its own.
    allowed = {"command_line.py", "settings.py"}
    for package in sorted(OURS - {"emulator", "client"}):
        for path in modules_of(package):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            reads = [
                node
                for node in ast.walk(tree)
                if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
            ]
            assert len(reads) <= (path.name in allowed), path.name
