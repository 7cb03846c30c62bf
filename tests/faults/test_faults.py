"""Faults of the upstream against a real server: nothing that was said is lost, doubled or told in another order."""

import asyncio

import pytest
import pytest_asyncio

from gemini.connectors import ConnectorName
from tests.faults.cases import SHORT, SHORT_LEAN, all_cases, short_cases
from tests.faults.playing import play_all, result_of
from tests.faults.table import Result, lines

_AT_ONCE = 4
_JOBS = 6


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def results() -> dict[tuple[object, str], Result]:
    """The short form of the matrix, a few cases at a time."""
    seats = asyncio.Semaphore(_AT_ONCE)

    async def seated(number: int) -> Result:
        async with seats:
            return await result_of(cases[number])

    cases = short_cases()
    played = await asyncio.gather(*map(seated, range(len(cases))))
    return {
        (case.settings["gemini_connector"], case.name): result for case, result in zip(cases, played, strict=True)
    }


@pytest.mark.parametrize(
    ("connector", "name"), [*(("genai", name) for name in SHORT), *(("lean", name) for name in SHORT_LEAN)]
)
def test_a_fault_is_repaired_or_told(
    results: dict[tuple[object, str], Result], connector: ConnectorName, name: str
) -> None:
    """Each utterance is answered once, or its loss is named; a session that ends says why."""
    result = results[connector, name]
    assert result.verdict.passed, "\n".join([*result.told, *result.verdict.failures])


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("connector", ["genai", "lean"])
def test_the_whole_matrix(connector: ConnectorName) -> None:
    """Every fault at every moment, once, twice and three times."""
    played = list(play_all(all_cases(connector=connector), jobs=_JOBS))
    assert all(result.verdict.passed for result in played), "\n".join(lines(played))
