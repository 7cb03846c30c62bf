"""The page's library: its own tests, run by Node, and the types that are made from it."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
WEB = HERE.parents[1] / "web"
_OLDEST_NODE = 20


def node() -> str:
    """Node's path; skips the test where there is none, or one without what the tests need."""
    path = shutil.which("node")
    if path is None:
        pytest.skip("node is not installed")
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.removeprefix("v").split(".")[0]) < _OLDEST_NODE:
        pytest.skip(f"expected node {_OLDEST_NODE} or newer, got {version.strip()}")
    return path


def test_the_library_keeps_its_promises() -> None:
    """Protocol, resuming, resampling, playback and what the page writes, against the server's own vectors."""
    tests = [str(path) for path in sorted((HERE / "node").glob("*.test.js"))]
    run = subprocess.run([node(), "--test", *tests], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]


def test_the_types_are_those_of_the_source(tmp_path: Path) -> None:
    """TypeScript finds no fault in the JSDoc, and makes the very ``.d.ts`` files that lie beside it."""
    compiler = HERE / "node_modules" / "typescript" / "bin" / "tsc"
    if not compiler.exists():
        pytest.skip("TypeScript is not installed: npm ci --prefix tests/web")
    command = [node(), str(HERE / "types.js"), str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    made = {path.relative_to(tmp_path): path.read_text("utf-8") for path in tmp_path.rglob("*.d.ts")}
    kept = {path.relative_to(WEB): path.read_text("utf-8") for path in WEB.rglob("*.d.ts")}
    assert kept == made, f"run: npm run types --prefix {HERE.relative_to(WEB.parent)}"
