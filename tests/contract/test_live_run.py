"""A run against Google, tried on the emulator: its tests work, its bounds hold, and no failure shows the key."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from emulator import Emulator, EmulatorOptions
from gemini.connector import LiveConfig
from tests.contract.google import MAX_SENT_SECS, MAX_SESSIONS, Ledger, MeteredConnector, OverBudgetError
from tests.support.fake_upstream import FakeConnector
from tests.support.speech import samples_scenario

ROOT = Path(__file__).parents[2]
KEY = "AIzaSyCanary0123456789"
NOWHERE = "https://127.0.0.1:1"
CONFIG = LiveConfig(model="gemini-3.8-live", instruction="Interpret.")


async def live_run(*arguments: str, **environment: str) -> tuple[int, str]:
    """Run the live tests in a process of their own; the exit code and all of the output."""
    environment = {**os.environ, "GEMINI_API_KEY": KEY, **environment}
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-m", "live", "-p", "no:cacheprovider", *arguments),
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await running.communicate()
    assert running.returncode is not None
    return running.returncode, output.decode()


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_live_tests_work() -> None:
    """Every live test passes where the emulator stands in for Google, and the end of the run says what was used."""
    options = EmulatorOptions(time_factor=0.2, api_keys=frozenset({KEY}))
    async with Emulator(options, scenario=samples_scenario()) as emulator:
        upstream = {"GEMINI_BASE_URL": emulator.base_url, "GEMINI_CA_FILE": str(emulator.ca_file)}
        code, output = await live_run("tests/contract", **upstream)
    assert code == 0, output
    assert f"in all, at {emulator.base_url} (GEMINI_BASE_URL), which is not Google, gemini-3.8-live:" in output
    assert " failed" not in output
    assert KEY not in output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("refusal", "files"),
    [
        (None, ["test_refusals.py"]),
        ("1011", ["test_refusals.py"]),
        ("401", ["test_refusals.py", "test_interpreting.py"]),
    ],
    ids=["not reached", "closed", "refused"],
)
async def test_a_failure_does_not_show_the_key(refusal: Any, files: list[str]) -> None:
    """However connecting fails, and whatever pytest is told to print, the key is in no line of the output."""
    verbose = ("-vv", "--showlocals", "--tb=long", "--log-level=DEBUG", "--log-cli-level=DEBUG")
    tests = [f"tests/contract/{file}" for file in files]
    options = EmulatorOptions(time_factor=0.0, refuse=refusal)
    async with Emulator(options, scenario=samples_scenario()) as emulator:
        url = emulator.base_url if refusal else NOWHERE
        code, output = await live_run(*tests, *verbose, GEMINI_BASE_URL=url, GEMINI_CA_FILE=str(emulator.ca_file))
    assert code == 1, output
    assert "UpstreamError: " in output
    assert KEY not in output


@pytest.mark.slow
async def test_without_being_asked_for_or_without_a_key_nothing_is_spent() -> None:
    """Live tests are skipped with what to do: without ``-m live``, and without a key; a ``.env`` is no key."""
    one = "tests/contract/test_refusals.py::test_a_wrong_key"
    code, output = await live_run(one, "-m", "", GEMINI_BASE_URL=NOWHERE)
    assert (code, "costs money: ask for it with -m live" in output) == (0, True), output
    code, output = await live_run(one, GEMINI_API_KEY="", GEMINI_BASE_URL=NOWHERE)
    assert (code, "needs GEMINI_API_KEY in the environment" in output) == (0, True), output


async def test_sessions_have_a_bound() -> None:
    """What opens sessions without end is stopped, over all tests of a run."""
    ledger = Ledger()
    connector = MeteredConnector(FakeConnector(), ledger)
    for number in range(MAX_SESSIONS):
        ledger.current = f"test {number % 3}"
        await connector.connect(CONFIG)
    with pytest.raises(OverBudgetError, match="sessions in a run"):
        await connector.connect(CONFIG)
    assert ledger.total.sessions == MAX_SESSIONS


async def test_speech_has_a_bound() -> None:
    """What sends speech without end is stopped before the piece that is too much."""
    ledger = Ledger()
    fake = FakeConnector()
    connection = await MeteredConnector(fake, ledger).connect(CONFIG)
    minute = bytes(60 * 16_000 * 2)
    for _ in range(int(MAX_SENT_SECS // 60)):
        await connection.send_audio(minute)
    with pytest.raises(OverBudgetError, match="audio in a run"):
        await connection.send_audio(minute)
    assert len(fake.connection.pcm) == len(minute) * (MAX_SENT_SECS // 60)


async def test_each_turn_is_billed_with_the_session_so_far() -> None:
    """The estimate counts what Google counts: audio in, audio out, and both again with each further turn."""
    ledger = Ledger(current="a test")
    connection = await MeteredConnector(FakeConnector(), ledger).connect(CONFIG)
    for _ in range(3):
        await connection.send_audio(bytes(10 * 16_000 * 2))
        await connection.send_activity_end()
    spending = ledger.entries["a test"]
    assert (spending.turns, spending.sent_secs, spending.billed_secs) == (3, 30.0, 10.0 + 20.0 + 30.0)
    assert spending.usd == pytest.approx(60 * 25 * 3 / 1_000_000)
    assert str(spending) == "1 sessions, 3 turns, 30.0 s sent, 0.0 s received, about 0.0045 USD"
