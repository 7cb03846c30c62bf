"""The demo: several recordings interpreted at the same time, and whether both directions came out."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from client.errors import ClientError, InputError
from client.interpret import InterpretJob, Patience, interpret
from client.pacing import Clock
from client.summary import Summary
from client.turns import Turn
from client.view import Screen, View

SAMPLES_DIR = Path(__file__).parent.parent / "samples"
"""Real speech that comes with the project."""

SAMPLES = tuple(SAMPLES_DIR / name for name in ("ko-30s-16k.wav", "en-11s-16k.wav", "en-35s-8k.wav"))
"""What the demo interprets: Korean and English, wide band and telephone band."""

MIN_TURNS = 6
"""Fewer turns than this over all the samples mean that something is broken."""

DIRECTIONS = (("ko", "en"), ("en", "ko"))
"""Source and target languages that must both occur."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one recording fared.

    Attributes:
        name: The file's name.
        summary: What came out, or
        error: what went wrong.
    """

    name: str
    summary: Summary | None = None
    error: ClientError | None = None

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The completed turns; none where the session failed."""
        return self.summary.turns if self.summary else ()


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

    Writes ``NAME.wav`` (the interpretation) and ``NAME.jsonl`` (the transcript) into ``out_dir``, which is made.
    A session that fails leaves the others alone.

    Returns:
        One outcome for each file, in order.

    Raises:
        InputError: ``out_dir`` cannot be made, or two files have the same name.
    """
    if len({path.stem for path in files}) < len(files):
        raise InputError("expected files with different names, since the outputs are named after them")
    _make_dir(out_dir)
    jobs = [_job(url, path, out_dir, patience or Patience()) for path in files]
    views = [screen.view(path.name) for path in files]
    return await asyncio.gather(*(_outcome(job, view, clock) for job, view in zip(jobs, views, strict=True)))


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


def _make_dir(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the directory {path}: {error.strerror or error}") from error


def _job(url: str, path: Path, out_dir: Path, patience: Patience) -> InterpretJob:
    return InterpretJob(
        wav_path=path,
        url=url,
        out_path=out_dir / f"{path.stem}.wav",
        transcript_path=out_dir / f"{path.stem}.jsonl",
        patience=patience,
    )


async def _outcome(job: InterpretJob, view: View, clock: Clock | None) -> Outcome:
    try:
        return Outcome(job.wav_path.name, summary=await interpret(job, view, clock))
    except ClientError as error:
        return Outcome(job.wav_path.name, error=error)
