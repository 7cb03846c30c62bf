"""The kit finds nothing to blame in our own server, whatever its clients and its upstream are."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from emulator import EmulatorOptions, Variant
from tests.conformance.kit import Kit
from tests.conformance.options import Options
from tests.conformance.outcome import Result, UsageError
from tests.conformance.registry import Check, Section, all_checks
from tests.conformance.runner import run_check, run_checks
from tests.conformance.speech import Speech, from_file, from_samples
from tests.support.servers import RunningServer, running_server

TALK = {Section.TURNS, Section.SPEAKER, Section.INTERRUPT, Section.LAWS}
SKIPPED_BY_DEFAULT = {"idle-timeout", "session-expired"}
LIMITS: dict[str, Any] = {"init_timeout_secs": 1.0, "max_ahead_secs": 20.0, "max_ingest_rate": 4.0}


async def not_passed(
    server: RunningServer, checks: list[Check], speech: Speech | None = None, **others: Any
) -> dict[str, Result]:
    """Run the checks; the results that are no pass, by name."""
    fixed = {"http_url": server.http_url, "quiet_secs": 0.2}
    options = Options(server.url, **{**fixed, **LIMITS, **others})
    results: list[Result] = []
    await run_checks(Kit(options, speech or from_samples()), checks, lambda _, result: results.append(result))
    assert [result.name for result in results] == [item.name for item in checks]
    return {result.name: result for result in results if result.status != "passed"}


async def test_our_server_passes_every_check() -> None:
    """All of it, at four times real time, with an upstream that takes its time."""
    async with running_server(EmulatorOptions(), **LIMITS, max_loop_lag_ms=0) as server:
        found = await not_passed(server, all_checks(), speed=4.0)
    assert set(found) == SKIPPED_BY_DEFAULT, found
    assert all(result.status == "skipped" for result in found.values()), found


@pytest.mark.slow
@pytest.mark.parametrize(
    "variant",
    [
        {"input_transcription": "fragments", "output_transcription": "before_audio", "bundle": True},
        {"input_transcription": "after_turn", "late_text_ms": 300, "generation_complete": False},
        {"output_transcription": "after_turn", "late_text_ms": 300, "playback_factor": 0},
        {"input_transcription": "interim"},
    ],
)
async def test_it_does_not_depend_on_the_upstream(variant: dict[str, Any]) -> None:
    """Texts that come early, late, in pieces or corrected fail nothing."""
    upstream = EmulatorOptions(variant=Variant(**variant))
    checks = [item for item in all_checks() if item.section in TALK]
    async with running_server(upstream, **LIMITS, max_loop_lag_ms=0) as server:
        found = await not_passed(server, checks, speed=4.0, jobs=8)
    assert not found, found


@pytest.mark.slow
async def test_ones_own_recording_is_said(tmp_path: Path) -> None:
    """Any sentence will do; what needs two different ones, or its language, is skipped."""
    path = tmp_path / "sentence.wav"
    sample = from_samples().second
    stereo = np.stack([sample.samples, sample.samples], axis=1)
    soundfile.write(path, stereo, sample.rate_hz)
    checks = [item for item in all_checks() if item.section in TALK]
    async with running_server(EmulatorOptions(), **LIMITS, max_loop_lag_ms=0) as server:
        found = await not_passed(server, checks, from_file(path, None), speed=4.0, jobs=8)
    assert set(found) == {"turns-in-order", "language-en", "language-ko", "speech-is-heard-whole"}, found
    assert all(result.status == "skipped" for result in found.values()), found


@pytest.mark.parametrize("secs", [0.2, 30.0])
def test_a_recording_that_is_no_sentence_is_refused(tmp_path: Path, secs: float) -> None:
    """One line says what was expected."""
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(round(secs * 8000)), 8000)
    with pytest.raises(UsageError, match=r"--speech: expected one sentence of 0.5 to 9 s"):
        from_file(path, None)


async def test_a_check_that_hangs_fails_and_says_so() -> None:
    """Nothing that a server does holds the kit up."""

    async def hang(kit: Kit) -> None:
        await asyncio.get_running_loop().create_future()

    item = Check("hangs", Section.TURNS, "rule 2", "It ends.", hang)
    result = await run_check(Kit(Options("ws://127.0.0.1:1/ws", check_secs=0.05), from_samples()), item)
    assert (result.status, result.detail) == ("failed", "expected the check to end within 0.05 s; it did not")


async def test_a_server_that_is_gone_fails_a_check() -> None:
    """What cannot be connected is a result like another."""
    item = next(item for item in all_checks() if item.name == "quiet-before-init")
    result = await run_check(Kit(Options("ws://127.0.0.1:1/ws"), from_samples()), item)
    assert (result.status, result.detail) == (
        "failed",
        "expected a handshake that succeeds; got nothing listens there",
    )
