"""Classes by import path, and what is told of a path that leads nowhere."""

from pathlib import Path

import pytest

from processors.imports import ImportPathError, described, import_class, nearest

MODULES = {
    "plain_import.py": "from pathlib import Path\nclass Echo:\n    pass\nclass Chorus:\n    pass\nLABEL = 'x'\n",
    "raises_at_import.py": "import json\n\nraise KeyError(json.loads('\"a\\\\nb\"'))\n",
    "fails_in_a_library.py": "import json\n\nNUMBER = json.loads('x')\n",
    "leaves.py": "raise SystemExit(3)\n",
    "no_python_at_all.py": "def (:\n",
    "needs_another.py": "\nimport not_installed_anywhere\n",
}


@pytest.fixture(autouse=True)
def foreign_modules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Somebody's modules, on the path."""
    for name, source in MODULES.items():
        (tmp_path / name).write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))


def test_a_path_names_a_class() -> None:
    """Of any module that Python can import; a class that the module has imported itself counts, too."""
    assert import_class("pathlib:PurePath").__name__ == "PurePath"
    assert import_class("plain_import:Echo").__module__ == "plain_import"
    assert import_class("plain_import:Path") is Path


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (
            "no_such:Echo",
            "can't import 'no_such': ModuleNotFoundError: No module named 'no_such'"
            " (its folder has to be in PYTHONPATH)",
        ),
        (
            "plain_import.deeper:Echo",
            "can't import 'plain_import.deeper': ModuleNotFoundError: No module named 'plain_import.deeper';"
            " 'plain_import' is not a package",
        ),
        (
            "needs_another:Echo",
            "can't import 'needs_another': ModuleNotFoundError: No module named 'not_installed_anywhere'"
            " (needs_another.py, line 2)",
        ),
        (
            "raises_at_import:Echo",
            "can't import 'raises_at_import': KeyError: 'a\\nb' (raises_at_import.py, line 3)",
        ),
        (
            "fails_in_a_library:Echo",
            "can't import 'fails_in_a_library': JSONDecodeError: Expecting value: line 1 column 1 (char 0)"
            " (fails_in_a_library.py, line 3)",
        ),
        ("leaves:Echo", "can't import 'leaves': SystemExit: 3 (leaves.py, line 1)"),
        (
            "no_python_at_all:Echo",
            "can't import 'no_python_at_all': SyntaxError: invalid syntax (no_python_at_all.py, line 1)",
        ),
        (":Echo", "can't import '': ValueError: Empty module name"),
        ("plain_import:Ecco", "no 'Ecco' in it; did you mean 'Echo'?"),
        ("plain_import:Zebra", "no 'Zebra' in it; known are Chorus, Echo"),
        ("plain_import:", "no '' in it; known are Chorus, Echo"),
        ("plain_import:LABEL", "expected 'LABEL' to be a class, got a value of type str"),
    ],
)
def test_a_path_that_leads_nowhere_says_what_would(path: str, told: str) -> None:
    """One line, whatever somebody's module raises, with the line of theirs that it came from."""
    with pytest.raises(ImportPathError) as raised:
        import_class(path)
    assert str(raised.value) == told


def test_an_exception_is_one_line() -> None:
    """Line breaks are spaces; one without words is its kind; one that was never raised has no place."""
    assert described(ValueError("no\n  such")) == "ValueError: no such"
    assert described(ValueError()) == "ValueError"
    with pytest.raises(ValueError, match="here") as raised:
        raise ValueError("here")
    assert described(raised.value).startswith("ValueError: here (test_imports.py, line ")


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("thresold", ["threshold", "provider"], "; did you mean 'threshold'?"),
        ("x", ["b", "a"], "; known are a, b"),
        ("x", [], "; there are none"),
    ],
)
def test_the_nearest_name(name: str, known: list[str], hint: str) -> None:
    """A near miss is corrected; else all that there is is listed."""
    assert nearest(name, known) == hint
