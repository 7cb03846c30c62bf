"""Whether a client that comes next would get a session, and when to ask again."""

import pytest

from gemini.rejections import REMEMBERED_SECS
from pipelines.endings import SHUTTING_DOWN, UPSTREAM_REFUSES
from pipelines.readiness import reasons_against, retry_after_secs
from pipelines.sessions import Sessions
from protocol.errors import ErrorCode, Fault

_BUSY = Fault(ErrorCode.SERVER_BUSY, "all sessions are taken; try again later")


def test_every_reason_is_given() -> None:
    """Sessions, connections and the upstream each have one; of a server that drains, nothing else matters."""
    sessions = Sessions(max_sessions=1, max_pending=1, max_loop_lag_ms=50)
    assert reasons_against(sessions, upstream_refuses=False) == []
    sessions.loop_lag.observe(1000)
    with sessions.waiting_for_init():
        codes = [fault.code for fault in reasons_against(sessions, upstream_refuses=True)]
    assert codes == [ErrorCode.SERVER_BUSY, ErrorCode.SERVER_BUSY, ErrorCode.UPSTREAM_AUTH]
    sessions.shut = True
    assert reasons_against(sessions, upstream_refuses=False) == [SHUTTING_DOWN]


@pytest.mark.parametrize(
    ("faults", "secs"),
    [
        ([_BUSY], 5),
        ([SHUTTING_DOWN], 2),
        ([_BUSY, UPSTREAM_REFUSES], REMEMBERED_SECS),
    ],
)
def test_the_reason_that_lasts_says_when_to_ask_again(faults: list[Fault], secs: float) -> None:
    """Asked before that, the server would say the same."""
    assert retry_after_secs(faults) == secs
