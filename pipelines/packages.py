"""Modules that can't be imported: which package is not installed, or which module was meant."""

import contextlib
import difflib
import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Iterator

from loguru import logger

_EXTRA = re.compile(r"pipecat-ai\[[\w,-]+\]")
_NEAR = 0.75
"""Among hundreds of installed packages something is always a little like a name."""


@contextlib.contextmanager
def pipecat_words() -> Iterator[list[str]]:
    """What pipecat logs as an error while the block runs: before it raises, it says which extra a service needs."""
    words: list[str] = []
    sink = logger.add(words.append, level="ERROR", format="{message}", filter="pipecat")
    try:
        yield words
    finally:
        logger.remove(sink)


def missing_package(error: BaseException, module_name: str, words: list[str]) -> str | None:
    """What has to be installed so that ``module_name`` can be imported, and how; ``None``: nothing would help.

    Args:
        error: What came of the import.
        module_name: What was to be imported; a module that does not exist itself is no missing package.
        words: What pipecat logged meanwhile.
    """
    absent = _absent_module(error)
    if absent is None or f"{module_name}.".startswith(f"{absent}."):
        return None
    extra = next((found[0] for text in words if (found := _EXTRA.search(text))), None)
    if extra is not None:
        return f"the package '{absent}' is not installed: pip install '{extra}'"
    if _is_package_of_modules(absent.partition(".")[0]):
        return None
    return f"the package '{absent}' is not installed"


def nearest_module(name: str) -> str:
    """``; did you mean 'x'?`` where a module has nearly the ``name`` of one that does not exist, or nothing."""
    known = ""
    for part in name.split("."):
        here = f"{known}.{part}" if known else part
        if part and _exists(here):
            known = here
            continue
        siblings = [module.name for module in pkgutil.iter_modules(_folders(known))]
        close = difflib.get_close_matches(part, siblings, n=1, cutoff=_NEAR)
        meant = ".".join(filter(None, (known, *close)))
        return f"; did you mean '{meant}'?" if close else ""
    return ""


def _absent_module(error: BaseException | None) -> str | None:
    """The module that was not found, by the first error of those that led to ``error``."""
    absent = None
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name:
            absent = error.name
        error = error.__cause__ or error.__context__
    return absent


def _is_package_of_modules(name: str) -> bool:
    """Whether ``name`` is installed, other than as a mere namespace of several packages."""
    spec = _spec(name)
    return spec is not None and spec.origin is not None


def _exists(name: str) -> bool:
    return _spec(name) is not None


def _spec(name: str) -> "importlib.machinery.ModuleSpec | None":
    try:
        return importlib.util.find_spec(name)
    except Exception:  # it imports the parent, and that is somebody else's code
        return None


def _folders(package: str) -> list[str] | None:
    """Where the modules of ``package`` lie; ``None``: on Python's path."""
    spec = _spec(package) if package else None
    return list(spec.submodule_search_locations or []) if spec is not None else None
