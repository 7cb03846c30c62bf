"""What the half hour of conversation judges, and a minute of it."""

import math

import pytest
from playwright.async_api import Playwright

from tests.web.endurance import Measured, endure


def measured(*, heap_mb: float = 3.1, lag_ms: float = 10.0, behind_ms: float = 4.0) -> Measured:
    """Ten minutes of which the last one is as given."""
    return Measured([3.0] * 9 + [heap_mb], [800] * 10, [9.0] * 9 + [lag_ms], [0.0] * 9 + [behind_ms])


def test_what_stays_as_it_is_is_in_order() -> None:
    """A little more memory, a few milliseconds."""
    assert measured().faults == []


@pytest.mark.parametrize(
    "changed",
    [{"heap_mb": 4.0}, {"lag_ms": 120.0}, {"behind_ms": -150.0}, {"behind_ms": 150.0}, {"lag_ms": math.nan}],
)
def test_what_grows_or_drifts_is_a_fault(changed: dict[str, float]) -> None:
    """One for each thing that is not as it was."""
    assert len(measured(**changed).faults) == 1


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_a_minute_is_in_step(playwright: Playwright) -> None:
    """The run works: memory, drift and delays are seen every 20 s, and are as they should be."""
    assert playwright  # which skips where there is no browser
    run = await endure(1, every_secs=20)
    assert len(run.heap_mb) == 3
    assert run.turns >= 3
    assert run.faults == []
