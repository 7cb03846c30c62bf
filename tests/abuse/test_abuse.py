"""A server that is abused keeps its bounds: in a short form, whose verdicts hold on a machine of any speed."""

from pathlib import Path

import pytest

from tests.abuse.abusers import CASES
from tests.abuse.cases import EXPECTATIONS, judge
from tests.abuse.report import table
from tests.abuse.run import observe

_PHASE_SECS = 5.0
_SESSIONS = 2
_QUICK = ("gigabyte", "rejected-key", "no-init")
_NOT_THE_MACHINE = {
    "INIT_TIMEOUT_SECS": "2",
    "WS_PING_TIMEOUT": "60",
    "CONNECT_TIMEOUT_SECS": "30",
    "MAX_LOOP_LAG_MS": "0",
}
"""So that no session ends, and none is refused, because the machine is slow."""


async def in_short(case: str) -> list[str]:
    """What did not hold in a short run of a case, delays aside."""
    seen = await observe(case, rounds=1, phase_secs=_PHASE_SECS, sessions=_SESSIONS, **_NOT_THE_MACHINE)
    verdict = judge(seen)
    assert seen.case in table([verdict])
    return verdict.failures


@pytest.mark.parametrize("case", _QUICK)
async def test_a_server_that_is_abused_keeps_its_bounds(case: str) -> None:
    """Memory, the kernel's buffers, connections upstream, the log, and how abusers are ended; others lose nothing."""
    assert await in_short(case) == []


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("case", sorted(CASES.keys() - _QUICK))
async def test_a_server_that_is_abused_in_another_way_keeps_its_bounds(case: str) -> None:
    """The same for the other cases."""
    assert await in_short(case) == []


def test_every_case_is_known_and_documented() -> None:
    """Each way to abuse a server has an expectation, and a row in ``docs/abuse.md``."""
    assert CASES.keys() == EXPECTATIONS.keys()
    page = (Path(__file__).parents[2] / "docs" / "abuse.md").read_text(encoding="utf-8")
    for case in CASES:
        assert f"| `{case}` |" in page
