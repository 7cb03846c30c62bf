"""Classes by import path, ``package.module:Class``: how files and settings name code that is not ours."""

import difflib
import importlib
import traceback
from collections.abc import Iterable
from pathlib import Path

_CALLERS = (Path(__file__).parent, Path(importlib.__file__).parent)
"""Folders of the code that calls somebody else's."""


class ImportPathError(Exception):
    """The path leads to no class; the text says in one line what would have been right."""


def import_class(path: str) -> type:
    """The class that ``path`` names.

    Raises:
        ImportPathError: There is no such module or class, or the module fails while it is imported.
    """
    module_name, _, class_name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # somebody else's code may raise anything
        missing = isinstance(error, ModuleNotFoundError) and error.name == module_name.partition(".")[0]
        hint = " (its folder has to be in PYTHONPATH)" if missing else ""
        raise ImportPathError(f"can't import '{module_name}': {described(error)}{hint}") from error
    found = getattr(module, class_name, None)
    if found is None:
        package = module_name.partition(".")[0]
        classes = [name for name, value in vars(module).items() if isinstance(value, type)]
        own = [name for name in classes if getattr(module, name).__module__.partition(".")[0] == package]
        raise ImportPathError(f"no '{class_name}' in it{nearest(class_name, own)}")
    if not isinstance(found, type):
        raise ImportPathError(f"expected '{class_name}' to be a class, got a value of type {type(found).__name__}")
    return found


def nearest(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` where a known name is near, else the known names."""
    names = list(known)
    if not names:
        return "; there are none"
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean '{close[0]}'?" if close else f"; known are {', '.join(sorted(names))}"


def described(error: BaseException) -> str:
    """What somebody else's code raised, and where, in one line: ``KeyError: 'x' (my_vad.py, line 3)``."""
    words = " ".join(str(error).split())
    foreign = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<") and Path(frame.filename).parent not in _CALLERS
    ]
    # The outermost is the line of theirs that was called; a SyntaxError names its place itself.
    place = f" ({Path(foreign[0].filename).name}, line {foreign[0].lineno})" if foreign else ""
    kind = type(error).__name__
    return f"{kind}: {words}{place}" if words else f"{kind}{place}"
