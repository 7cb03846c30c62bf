"""The demo: several recordings interpreted at the same time, and whether both directions came out."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from client.batch import Outcome, outcome_of
from client.errors import InputError
from client.interpret import InterpretJob, Patience
from client.outputs import Outputs, make_dir
from client.pacing import Clock
from client.sources import WavInput
from client.view import Screen

SAMPLES_DIR = Path(__file__).parent.parent / "samples"
"""Real speech that comes with the project."""

SAMPLES = tuple(SAMPLES_DIR / name for name in ("ko-30s-16k.wav", "en-11s-16k.wav", "en-35s-8k.wav"))
"""What the demo interprets: Korean and English, wide band and telephone band."""

MIN_TURNS = 6
"""Fewer turns than this over all the samples mean that something is broken."""

DIRECTIONS = (("ko", "en"), ("en", "ko"))
"""Source and target languages that must both occur."""


async def demo(
    url: str,
    files: Sequence[Path],
    out_dir: Path,
    screen: Screen,
    *,
    clock: Clock | None = None,
    patience: Patience | None = None,
) -> list[Outcome]:
    """Streams all ``files`` at the same time, each in a session of its own.

    Writes the files of :class:`client.outputs.Outputs` for each, named after it, into ``out_dir``, which is made.
    A session that fails leaves the others alone.

    Returns:
        One outcome for each file, in order.

    Raises:
        InputError: ``out_dir`` cannot be made, or two files have the same name.
    """
    if len({path.stem for path in files}) < len(files):
        raise InputError("expected files with different names, since the outputs are named after them")
    make_dir(out_dir)
    jobs = [_job(url, path, out_dir, patience or Patience()) for path in files]
    views = [screen.view(path.name) for path in files]
    running = [outcome_of(job, view, clock=clock) for job, view in zip(jobs, views, strict=True)]
    return await asyncio.gather(*running)


def problems(outcomes: Sequence[Outcome]) -> list[str]:
    """What keeps the demo from being a success, a line each: failed sessions, else too little came out."""
    found = [f"{outcome.name}: {outcome.error}" for outcome in outcomes if outcome.error]
    if found:
        return found
    turns = [turn for outcome in outcomes for turn in outcome.turns if turn.target.text]
    if len(turns) < MIN_TURNS:
        found.append(f"expected at least {MIN_TURNS} interpreted turns, got {len(turns)}")
    seen = {(turn.source.language, turn.target.language) for turn in turns}
    for source, target in DIRECTIONS:
        if (source, target) not in seen:
            found.append(f"expected turns from {source} to {target}, got none")
    return found


def _job(url: str, path: Path, out_dir: Path, patience: Patience) -> InterpretJob:
    return InterpretJob(
        WavInput(path), url, Outputs.named(out_dir, path.stem), recordings=(path,), patience=patience
    )
