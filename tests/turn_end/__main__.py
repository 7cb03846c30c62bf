"""``python -m tests.turn_end``: what ends an utterance, silence or smart-turn; see ``docs/turn-end.md``."""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from loguru import logger

from processors.vad_params import VadParams
from tests.turn_end.measuring import Figures, measured
from tests.turn_end.speech import Recording, recordings, with_pauses

_SEEDS = range(1, 6)
_COLUMNS = (
    "speech",
    "language",
    "ends by",
    "sentences",
    "split",
    "joined",
    "cut",
    "delay, median",
    "delay, p95",
    "delay, worst",
)


async def figures_of(spoken: Sequence[Recording], params: VadParams) -> Figures:
    """What becomes of all sentences."""
    figures = Figures()
    for recording in spoken:
        figures += await measured(recording, params)
    return figures


def ways(confidences: Sequence[float]) -> Iterator[tuple[str, VadParams]]:
    """What may end an utterance: a name, and the step's parameters."""
    yield "silence", VadParams()
    for confidence in confidences:
        values: dict[str, Any] = {"turn_end": "smart", "smart_turn_confidence": confidence}
        yield f"smart, {confidence:g}", VadParams.model_validate(values)


def line(cells: Sequence[object]) -> str:
    """A row of a table."""
    return f"| {' | '.join(map(str, cells))} |\n"


def in_ms(secs: Sequence[float]) -> list[str]:
    """Median, 95th percentile and worst."""
    return [f"{1000 * float(np.quantile(secs, share)):.0f} ms" for share in (0.5, 0.95, 1)]


async def main(confidences: Sequence[float]) -> None:
    """Write the table, and how long the model took."""
    plain = recordings()
    paused = [with_pauses(recording, seed) for recording in plain for seed in _SEEDS]
    thinking_secs: list[float] = []
    sys.stdout.write(line(_COLUMNS) + line(["---"] * len(_COLUMNS)))
    for speech, spoken in (("as recorded", plain), ("with a pause inside", paused)):
        for language in ("en", "ko"):
            of_language = [recording for recording in spoken if recording.language == language]
            for name, params in ways(confidences):
                figures = await figures_of(of_language, params)
                thinking_secs += figures.thinking_secs
                counts = (figures.sentences, figures.split, figures.joined, figures.cut)
                sys.stdout.write(line([speech, language, name, *counts, *in_ms(figures.delays_secs)]))
    verdicts = ", ".join(in_ms(thinking_secs))
    sys.stdout.write(
        f"\n{len(thinking_secs)} verdicts; processor's time, median, 95th percentile and worst: {verdicts}\n"
    )


parser = argparse.ArgumentParser(prog="python -m tests.turn_end", description="Silence against smart-turn.")
parser.add_argument("--confidence", type=float, nargs="+", default=[0.5, 0.9, 0.97], help="of the model")
logger.remove()
asyncio.run(main(parser.parse_args().confidence))
