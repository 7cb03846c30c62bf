"""``python -m tests.fuzz.replay TARGET``: run every input of the corpus once, without atheris."""

import sys
from pathlib import Path

from tests.fuzz.targets import TARGETS, Target


def inputs(target: Target) -> list[Path]:
    """The files of the corpus, in order."""
    return sorted(target.corpus.iterdir())


def replay(target: Target) -> int:
    """Run them all; how many there are.

    Raises:
        AssertionError: A law is broken.
    """
    check, _ = target.load()
    found = inputs(target)
    for path in found:
        check(path.read_bytes())
    return len(found)


if __name__ == "__main__":
    replay(TARGETS[sys.argv[1]])
