"""Refusals are remembered for a while, and what is not known is tried by one session for all."""

import asyncio
from dataclasses import replace

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


async def test_a_model_that_is_not_there_is_remembered_too() -> None:
    """It is refused again as what it is, so that another model may take over."""
    upstream = FakeConnector(failures=[UpstreamError(FailureKind.MODEL_REJECTED, "models/m is not found")])
    memory = RejectionMemory(upstream)
    for _ in range(3):
        with pytest.raises(UpstreamError) as caught:
            await memory.connect(CONFIG)
        assert caught.value.kind is FailureKind.MODEL_REJECTED
    assert len(upstream.configs) == 1
    assert await memory.connect(OTHER_MODEL) is upstream.connection


async def test_a_refused_handle_says_nothing_about_the_model() -> None:
    """What was wrong may be the handle: without it the upstream is asked again."""
    upstream = FakeConnector(failures=[REFUSAL])
    memory = RejectionMemory(upstream)
    with pytest.raises(UpstreamError):
        await memory.connect(replace(CONFIG, resumption=True, handle="h"))
    assert not memory.refusing
    assert await memory.connect(CONFIG) is upstream.connection


async def test_another_model_is_not_affected() -> None:
    """A refusal counts for its model."""
    upstream = FakeConnector(failures=[REFUSAL])
    memory = RejectionMemory(upstream)
    with pytest.raises(UpstreamError):
        await memory.connect(CONFIG)
    assert await memory.connect(OTHER_MODEL) is upstream.connection


@pytest.mark.parametrize("kind", [FailureKind.QUOTA, FailureKind.INVALID, FailureKind.UNAVAILABLE])
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


# Many sessions at once


async def outcomes(memory: RejectionMemory, count: int, config: LiveConfig = CONFIG) -> list[FailureKind | None]:
    """How ``count`` sessions fare that connect at the same time."""
    attempts = await asyncio.gather(*(memory.connect(config) for _ in range(count)), return_exceptions=True)
    return [error.kind if isinstance(error, UpstreamError) else None for error in attempts]


async def test_one_session_tries_a_refused_key_for_all() -> None:
    """Sessions that begin while nobody knows wait for the first: the upstream refuses once."""
    upstream = FakeConnector(failures=[REFUSAL] * 100, delay_secs=0.5)
    assert await outcomes(RejectionMemory(upstream), 50) == [FailureKind.REJECTED] * 50
    assert len(upstream.configs) == 1


async def test_a_model_that_is_taken_is_there_for_all() -> None:
    """They connect once the first did; from then on nobody waits for anybody."""
    upstream = FakeConnector(delay_secs=0.5)
    memory = RejectionMemory(upstream)
    assert await outcomes(memory, 3) == [None] * 3
    assert asyncio.get_running_loop().time() == 1.0
    assert await outcomes(memory, 3) == [None] * 3
    assert asyncio.get_running_loop().time() == 1.5


async def test_an_attempt_that_takes_long_is_not_waited_for() -> None:
    """A session waits a second for another's attempt, then makes its own."""
    upstream = FakeConnector(delay_secs=10.0)
    assert await outcomes(RejectionMemory(upstream), 2) == [None] * 2
    assert asyncio.get_running_loop().time() == 11.0


async def test_a_failure_that_may_pass_stops_nobody() -> None:
    """Only the session that met it has it; the others make their own attempt."""
    upstream = FakeConnector(failures=[UpstreamError(FailureKind.UNAVAILABLE, "x")], delay_secs=0.5)
    assert await outcomes(RejectionMemory(upstream), 3) == [FailureKind.UNAVAILABLE, None, None]


async def test_one_session_tries_again_after_a_refusal() -> None:
    """When the half minute is over one session asks; the others are refused meanwhile, without waiting."""
    upstream = FakeConnector(failures=[REFUSAL], delay_secs=0.5)
    memory = RejectionMemory(upstream)
    await outcomes(memory, 1)
    await asyncio.sleep(REMEMBERED_SECS)
    trying = asyncio.create_task(outcomes(memory, 1))
    await asyncio.sleep(0.1)
    assert memory.refusing
    assert await outcomes(memory, 5) == [FailureKind.REJECTED] * 5
    assert await trying == [None]
    assert not memory.refusing
    assert len(upstream.configs) == 2


async def test_an_attempt_that_is_cancelled_is_followed_by_another() -> None:
    """Whoever waited for it tries on its own, and so does whoever comes later."""
    upstream = FakeConnector(delay_secs=0.5)
    memory = RejectionMemory(upstream)
    trying = asyncio.create_task(memory.connect(CONFIG))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(outcomes(memory, 1))
    await asyncio.sleep(0.1)
    trying.cancel()
    assert await waiting == [None]
    assert await outcomes(memory, 1) == [None]


async def test_a_session_that_is_resumed_waits_for_nobody() -> None:
    """It is there already, and its handle says nothing about the model."""
    upstream = FakeConnector(delay_secs=0.5)
    memory = RejectionMemory(upstream)
    trying = asyncio.create_task(outcomes(memory, 1))
    await asyncio.sleep(0.1)
    await memory.connect(replace(CONFIG, resumption=True, handle="h"))
    assert asyncio.get_running_loop().time() == pytest.approx(0.6)
    assert await trying == [None]


@pytest.mark.parametrize(
    ("kind", "all_refused"), [(FailureKind.REJECTED, True), (FailureKind.MODEL_REJECTED, False)]
)
async def test_a_refused_key_refuses_every_model(kind: FailureKind, all_refused: bool) -> None:
    """A model that is not there leaves others; a key that is refused leaves none while it is remembered."""
    memory = RejectionMemory(FakeConnector(failures=[UpstreamError(kind, "x")]))
    assert not memory.refuses_all()
    await outcomes(memory, 1)
    assert memory.refuses_all() == all_refused
    await asyncio.sleep(REMEMBERED_SECS)
    assert not memory.refuses_all()
