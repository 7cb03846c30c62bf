"""Plays cases, several at a time, each in a process of its own: its log, its metrics and its clock are its own."""

import asyncio
import contextlib
import io
import multiprocessing
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace

from tests.faults.case import Case
from tests.faults.happened import told
from tests.faults.judge import Verdict, judge
from tests.faults.recording import Recording
from tests.faults.run import play
from tests.faults.table import Result


def play_all(cases: Sequence[Case], *, jobs: int) -> Iterator[Result]:
    """Play cases, ``jobs`` at a time; gives each result as it comes."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(cases)), mp_context=context) as pool:
        for done in as_completed([pool.submit(play_alone, case) for case in cases]):
            yield done.result()


def play_alone(case: Case) -> Result:
    """Play a case in this process, with the server's log in its result."""
    log = io.StringIO()
    with contextlib.redirect_stderr(log):
        result, recording = asyncio.run(_played(case))
    lines = log.getvalue().splitlines()
    return replace(result, told=lines if recording is None else told(recording, lines))


async def result_of(case: Case) -> Result:
    """Play a case beside others; its result tells nothing of the log."""
    result, recording = await _played(case)
    return replace(result, told=[] if recording is None else told(recording, []))


async def _played(case: Case) -> tuple[Result, Recording | None]:
    began_at = time.monotonic()
    recording = None
    try:
        recording = await play(case)
        verdict = judge(recording, case.expected)
    except Exception as error:  # a case that cannot be played has failed; the others go on
        traceback.print_exc()
        verdict = Verdict(failures=[f"run: {type(error).__name__}: {error}"])
    took_secs = time.monotonic() - began_at
    return Result(case.name, case.fault, case.moment, case.times, len(case.phrases), verdict, took_secs), recording
