"""One after the other, with a pause between."""

import asyncio

import pytest

from pipelines.turnstile import Turnstile


async def passed(turnstile: Turnstile, times: list[float]) -> None:
    """Go through, and write down when."""
    await turnstile.pass_through()
    times.append(asyncio.get_running_loop().time())


async def test_who_comes_alone_does_not_wait() -> None:
    """The first goes through at once, and so does one that comes when the pause is over."""
    turnstile, times = Turnstile(0.5), list[float]()
    began = asyncio.get_running_loop().time()
    await passed(turnstile, times)
    await asyncio.sleep(0.5)
    await passed(turnstile, times)
    assert [at - began for at in times] == [0, pytest.approx(0.5)]


async def test_many_go_through_one_by_one() -> None:
    """In the order in which they came, the pause apart."""
    turnstile, times = Turnstile(0.5), list[float]()
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(passed(turnstile, times) for _ in range(4)))
    assert [at - began for at in times] == pytest.approx([0, 0.5, 1.0, 1.5])
