"""Who may read the metrics, and how full the server says that it is."""

import pytest
from pydantic import SecretStr

from pipelines.scrape import levels, scrape_refusal
from pipelines.sessions import Sessions
from tests.support.fake_session import FakeSession

TOKEN = SecretStr("a-token-of-the-operators")
LOCAL = "127.0.0.1"


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machine_needs_no_credential(peer: str) -> None:
    """Every address that means the same machine."""
    assert scrape_refusal(peer, None, None) is None


@pytest.mark.parametrize(
    "peer", ["192.0.2.1", "10.0.0.1", "2001:db8::1", "::ffff:192.0.2.1", "0.0.0.0", "localhost", "", None]
)
def test_other_machines_get_nothing_without_a_token(peer: str | None) -> None:
    """Nor does a peer that has no address; what the request carries makes no difference."""
    for shown in (None, "Bearer ", "Bearer None", f"Bearer {TOKEN.get_secret_value()}"):
        refusal = scrape_refusal(peer, shown, None)
        assert refusal is not None
        assert refusal.status == 403
        assert "METRICS_TOKEN" in refusal.message


@pytest.mark.parametrize("peer", [LOCAL, "192.0.2.1", None])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_the_token_opens_from_everywhere(peer: str | None, scheme: str) -> None:
    """The scheme is written either way (RFC 9110, 11.1)."""
    assert scrape_refusal(peer, f"{scheme} {TOKEN.get_secret_value()}", TOKEN) is None


@pytest.mark.parametrize("peer", [LOCAL, "192.0.2.1"])
@pytest.mark.parametrize(
    "shown",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "a-token-of-the-operators",
        "Bearer a-token",
        "Bearer é\xff",
    ],
)
def test_where_a_token_is_set_everybody_shows_it(peer: str, shown: str | None) -> None:
    """This machine, too: behind a proxy everybody is this machine. The answer repeats neither token."""
    refusal = scrape_refusal(peer, shown, TOKEN)
    assert refusal is not None
    assert refusal.status == 401
    assert TOKEN.get_secret_value() not in refusal.message
    assert "\n" not in refusal.message


def test_the_levels_are_those_of_the_sessions() -> None:
    """Counts by state, what waits in each one's queues, and the event loop's lag in seconds."""
    sessions = Sessions(max_sessions=5, max_pending=5, max_loop_lag_ms=0)
    sessions.loop_lag.ms = 40.0
    sessions.add(FakeSession(sessions, "1", depths={"inbox": 100, "ring": 5}))
    sessions.add(FakeSession(sessions, "2", depths={"inbox": 300}))
    sessions.add(FakeSession(sessions, "3", detached=True, depths={"replay": 7}))
    with sessions.waiting_for_init():
        found = levels(sessions)
    assert found.sessions == {"active": 2, "pending": 1, "detached": 1}
    assert list(found.queues) == [{"inbox": 100, "ring": 5}, {"inbox": 300}, {"replay": 7}]
    assert found.loop_lag_secs == pytest.approx(0.04)
