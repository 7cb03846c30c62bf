"""The process that fuzzes: ``python -m tests.fuzz.child TARGET COMMAND [options of libFuzzer] FOLDER...``.

atheris never comes back from fuzzing, and changes the bytecode of what it watches: it gets a process of its own.
"""

import importlib
import sys
import warnings
from typing import Any

from tests.fuzz.targets import TARGETS

_JSON_SHARE = 3
"""Of so many mutations one is libFuzzer's own, the others know JSON."""


def main(arguments: list[str]) -> None:
    """Fuzz, until libFuzzer ends the process.

    Args:
        arguments: The target, the command with which libFuzzer can start this process again, and its options.
    """
    atheris: Any = importlib.import_module("atheris")  # has no types, and no wheels for some platforms
    target = TARGETS[arguments[0]]
    with atheris.instrument_imports(include=list(target.about)):
        for name in target.about:
            importlib.import_module(name)
    check, longest_bytes = target.load()
    from tests.fuzz.mutator import mutate

    def change(data: bytes, longest: int, seed: int) -> bytes:
        if seed % _JSON_SHARE == 0:
            return bytes(atheris.Mutate(data, longest))
        return mutate(data, longest, seed)

    warnings.simplefilter("error")
    options = [arguments[1], f"-max_len={longest_bytes}", *arguments[2:]]
    atheris.Setup(options, check, **({"custom_mutator": change} if target.json else {}))
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
