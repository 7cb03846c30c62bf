"""``GET /ready``: whether a client that comes next would get a session, why not, and when to ask again."""

from collections.abc import Iterable

from pipelines.endings import UPSTREAM_REFUSES
from pipelines.sessions import Sessions
from protocol.errors import ErrorCode, Fault

_RETRY_AFTER_SECS = {
    ErrorCode.SERVER_BUSY: 5,
    ErrorCode.SHUTTING_DOWN: 2,  # what the protocol advises clients
    ErrorCode.UPSTREAM_AUTH: 30,  # as long as a refusal of the upstream is remembered
}


def reasons_against(sessions: Sessions, *, upstream_refuses: bool) -> list[Fault]:
    """Every reason for which a client that comes next would be refused; empty where it would get a session."""
    faults = [sessions.busy(), sessions.too_many_pending(), UPSTREAM_REFUSES if upstream_refuses else None]
    return [fault for fault in faults if fault is not None]


def retry_after_secs(faults: Iterable[Fault]) -> int:
    """For ``Retry-After`` (RFC 9110, 10.2.3): when none of ``faults``, which are not empty, may hold any more."""
    return max(_RETRY_AFTER_SECS[fault.code] for fault in faults)
