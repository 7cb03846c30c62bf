"""A server that is abused keeps its bounds: in a short form, whose verdicts hold on a machine of any speed."""

from pathlib import Path

import pytest

from tests.abuse.abusers import CASES
from tests.abuse.cases import EXPECTATIONS, judge
from tests.abuse.report import table
from tests.abuse.run import observe

_SESSIONS = 2
_QUICK = ("gigabyte", "no-init", "rejected-key")
_NOT_THE_MACHINE = {
    "INIT_TIMEOUT_SECS": "2",
    "WS_PING_TIMEOUT": "60",
    "CONNECT_TIMEOUT_SECS": "30",
    "MAX_LOOP_LAG_MS": "0",
}
"""So that no session ends, and none is refused, because the machine is slow."""


async def in_short(*cases: str, phase_secs: float) -> list[str]:
    """What did not hold in a short run of some cases, delays aside."""
    seen = await observe(*cases, rounds=1, phase_secs=phase_secs, sessions=_SESSIONS, **_NOT_THE_MACHINE)
    verdicts = [judge(observation) for observation in seen]
    assert all(case in table(verdicts) for case in cases)
    return [f"{verdict.seen.case}: {failure}" for verdict in verdicts for failure in verdict.failures]


async def test_a_server_that_is_abused_keeps_its_bounds() -> None:
    """Memory, the kernel's buffers, the upstream, the log, and how abusers are ended; others lose nothing."""
    assert await in_short(*_QUICK, phase_secs=3) == []


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("case", sorted({*CASES} - {*_QUICK}))
async def test_a_server_that_is_abused_in_another_way_keeps_its_bounds(case: str) -> None:
    """The same for the other cases."""
    assert await in_short(case, phase_secs=20) == []


def test_every_case_is_known_and_documented() -> None:
    """Each way to abuse a server has an expectation, and a row in ``docs/abuse.md``."""
    assert CASES.keys() == EXPECTATIONS.keys()
    page = (Path(__file__).parents[2] / "docs" / "abuse.md").read_text(encoding="utf-8")
    for case in CASES:
        assert f"| `{case}` |" in page
