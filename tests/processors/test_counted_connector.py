"""What is opened, and what could not be, is counted."""

import pytest
from prometheus_client import REGISTRY

from gemini.connector import LiveConfig
from gemini.errors import FailureKind, UpstreamError
from processors.counted_connector import CountedConnector
from tests.support.fake_upstream import FakeConnector

CONFIG = LiveConfig(model="m", instruction="x")


def opened() -> float:
    """The count of connections."""
    return REGISTRY.get_sample_value("interpreter_upstream_connections_opened_total") or 0.0


def failed(kind: FailureKind) -> float:
    """The count of attempts that failed so."""
    labels = {"kind": kind.value}
    return REGISTRY.get_sample_value("interpreter_upstream_connect_failures_total", labels) or 0.0


async def test_a_connection_is_counted_and_passed_on() -> None:
    """Whoever connects gets just what the other connector opened."""
    connector = FakeConnector()
    before = opened()
    connection = await CountedConnector(connector).connect(CONFIG)
    assert connection is connector.connection
    assert connector.configs == [CONFIG]
    assert opened() == before + 1


@pytest.mark.parametrize("kind", FailureKind)
async def test_a_failure_is_counted_by_its_kind(kind: FailureKind) -> None:
    """And comes out as it is; nothing counts as opened."""
    error = UpstreamError(kind, "no")
    before, opened_before = failed(kind), opened()
    with pytest.raises(UpstreamError) as caught:
        await CountedConnector(FakeConnector(down=error)).connect(CONFIG)
    assert caught.value is error
    assert (failed(kind), opened()) == (before + 1, opened_before)
