"""``python -m tests.word_errors --model NAME_OR_FOLDER``: how well a Whisper model does on ``samples/``."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from loguru import logger

from tests.word_errors.measuring import Recognised, recognised

_SAMPLES = ("en-11s-16k.wav", "en-35s-8k.wav", "ko-30s-16k.wav")
_COLUMNS = ("sample", "words", "wrong", "word error rate", "turns", "with partials before the final")


def line(cells: Sequence[object]) -> str:
    """A row of a table."""
    return f"| {' | '.join(map(str, cells))} |\n"


def row(sample: str, found: Recognised | str) -> str:
    """What became of a recording."""
    if isinstance(found, str):
        return line((sample, *["" for _ in _COLUMNS[2:]], found))
    rate = 100 * found.errors / len(found.said)
    shown = sum(partials > 0 for partials in found.partials)
    return line((sample, len(found.said), found.errors, f"{rate:.1f} %", len(found.partials), shown))


async def main(model: str, samples: Sequence[str]) -> None:
    """Write the table, and with it what was recognised."""
    sys.stdout.write(line(_COLUMNS) + line(["---"] * len(_COLUMNS)))
    for sample in samples:
        found = await recognised(model, sample)
        sys.stdout.write(row(sample, found))
        if isinstance(found, Recognised):
            sys.stderr.write(f"{sample}: {' '.join(found.recognised)}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="as WHISPER_MODEL: a name, or a folder")
    parser.add_argument("--sample", action="append", choices=_SAMPLES, help="only this one; may be given again")
    arguments = parser.parse_args()
    logger.remove()
    asyncio.run(main(arguments.model, arguments.sample or _SAMPLES))
