"""Refusals are remembered for a while."""

import pytest

from gemini.connector import LiveConfig
from gemini.errors import FailureKind, UpstreamError
from gemini.rejections import REMEMBERED_SECS, RejectionMemory
from tests.support.fake_upstream import FakeConnector

CONFIG = LiveConfig(model="m", instruction="x")
OTHER_MODEL = LiveConfig(model="n", instruction="x")
REFUSAL = UpstreamError(FailureKind.REJECTED, "API key not valid")


class Clock:
    """Seconds, as a test sets them."""

    now = 1000.0

    def __call__(self) -> float:
        """The seconds."""
        return self.now


async def test_a_refusal_is_remembered() -> None:
    """For half a minute a refused model is refused again without asking the upstream; then it is asked."""
    clock, upstream = Clock(), FakeConnector(failures=[REFUSAL])
    memory = RejectionMemory(upstream, clock=clock)
    with pytest.raises(UpstreamError) as first:
        await memory.connect(CONFIG)
    assert first.value is REFUSAL

    clock.now += REMEMBERED_SECS - 0.1
    with pytest.raises(UpstreamError, match="refused a moment ago: API key not valid") as second:
        await memory.connect(CONFIG)
    assert second.value.kind is FailureKind.REJECTED
    assert len(upstream.configs) == 1

    clock.now += 0.1
    assert await memory.connect(CONFIG) is upstream.connection


async def test_a_refusal_can_be_seen_while_it_is_remembered() -> None:
    """Who asks whether the upstream refuses learns it for the same half minute, and not before."""
    clock = Clock()
    memory = RejectionMemory(FakeConnector(failures=[REFUSAL]), clock=clock)
    assert not memory.refusing
    with pytest.raises(UpstreamError):
        await memory.connect(CONFIG)
    assert memory.refusing
    clock.now += REMEMBERED_SECS
    assert not memory.refusing


async def test_another_model_is_not_affected() -> None:
    """A refusal counts for its model."""
    upstream = FakeConnector(failures=[REFUSAL])
    memory = RejectionMemory(upstream)
    with pytest.raises(UpstreamError):
        await memory.connect(CONFIG)
    assert await memory.connect(OTHER_MODEL) is upstream.connection


@pytest.mark.parametrize("kind", [FailureKind.QUOTA, FailureKind.UNAVAILABLE])
async def test_what_may_pass_is_not_remembered(kind: FailureKind) -> None:
    """After any other failure the next attempt reaches the upstream."""
    upstream = FakeConnector(failures=[UpstreamError(kind, "x")])
    memory = RejectionMemory(upstream)
    with pytest.raises(UpstreamError):
        await memory.connect(CONFIG)
    assert await memory.connect(CONFIG) is upstream.connection


async def test_a_second_refusal_is_remembered_anew() -> None:
    """The half minute counts from the last answer of the upstream, not from the first."""
    clock, upstream = Clock(), FakeConnector(failures=[REFUSAL, REFUSAL])
    memory = RejectionMemory(upstream, clock=clock)
    for _ in range(2):
        with pytest.raises(UpstreamError):
            await memory.connect(CONFIG)
        clock.now += REMEMBERED_SECS
    await memory.connect(CONFIG)
    assert len(upstream.configs) == 3
